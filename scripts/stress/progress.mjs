// SPDX-License-Identifier: MIT
// Whether those who wait for one lock get it: that someone does while it is wanted, that nobody
// waits long while others get it, and how often each is overtaken. Time is what the caller says it
// is, in ms, and stands still while the whole process does.

import { Start } from './journal.mjs';

/** @typedef {import('./history.mjs').Operation} Operation */
/** @typedef {import('./permits.mjs').Fail} Fail */

/** ms without anybody getting a lock that is wanted. */
const HANG = 2000;
/**
 * ms that one waits while others get the lock more often than the bound allows, and however often
 * they do.
 */
const STARVATION = 10_000;
const EVER = 60_000;
/** ms between asking and lining up that a worker may spend scheduled out, for the slack. */
const STALL = 250;
const SECOND = 1000;

/**
 * @typedef {object} Bound
 * @property {number | null} overtaking by others, once a waiter has lined up; null: none is
 * promised
 */

export class Progress {
  /** @type {Map<Operation, { since: number, total: number, own: number, disturbances: number }>} */
  #waiting = new Map();
  /** How often each worker got it. @type {Map<number, number>} */
  #byWorker = new Map();
  #total = 0;
  #idle = 0;
  #second = { since: 0, total: 0 };
  #bound;
  #patience;
  #fail;
  /** Most acquisitions in one second. */
  pace = 0;
  maxWait = 0;
  maxOvertaken = 0;
  /** Waits that the overtaking was counted of. */
  counted = 0;

  /**
   * @param {{ bound: number | null, patience: number, fail: Fail }} options `patience` multiplies
   * what is taken for a hang
   */
  constructor({ bound, patience, fail }) {
    this.#bound = bound;
    this.#patience = patience;
    this.#fail = fail;
  }

  /**
   * What a wait can be overtaken besides the bound: the bound counts from lining up, and a worker
   * can be scheduled out between asking and lining up. So: as often as the lock was had at the best
   * in such a time.
   */
  get slack() {
    return this.#bound === null ? null : Math.ceil((this.pace * STALL) / SECOND);
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
    if (now - this.#second.since >= SECOND) {
      this.pace = Math.max(
        this.pace,
        ((this.#total - this.#second.total) * SECOND) / (now - this.#second.since),
      );
      this.#second = { since: now, total: this.#total };
    }
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
    if (waited <= STARVATION * this.#patience) return;
    const overtaken = this.#overtaken(operation, total, own);
    // A slow machine needs longer for as many acquisitions as may go first, and an event loop that
    // is busy loses its turn.
    const isUnfair =
      !operation.wasLate && (isTimed || overtaken > (this.#bound ?? 0) + (this.slack ?? 0));
    if (!isUnfair && waited <= EVER * this.#patience) return;
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
    this.counted++;
    const overtaken = this.#overtaken(operation, total, own);
    this.maxOvertaken = Math.max(this.maxOvertaken, overtaken);
    if (this.#bound === null || this.slack === null || overtaken <= this.#bound + this.slack)
      return;
    this.#fail(
      'overtaken',
      `${describe(operation)} was overtaken ${overtaken} times, where ${this.#bound} are promised and ${this.slack} more are allowed`,
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
