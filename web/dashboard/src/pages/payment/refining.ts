/** How long an explanation may still get better: a model that is asked answers within five seconds, or not at all. */

const PAUSE_MS = 2_000;
const READS = 4;

/** When to read an explanation again, after so many reads; false for never. */
export function readAgainMs(generated: boolean | undefined, reads: number): number | false {
  return generated || reads >= READS ? false : PAUSE_MS;
}
