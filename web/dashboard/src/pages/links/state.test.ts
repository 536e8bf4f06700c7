import { expect, test } from "vitest";
import type { PaymentLink } from "../../api/queries";
import { endOf, stateOf, wrongDay } from "./state";

const NOW = Date.parse("2024-03-01T12:00:00Z");
const link: PaymentLink = {
  id: "plink_1",
  url: "http://localhost:3001/pay/plink_1",
  amount: 50_000,
  currency: "INR",
  description: "Yoga",
  reusable: false,
  active: true,
  expires_at: null,
  success_message: null,
  redirect_url: null,
  times_paid: 0,
  created_at: "2024-01-15T10:30:00Z",
};

test.each([
  ["active", {}],
  ["active", { expires_at: "2024-03-01T12:00:01Z" }],
  ["expired", { expires_at: "2024-03-01T12:00:00Z" }],
  ["paid", { times_paid: 1 }],
  ["paid", { times_paid: 1, expires_at: "2024-02-01T00:00:00Z" }],
  ["active", { times_paid: 7, reusable: true }],
  ["deactivated", { active: false, times_paid: 1 }],
] as const)("a link is %s with %j", (state, fields) => {
  expect(stateOf({ ...link, ...fields }, NOW)).toBe(state);
});

test("a link lasts until the end of its last day in UTC, which may be today", () => {
  expect(endOf("2024-03-01")).toBe("2024-03-01T23:59:59Z");
  expect(endOf("")).toBeNull();
  expect(wrongDay("2024-03-01", NOW)).toBeNull();
  expect(wrongDay("", NOW)).toBeNull();
  expect(wrongDay("2024-02-29", NOW)).toBe("A day that is not over yet");
});
