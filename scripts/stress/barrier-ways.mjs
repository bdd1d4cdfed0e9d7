// SPDX-License-Identifier: MIT
// What a worker does at a barrier, and writes down: it waits in every way, breaks it now and then,
// and makes it as new when it has found it broken.

import { generationOf, readState } from '../../dist/locks/engine/arrivals.js';
import { Call, Refusal, Start, Type, WHICH } from './journal.mjs';
import { refusalOf } from './refusals.mjs';

/** @typedef {import('./operations.mjs').Entry} Entry */
/**
 * What a worker has for all that it does.
 * @typedef {object} Desk
 * @property {import('./journal.mjs').Journal} journal
 * @property {import('./random.mjs').Random} random
 * @property {(name: string) => number} styleOf
 * @property {(type: number, entry: Entry, detail: number) => void} write
 * @property {() => number} nextOp
 * @property {() => AbortSignal} signal that is aborted some time, or has been
 * @property {(operation: Promise<unknown>) => void} goOnBeside
 * @property {() => boolean} isFull whether there is enough beside
 */

/** Most wait without a limit, since one that gives up breaks it for all. */
const WAITS = /** @type {const} */ ([
  'barrier-wait',
  'barrier-wait',
  'barrier-wait',
  'barrier-wait',
  'barrier-wait-timeout',
  'barrier-async',
  'barrier-async',
  'barrier-async-timeout',
  'barrier-async-signal',
]);
const CALM_WAITS = /** @type {const} */ (['barrier-wait', 'barrier-async']);
export const BARRIER_STYLES = [...new Set(WAITS), 'barrier-beside', 'barrier-call'];

const ABORT = 0.005;
const RESET = 0.005;
const BESIDE = 0.05;
/** How often one that finds it broken makes it as new. */
const MEND = 0.5;
/** ms */
const SHORT = 5;
const LONG = 80;

export class BarrierWays {
  #desk;
  #subject;
  #barrier;
  #words;

  /** @param {Desk} desk @param {number} subject @param {import('rseq-slice').Barrier} barrier */
  constructor(desk, subject, barrier) {
    this.#desk = desk;
    this.#subject = subject;
    this.#barrier = barrier;
    const { buffer, byteOffset } = barrier.handle;
    this.#words = new Int32Array(buffer, byteOffset);
  }

  /** Does something. */
  async next() {
    const { random, goOnBeside, isFull, journal } = this.#desk;
    const isCalm = journal.calm !== 0;
    if (!isCalm && random.chance(ABORT)) this.#call(Call.Abort);
    if (!isCalm && random.chance(RESET)) this.#call(Call.Reset);
    if (random.chance(BESIDE) && !isFull()) goOnBeside(this.wait());
    await this.#wait(random.pick(isCalm ? CALM_WAITS : WAITS));
  }

  /** Waits in the event loop, without a limit. */
  wait() {
    return this.#waitAsync('barrier-beside', 0, {});
  }

  /** @param {(typeof WAITS)[number]} name */
  async #wait(name) {
    const { signal } = this.#desk;
    if (name === 'barrier-async') return this.#waitAsync(name, 0, {});
    if (name === 'barrier-async-signal')
      return this.#waitAsync(name, Start.Timed, { signal: signal() });
    if (name === 'barrier-async-timeout')
      return this.#waitAsync(name, Start.Timed, { timeout: this.#timeout() });
    const isTimed = name === 'barrier-wait-timeout';
    const entry = this.#start(name, isTimed ? Start.Timed : 0);
    try {
      const place = isTimed
        ? this.#barrier.wait({ timeout: this.#timeout() })
        : this.#barrier.wait();
      this.#desk.write(Type.Acquired, entry, place | this.#generation());
    } catch (error) {
      this.#refused(entry, refusalOf(error));
    }
    return undefined;
  }

  /**
   * @param {string} name
   * @param {number} how bits of `Start`
   * @param {{ timeout?: number, signal?: AbortSignal }} options
   */
  async #waitAsync(name, how, options) {
    const entry = this.#start(name, how | Start.Async);
    // Then it does not arrive.
    const isLate = options.signal?.aborted === true;
    try {
      const place = await this.#barrier.waitAsync(options);
      this.#desk.write(Type.Acquired, entry, place | this.#generation());
    } catch (error) {
      this.#refused(entry, isLate ? Refusal.Refused : refusalOf(error));
    }
  }

  /** @param {Entry} entry @param {number} refusal */
  #refused(entry, refusal) {
    this.#desk.write(Type.GaveUp, entry, refusal | this.#generation());
    // Whoever gave up has broken it; another one may have made it as new since.
    if (this.#barrier.broken && this.#desk.random.chance(MEND)) this.#call(Call.Reset);
  }

  /** @param {number} what */
  #call(what) {
    const { write, styleOf } = this.#desk;
    const entry = { subject: this.#subject, style: styleOf('barrier-call'), op: 0 };
    write(Type.Calling, entry, what);
    if (what === Call.Reset) this.#barrier.reset();
    else this.#barrier.abort();
    write(Type.Called, entry, what);
  }

  /** @param {string} name @param {number} how */
  #start(name, how) {
    const { write, styleOf, nextOp } = this.#desk;
    const entry = { subject: this.#subject, style: styleOf(name), op: nextOp() };
    write(Type.Start, entry, how | this.#generation());
    return entry;
  }

  /** Which one there is now, where a detail has it. */
  #generation() {
    return generationOf(readState(this.#words)) << WHICH;
  }

  #timeout() {
    const { random } = this.#desk;
    return random.chance(0.1) ? 0 : random.chance(0.3) ? random.next() * SHORT : random.below(LONG);
  }
}
