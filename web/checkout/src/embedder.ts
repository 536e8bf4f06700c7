/** Tells the page that embeds this one what happened: its exact origin, and nobody else. */

export type MessageType = "payment_success" | "payment_failed" | "close_modal" | "kassa_ready" | "kassa_height";

export interface Embedder {
  tell(type: MessageType, data?: object): void;
}

interface Message {
  type: MessageType;
  data: object;
}

/** An embedder of the page in `self`; messages wait until its origin is known. Without one, they go nowhere. */
export function findEmbedder(self: Window): Embedder {
  const parent = self.parent;
  if (parent === self) return { tell: () => undefined };
  let origin = originOf(self.location.ancestorOrigins?.[0]) ?? originOf(self.document.referrer);
  let waiting: Message[] = [];
  const send = (message: Message) => {
    if (origin) parent.postMessage(message, origin);
    else waiting.push(message);
  };
  self.addEventListener("message", (event) => {
    if (!isHello(event, parent)) return;
    // Whoever says hello is the very window that embeds this page, so its origin beats what the referrer said.
    origin = event.origin;
    const late = waiting;
    waiting = [];
    for (const message of late) send(message);
    send({ type: "kassa_ready", data: {} });
  });
  return { tell: (type, data = {}) => send({ type, data }) };
}

/** Whether a message is the greeting of the embedding window itself, from an origin that can be answered. */
export function isHello(event: MessageEvent, parent: Window): boolean {
  return event.source === parent && event.data?.type === "kassa_hello" && originOf(event.origin) === event.origin;
}

/** The origin of an address, or undefined for none and for those that cannot be named, such as a sandbox's. */
export function originOf(address: string | undefined): string | undefined {
  const [origin] = address?.match(/^https?:\/\/[^/?#]+/) ?? [];
  return origin;
}
