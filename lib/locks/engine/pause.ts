// SPDX-License-Identifier: MIT
/**
 * What a thread does that looks at a lock again and again: it leaves the cache line alone between
 * two looks, and a CPU's other hyperthread the CPU.
 */

/** ECMAScript has it since 2025; V8 from 13.3 on, which is Node 24. */
const { pause: enginePause } = Atomics as { readonly pause?: () => void };
/** Steps of a loop that take about as long as one pause of the engine's, 20 to 40 ns. */
const STEPS = 48;

/** Where the loop's result goes, or V8 would leave the loop out. */
let steps = 0;

function rest(count: number): void {
  let step = steps;
  for (let i = count * STEPS; i > 0; i--) step = (step ^ i) | 0;
  steps = step;
}

function pauseInEngine(count: number): void {
  for (let i = count; i > 0; i--) enginePause?.();
}

/** Lets some time pass: about 30 ns, `count` times. */
export const pause: (count: number) => void = enginePause === undefined ? rest : pauseInEngine;
