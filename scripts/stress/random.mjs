// SPDX-License-Identifier: MIT
// Random numbers that a seed determines, for what the stress run chooses. What the machine chooses,
// above all when each thread runs, no seed determines; so a seed repeats the choices of a run, and
// not its interleaving.

/** A small generator (mulberry32). */
export class Random {
  #state;

  /** @param {number} seed a whole number */
  constructor(seed) {
    this.#state = seed >>> 0;
  }

  /** @returns {number} from 0 up to, and without, 1 */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** @param {number} limit @returns {number} a whole number below the limit */
  below(limit) {
    return Math.floor(this.next() * limit);
  }

  /** @param {number} probability @returns {boolean} */
  chance(probability) {
    return this.next() < probability;
  }

  /** @template T @param {readonly [T, ...T[]]} list @returns {T} */
  pick(list) {
    return list[this.below(list.length)] ?? list[0];
  }

  /** Gaps between events that come so often on average. @param {number} mean @returns {number} */
  gap(mean) {
    return -Math.log(1 - this.next()) * mean;
  }

  /** For a worker of its own. @param {number} number @returns {Random} */
  fork(number) {
    return new Random(Math.imul(this.#state ^ 0x9e3779b9, 2 * number + 1) ^ number);
  }
}
