/** What the page asks the gateway, and how it goes on when the connection does not. */

import { type Api, connect, type Schemas } from "@kassa/api";

export type Order = Schemas["PublicOrder"];
export type Payment = Schemas["PublicPayment"];
export type NewPayment = Schemas["NewPayment"];
export type PayersSession = Schemas["PayersSession"];

const POLL_MS = 2_000;
const TIMEOUT_MS = 15_000;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 10_000;
/** An answer that says "my fault" this often is believed. */
const SERVER_FAULTS = 5;

/** The gateway refused, and says why; asking again would not help. */
export class Refused extends Error {
  constructor(
    readonly code: string,
    readonly description: string,
  ) {
    super(`${code}: ${description}`);
  }
}

/** No answer, or one that asks to come back later. */
class Unanswered extends Error {
  constructor(
    readonly byServer: boolean,
    readonly waitMs = 0,
  ) {
    super("The gateway did not answer");
  }
}

/** Told `true` when the connection is lost, and `false` once it is back. */
export type OnConnection = (lost: boolean) => void;

const api: Api = connect();
let clockSkewMs = 0;

/** The order as a payer may see it. Raises Refused for an unknown one. */
export function readOrder(orderId: string, onConnection: OnConnection): Promise<Order> {
  return patiently(
    (signal) => api.GET("/api/v1/orders/{order_id}/public", { params: { path: { order_id: orderId } }, signal }),
    onConnection,
  );
}

/** An order to pay for a payment link. Raises Refused for a link that cannot be paid. */
export function orderOfLink(linkId: string, onConnection: OnConnection): Promise<Order> {
  return patiently(
    (signal) =>
      api.POST("/api/v1/payment_links/{link_id}/order", { params: { path: { link_id: linkId } }, body: {}, signal }),
    onConnection,
  );
}

/** Starts a payment; `attempt` makes it safe to send again when the answer got lost. Raises Refused. */
export function pay(payment: NewPayment, attempt: string, onConnection: OnConnection): Promise<{ id: string }> {
  return patiently(
    (signal) =>
      api.POST("/api/v1/payments/public", {
        body: payment,
        params: { header: { "Idempotency-Key": attempt } },
        signal,
      }),
    onConnection,
  );
}

/** Where to pay an order at its provider: the same page again while that is open. Raises Refused. */
export function openSession(
  orderId: string,
  email: string | undefined,
  onConnection: OnConnection,
): Promise<PayersSession> {
  return patiently(
    (signal) =>
      api.POST("/api/v1/orders/{order_id}/public/session", {
        params: { path: { order_id: orderId } },
        body: { customer_email: email ?? null },
        signal,
      }),
    onConnection,
    // Each may be another attempt in the merchant's books: the payer decides about it, not this page.
    1,
  );
}

/** The payment once it is final, asked for every two seconds. Raises Refused for an unknown one. */
export async function settled(paymentId: string, onConnection: OnConnection): Promise<Payment> {
  for (;;) {
    const payment = await patiently(
      (signal) =>
        api.GET("/api/v1/payments/{payment_id}/public", { params: { path: { payment_id: paymentId } }, signal }),
      onConnection,
      // Whatever ails the gateway, the payment has an end, and only that end tells the payer what to do.
      Number.POSITIVE_INFINITY,
    );
    if (payment.status === "success" || payment.status === "failed") return payment;
    await pause(POLL_MS);
  }
}

/** The gateway's time: phones' clocks are often wrong, and a card's expiry must not hang on them. */
export function now(): Date {
  return new Date(Date.now() + clockSkewMs);
}

/** A key of its own for each time the payer presses Pay. */
export function newAttempt(): string {
  // Not randomUUID: browsers have that on https only, and the gateway may be tried on http.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `checkout_${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

interface Answered<T> {
  data?: T;
  error?: { error?: { code?: string; description?: string } };
  response: Response;
}

/** Asks until there is an answer, waiting longer each time. */
async function patiently<T>(
  ask: (signal: AbortSignal) => Promise<Answered<T>>,
  onConnection: OnConnection,
  faultsAllowed = SERVER_FAULTS,
): Promise<T> {
  let waitMs = FIRST_WAIT_MS;
  for (let faults = 0; ; ) {
    try {
      const data = await once(ask);
      onConnection(false);
      return data;
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      if (error.byServer && ++faults >= faultsAllowed) {
        throw new Refused("SERVICE_UNAVAILABLE", "The payment service is not available at the moment");
      }
      onConnection(true);
      await pause(Math.max(waitMs, error.waitMs));
      waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
    }
  }
}

async function once<T>(ask: (signal: AbortSignal) => Promise<Answered<T>>): Promise<T> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
  try {
    const { data, error, response } = await ask(abort.signal);
    clockSkewMs = Date.parse(response.headers.get("Date") ?? "") - Date.now() || 0;
    if (data !== undefined) return data;
    if (response.status === 429) throw new Unanswered(false, Number(response.headers.get("Retry-After") ?? 1) * 1000);
    if (response.status >= 500) throw new Unanswered(true);
    throw new Refused(
      error?.error?.code ?? "BAD_REQUEST_ERROR",
      error?.error?.description ?? "The request was refused",
    );
  } catch (error) {
    throw error instanceof Refused || error instanceof Unanswered ? error : new Unanswered(false);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits, but no longer than until the connection is back. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      window.removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    window.addEventListener("online", done);
  });
}
