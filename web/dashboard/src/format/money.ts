/** Money as people write it; in data it is always an integer in the currency's smallest unit. */

const formatters = new Map<string, Intl.NumberFormat>();

/** The formatter of a currency; making one takes long, so each is made once. */
function formatter(currency: string, whole: boolean): Intl.NumberFormat {
  const name = `${currency}/${whole}`;
  const known = formatters.get(name) ?? newFormatter(currency, whole);
  formatters.set(name, known);
  return known;
}

function newFormatter(currency: string, whole: boolean): Intl.NumberFormat {
  // Indian grouping belongs to rupees; other currencies are grouped by thousands.
  const locale = currency === "INR" ? "en-IN" : "en";
  return new Intl.NumberFormat(locale, {
    style: "currency",
    currency,
    currencyDisplay: "narrowSymbol",
    ...(whole ? { minimumFractionDigits: 0, maximumFractionDigits: 0 } : {}),
  });
}

/** How many decimals a currency has: 2 for INR, 0 for JPY. */
export function decimalsOf(currency: string): number {
  return formatter(currency, false).resolvedOptions().maximumFractionDigits ?? 2;
}

/** `50000` INR as `₹500.00`. */
export function money(amount: number, currency = "INR"): string {
  return formatter(currency, false).format(amount / 10 ** decimalsOf(currency));
}

/** Like `money`, without decimals that are zero: `50000000` INR as `₹5,00,000`. */
export function shortMoney(amount: number, currency = "INR"): string {
  const unit = 10 ** decimalsOf(currency);
  return formatter(currency, amount % unit === 0).format(amount / unit);
}

/** The decimal text of an amount, as it stands in an input: `50000` INR as `500.00`. */
export function plainMoney(amount: number, currency = "INR"): string {
  const decimals = decimalsOf(currency);
  return (amount / 10 ** decimals).toFixed(decimals);
}

/** What somebody typed (`1,250.5`) in the smallest unit (`125050`); null when it is no amount of that currency. */
export function smallestUnit(text: string, currency = "INR"): number | null {
  const decimals = decimalsOf(currency);
  const match = /^(\d+)(?:\.(\d+))?$/.exec(text.replaceAll(/[,\s]/g, ""));
  const [, whole, fraction = ""] = match ?? [];
  if (whole === undefined || fraction.length > decimals) return null;
  const amount = Number(whole + fraction.padEnd(decimals, "0"));
  return Number.isSafeInteger(amount) ? amount : null;
}
