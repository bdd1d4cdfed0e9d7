// SPDX-License-Identifier: MIT
/**
 * Grants that nobody gave back: what shows them, and what they mean. A program
 * that never yields, or calls another number for it, loses every extension that
 * it is granted, and its other figures look as if the kernel were to blame.
 */

/** A few can be late on any machine; so many are not chance. */
const TELLING = 20;

export const WITHOUT_YIELD =
  'Extensions were granted, and none was given back in time: granted and never yielded.';

/** Whether so many grants with no yield among them are more than bad luck. */
export function isNeverYielded(granted: number, yielded: number): boolean {
  return yielded === 0 && granted >= TELLING;
}
