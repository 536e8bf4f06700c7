import { expect, test } from "vitest";
import { accountOf, accountUsed, FIELDS, hindrance, taking } from "./accounts";

const stripe = { provider: "stripe", own_account: false, gateway_account: false, notification_url: "http://api/1" };
const providers = { chosen: null, gateway: "simulator", choice_missing: false, data: [stripe] };

test("the merchant's choice goes before the gateway's", () => {
  expect(taking(providers)).toBe("simulator");
  expect(taking({ ...providers, chosen: "stripe" })).toBe("stripe");
});

test.each([
  ["own", true, true],
  ["own", true, false],
  ["gateway", false, true],
  ["none", false, false],
] as const)("new payments go through %s when own is %s and the gateway's %s", (used, own_account, gateway_account) => {
  expect(accountUsed({ ...stripe, own_account, gateway_account })).toBe(used);
});

test("payers are hindered where a choice is missing, or the account of what takes the payments", () => {
  expect(hindrance(providers)).toBeNull();
  expect(hindrance({ ...providers, choice_missing: true })).toContain("no provider is chosen");
  for (const at of [{ chosen: "stripe" }, { gateway: "stripe" }]) {
    expect(hindrance({ ...providers, ...at })).toContain("no account at Stripe");
    for (const there of [{ own_account: true }, { gateway_account: true }]) {
      expect(hindrance({ ...providers, ...at, data: [{ ...stripe, ...there }] })).toBeNull();
    }
  }
});

test("an account is kept without the blanks that pasting brings, and without a secret where there is none", () => {
  const none = { key: "", secret: "", webhook_secret: "" };
  expect(accountOf({ key: " sk_test_1\n", webhook_secret: "whsec_1 " })).toEqual({
    ...none,
    key: "sk_test_1",
    webhook_secret: "whsec_1",
  });
  expect(accountOf({ key: "id", secret: "\tsecret" })).toEqual({ ...none, key: "id", secret: "secret" });
});

test("every provider is asked for a key and what its notifications are checked with", () => {
  for (const fields of Object.values(FIELDS)) {
    expect(fields.map(({ name }) => name)).toEqual(expect.arrayContaining(["key", "webhook_secret"]));
  }
});
