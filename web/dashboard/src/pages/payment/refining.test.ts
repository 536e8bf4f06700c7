import { expect, test } from "vitest";
import { readAgainMs } from "./refining";

test("a built-in explanation is read again for as long as a model may answer", () => {
  const pauses = [0, 1, 2, 3].map((reads) => readAgainMs(reads ? false : undefined, reads));
  expect(pauses.reduce<number>((sum, ms) => sum + Number(ms), 0)).toBeGreaterThan(5_000);
  expect(readAgainMs(false, 4)).toBe(false);
});

test("a generated one is final", () => {
  expect(readAgainMs(true, 1)).toBe(false);
});
