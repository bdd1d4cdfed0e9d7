// SPDX-License-Identifier: MIT
// What a worker does at queues, and writes down: it pushes and pops in every way, closes a queue
// now and then, and goes on with the next one.

import { Call, RECORD, Refusal, Start, Type, WHICH } from './journal.mjs';
import { ViolationError } from './guarded.mjs';
import { refusalOf } from './refusals.mjs';
import { readRecord, writeRecord } from './series.mjs';
import { isLineReserved } from './subjects.mjs';

/** @typedef {import('./operations.mjs').Entry} Entry */
/** @typedef {import('./barrier-ways.mjs').Desk} Desk */
/** @typedef {{ timeout?: number, signal?: AbortSignal }} Options */
/**
 * One operation: which record or pop it is, and where.
 * @typedef {Entry & { which: number }} Passage
 */

const WAYS = /** @type {const} */ ([
  'wait',
  'wait-timeout',
  'try',
  'try-timeout',
  'async',
  'async-timeout',
  'async-signal',
  'crowd',
]);
export const QUEUE_STYLES = [
  ...WAYS.flatMap((way) => [`push-${way}`, `pop-${way}`]),
  'push-beside',
  'pop-beside',
  'queue-close',
];
const BESIDE = 0.05;
/** How often it does what there is room for, or a record. */
const SENSIBLE = 0.65;
/** ms */
const SHORT = 5;
const LONG = 30;

export class QueueWays {
  #desk;
  #subject;
  #series;

  /** @param {Desk} desk @param {number} subject @param {import('./series.mjs').Series} series */
  constructor(desk, subject, series) {
    this.#desk = desk;
    this.#subject = subject;
    this.#series = series;
  }

  /** Does something. */
  async next() {
    const { random, goOnBeside, isFull } = this.#desk;
    const series = this.#series;
    if (series.takesClosing()) this.#close(series.current(true));
    if (random.chance(BESIDE) && !isFull()) goOnBeside(this.wait());
    const isPush = this.#choose();
    const way = random.pick(WAYS);
    if (way === 'crowd') {
      const count = 2 + random.below(3);
      await Promise.all(
        Array.from({ length: count }, () => this.#async(isPush, way, ...this.#limits())),
      );
    } else if (way === 'async') await this.#async(isPush, way, 0, {});
    else if (way === 'async-timeout')
      await this.#async(isPush, way, Start.Timed, { timeout: random.below(LONG) });
    else if (way === 'async-signal')
      await this.#async(isPush, way, Start.Timed, { signal: this.#desk.signal() });
    else this.#go(isPush, way);
  }

  /** Waits in the event loop, without a limit. */
  wait() {
    return this.#async(this.#choose(), 'beside', 0, {});
  }

  /** Whether to push. */
  #choose() {
    const { random } = this.#desk;
    const series = this.#series;
    const { length, capacity } = series.at(series.current(false));
    const isPush = random.chance(0.5);
    if (random.chance(SENSIBLE) && (length === 0 || length === capacity)) return length === 0;
    return isPush;
  }

  /** @returns {[number, Options]} */
  #limits() {
    const { random, signal } = this.#desk;
    const kind = random.below(3);
    if (kind === 0) return [0, {}];
    return [Start.Timed, kind === 1 ? { timeout: random.below(LONG) } : { signal: signal() }];
  }

  /**
   * @param {boolean} isPush
   * @param {'wait' | 'wait-timeout' | 'try' | 'try-timeout'} way
   */
  #go(isPush, way) {
    const { random } = this.#desk;
    const isTry = way === 'try';
    const options = way.endsWith('timeout') ? { timeout: random.next() * SHORT } : undefined;
    const how = isTry ? Start.Try : options === undefined ? 0 : Start.Timed;
    const passage = this.#start(isPush, way, how);
    const queue = this.#series.at(passage.which);
    try {
      if (isPush) {
        const record = writeRecord(passage.op);
        if (way.startsWith('try')) this.#pushed(passage, queue.tryPush(record, options), isTry);
        else {
          queue.push(record, options);
          this.#pushed(passage, true, false);
        }
      } else if (way.startsWith('try')) {
        const record = queue.tryPop(options);
        if (record !== null) this.#popped(passage, record);
        else this.#refused(passage, false, this.#refusal(passage, false, isTry));
      } else this.#popped(passage, queue.pop(options));
    } catch (error) {
      if (error instanceof ViolationError) throw error;
      this.#refused(passage, isPush, refusalOf(error));
    }
  }

  /**
   * @param {boolean} isPush
   * @param {string} way
   * @param {number} how
   * @param {Options} options
   */
  async #async(isPush, way, how, options) {
    const passage = this.#start(isPush, way, how | Start.Async);
    const queue = this.#series.at(passage.which);
    try {
      if (isPush) {
        await queue.pushAsync(writeRecord(passage.op), options);
        this.#pushed(passage, true, false);
      } else this.#popped(passage, await queue.popAsync(options));
    } catch (error) {
      if (error instanceof ViolationError) throw error;
      this.#refused(passage, isPush, refusalOf(error));
    }
  }

  /** @param {Passage} passage @param {boolean} isDone @param {boolean} isTry */
  #pushed(passage, isDone, isTry) {
    if (isDone) this.#desk.write(Type.Acquired, passage, 0);
    else this.#refused(passage, true, this.#refusal(passage, true, isTry));
  }

  /** @param {Passage} passage @param {Uint8Array | null} record */
  #popped(passage, record) {
    if (record === null) {
      this.#refused(passage, false, Refusal.Closed);
      return;
    }
    let id;
    try {
      id = readRecord(record);
    } catch (error) {
      if (error instanceof ViolationError) this.#desk.write(Type.Violation, passage, error.code);
      throw error;
    }
    this.#desk.write(Type.Acquired, passage, id);
  }

  /** @param {Passage} passage @param {boolean} isPush @param {number} refusal */
  #refused(passage, isPush, refusal) {
    this.#desk.write(Type.GaveUp, passage, refusal);
    if (refusal === Refusal.Closed) this.#series.leave(isPush, passage.which);
  }

  /** Of one that tried. @param {Passage} passage @param {boolean} isPush @param {boolean} isTry */
  #refusal({ which }, isPush, isTry) {
    if (!isTry) return Refusal.TimedOut;
    return isLineReserved(this.#series, which, isPush) ? Refusal.Reserved : Refusal.Refused;
  }

  /** @param {number} which */
  #close(which) {
    if (!this.#series.hasNext(which)) return;
    const { write, styleOf } = this.#desk;
    const entry = { subject: this.#subject, style: styleOf('queue-close'), op: 0 };
    write(Type.Calling, entry, Call.Close | (which << WHICH));
    this.#series.at(which).close();
    write(Type.Called, entry, Call.Close | (which << WHICH));
  }

  /**
   * @param {boolean} isPush
   * @param {string} way
   * @param {number} how bits of `Start`
   * @returns {Passage}
   */
  #start(isPush, way, how) {
    const { write, styleOf, journal } = this.#desk;
    const op = Atomics.add(journal.shared, RECORD, 1);
    const which = this.#series.current(isPush);
    const style = styleOf(`${isPush ? 'push' : 'pop'}-${way}`);
    const passage = { subject: this.#subject, style, op, which };
    write(Type.Start, passage, how | (isPush ? Start.Push : 0) | (which << WHICH));
    return passage;
  }
}
