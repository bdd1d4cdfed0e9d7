// Work that takes a known time: increments of one word in memory, which no compiler may leave out or merge. Workloads
// are measured in units of their own (increments, operations), so that every lock gets the same number of them.

/**
 * @param {Int32Array} words
 * @param {number} at
 * @param {number} units increments
 */
export function spend(words, at, units) {
  for (let i = 0; i < units; i++) words[at] = ((words[at] ?? 0) + 1) | 0;
}

/**
 * What a section does, and how it is known afterwards that nobody was in it at the same time.
 * @typedef {object} Workload
 * @property {string} name
 * @property {string} unit what a unit of work is, for people
 * @property {number} words of shared memory
 * @property {(words: Int32Array) => void} prepare once, before anybody works
 * @property {(words: Int32Array, index: number) => Actor} open one for each worker
 * @property {(words: Int32Array, totals: Readonly<Record<string, number>>) => string[]} check with the sums of what the
 *   workers counted; what is wrong, empty: nothing
 */

/**
 * @typedef {object} Actor
 * @property {(units: number) => void} work to be called with the lock held
 * @property {() => Record<string, number>} counts what this worker did, for the check
 */

/** @type {Workload} */
export const loopWorkload = {
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
    return found === (increments | 0) ? [] : [`the guarded word is ${found} after ${increments} increments, which is ${increments | 0} in 32 bits`];
  },
};
