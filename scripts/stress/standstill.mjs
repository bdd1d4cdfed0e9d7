// SPDX-License-Identifier: MIT
// Whether anything moves at a lock that someone could have: nobody holds it, or not so many as
// may, someone waits for it whose thread sleeps in it or whose event loop comes round, and nobody
// takes it. A wake-up that was lost looks like this, until someone looks by himself.
//
// Three things are excused, and how much of each there was is printed: threads that had no CPU,
// which may have the lock already and cannot say so; deaths, which are noticed within so many ms;
// and what a lock stays reserved for the dead.

import { Start } from './journal.mjs';

/** @typedef {import('./history.mjs').Operation} Operation */
/** @typedef {import('./permits.mjs').Fail} Fail */

/**
 * What is known of the time that has passed, beside events.
 * @typedef {object} Look
 * @property {(worker: number) => number} lost ms of it that a worker wanted a CPU and had none
 * @property {ReadonlySet<number>} late workers whose event loops did not come round
 * @property {ReadonlySet<number>} dying workers that were told to end, and have not ended yet
 * @property {boolean} isReserved whether it is kept for those who lined up in time, some of whom
 * may be dead
 */

/** ms. */
const LONGEST = 100;
/**
 * ms until a death is noticed: that long a thread is taken for alive, and that long a waiter
 * sleeps; and the checker's own clock.
 */
const NOTICED = 5 + 50 + 20;
/** ms that a lock stays reserved for a waiter which is dead, since it was released last. */
const LEASE = 250 + 20;
/** ms; of what is over later than this, most was ended by someone who looked by himself. */
const LATE = 20;
/** ms from the last event until the first look after it, at most. */
const FRESH = -20;
/** ms in which others can have opened the gate by force, whatever the reason. */
const STALL = 200;

const isReading = (/** @type {Operation} */ { detail }) => (detail & Start.Reading) !== 0;
const isAsync = (/** @type {Operation} */ { detail }) => (detail & Start.Async) !== 0;

export class Standstill {
  /** @type {Set<Operation>} */
  #holding = new Set();
  /**
   * Those who ask, tries included, and for how many ms each could have had it while nothing moved.
   * @type {Map<Operation, number>}
   */
  #asking = new Map();
  #permits;
  #hasRoom;
  #patience;
  #fail;
  #words;
  #deathUntil = -Infinity;
  /** ms of excuse since something moved. */
  #reserved = 0;
  #hasFailed = false;
  longest = 0;
  /** How often it was over late. */
  late = 0;
  /** ms. */
  excused = { noCpu: 0, deaths: 0, reserved: 0 };

  /**
   * @param {object} options
   * @param {number | 'rw'} options.permits
   * @param {number} options.patience multiplies what is too long
   * @param {Fail} options.fail
   * @param {() => string} options.words the lock's words as they are, for the message
   * @param {() => boolean} [options.hasRoom] where nobody holds anything: whether whoever asks
   * could have what it asks for
   */
  constructor({ permits, patience, fail, words, hasRoom }) {
    this.#permits = permits;
    this.#hasRoom = hasRoom;
    this.#patience = patience;
    this.#fail = fail;
    this.#words = words;
  }

