// SPDX-License-Identifier: MIT
// Whether those who wait for one lock get it: that someone does while it is wanted, and that nobody
// waits long while others get it. Time is what the caller says it is, in ms, and stands still while
// the whole process does.

import { Start } from './journal.mjs';

/** @typedef {import('./history.mjs').Operation} Operation */
/** @typedef {import('./permits.mjs').Fail} Fail */

/** ms without anybody getting a lock that is wanted. */
const HANG = 2000;
/**
 * ms that one waits while others get the lock, whatever disturbs it; and in an event loop that does
 * not always come round, which loses its turns.
 */
const STARVATION = 10_000;
const EVER = 60_000;

export class Progress {
  /** @type {Map<Operation, { since: number, total: number, own: number, disturbances: number }>} */
  #waiting = new Map();
  /** How often each worker got it. @type {Map<number, number>} */
  #byWorker = new Map();
  #total = 0;
  #idle = 0;
  #longest;
  #patience;
  #fail;
  maxWait = 0;
  /** Waits in which nobody died or came late, and the longest of them. */
  calmWaits = 0;
  maxCalmWait = 0;

  /**
   * @param {{ longest: number | null, patience: number, fail: Fail }} options `longest` is how many
   * ms one may wait while nothing disturbs it, null: as long as others get it, and not for ever;
   * `patience` multiplies that, and what is taken for a hang
   */
  constructor({ longest, patience, fail }) {
    this.#longest = longest;
    this.#patience = patience;
    this.#fail = fail;
  }

  /** @param {Operation} operation @param {number} now @param {number} disturbances */
  start(operation, now, disturbances) {
    if ((operation.detail & Start.Try) !== 0) return;
    this.#waiting.set(operation, {
      since: now,
      total: this.#total,
      own: this.#byWorker.get(operation.worker) ?? 0,
      disturbances,
    });
  }

  /** @param {Operation} operation @param {number} now @param {number} disturbances */
  acquired(operation, now, disturbances) {
    const wait = this.#waiting.get(operation);
    if (wait !== undefined) {
      this.#waiting.delete(operation);
      if (!operation.isOnCondition) this.#judge(operation, wait, now, disturbances);
    }
    this.#idle = 0;
    this.#total++;
    this.#byWorker.set(operation.worker, (this.#byWorker.get(operation.worker) ?? 0) + 1);
  }

  /** It gave up or died. @param {Operation} operation */
  gone(operation) {
    this.#waiting.delete(operation);
  }

  /** All who wait on the condition now were called. @param {number} now */
  called(now) {
    for (const operation of this.#waiting.keys())
      if (operation.isOnCondition) operation.calledAt ??= now;
  }

  /**
   * Some time has passed.
   * @param {number} now
   * @param {number} passed ms since the last time
   * @param {string} holders for messages
   */
  tick(now, passed, holders) {
    const wanting = [...this.#waiting.keys()].filter(
      (operation) => !operation.isOnCondition || operation.calledAt !== undefined,
    );
    if (wanting.length > 0 && (this.#idle += passed) > HANG * this.#patience) {
      this.#idle = 0;
      this.#fail(
        'hang',
        `nobody got it for ${HANG * this.#patience} ms though ${wanting.map(describe).join(', ')} waited; ${holders}`,
      );
    }
    for (const [operation, wait] of this.#waiting) this.#watch(operation, wait, now, holders);
  }

  /** How long nobody has got it who wanted it, and whether someone sleeps who was not called. */
  get isQuiet() {
    return (
      this.#waiting.size > 0 &&
      [...this.#waiting.keys()].every(({ isOnCondition }) => isOnCondition)
    );
  }

  get total() {
    return this.#total;
  }

  /**
   * @param {Operation} operation
   * @param {{ since: number, total: number, own: number }} wait
   * @param {number} now
   * @param {string} holders
   */
  #watch(operation, { since, total, own }, now, holders) {
    const isTimed = (operation.detail & Start.Timed) !== 0;
    if (operation.isOnCondition && operation.calledAt === undefined && !isTimed) return;
    const waited =
      now - (operation.isOnCondition && !isTimed ? (operation.calledAt ?? since) : since);
    // Turns come late where many wait, and each of the dead may cost one.
    const most = operation.wasLate ? EVER : Math.max(STARVATION, this.#longest ?? 0);
    if (waited <= most * this.#patience) return;
    const overtaken = this.#overtaken(operation, total, own);
    this.#waiting.delete(operation);
    const what = operation.isOnCondition ? 'lost notification' : 'starvation';
    this.#fail(
      what,
      `${describe(operation)} waited ${Math.round(waited)} ms, and others got it ${overtaken} times meanwhile; ${holders}`,
    );
  }

  /**
   * @param {Operation} operation
   * @param {{ since: number, total: number, own: number, disturbances: number }} wait
   * @param {number} now
   * @param {number} disturbances
   */
  #judge(operation, { since, total, own, disturbances: before }, now, disturbances) {
    this.maxWait = Math.max(this.maxWait, now - since);
    // A death reorders the line; those of one worker wait for each other, and readers for writers
    // only.
    if (before !== disturbances || (operation.detail & (Start.Crowd | Start.Reading)) !== 0) return;
    this.calmWaits++;
    this.maxCalmWait = Math.max(this.maxCalmWait, now - since);
    if (this.#longest === null || now - since <= this.#longest * this.#patience) return;
    this.#fail(
      'long wait',
      `${describe(operation)} waited ${Math.round(now - since)} ms, and others got it ${this.#overtaken(operation, total, own)} times meanwhile; ${this.#longest * this.#patience} ms are the most where nothing disturbs it`,
    );
  }

  /** @param {Operation} operation @param {number} total @param {number} own */
  #overtaken({ worker }, total, own) {
    return this.#total - total - ((this.#byWorker.get(worker) ?? 0) - own);
  }
}

/** @param {Operation} operation */
function describe({ worker, op, style, isOnCondition }) {
  return `worker ${worker} (operation ${op}, ${style}${isOnCondition ? ', called on the condition' : ''})`;
}
