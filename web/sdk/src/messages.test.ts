import { expect, test } from "vitest";
import { readMessage } from "./messages";

const ORIGIN = "https://pay.example";
const FRAME = {} as Window;
const DATA = { type: "close_modal" };

test("a message of the frame, from the checkout's origin, is heard", () => {
  expect(readMessage({ data: DATA, origin: ORIGIN, source: FRAME }, ORIGIN, FRAME)).toBe(DATA);
});

test.each([
  ["another origin", { data: DATA, origin: "https://evil.example", source: FRAME }, FRAME],
  ["an origin that begins alike", { data: DATA, origin: `${ORIGIN}.evil.example`, source: FRAME }, FRAME],
  ["another window of the same origin", { data: DATA, origin: ORIGIN, source: {} as Window }, FRAME],
  ["no window", { data: DATA, origin: ORIGIN, source: null }, FRAME],
  ["a frame that is gone", { data: DATA, origin: ORIGIN, source: null }, null],
  ["no type", { data: { hello: 1 }, origin: ORIGIN, source: FRAME }, FRAME],
  ["no object", { data: null, origin: ORIGIN, source: FRAME }, FRAME],
] as const)("%s is not", (_, event, frame) => {
  expect(readMessage(event, ORIGIN, frame)).toBeUndefined();
});
