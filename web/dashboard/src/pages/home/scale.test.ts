import { expect, test } from "vitest";
import { ticks } from "./scale";

test("ticks are round, begin at zero and reach the highest value", () => {
  expect(ticks(87)).toEqual([0, 25, 50, 75, 100]);
  expect(ticks(1_234_567)).toEqual([0, 500_000, 1_000_000, 1_500_000]);
  expect(ticks(4)).toEqual([0, 1, 2, 3, 4]);
});

test("nothing has one tick", () => {
  expect(ticks(0)).toEqual([0]);
});

test("there are never more than five, whatever the value", () => {
  for (let most = 1; most < 5_000; most += 7) {
    const found = ticks(most);
    expect(found.length).toBeLessThanOrEqual(5);
    expect(found.at(-1)).toBeGreaterThanOrEqual(most);
  }
});
