/** Times as the dashboard shows them: in UTC, as the API gives them. */

/** `2024-01-15T10:31:00Z` as `2024-01-15 10:31:00`. */
export function utc(moment: string): string {
  return moment.slice(0, 19).replace("T", " ");
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["second", 60],
  ["minute", 60],
  ["hour", 24],
  ["day", 30],
  ["month", 12],
  ["year", Number.POSITIVE_INFINITY],
];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** How far `moment` is from `nowMs` in words: `3 minutes ago`, `in 2 hours`. */
export function fromNow(moment: string, nowMs: number): string {
  let distance = Math.round((Date.parse(moment) - nowMs) / 1000);
  for (const [unit, size] of STEPS) {
    if (Math.abs(distance) < size) return relative.format(distance, unit);
    distance = Math.round(distance / size);
  }
  return utc(moment);
}

/** When something is due, in words: `in 2 hours`, or `any moment now` once its time has come. */
export function dueIn(moment: string, nowMs: number): string {
  return Date.parse(moment) - nowMs < 1_000 ? "any moment now" : fromNow(moment, nowMs);
}

/** The UTC day that is `days` before that of `nowMs`, as `2024-01-15`. */
export function dayBefore(nowMs: number, days: number): string {
  return new Date(nowMs - days * 86_400_000).toISOString().slice(0, 10);
}

/** The days from `first` to `last`, both included. */
export function daysBetween(first: string, last: string): string[] {
  const days: string[] = [];
  for (let at = Date.parse(first); at <= Date.parse(last); at += 86_400_000) days.push(dayBefore(at, 0));
  return days;
}

/** `2024-01-15` as `15 Jan`. */
export function shortDay(day: string): string {
  return new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" }).format(new Date(day));
}
