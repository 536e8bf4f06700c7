/** Card rules, the same as the gateway's, so that a payer hears at once what it would refuse. */

export type Network = "visa" | "mastercard" | "amex" | "rupay" | "unknown";

/** A card as the payer typed it. */
export interface CardFields {
  number: string;
  expiry: string;
  cvv: string;
  holderName: string;
}

export type CardField = keyof CardFields;

const LONGEST = 19;

/** The digits among what was typed. */
export function digitsOf(text: string): string {
  return text.replace(/\D/g, "");
}

/** The check digit of ISO/IEC 7812-1, annex B. */
export function luhnValid(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i]);
    const doubled = digit * 2;
    sum += i % 2 ? (doubled > 9 ? doubled - 9 : doubled) : digit;
  }
  return sum % 10 === 0;
}

/** The network by prefix. */
export function networkOf(digits: string): Network {
  if (/^4/.test(digits)) return "visa";
  if (/^5[1-5]/.test(digits)) return "mastercard";
  if (/^3[47]/.test(digits)) return "amex";
  if (/^(60|65|8[1-9])/.test(digits)) return "rupay";
  return "unknown";
}

/** The number in the groups that are printed on the card. */
export function formatNumber(text: string): string {
  const digits = digitsOf(text).slice(0, LONGEST);
  const groups =
    networkOf(digits) === "amex"
      ? /^(\d{1,4})(\d{1,6})?(\d{1,5})?(\d+)?$/
      : /^(\d{1,4})(\d{1,4})?(\d{1,4})?(\d{1,4})?(\d+)?$/;
  return (digits.match(groups) ?? []).slice(1).filter(Boolean).join(" ");
}

/** `MM/YY`, or `MM/YYYY` when that is what is typed; `7` becomes `07`. */
export function formatExpiry(text: string): string {
  const [, month, rest] = text.match(/^\s*(\d{1,2})\s*[/.-]\s*(.*)$/) ?? [];
  let digits = month ? month.padStart(2, "0") + digitsOf(rest ?? "") : digitsOf(text);
  if (/^[2-9]/.test(digits)) digits = `0${digits}`;
  const year = digits.slice(2, digits.startsWith("20", 2) ? 6 : 4);
  return year ? `${digits.slice(0, 2)}/${year}` : digits.slice(0, 2);
}

/** Month and year of an expiry, as typed; empty where there is none yet. */
export function splitExpiry(expiry: string): { month: string; year: string } {
  const [month = "", year = ""] = expiry.split("/");
  return { month, year };
}

const MISSING: CardFields = {
  number: "Enter the number on the card",
  expiry: "Enter the expiry as MM/YY",
  cvv: "Enter the CVV",
  holderName: "Enter the name on the card",
};

/** Why the gateway would refuse this field, or "" when it would not. */
export function cardProblem(field: CardField, card: CardFields, now: Date): string {
  if (!card[field].trim()) return MISSING[field];
  switch (field) {
    case "number":
      return numberProblem(digitsOf(card.number));
    case "expiry":
      return expiryProblem(card.expiry, now);
    case "cvv":
      return /^\d{3,4}$/.test(card.cvv) ? "" : "CVV must be 3 or 4 digits";
    case "holderName":
      return "";
  }
}

// Luhn fails for a digit that is mistyped, and for two that are swapped.
const WRONG_NUMBER = "This number is not right. Please compare it with the card";

function numberProblem(digits: string): string {
  if (!/^\d{13,19}$/.test(digits)) return "Card number must have 13 to 19 digits";
  return luhnValid(digits) ? "" : WRONG_NUMBER;
}

function expiryProblem(expiry: string, now: Date): string {
  const { month, year } = splitExpiry(expiry);
  if (!/^\d{1,2}$/.test(month) || Number(month) < 1 || Number(month) > 12) return "The month must be 01 to 12";
  if (!/^(\d{2}|\d{4})$/.test(year)) return "The year is missing: MM/YY";
  const fullYear = Number(year) + (year.length === 2 ? 2000 : 0);
  // The gateway's clock is UTC; a card is good through the last day of its month.
  const months = fullYear * 12 + Number(month) - (now.getUTCFullYear() * 12 + now.getUTCMonth() + 1);
  return months < 0 ? "Card has expired" : "";
}

/** The gateway's refusal of a card. */
export interface CardRefusal {
  code: string;
  description: string;
}

/** The field that a refusal is about. */
export function refusedField({ code, description }: CardRefusal): CardField {
  if (code === "EXPIRED_CARD" || description.includes("expiry")) return "expiry";
  if (description.includes("cvv")) return "cvv";
  return description.includes("holder_name") ? "holderName" : "number";
}

/** The refusal's sentence, with the field's name as the payer knows it. */
export function inWords({ description }: CardRefusal): string {
  const names: Record<string, string> = {
    number: "Card number",
    expiry_month: "Expiry month",
    expiry_year: "Expiry year",
    cvv: "CVV",
    holder_name: "Name on card",
  };
  return description.replace(/^card\.(\w+)/, (whole, name: string) => names[name] ?? whole);
}