  /** Someone asks, or waits on the condition. @param {Operation} operation */
  start(operation) {
    if (this.#holding.delete(operation)) this.#moved(false);
    this.#asking.set(operation, FRESH);
  }

  /** @param {Operation} operation */
  acquired(operation) {
    this.#asking.delete(operation);
    this.#holding.add(operation);
    this.#moved(true);
  }

  /** @param {Operation} operation */
  released(operation) {
    this.#holding.delete(operation);
    this.#moved(false);
  }

  /** @param {Operation} operation */
  gaveUp(operation) {
    this.#asking.delete(operation);
  }

  /** It has what it asked for, and holds nothing. @param {Operation} operation */
  done(operation) {
    this.#asking.delete(operation);
    this.#moved(true);
  }

  /** Someone died who may have been about to call others. @param {number} now */
  excuseDeath(now) {
    this.#deathUntil = now + NOTICED * this.#patience;
  }

  /** @param {readonly Operation[]} operations of one worker @param {number} now */
  died(operations, now) {
    for (const operation of operations) {
      const wasHere = this.#asking.delete(operation);
      if (this.#holding.delete(operation) || wasHere) this.excuseDeath(now);
    }
  }

  /** Whether a {@link tick} would count. */
  get isStill() {
    return [...this.#asking.keys()].some(
      (operation) => this.#isWaiting(operation) && this.#hasRoomFor(operation),
    );
  }

  /**
   * Some time has passed.
   * @param {number} now
   * @param {number} passed ms since the last time
   * @param {Look} look
   * @returns whether so much that the lock may have been taken from those it was reserved for
   */
  tick(now, passed, look) {
    if (!this.isStill) {
      for (const operation of this.#asking.keys()) this.#asking.set(operation, FRESH);
      return false;
    }
    const counted = this.#count(now, passed, look);
    let isStalled = false;
    for (const [operation, before] of this.#asking) {
      const isAble =
        this.#isWaiting(operation) &&
        this.#hasRoomFor(operation) &&
        !(isAsync(operation) && look.late.has(operation.worker));
      const still = isAble ? before + counted : FRESH;
      this.#asking.set(operation, still);
      this.longest = Math.max(this.longest, still);
      isStalled ||= still + passed - counted > STALL;
      if (still >= LONGEST * this.#patience) this.#report(operation, still);
    }
    return isStalled;
  }

  /**
   * How much of the time that has passed counts.
   * @param {number} now
   * @param {number} passed
   * @param {Look} look
   */
  #count(now, passed, { lost, late, dying, isReserved }) {
    const others = [...this.#asking.keys(), ...this.#holding];
    if (now < this.#deathUntil || others.some(({ worker }) => dying.has(worker))) {
      this.excused.deaths += passed;
      return 0;
    }
    if (isReserved && this.#reserved < LEASE * this.#patience) {
      this.#reserved += passed;
      this.excused.reserved += passed;
      return 0;
    }
    // Whoever asks may have it already, unless its event loop does not come round: then it is in
    // nobody's way.
    const movers = new Set(
      [...this.#asking.keys()]
        .filter((operation) => !isAsync(operation) || !late.has(operation.worker))
        .map(({ worker }) => worker),
    );
    const noCpu = Math.min(passed, Math.max(0, ...[...movers].map(lost)));
    this.excused.noCpu += noCpu;
    return passed - noCpu;
  }

  /** @param {Operation} operation */
  #isWaiting({ detail, isOnCondition, calledAt }) {
    return (detail & Start.Try) === 0 && (!isOnCondition || calledAt !== undefined);
  }

  /** @param {Operation} operation */
  #hasRoomFor(operation) {
    if (this.#hasRoom !== undefined) return this.#hasRoom();
    if (this.#permits !== 'rw') return this.#holding.size < this.#permits;
    if (this.#holding.size === 0) return true;
    return (
      isReading(operation) &&
      [...this.#holding].every(isReading) &&
      [...this.#asking.keys()].every(isReading)
    );
  }

  /** @param {boolean} isTaken */
  #moved(isTaken) {
    let longest = 0;
    this.#reserved = 0;
    for (const [operation, still] of this.#asking) {
      longest = Math.max(longest, still);
      this.#asking.set(operation, FRESH);
    }
    if (isTaken && longest >= LATE * this.#patience) this.late++;
  }

  /** @param {Operation} operation @param {number} still */
  #report({ worker, op, style }, still) {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    const others = [...this.#asking.keys()]
      .map((other) => `worker ${other.worker} (operation ${other.op}, ${other.style})`)
      .join(', ');
    const free =
      this.#hasRoom !== undefined
        ? 'what it waits for is there'
        : this.#holding.size === 0
          ? 'nobody holds it'
          : `only ${this.#holding.size} hold it`;
    this.#fail(
      'standstill',
      `${free}, and nothing moved for ${Math.round(still)} ms though worker ${worker} (operation ${op}, ${style}) waits; ` +
        `all who ask: ${others}; its words: ${this.#words()}`,
    );
  }
}
