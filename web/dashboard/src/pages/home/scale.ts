/** The scale of a chart's vertical axis. */

const STEPS = [1, 2, 2.5, 5, 10];

/** Round numbers from 0 to at least `most`, at most five of them, evenly spaced: where the grid's lines are. */
export function ticks(most: number): number[] {
  if (most <= 0) return [0];
  const rough = most / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * (STEPS.find((one) => one * power >= rough) ?? 10);
  const count = Math.ceil(most / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, place) => place * step);
}
