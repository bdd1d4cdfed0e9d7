// SPDX-License-Identifier: MIT
/**
 * Timeouts of asynchronous waits, with the timers of the moment: a test that
 * fakes them moves these along. Timers hold no more than 31 bits, and one that
 * is set to more fires at once; so a long wait is a row of them.
 */

/** ms; the longest that a timer can be set to. */
const LONGEST = 0x7fff_ffff;

/**
 * Calls a function after so many ms, up to any number of them.
 * @param ms undefined or Infinity: never
 * @returns a function that stops that
 */
export function startTimeout(ms: number | undefined, run: () => void): () => void {
  if (ms === undefined || ms === Infinity) return () => undefined;
  const { setTimeout, clearTimeout } = globalThis;
  let left = ms;
  let timer: NodeJS.Timeout;
  const next = (): void => {
    const step = Math.min(left, LONGEST);
    left -= step;
    timer = setTimeout(left > 0 ? next : run, step);
  };
  next();
  return () => {
    clearTimeout(timer);
  };
}
