/** What the checkout page says to the page around it. */

import type { PaymentFailure, PaymentSuccess } from "../public/checkout";

export type Message =
  | { type: "payment_success"; data: PaymentSuccess }
  | { type: "payment_failed"; data: PaymentFailure }
  | { type: "close_modal" }
  /** The page has started. */
  | { type: "kassa_ready" }
  /** How high the page is, in CSS pixels. */
  | { type: "kassa_height"; data: { height: number } };

/** The checkout page's message in `event`; none when it comes from another origin, another window, or is not one. */
export function readMessage(
  event: Pick<MessageEvent, "data" | "origin" | "source">,
  origin: string,
  frame: MessageEventSource | null,
): Message | undefined {
  // Both: another frame may show the same origin, and the frame may have gone to another origin.
  if (event.origin !== origin || !frame || event.source !== frame) return undefined;
  return typeof event.data?.type === "string" ? event.data : undefined;
}
