// SPDX-License-Identifier: MIT
/**
 * Work that takes a known time: increments of one word in memory, which no compiler
 * may leave out or merge. Workloads are measured in units of their own (increments,
 * operations), so that every lock gets the same number of them.
 */

/** @param units increments */
export function spend(words: Int32Array, at: number, units: number): void {
  for (let i = 0; i < units; i++) words[at] = ((words[at] ?? 0) + 1) | 0;
}

/** What a section does, and how it is known afterwards that nobody was in it at the same time. */
export interface Workload {
  readonly name: string;
  /** What a unit of work is, for people. */
  readonly unit: string;
  /** Of shared memory. */
  readonly words: number;
  /** Once, before anybody works. */
  readonly prepare: (words: Int32Array) => void;
  /** One for each worker. */
  readonly open: (words: Int32Array, index: number) => Actor;
  /** With the sums of what the workers counted; what is wrong, empty: nothing. */
  readonly check: (words: Int32Array, totals: Readonly<Record<string, number>>) => string[];
}

export interface Actor {
  /** To be called with the lock held. */
  readonly work: (units: number) => void;
  /** What this worker did, for the check. */
  readonly counts: () => Record<string, number>;
}

export const loopWorkload: Workload = {
  name: 'loop',
  unit: 'increments of one word',
  words: 1,
  prepare() {},
  open(words) {
    let done = 0;
    return {
      work(units) {
        spend(words, 0, units);
        done += units;
      },
      counts: () => ({ increments: done }),
    };
  },
  check(words, { increments = 0 }) {
    const found = words[0] ?? 0;
    return found === (increments | 0)
      ? []
      : [
          `the guarded word is ${found} after ${increments} increments, which is ${increments | 0} in 32 bits`,
        ];
  },
};
