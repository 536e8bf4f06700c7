import { expect, test } from "vitest";
import { formatAmount, formatShort } from "./money";

test.each([
  [50_000, "INR", "₹500.00", "₹500"],
  [50_050, "INR", "₹500.50", "₹500.50"],
  [100, "INR", "₹1.00", "₹1"],
  [50_000_000, "INR", "₹5,00,000.00", "₹5,00,000"],
  [2_147_483_647, "INR", "₹2,14,74,836.47", "₹2,14,74,836.47"],
  [999, "USD", "$9.99", "$9.99"],
  [500, "JPY", "JP¥500", "JP¥500"],
  [1_500, "KWD", "KWD 1.500", "KWD 1.500"],
  [1_500, "IQD", "IQD 1.500", "IQD 1.500"],
  [50_000, "IDR", "IDR 500.00", "IDR 500"],
])("%i of %s is %s, and on the button %s", (amount, currency, full, short) => {
  expect(formatAmount(amount, currency).replace(/\s/g, " ")).toBe(full);
  expect(formatShort(amount, currency).replace(/\s/g, " ")).toBe(short);
});
