import { describe, expect, test } from "vitest";
import {
  type CardFields,
  cardProblem,
  formatExpiry,
  formatNumber,
  inWords,
  luhnValid,
  networkOf,
  refusedField,
  splitExpiry,
} from "./card";

const NOW = new Date("2026-11-30T23:59:59Z");
const CARD: CardFields = { number: "4242 4242 4242 4242", expiry: "12/30", cvv: "123", holderName: "Asha Rao" };

test.each(["4242424242424242", "378282246310005", "6073849700004947", "0", "4222222222222"])(
  "%s has its check digit",
  (n) => expect(luhnValid(n)).toBe(true),
);

test.each(["4242424242424241", "378282246310006", "1"])("%s has not", (n) => expect(luhnValid(n)).toBe(false));

test("one wrong digit is always found", () => {
  const right = "4242424242424242";
  for (let i = 0; i < right.length; i++) {
    for (let digit = 0; digit < 10; digit++) {
      const other = right.slice(0, i) + digit + right.slice(i + 1);
      expect(luhnValid(other)).toBe(other === right);
    }
  }
});

test.each([
  ["4", "visa"],
  ["50", "unknown"],
  ["51", "mastercard"],
  ["55", "mastercard"],
  ["56", "unknown"],
  ["34", "amex"],
  ["35", "unknown"],
  ["37", "amex"],
  ["60", "rupay"],
  ["65", "rupay"],
  ["80", "unknown"],
  ["81", "rupay"],
  ["89", "rupay"],
  ["90", "unknown"],
  ["5", "unknown"],
  ["", "unknown"],
])("a number that begins with %s is %s", (digits, network) => expect(networkOf(digits)).toBe(network));

test.each([
  ["", ""],
  ["4242", "4242"],
  ["42424", "4242 4"],
  ["4242-4242-4242-4242", "4242 4242 4242 4242"],
  ["4242424242424242424", "4242 4242 4242 4242 424"],
  ["42424242424242424249", "4242 4242 4242 4242 424"],
  ["378282246310005", "3782 822463 10005"],
  ["37828", "3782 8"],
  ["x4 2y4 2", "4242"],
])("the number %j is shown as %j", (typed, shown) => expect(formatNumber(typed)).toBe(shown));

test.each([
  ["", ""],
  ["1", "1"],
  ["12", "12"],
  ["122", "12/2"],
  ["1225", "12/25"],
  ["5", "05"],
  ["1/25", "01/25"],
  ["1/", "01"],
  ["12/2025", "12/2025"],
  ["12 / 25", "12/25"],
  ["12-25", "12/25"],
  ["122530", "12/25"],
])("the expiry %j is shown as %j", (typed, shown) => expect(formatExpiry(typed)).toBe(shown));

test("an expiry has a month and a year", () => {
  expect(splitExpiry("12/25")).toEqual({ month: "12", year: "25" });
  expect(splitExpiry("1")).toEqual({ month: "1", year: "" });
});

describe("what the gateway would refuse is said beforehand", () => {
  test.each([
    ["number", "4242 4242 4242", "Card number must have 13 to 19 digits"],
    ["number", "", "Enter the number on the card"],
    ["number", "4242 4242 4242 4241", "This number is not right. Please compare it with the card"],
    ["number", "4222 2222 2222 2", ""],
    ["expiry", "", "Enter the expiry as MM/YY"],
    ["expiry", "00/30", "The month must be 01 to 12"],
    ["expiry", "13/30", "The month must be 01 to 12"],
    ["expiry", "12", "The year is missing: MM/YY"],
    ["expiry", "12/3", "The year is missing: MM/YY"],
    ["expiry", "10/26", "Card has expired"],
    ["expiry", "11/26", ""],
    ["expiry", "11/2026", ""],
    ["expiry", "12/25", "Card has expired"],
    ["cvv", "12", "CVV must be 3 or 4 digits"],
    ["cvv", "", "Enter the CVV"],
    ["cvv", "1234", ""],
    ["holderName", "  ", "Enter the name on the card"],
    ["holderName", "A", ""],
  ] as const)("%s %j: %j", (field, value, problem) => {
    expect(cardProblem(field, { ...CARD, [field]: value }, NOW)).toBe(problem);
  });
});

test.each([
  ["INVALID_CARD", "card.number is not a valid card number", "number", "Card number is not a valid card number"],
  ["INVALID_CARD", "card.cvv must be 3 or 4 digits", "cvv", "CVV must be 3 or 4 digits"],
  ["INVALID_CARD", "card.expiry_month must be 1 to 12", "expiry", "Expiry month must be 1 to 12"],
  ["INVALID_CARD", "card.holder_name is required", "holderName", "Name on card is required"],
  ["EXPIRED_CARD", "Card has expired", "expiry", "Card has expired"],
  ["INVALID_CARD", "Card details are not valid", "number", "Card details are not valid"],
])("a refusal stands beside its field: %s %s", (code, description, field, words) => {
  expect(refusedField({ code, description })).toBe(field);
  expect(inWords({ code, description })).toBe(words);
});
