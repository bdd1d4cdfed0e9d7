// SPDX-License-Identifier: MIT
// The workers of a stress run: keeps so many alive, ends one now and then, and hands over what they
// wrote down in its order, deaths included. They differ: half of them use another copy of the
// package, some have no addon.

import { Worker } from 'node:worker_threads';
import { CHOICES, ON_PURPOSE, order } from './endings.mjs';
import { CALM, COUNTER, createShared, Journal, STOP, Type } from './journal.mjs';
import { Pulse } from './pulse.mjs';

/** ms that a worker has to obey, until it is ended from outside: it may wait in its thread. */
const OBEDIENCE = 1000;
/**
 * Events that a worker lives to write, on average: where starting takes seconds, it would die of
 * its first operation.
 */
const YOUTH = 60;
/** How many have no addon where the others do. */
const WITHOUT_ADDON = 0.25;

/** @typedef {import('./journal.mjs').Event} Event */
/**
 * @typedef {object} Member
 * @property {number} number
 * @property {Worker} worker
 * @property {Journal} journal
 * @property {Pulse} pulse
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
  #libraries;
  #planted;
  #random;
  shared = createShared();
  /** How many used each copy of the package, and how many had no addon. */
  kinds = { original: 0, copy: 0, withoutAddon: 0 };
  /** How workers were ended. @type {Record<string, number>} */
  kills = {};
  /** What workers failed with. @type {string[]} */
  errors = [];

  /**
   * @param {object} options
   * @param {{ kind: string, handles: object }[]} options.locks
   * @param {{ original: string, copy: string }} options.libraries URLs of two copies of the package
   * @param {string | null} options.planted a mistake that workers make
   * @param {import('./random.mjs').Random} options.random
   */
  constructor({ locks, libraries, planted, random }) {
    this.#locks = locks;
    this.#libraries = libraries;
    this.#planted = planted;
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
    const ready = [...this.#members.values()].filter(
      ({ journal, told, youth }) => told === null && journal.length > youth,
    );
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

  /**
   * Workers disturb nobody for a while, and are all after one lock.
   * @param {number | null} subject null: not any more
   */
  calm(subject) {
    Atomics.store(this.shared, CALM, subject === null ? 0 : subject + 1);
  }

  /** Those whose event loops were late since this was asked last. @returns {Set<number>} */
  late() {
    return new Set(
      [...this.#members.values()]
        .filter(({ pulse }) => pulse.wasLate())
        .map(({ number }) => number),
    );
  }

  /** The kernel's number of a worker's thread; 0: it is not known. @param {number} worker */
  threadOf(worker) {
    return this.#members.get(worker)?.pulse.thread ?? 0;
  }

  /** For a run that has failed. */
  async abort() {
    this.stop();
    await Promise.all([...this.#members.values()].map(({ worker }) => worker.terminate()));
  }

  /**
   * Takes a number for something that the main thread does.
   * @param {number} type
   * @param {number} worker
   * @param {number} [subject]
   * @param {number} [detail]
   */
  write(type, worker, subject = 0, detail = 0) {
    this.#events.push({
      seq: Atomics.add(this.shared, COUNTER, 1),
      worker,
      type,
      subject,
      style: 0,
      op: 0,
      detail,
    });
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

  /** Whether events are there that an earlier one may follow yet. */
  get isBehind() {
    return this.#events.length > 0;
  }

  #hire() {
    const number = ++this.#started;
    const buffer = Journal.create();
    const journal = new Journal(buffer, this.shared);
    const random = this.#random.fork(number);
    const seed = Math.floor(random.next() * 2 ** 32);
    const copy = random.chance(0.5) ? 'copy' : 'original';
    const hasNoAddon = random.chance(WITHOUT_ADDON);
    this.kinds[copy]++;
    if (hasNoAddon) this.kinds.withoutAddon++;
    const workerData = {
      worker: number,
      seed,
      library: this.#libraries[copy],
      planted: this.#planted,
      journal: buffer,
      shared: this.shared,
      locks: this.#locks,
    };
    const execArgv = hasNoAddon ? [...process.execArgv, '--no-addons'] : process.execArgv;
    const worker = new Worker(new URL('worker.mjs', import.meta.url), { workerData, execArgv });
    this.#members.set(number, {
      number,
      worker,
      journal,
      pulse: new Pulse(journal),
      youth: this.#random.gap(YOUTH),
      told: null,
    });
    worker.on('error', (error) => {
      if (error.message !== ON_PURPOSE)
        this.errors.push(`worker ${number}: ${error.stack ?? error.message}`);
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
