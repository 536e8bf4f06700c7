/** What the page says when there is nothing to pay. */

import { now, type Order, Refused } from "./gateway";

export interface Reason {
  title: string;
  text: string;
}

const NOT_AVAILABLE = "Not available";
const ORDER_UNKNOWN: Reason = {
  title: "Order not found",
  text: "We do not know this order. Please check the link, or go back to the shop and try again.",
};
const LINK_UNKNOWN: Reason = {
  title: "Link not found",
  text: "We do not know this payment link. Please check it, or ask whoever sent it to you.",
};
const LINK_REFUSED: Record<string, Reason> = {
  "This payment link has been paid": {
    title: "Already paid",
    text: "This payment link is already paid. There is nothing left to do.",
  },
  "This payment link has expired": {
    title: "Link expired",
    text: "The time to pay this link is over. Please ask whoever sent it to you for a new one.",
  },
  "This payment link is not active any more": {
    title: "Link not active",
    text: "This payment link cannot be paid any more. Please ask whoever sent it to you.",
  },
};

/** Why an order cannot be paid any more; undefined when it can. */
export function whyClosed(order: Order): Reason | undefined {
  if (order.status === "paid") {
    return { title: "Already paid", text: "This order is already paid. There is nothing left to do." };
  }
  if (order.status === "expired" || (order.expires_at && new Date(order.expires_at) <= now())) {
    const text = "The time to pay this order is over. Please go back to the shop and order again.";
    return { title: "Order expired", text };
  }
  return undefined;
}

/** Why there is no order to pay, by the gateway's refusal of it or of the payment link. */
export function whyRefused(error: unknown, byLink: boolean): Reason {
  const unknown = byLink ? LINK_UNKNOWN : ORDER_UNKNOWN;
  if (!(error instanceof Refused)) return unknown;
  if (error.code === "SERVICE_UNAVAILABLE") {
    return { title: NOT_AVAILABLE, text: `${error.description}. Please reload this page in a while.` };
  }
  if (!byLink || error.code === "NOT_FOUND_ERROR") return unknown;
  return LINK_REFUSED[error.description] ?? { title: NOT_AVAILABLE, text: `${error.description}.` };
}
