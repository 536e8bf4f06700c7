/** What the filters above the transactions ask the API for. */

import type { PaymentsQuery } from "../../api/queries";
import { smallestUnit } from "../../format/money";
import { dayBefore } from "../../format/time";

export const PAGE_SIZE = 25;
export const STATUSES = ["created", "pending", "processing", "success", "failed"] as const;
export const METHODS = ["upi", "card"] as const;

/** The filters as they stand in the page's address, all in text. */
export type PaymentFilters = {
  [Name in "search" | "status" | "method" | "captured" | "from" | "to" | "currency" | "min" | "max" | "after"]?:
    | string
    | undefined;
};

/** The currency that was typed; rupees until it is one. */
export function currencyOf(filters: PaymentFilters): string {
  const typed = filters.currency?.trim().toUpperCase() ?? "";
  return /^[A-Z]{3}$/.test(typed) ? typed : "INR";
}

/** `value` if it is one of `values`, else null. */
export function oneOf<Value extends string>(values: readonly Value[], value: string | undefined): Value | null {
  return values.find((one) => one === value) ?? null;
}

/** The query of these filters; what makes no sense is left out. Days are UTC, and the last is included. */
export function paymentsQuery(filters: PaymentFilters): PaymentsQuery {
  const currency = currencyOf(filters);
  const [min, max] = inOrder(smallestUnit(filters.min ?? "", currency), smallestUnit(filters.max ?? "", currency));
  const [from, to] = inOrder(startOf(filters.from), startOf(filters.to));
  // An amount says nothing without its currency.
  const inCurrency = min !== null || max !== null || currency === filters.currency?.trim().toUpperCase();
  const query: PaymentsQuery = {
    search: filters.search?.trim() || null,
    status: oneOf(STATUSES, filters.status),
    method: oneOf(METHODS, filters.method),
    captured: filters.captured === "yes" ? true : filters.captured === "no" ? false : null,
    currency: inCurrency ? currency : null,
    amount_min: min,
    amount_max: max,
    created_from: from === null ? null : `${dayBefore(from, 0)}T00:00:00Z`,
    created_to: to === null ? null : `${dayBefore(to, -1)}T00:00:00Z`,
  };
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== null));
}

/** Both bounds, the lower one first: between them is what is meant, whichever field a bound was typed into. */
function inOrder(one: number | null, other: number | null): [number | null, number | null] {
  return one !== null && other !== null && one > other ? [other, one] : [one, other];
}

function startOf(day: string | undefined): number | null {
  const at = Date.parse(`${day}T00:00:00Z`);
  return Number.isNaN(at) ? null : at;
}

/** Where the same payments come as CSV. */
export function exportUrl(filters: PaymentFilters): string {
  const given = Object.entries(paymentsQuery(filters)).map(([name, value]) => [name, String(value)]);
  const query = new URLSearchParams(given).toString();
  return `/api/v1/payments/export.csv${query && `?${query}`}`;
}
