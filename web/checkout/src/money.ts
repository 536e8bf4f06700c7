/** Amounts as people read them. */

/** `50000` and `INR` as `₹500.00`; the amount is in the currency's smallest unit. */
export function formatAmount(amount: number, currency: string): string {
  const format = new Intl.NumberFormat("en-IN", { style: "currency", currency });
  return format.format(amount / smallestUnits(format));
}

/** The same without decimals where there are none to say: `₹500`, but `₹500.50`. */
export function formatShort(amount: number, currency: string): string {
  const format = new Intl.NumberFormat("en-IN", { style: "currency", currency });
  const units = smallestUnits(format);
  if (amount % units) return format.format(amount / units);
  const whole = new Intl.NumberFormat("en-IN", { style: "currency", currency, minimumFractionDigits: 0 });
  return whole.format(amount / units);
}

function smallestUnits(format: Intl.NumberFormat): number {
  return 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2);
}
