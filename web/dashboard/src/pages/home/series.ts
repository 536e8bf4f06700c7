/** Sums by currency, and the days of a chart: the API tells of those on which something happened, a chart needs all. */

import type { Schemas } from "@kassa/api";
import { daysBetween } from "../../format/time";

export type CurrencySums = Schemas["CurrencySums"];
export type Day = CurrencySums & { day: string };

const HOME = "INR";
const NOTHING = { payments: 0, succeeded: 0, failed: 0, volume: 0, refunded: 0, success_rate: null };

/** What came in each currency, rupees first; without any payment nothing in rupees. */
export function byCurrency(currencies: CurrencySums[]): [CurrencySums, ...CurrencySums[]] {
  const [first, ...others] = [...currencies].sort((a, b) => Number(b.currency === HOME) - Number(a.currency === HOME));
  return [first ?? { currency: HOME, ...NOTHING }, ...others];
}

/** What of `days` was in one currency, and every other day from `first` to `last`, in order. */
export function everyDay(days: Schemas["DaySums"][], currency: string, first: string, last: string): Day[] {
  const known = new Map(days.map((day) => [day.day, day.currencies.find((one) => one.currency === currency)]));
  return daysBetween(first, last).map((day) => ({ day, ...(known.get(day) ?? { currency, ...NOTHING }) }));
}
