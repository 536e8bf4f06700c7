import { expect, test } from "vitest";
import { byCurrency, everyDay } from "./series";

const RUPEES = { currency: "INR", payments: 2, succeeded: 1, failed: 1, volume: 500, refunded: 0, success_rate: 50 };
const YEN = { currency: "JPY", payments: 1, succeeded: 1, failed: 0, volume: 9, refunded: 3, success_rate: 100 };
const DIRHAMS = { ...YEN, currency: "AED" };
const ALL = { ...RUPEES, payments: 3, succeeded: 2, success_rate: 66.67, currencies: [RUPEES, YEN] };

test("days on which nothing happened are there, with no success rate rather than none", () => {
  const days = everyDay([{ ...ALL, day: "2024-02-29" }], "INR", "2024-02-28", "2024-03-01");
  expect(days.map((day) => [day.day, day.volume, day.success_rate])).toEqual([
    ["2024-02-28", 0, null],
    ["2024-02-29", 500, 50],
    ["2024-03-01", 0, null],
  ]);
});

test("a day's figures are those of one currency", () => {
  const of = (currency: string) => everyDay([{ ...ALL, day: "2024-02-29" }], currency, "2024-02-29", "2024-02-29");
  expect(of("JPY")).toEqual([{ ...YEN, day: "2024-02-29" }]);
  expect(of("USD").map((day) => [day.currency, day.payments])).toEqual([["USD", 0]]);
});

test("rupees come first, and are there when nothing else is", () => {
  expect(byCurrency([DIRHAMS, RUPEES, YEN])).toEqual([RUPEES, DIRHAMS, YEN]);
  expect(byCurrency([DIRHAMS, YEN])).toEqual([DIRHAMS, YEN]);
  expect(byCurrency([]).map((one) => [one.currency, one.volume])).toEqual([["INR", 0]]);
});
