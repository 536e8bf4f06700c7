/** Whether a payment link can be paid, and until when one is to be. */

import type { PaymentLink } from "../../api/queries";
import { dayBefore } from "../../format/time";

export type LinkState = "active" | "paid" | "expired" | "deactivated";

/** What a payer would find at `nowMs`. */
export function stateOf(link: PaymentLink, nowMs: number): LinkState {
  if (!link.active) return "deactivated";
  if (!link.reusable && link.times_paid > 0) return "paid";
  return link.expires_at && Date.parse(link.expires_at) <= nowMs ? "expired" : "active";
}

/** The last second of a day such as `2024-01-15` in UTC; null for none. */
export function endOf(day: string | undefined): string | null {
  return day ? `${day}T23:59:59Z` : null;
}

/** Why a link cannot be paid until the end of a day; null when it can. */
export function wrongDay(day: string, nowMs: number): string | null {
  return day && day < dayBefore(nowMs, 0) ? "A day that is not over yet" : null;
}
