import { expect, test } from "vitest";
import { causeInWords } from "./cause";

test("a cause is told in words, a notification with its own name", () => {
  expect(causeInWords("bank")).toBe("by the bank");
  expect(causeInWords("stripe: checkout.session.completed")).toBe("told by Stripe (checkout.session.completed)");
  expect(causeInWords("somebody")).toBe("by somebody");
});
