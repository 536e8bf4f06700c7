import { expect, test } from "vitest";
import { formatExpiry, formatNumber } from "./card";
import { retype } from "./typing";

/** Text with `|` for the caret. */
function parse(text: string) {
  return { value: text.replace("|", ""), caret: text.indexOf("|") };
}

function retyped(before: string, after: string, inputType: string, format = formatNumber): string {
  const { value, caret } = retype({ before, ...parse(after), inputType }, format);
  return `${value.slice(0, caret)}|${value.slice(caret)}`;
}

const TYPED = "insertText";
const BACK = "deleteContentBackward";
const FORWARD = "deleteContentForward";

test("at the end, the caret stays at the end", () => {
  expect(retyped("4242", "42424|", TYPED)).toBe("4242 4|");
  expect(retyped("", "4242424242424242|", "insertFromPaste")).toBe("4242 4242 4242 4242|");
});

test("in the middle, the caret stays after the digit that was typed", () => {
  expect(retyped("4242 4242", "49|242 4242", TYPED)).toBe("49|24 2424 2");
  expect(retyped("4242 4242", "4242 9|4242", TYPED)).toBe("4242 9|424 2");
});

test("in the middle, the caret stays where a digit was deleted", () => {
  expect(retyped("4212 4242", "42|2 4242", BACK)).toBe("42|24 242");
});

test("deleting a space deletes the digit beside it", () => {
  expect(retyped("4243 4242", "4243|4242", BACK)).toBe("424|4 242");
  expect(retyped("4243 5242", "4243|5242", FORWARD)).toBe("4243| 242");
});

test("a slash can be deleted too", () => {
  expect(retyped("12/3", "12|3", BACK, formatExpiry)).toBe("1|3");
  expect(retyped("12/3", "12/|", BACK, formatExpiry)).toBe("12|");
});

test("a month of one digit gets its zero, and the caret goes along", () => {
  expect(retyped("", "5|", TYPED, formatExpiry)).toBe("05|");
});
