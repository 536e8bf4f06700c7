import { expect, test } from "vitest";
import { placeOf } from "./place";

const at = (path: string) => placeOf(new URL(path, "http://localhost:3001"));

test("an order is named in the query", () => {
  expect(at("/checkout?order_id=order_1&embedded=true")).toEqual({ orderId: "order_1" });
  expect(at("/checkout")).toEqual({ orderId: null });
});

test("whoever comes back from a provider's page brings the payment", () => {
  expect(at("/checkout?order_id=order_1&payment_id=pay_1&token=x")).toEqual({ orderId: "order_1", paymentId: "pay_1" });
});

test("whoever comes back to a payment link brings the order, and the payment unless they turned back", () => {
  const order = { linkId: "plink_1", orderId: "order_1" };
  expect(at("/pay/plink_1?order_id=order_1")).toEqual(order);
  expect(at("/pay/plink_1?order_id=order_1&payment_id=pay_1")).toEqual({ ...order, paymentId: "pay_1" });
  const email = "asha@example.com";
  expect(at(`/pay/plink_1?order_id=order_1&prefilled_email=${email}`)).toEqual({ ...order, email });
});

test("a payment of no order is not waited for", () => {
  expect(at("/pay/plink_1?payment_id=pay_1")).toEqual({ linkId: "plink_1" });
  expect(at("/checkout?payment_id=pay_1")).toEqual({ orderId: null });
});

test("a payment link is named in the path", () => {
  expect(at("/pay/plink_1")).toEqual({ linkId: "plink_1" });
  expect(at("/pay/plink_1/")).toEqual({ linkId: "plink_1" });
});

test("a payment link may say whom it was sent to, by an e-mail address and nothing else", () => {
  const link = { linkId: "plink_1" };
  expect(at("/pay/plink_1?prefilled_email=asha%2B1%40example.com")).toEqual({ ...link, email: "asha+1@example.com" });
  for (const text of [
    "",
    "asha",
    "a b@example.com",
    "Call 0123 now: a@b.example",
    "a@b@c",
    "a@b",
    "a@b..example",
    "a@b.example/x",
  ]) {
    expect(at(`/pay/plink_1?prefilled_email=${encodeURIComponent(text)}`)).toEqual(link);
  }
  expect(at("/checkout?order_id=order_1&prefilled_email=a%40b.example")).toEqual({ orderId: "order_1" });
});

test("a path that is no link leads to no order", () => {
  for (const path of ["/pay", "/pay/", "/pay/a/b"]) expect(at(path)).toEqual({ orderId: null });
  expect(at("/pay/%E0%A4%A")).toEqual({ linkId: "%E0%A4%A" });
});
