// SPDX-License-Identifier: MIT
// Queues, one after the other in one memory: a queue that is closed stays so, and the workers go on
// with the next one. Those who push may be further on than those who pop what is left. And what is
// pushed: records that say which they are, and show when they are torn.

import { POPPERS } from '../../dist/locks/engine/ring.js';
import { TURNSTILE_WORDS } from '../../dist/locks/engine/turnstile.js';
import { Violation, ViolationError } from './guarded.mjs';

/** @typedef {import('rseq-slice').Queue} Queue */

/** Words that all share: where those who push and pop are, and whether one is to be closed. */
const PUSH_AT = 0;
const POP_AT = 1;
const TO_CLOSE = 2;
const COUNT = 16_384;
const RECORD_BYTES = 32;
const ID_BYTES = 4;
/** How many records one after the other holds: small ones are full and empty more often. */
const CAPACITIES = [1, 2, 3, 8];
const MOST = Math.max(...CAPACITIES);

/** @param {number} which */
export function capacityOf(which) {
  return CAPACITIES[which % CAPACITIES.length] ?? 1;
}

export class Series {
  #library;
  #buffer;
  #words;
  #size;
  /** @type {Map<number, Queue>} */
  #queues = new Map();

  /**
   * @param {typeof import('rseq-slice')} library
   * @param {{ buffer: SharedArrayBuffer, words: SharedArrayBuffer } | null} handles null: new ones
   */
  constructor(library, handles) {
    this.#library = library;
    this.#size = library.Queue.byteLength({ capacity: MOST, recordBytes: RECORD_BYTES });
    this.#buffer = handles?.buffer ?? new SharedArrayBuffer(COUNT * this.#size);
    this.#words = new Int32Array(handles?.words ?? new SharedArrayBuffer(16));
  }

  get handles() {
    return { buffer: this.#buffer, words: this.#words.buffer };
  }

  /** @param {number} which @returns {Queue} */
  at(which) {
    let queue = this.#queues.get(which);
    if (queue === undefined) {
      queue = new this.#library.Queue({
        buffer: this.#buffer,
        byteOffset: which * this.#size,
        capacity: capacityOf(which),
        recordBytes: RECORD_BYTES,
      });
      this.#queues.set(which, queue);
      // Of those long past nothing is wanted any more.
      for (const old of this.#queues.keys()) {
        if (old >= which - MOST) break;
        this.#queues.delete(old);
      }
    }
    return queue;
  }

  /** Where those who push are, or those who pop. @param {boolean} isPush */
  current(isPush) {
    return Atomics.load(this.#words, isPush ? PUSH_AT : POP_AT);
  }

  /**
   * One was found closed, and empty by those who pop.
   * @param {boolean} isPush @param {number} which
   */
  leave(isPush, which) {
    Atomics.compareExchange(this.#words, isPush ? PUSH_AT : POP_AT, which, which + 1);
  }

  /** Whether there is one after this. @param {number} which */
  hasNext(which) {
    return which + 1 < COUNT;
  }

  /** Someone is to close the queue. */
  wantClosed() {
    Atomics.store(this.#words, TO_CLOSE, 1);
  }

  /** Whether it is the caller who is to. */
  takesClosing() {
    return (
      Atomics.load(this.#words, TO_CLOSE) !== 0 && Atomics.exchange(this.#words, TO_CLOSE, 0) !== 0
    );
  }

  /** The line of those who push, or pop. @param {number} which @param {boolean} isPush */
  line(which, isPush) {
    const first = which * this.#size + (isPush ? 0 : POPPERS * Int32Array.BYTES_PER_ELEMENT);
    return new Int32Array(this.#buffer, first, TURNSTILE_WORDS);
  }

  /** All words of one. @param {number} which */
  wordsOf(which) {
    return new Int32Array(
      this.#buffer,
      which * this.#size,
      this.#size / Int32Array.BYTES_PER_ELEMENT,
    );
  }
}

const lengthOf = (/** @type {number} */ id) => ID_BYTES + (id % (RECORD_BYTES - ID_BYTES + 1));
const byteOf = (/** @type {number} */ id, /** @type {number} */ at) => (id + 7 * at) & 0xff;

/** @param {number} id */
export function writeRecord(id) {
  const record = new Uint8Array(lengthOf(id));
  new DataView(record.buffer).setInt32(0, id);
  for (let at = ID_BYTES; at < record.length; at++) record[at] = byteOf(id, at);
  return record;
}

/** @param {Uint8Array} record @returns {number} which it is */
export function readRecord(record) {
  if (record.length < ID_BYTES) throw new ViolationError(Violation.Record);
  const id = new DataView(record.buffer, record.byteOffset).getInt32(0);
  if (record.length !== lengthOf(id)) throw new ViolationError(Violation.Record);
  for (let at = ID_BYTES; at < record.length; at++)
    if (record[at] !== byteOf(id, at)) throw new ViolationError(Violation.Record);
  return id;
}
