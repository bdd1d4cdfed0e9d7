// SPDX-License-Identifier: MIT
/**
 * What a thread does that looks at a lock again and again: it leaves the cache line alone between
 * two looks, and a CPU's other hyperthread the CPU.
 */
import { availableParallelism } from 'node:os';
import { now } from '../../clock.ts';

/**
 * ms that a thread looks before it sleeps, after it came and after it was called. It is some times
 * what it takes to sleep and to be woken, so who could have gone on soon does not pay for both.
 * With one CPU the one that it waits for cannot run meanwhile.
 */
const LOOKING = availableParallelism() > 1 ? 0.02 : 0;
/** Looks until the clock is read, which takes longer than a look, and pauses get longer. */
const LOOKS = 8;
/** Pauses between two looks: they double up to so many. */
const MOST_PAUSES = 8;

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

/** How long one thread has looked at a lock already. */
export class Looking {
  readonly #until: number;
  #left: number;
  #pauses = 1;

  /** @param deadline on the clock of `now`; by then at the latest it ends */
  constructor(deadline: number) {
    const begun = now();
    this.#until = Math.min(begun + LOOKING, deadline);
    this.#left = begun < this.#until ? LOOKS : 0;
  }

  /**
   * Lets a moment pass between two looks, and one before the first.
   * @returns false: it was long enough
   */
  goesOn(): boolean {
    if (this.#left === 0) {
      if (now() >= this.#until) return false;
      this.#left = LOOKS;
      this.#pauses = Math.min(2 * this.#pauses, MOST_PAUSES);
    }
    this.#left--;
    pause(this.#pauses);
    return true;
  }
}
