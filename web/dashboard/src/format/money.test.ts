import { expect, test } from "vitest";
import { compactMoney, money, plainMoney, shortMoney, signOf, smallestUnit } from "./money";

test("rupees are grouped the Indian way, dollars by thousands, yen have no decimals", () => {
  expect(money(50_000, "INR")).toBe("₹500.00");
  expect(money(123_456_789, "INR")).toBe("₹12,34,567.89");
  expect(money(123_456_789, "USD")).toBe("$1,234,567.89");
  expect(money(1_500, "JPY")).toBe("¥1,500");
});

test("decimals are those of ISO 4217, also where browsers leave out what is not customary", () => {
  expect(money(12_345, "KWD").replace(/\s/g, " ")).toBe("KWD 12.345");
  expect(money(12_345, "IQD").replace(/\s/g, " ")).toBe("IQD 12.345");
  expect(shortMoney(50_000, "IDR").replace(/\s/g, " ")).toBe("IDR 500");
  expect(smallestUnit("500", "IDR")).toBe(50_000);
});

test("an axis has few characters, in the currency's own way", () => {
  expect(compactMoney(50_000_000, "INR")).toBe("₹5L");
  expect(compactMoney(0, "INR")).toBe("₹0");
  expect(compactMoney(1_500, "JPY")).toBe("¥1.5K");
  expect(compactMoney(1_250_000, "USD")).toBe("$12.5K");
});

test("a currency without a sign is known by its code", () => {
  expect(["INR", "USD", "KWD"].map(signOf)).toEqual(["₹", "$", "KWD"]);
});

test("short money leaves out decimals only when they are zero", () => {
  expect(shortMoney(50_000_000, "INR")).toBe("₹5,00,000");
  expect(shortMoney(50_000_050, "INR")).toBe("₹5,00,000.50");
  expect(shortMoney(0, "INR")).toBe("₹0");
});

test("what is typed becomes the smallest unit, exactly", () => {
  expect(smallestUnit("500", "INR")).toBe(50_000);
  expect(smallestUnit("1,250.5", "INR")).toBe(125_050);
  expect(smallestUnit("0.29", "INR")).toBe(29);
  expect(smallestUnit("1500", "JPY")).toBe(1_500);
});

test("what is no amount is refused", () => {
  for (const text of ["", "abc", "-5", "1.234", "1e3", "٣", "9".repeat(20)])
    expect(smallestUnit(text, "INR")).toBeNull();
  expect(smallestUnit("1.5", "JPY")).toBeNull();
});

test("an input shows what would be typed for the same amount", () => {
  for (const amount of [1, 29, 50_000, 2_147_483_647])
    expect(smallestUnit(plainMoney(amount, "INR"), "INR")).toBe(amount);
});
