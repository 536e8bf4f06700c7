import { expect, test } from "vitest";
import { dayBefore, daysBetween, dueIn, fromNow, shortDay, utc } from "./time";

const NOW = Date.parse("2024-03-01T00:00:30Z");

test("times are shown in UTC, to the second", () => {
  expect(utc("2024-01-15T10:31:00Z")).toBe("2024-01-15 10:31:00");
});

test("distances are rounded to the unit that says most", () => {
  expect(fromNow("2024-03-01T00:00:25Z", NOW)).toBe("5 seconds ago");
  expect(fromNow("2024-02-29T23:57:30Z", NOW)).toBe("3 minutes ago");
  expect(fromNow("2024-03-01T02:00:30Z", NOW)).toBe("in 2 hours");
  expect(fromNow("2024-02-29T00:00:30Z", NOW)).toBe("yesterday");
  expect(fromNow("2022-03-01T00:00:30Z", NOW)).toBe("2 years ago");
});

test("what is overdue comes any moment now", () => {
  expect(dueIn("2024-03-01T00:01:10Z", NOW)).toBe("in 40 seconds");
  expect(dueIn("2024-03-01T00:00:25Z", NOW)).toBe("any moment now");
});

test("days are counted in UTC, across a leap day", () => {
  expect(dayBefore(NOW, 1)).toBe("2024-02-29");
  expect(daysBetween("2024-02-28", "2024-03-01")).toEqual(["2024-02-28", "2024-02-29", "2024-03-01"]);
  expect(shortDay("2024-02-29")).toBe("29 Feb");
});
