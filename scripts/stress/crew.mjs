// The workers of a stress run: keeps so many alive, ends one now and then, and hands over what they wrote down in its
// order, deaths included.

import { Worker } from 'node:worker_threads';
import { CHOICES, ON_PURPOSE, order } from './endings.mjs';
import { COUNTER, Journal, STOP, Type } from './journal.mjs';

/** ms that a worker has to obey, until it is ended from outside: it may wait in its thread. */
const OBEDIENCE = 1000;
/** Events that a worker lives to write, on average: where starting takes seconds, it would die of its first operation. */
const YOUTH = 60;

/** @typedef {import('./journal.mjs').Event} Event */
/**
 * @typedef {object} Member
 * @property {number} number
 * @property {Worker} worker
 * @property {Journal} journal
 * @property {number} youth events that it lives to write, at least
 * @property {number | null} told when it was told to end
 */

export class Crew {
  /** @type {Map<number, Member>} */
  #members = new Map();
  /** Drained, and not handed over yet. @type {Event[]} */
  #events = [];
  #started = 0;
  #isStopping = false;
  #locks;
  #random;
  shared = new Int32Array(new SharedArrayBuffer(8));
  /** How workers were ended. @type {Record<string, number>} */
  kills = {};
  /** What workers failed with. @type {string[]} */
  errors = [];

  /** @param {{ kind: string, handles: object }[]} locks @param {import('./random.mjs').Random} random */
  constructor(locks, random) {
    this.#locks = locks;
    this.#random = random;
  }

  /** @param {number} count */
  start(count) {
    for (let i = 0; i < count; i++) this.#hire();
  }

  get size() {
    return this.#members.size;
  }

  get started() {
    return this.#started;
  }

  /** Ends one that has begun, in some way. */
  endOne() {
    const ready = [...this.#members.values()].filter(({ journal, told, youth }) => told === null && journal.length > youth);
    const member = ready[this.#random.below(ready.length)];
    if (member === undefined) return;
    const ending = this.#random.pick(CHOICES);
    this.kills[ending] = (this.kills[ending] ?? 0) + 1;
    member.told = performance.now();
    this.write(Type.Kill, member.number);
    order(member.journal, ending);
    if (ending === 'terminate') void member.worker.terminate();
  }

  /** Ends those that were told to, and could not obey. */
  insist() {
    const late = performance.now() - OBEDIENCE;
    for (const member of this.#members.values()) {
      if (member.told === null || member.told > late) continue;
      member.told = Infinity;
      this.kills['late'] = (this.kills['late'] ?? 0) + 1;
      void member.worker.terminate();
    }
  }

  /** From now on nobody is replaced, and everybody ends after what it does now. */
  stop() {
    this.#isStopping = true;
    Atomics.store(this.shared, STOP, 1);
  }

  /** For a run that has failed. */
  async abort() {
    this.stop();
    await Promise.all([...this.#members.values()].map(({ worker }) => worker.terminate()));
  }

  /** Takes a number for something that the main thread does. @param {number} type @param {number} worker @param {number} [subject] @param {number} [detail] */
  write(type, worker, subject = 0, detail = 0) {
    this.#events.push({ seq: Atomics.add(this.shared, COUNTER, 1), worker, type, subject, style: 0, op: 0, detail });
  }

  /** @returns {Event[]} those that no earlier one can follow any more, in their order */
  collect() {
    let below = Atomics.load(this.shared, COUNTER);
    for (const { journal } of this.#members.values()) below = journal.watermark(below);
    for (const { number, journal } of this.#members.values()) journal.drain(number, this.#events);
    this.#events.sort((a, b) => a.seq - b.seq);
    const index = this.#events.findIndex(({ seq }) => seq >= below);
    return this.#events.splice(0, index < 0 ? this.#events.length : index);
  }

  #hire() {
    const number = ++this.#started;
    const buffer = Journal.create();
    const journal = new Journal(buffer, this.shared);
    const seed = Math.floor(this.#random.fork(number).next() * 2 ** 32);
    const workerData = { worker: number, seed, journal: buffer, shared: this.shared, locks: this.#locks };
    const worker = new Worker(new URL('worker.mjs', import.meta.url), { workerData });
    this.#members.set(number, { number, worker, journal, youth: this.#random.gap(YOUTH), told: null });
    worker.on('error', (error) => {
      if (error.message !== ON_PURPOSE) this.errors.push(`worker ${number}: ${error.stack ?? error.message}`);
    });
    worker.once('exit', () => {
      // First all that it wrote, then that it will write nothing more.
      journal.drain(number, this.#events);
      this.#members.delete(number);
      this.write(Type.Death, number);
      if (!this.#isStopping) this.#hire();
    });
  }
}
