import { expect, test } from "vitest";
import { whyClosed, whyRefused } from "./closed";
import { type Order, Refused } from "./gateway";

const order: Order = { id: "order_1", amount: 50_000, currency: "INR", status: "created", merchant_name: "A Shop" };

test("an order is closed when it is paid or its time is over", () => {
  expect(whyClosed(order)).toBeUndefined();
  expect(whyClosed({ ...order, expires_at: new Date(Date.now() + 60_000).toISOString() })).toBeUndefined();
  expect(whyClosed({ ...order, status: "paid" })?.title).toBe("Already paid");
  expect(whyClosed({ ...order, expires_at: new Date(Date.now() - 1_000).toISOString() })?.title).toBe("Order expired");
});

test.each([
  ["NOT_FOUND_ERROR", "Payment link not found", "Link not found"],
  ["BAD_REQUEST_ERROR", "This payment link is not active any more", "Link not active"],
  ["BAD_REQUEST_ERROR", "This payment link has expired", "Link expired"],
  ["BAD_REQUEST_ERROR", "This payment link has been paid", "Already paid"],
  ["SERVICE_UNAVAILABLE", "The payment service is not available at the moment", "Not available"],
])("a link that is refused with %s, %s: %s", (code, description, title) => {
  expect(whyRefused(new Refused(code, description), true).title).toBe(title);
});

test("a refusal that the page does not know is told in the gateway's words", () => {
  expect(whyRefused(new Refused("BAD_REQUEST_ERROR", "The moon is full"), true).text).toBe("The moon is full.");
});

test("an order that is refused is not known", () => {
  expect(whyRefused(new Refused("NOT_FOUND_ERROR", "Order not found"), false).title).toBe("Order not found");
  expect(whyRefused(new TypeError("Something else"), false).title).toBe("Order not found");
});
