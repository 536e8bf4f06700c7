/** Amounts as people read them. */

import { decimalsOf } from "@kassa/api/currency";

/** `50000` and `INR` as `₹500.00`; the amount is in the currency's smallest unit. */
export function formatAmount(amount: number, currency: string): string {
  return format(amount, currency, decimalsOf(currency));
}

/** The same without decimals where there are none to say: `₹500`, but `₹500.50`. */
export function formatShort(amount: number, currency: string): string {
  const decimals = decimalsOf(currency);
  return format(amount, currency, amount % 10 ** decimals ? decimals : 0);
}

function format(amount: number, currency: string, decimals: number): string {
  const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  const style = new Intl.NumberFormat("en-IN", { style: "currency", currency, ...digits });
  return style.format(amount / 10 ** decimalsOf(currency));
}
