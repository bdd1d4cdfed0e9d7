// SPDX-License-Identifier: MIT
// Whether those who only try get a lock that nobody can have. That is known of few tries: nobody
// else may be at the lock from before the try until after it, in whatever way, nor have died there
// shortly before.

import { Start } from './journal.mjs';

/** @typedef {import('./history.mjs').Operation} Operation */
/** @typedef {import('./permits.mjs').Fail} Fail */

/** ms until a death is noticed, and the checker's own clock. */
const NOTICED = 55 + 20;

const isReading = (/** @type {Operation} */ { detail }) => (detail & Start.Reading) !== 0;

export class Tries {
  /** All who are at the lock. @type {Set<Operation>} */
  #open = new Set();
  /** Tries that nobody can be in the way of, so far. @type {Set<Operation>} */
  #certain = new Set();
  #quietFrom = -Infinity;
  #permits;
  #patience;
  #fail;
  /** Tries that were known to have to succeed. */
  counted = 0;

  /** @param {{ permits: number | 'rw', patience: number, fail: Fail }} options */
  constructor({ permits, patience, fail }) {
    this.#permits = permits;
    this.#patience = patience;
    this.#fail = fail;
  }

  /** @param {Operation} operation @param {number} now */
  start(operation, now) {
    // It may have it before those who try.
    this.#certain.clear();
    if (
      (operation.detail & Start.Try) !== 0 &&
      now >= this.#quietFrom &&
      this.#mustGetIt(operation)
    )
      this.#certain.add(operation);
    this.#open.add(operation);
  }

  /** @param {Operation} operation */
  acquired(operation) {
    if (this.#certain.delete(operation)) this.counted++;
  }

  /** It has released it. @param {Operation} operation */
  released(operation) {
    this.#open.delete(operation);
  }

  /**
   * @param {Operation} operation
   * @param {boolean} isReserved whether the lock was kept for one who is dead
   */
  gaveUp(operation, isReserved) {
    this.#open.delete(operation);
    if (!this.#certain.delete(operation) || isReserved) return;
    this.counted++;
    this.#fail(
      'refused',
      `worker ${operation.worker} tried, and did not get what nobody else can have had`,
    );
  }

  /** @param {readonly Operation[]} operations of one worker @param {number} now */
  died(operations, now) {
    for (const operation of operations) {
      this.#certain.delete(operation);
      if (this.#open.delete(operation)) this.#quietFrom = now + NOTICED * this.#patience;
    }
  }

  /** @param {Operation} operation */
  #mustGetIt(operation) {
    const others = [...this.#open];
    // It may be reserved for one who waits, or soon be that one's.
    if (others.some(({ state }) => state === 'asking')) return false;
    if (this.#permits === 'rw')
      return isReading(operation) ? others.every(isReading) : others.length === 0;
    return others.length < this.#permits;
  }
}
