/** Money as people write it; in data it is always an integer in the currency's smallest unit. */

import { decimalsOf } from "@kassa/api/currency";

type Kind = "full" | "whole" | "compact";

const formatters = new Map<string, Intl.NumberFormat>();

/** The formatter of a currency; making one takes long, so each is made once. */
function formatter(currency: string, kind: Kind): Intl.NumberFormat {
  const name = `${currency}/${kind}`;
  const known = formatters.get(name) ?? newFormatter(currency, kind);
  formatters.set(name, known);
  return known;
}

function newFormatter(currency: string, kind: Kind): Intl.NumberFormat {
  // Indian grouping belongs to rupees; other currencies are grouped by thousands.
  const locale = currency === "INR" ? "en-IN" : "en";
  const decimals = kind === "full" ? decimalsOf(currency) : 0;
  return new Intl.NumberFormat(locale, {
    style: "currency",
    currency,
    minimumFractionDigits: decimals,
    maximumFractionDigits: kind === "compact" ? 1 : decimals,
    ...(kind === "compact" ? { notation: "compact" } : {}),
  });
}

/** `50000` INR as `₹500.00`. */
export function money(amount: number, currency: string): string {
  return formatter(currency, "full").format(amount / 10 ** decimalsOf(currency));
}

/** Like `money`, without decimals that are zero: `50000000` INR as `₹5,00,000`. */
export function shortMoney(amount: number, currency: string): string {
  const unit = 10 ** decimalsOf(currency);
  return formatter(currency, amount % unit === 0 ? "whole" : "full").format(amount / unit);
}

/** As few characters as will do, for an axis: `50000000` INR as `₹5L`. */
export function compactMoney(amount: number, currency: string): string {
  return formatter(currency, "compact").format(amount / 10 ** decimalsOf(currency));
}

/** The sign of a currency, such as ₹, or its code where it has none. */
export function signOf(currency: string): string {
  const parts = formatter(currency, "whole").formatToParts(0);
  return parts.find((part) => part.type === "currency")?.value ?? currency;
}

/** The decimal text of an amount, as it stands in an input: `50000` INR as `500.00`. */
export function plainMoney(amount: number, currency: string): string {
  const decimals = decimalsOf(currency);
  return (amount / 10 ** decimals).toFixed(decimals);
}

/** What somebody typed (`1,250.5`) in the smallest unit (`125050`); null when it is no amount of that currency. */
export function smallestUnit(text: string, currency: string): number | null {
  const decimals = decimalsOf(currency);
  const match = /^(\d+)(?:\.(\d+))?$/.exec(text.replaceAll(/[,\s]/g, ""));
  const [, whole, fraction = ""] = match ?? [];
  if (whole === undefined || fraction.length > decimals) return null;
  const amount = Number(whole + fraction.padEnd(decimals, "0"));
  return Number.isSafeInteger(amount) ? amount : null;
}
