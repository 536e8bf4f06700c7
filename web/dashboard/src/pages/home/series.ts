/** The days of a chart: the API tells of those on which something happened, a chart needs them all. */

import type { Schemas } from "@kassa/api";
import { daysBetween } from "../../format/time";

export type Day = Schemas["DaySums"];

const NOTHING = { payments: 0, succeeded: 0, failed: 0, volume: 0, refunded: 0, success_rate: null };

/** `days` and every other one from `first` to `last`, in order. */
export function everyDay(days: Day[], first: string, last: string): Day[] {
  const known = new Map(days.map((day) => [day.day, day]));
  return daysBetween(first, last).map((day) => known.get(day) ?? { day, ...NOTHING });
}
