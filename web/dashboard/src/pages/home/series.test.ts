import { expect, test } from "vitest";
import { everyDay } from "./series";

test("days on which nothing happened are there, with no success rate rather than none", () => {
  const known = { day: "2024-02-29", payments: 2, succeeded: 1, failed: 1, volume: 500, refunded: 0, success_rate: 50 };
  const days = everyDay([known], "2024-02-28", "2024-03-01");
  expect(days.map((day) => [day.day, day.volume, day.success_rate])).toEqual([
    ["2024-02-28", 0, null],
    ["2024-02-29", 500, 50],
    ["2024-03-01", 0, null],
  ]);
});
