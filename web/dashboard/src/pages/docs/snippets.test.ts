import { expect, test } from "vitest";
import { createOrder, nodeReceiver, payButton, pythonReceiver } from "./snippets";

const facts = {
  apiUrl: "https://api.example",
  checkoutUrl: "https://pay.example",
  apiKey: "key_1",
  apiSecret: "secret_1",
  webhookSecret: "whsec_1",
  orderId: "order_1",
};

test("snippets hold the merchant's own key, addresses, secrets and order", () => {
  expect(createOrder(facts)).toContain("curl https://api.example/api/v1/orders");
  expect(createOrder(facts)).toContain("-H 'X-Api-Secret: secret_1'");
  expect(payButton(facts)).toContain('src="https://pay.example/checkout.js"');
  expect(payButton(facts)).toContain('orderId: "order_1"');
  expect(pythonReceiver(facts)).toContain('SECRET = "whsec_1"');
  expect(nodeReceiver(facts)).toContain('SECRET = "whsec_1"');
});

test("without the secrets they come from the environment, and no order leaves a place for one", () => {
  const bare = { ...facts, apiSecret: null, webhookSecret: null, orderId: null };
  expect(createOrder(bare)).toContain('-H "X-Api-Secret: $KASSA_API_SECRET"');
  expect(payButton(bare)).toContain('orderId: "ORDER_ID"');
  expect(pythonReceiver(bare)).toContain("import os\n");
  expect(pythonReceiver(bare)).toContain('SECRET = os.environ["KASSA_WEBHOOK_SECRET"]');
  expect(nodeReceiver(bare)).toContain("SECRET = process.env.KASSA_WEBHOOK_SECRET;");
});
