import { expect, test } from "vitest";
import { exportUrl, paymentsQuery } from "./filters";

test("no filter asks for everything", () => {
  expect(paymentsQuery({})).toEqual({});
  expect(exportUrl({})).toBe("/api/v1/payments/export.csv");
});

test("filters become the API's: rupees its smallest unit, the last day included", () => {
  const filters = {
    search: " pay_1 ",
    status: "failed",
    captured: "no",
    min: "1.50",
    from: "2024-02-28",
    to: "2024-02-28",
  };
  expect(paymentsQuery(filters)).toEqual({
    search: "pay_1",
    status: "failed",
    captured: false,
    currency: "INR",
    amount_min: 150,
    created_from: "2024-02-28T00:00:00Z",
    created_to: "2024-02-29T00:00:00Z",
  });
});

test("amounts are of the currency that is asked for", () => {
  expect(paymentsQuery({ currency: " jpy", min: "500" })).toEqual({ currency: "JPY", amount_min: 500 });
  expect(paymentsQuery({ currency: "KWD", max: "1.5" })).toEqual({ currency: "KWD", amount_max: 1_500 });
  expect(paymentsQuery({ currency: "JP" })).toEqual({});
});

test("what makes no sense is left out instead of sent", () => {
  expect(paymentsQuery({ status: "lost", method: "cash", captured: "maybe", min: "much", from: "today" })).toEqual({});
});

test("bounds that were typed the wrong way round are meant all the same", () => {
  expect(paymentsQuery({ min: "500", max: "1", from: "2024-03-01", to: "2024-02-28" })).toEqual({
    currency: "INR",
    amount_min: 100,
    amount_max: 50_000,
    created_from: "2024-02-28T00:00:00Z",
    created_to: "2024-03-02T00:00:00Z",
  });
  expect(paymentsQuery({ from: "today", to: "2024-02-28" })).toEqual({ created_to: "2024-02-29T00:00:00Z" });
});

test("the export has the same filters, escaped, and no page", () => {
  expect(exportUrl({ search: "a&b@c", after: "pay_1" })).toBe("/api/v1/payments/export.csv?search=a%26b%40c");
});
