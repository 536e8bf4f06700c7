import { expect, test, vi } from "vitest";
import { findEmbedder, isHello, originOf } from "./embedder";

const SHOP = "https://shop.example";

/** A window with another one around it; `hear` delivers a message. */
function framed({ ancestor, referrer = "" }: { ancestor?: string; referrer?: string }) {
  const parent = { postMessage: vi.fn() };
  let listener: (event: unknown) => void = () => undefined;
  const self = {
    parent,
    location: { ancestorOrigins: ancestor === undefined ? undefined : [ancestor] },
    document: { referrer },
    addEventListener: (_: string, heard: typeof listener) => {
      listener = heard;
    },
  } as unknown as Window;
  const hello = (origin: string, source: unknown = parent) =>
    listener({ origin, source, data: { type: "kassa_hello" } } as unknown as MessageEvent);
  return { self, parent, hello };
}

test("a page that stands alone tells nobody", () => {
  const self = { postMessage: vi.fn() } as unknown as Window & { postMessage: ReturnType<typeof vi.fn> };
  Object.assign(self, { parent: self });
  findEmbedder(self).tell("payment_success");
  expect(self.postMessage).not.toHaveBeenCalled();
});

test.each([{ ancestor: SHOP }, { referrer: `${SHOP}/cart?id=1` }])("the origin is learned from %j", (from) => {
  const { self, parent } = framed(from);
  findEmbedder(self).tell("payment_success", { paymentId: "pay_1" });
  expect(parent.postMessage.mock.calls).toEqual([[{ type: "payment_success", data: { paymentId: "pay_1" } }, SHOP]]);
});

test("without an origin, messages wait for the greeting of the window around", () => {
  const { self, parent, hello } = framed({ ancestor: "null" });
  findEmbedder(self).tell("payment_failed", { code: "X" });
  hello("https://evil.example", {});
  expect(parent.postMessage).not.toHaveBeenCalled();
  hello(SHOP);
  expect(parent.postMessage.mock.calls).toEqual([
    [{ type: "payment_failed", data: { code: "X" } }, SHOP],
    [{ type: "kassa_ready", data: {} }, SHOP],
  ]);
});

test("a greeting that cannot be answered is none", () => {
  const parent = {} as Window;
  const event = (origin: string, source: unknown, data: unknown) => ({ origin, source, data }) as MessageEvent;
  expect(isHello(event(SHOP, parent, { type: "kassa_hello" }), parent)).toBe(true);
  expect(isHello(event("null", parent, { type: "kassa_hello" }), parent)).toBe(false);
  expect(isHello(event(SHOP, {}, { type: "kassa_hello" }), parent)).toBe(false);
  expect(isHello(event(SHOP, parent, null), parent)).toBe(false);
});

test("an origin ends where the path begins", () => {
  expect(originOf("https://shop.example:8443/a/b?c#d")).toBe("https://shop.example:8443");
  expect(originOf("https://shop.example?x")).toBe(SHOP);
  expect(originOf("about:blank")).toBeUndefined();
  expect(originOf(undefined)).toBeUndefined();
});
