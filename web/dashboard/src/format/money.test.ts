import { expect, test } from "vitest";
import { money, plainMoney, shortMoney, smallestUnit } from "./money";

test("rupees are grouped the Indian way, dollars by thousands, yen have no decimals", () => {
  expect(money(50_000)).toBe("₹500.00");
  expect(money(123_456_789)).toBe("₹12,34,567.89");
  expect(money(123_456_789, "USD")).toBe("$1,234,567.89");
  expect(money(1_500, "JPY")).toBe("¥1,500");
});

test("short money leaves out decimals only when they are zero", () => {
  expect(shortMoney(50_000_000)).toBe("₹5,00,000");
  expect(shortMoney(50_000_050)).toBe("₹5,00,000.50");
  expect(shortMoney(0)).toBe("₹0");
});

test("what is typed becomes the smallest unit, exactly", () => {
  expect(smallestUnit("500")).toBe(50_000);
  expect(smallestUnit("1,250.5")).toBe(125_050);
  expect(smallestUnit("0.29")).toBe(29);
  expect(smallestUnit("1500", "JPY")).toBe(1_500);
});

test("what is no amount is refused", () => {
  for (const text of ["", "abc", "-5", "1.234", "1e3", "٣", "9".repeat(20)]) expect(smallestUnit(text)).toBeNull();
  expect(smallestUnit("1.5", "JPY")).toBeNull();
});

test("an input shows what would be typed for the same amount", () => {
  for (const amount of [1, 29, 50_000, 2_147_483_647]) expect(smallestUnit(plainMoney(amount))).toBe(amount);
});
