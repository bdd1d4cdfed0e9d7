// SPDX-License-Identifier: MIT
// A bounded queue of values that JSON can write, for any number of producers and consumers in
// worker threads. It is made of public locks alone: a Mutex guards the ring, and two Conditions let
// threads sleep until there is something to take, or room.
import { Condition, Mutex } from 'rseq-slice';

/** The queue was closed: nothing can be put any more. */
export class QueueClosedError extends Error {
  /** @override */
  name = 'QueueClosedError';
}

/**
 * Plain data, for `postMessage` and `workerData`.
 * @typedef {object} QueueHandle
 * @property {import('rseq-slice').LockHandle} mutex
 * @property {import('rseq-slice').LockHandle} filled
 * @property {import('rseq-slice').LockHandle} emptied
 * @property {SharedArrayBuffer} counters
 * @property {SharedArrayBuffer} ring
 * @property {number} capacity items
 * @property {number} itemBytes room for each, with four bytes for its length
 */

// Counters. An item is in the queue when PUT says so, and out of it when TAKEN does: each is one
// store, at the end of what is done under the lock, so the queue is right whenever a holder dies.
const PUT = 0;
const TAKEN = 1;
const CLOSED = 2;

const LENGTH_BYTES = 4;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class Queue {
  #mutex;
  #filled;
  #emptied;
  #counters;
  #ring;

  /** What another thread makes its own `Queue` of. */
  handle;

  /** @param {QueueHandle} handle */
  constructor(handle) {
    this.handle = handle;
    this.#mutex = Mutex.from(handle.mutex);
    this.#filled = Condition.from(handle.filled);
    this.#emptied = Condition.from(handle.emptied);
    this.#counters = new Uint32Array(handle.counters);
    this.#ring = new DataView(handle.ring);
  }

  /**
   * @param {{ capacity: number, itemBytes?: number }} options how many items it holds, a power
   * of two, and how many bytes one may have as JSON (default 252)
   * @throws {RangeError} capacity is no power of two
   * @returns {Queue}
   */
  static create({ capacity, itemBytes = 252 }) {
    // The counters begin anew after 2^32 items; then the next place must be the next one still.
    if (!Number.isInteger(Math.log2(capacity)))
      throw new RangeError(`capacity is a power of two, not ${capacity}.`);
    const bytes = itemBytes + LENGTH_BYTES;
    return new Queue({
      mutex: new Mutex().handle,
      filled: new Condition().handle,
      emptied: new Condition().handle,
      counters: new SharedArrayBuffer(3 * Uint32Array.BYTES_PER_ELEMENT),
      ring: new SharedArrayBuffer(capacity * bytes),
      capacity,
      itemBytes: bytes,
    });
  }

  /** The lock of the queue, for what has to be done while nobody puts or takes. */
  get mutex() {
    return this.#mutex;
  }

  /** How many items are in it: a moment later there may be others. */
  get length() {
    return (this.#count(PUT) - this.#count(TAKEN)) >>> 0;
  }

  get isClosed() {
    return this.#count(CLOSED) === 1;
  }

  /**
   * Puts a value at the end, and waits while the queue is full. For workers: it blocks the thread.
   * @param {unknown} value
   * @throws {RangeError} it is too long
   * @throws {QueueClosedError} also when the queue is closed while this waits
   */
  put(value) {
    // Everything that takes time is done before the lock is taken.
    const bytes = encoder.encode(JSON.stringify(value));
    const room = this.handle.itemBytes - LENGTH_BYTES;
    if (bytes.length > room)
      throw new RangeError(`The item has ${bytes.length} bytes, and there is room for ${room}.`);
    const token = this.#mutex.lock();
    try {
      while (!this.isClosed && this.length === this.handle.capacity) this.#emptied.wait(token);
      if (this.isClosed) throw new QueueClosedError('The queue is closed.');
      const at = this.#place(PUT);
      this.#ring.setUint32(at, bytes.length);
      new Uint8Array(this.handle.ring, at + LENGTH_BYTES).set(bytes);
      this.#add(PUT);
    } finally {
      token.unlock();
    }
    // A system call: after the lock was released, so that whoever wakes finds it free.
    this.#filled.notify();
  }

  /**
   * Takes the value at the front, and waits while there is none. For workers: it blocks the thread.
   * @returns {{ value: any } | null} null: the queue is closed, and nothing is left in it
   */
  take() {
    let bytes;
    const token = this.#mutex.lock();
    try {
      while (!this.isClosed && this.length === 0) this.#filled.wait(token);
      if (this.length === 0) return null;
      const at = this.#place(TAKEN);
      const start = at + LENGTH_BYTES;
      // A copy, because the decoder takes no shared memory, and the place is another item's soon.
      bytes = new Uint8Array(this.handle.ring, start, this.#ring.getUint32(at)).slice();
      this.#add(TAKEN);
    } finally {
      token.unlock();
    }
    this.#emptied.notify();
    return { value: JSON.parse(decoder.decode(bytes)) };
  }

  /** Nothing can be put any more; what is in the queue can still be taken. For any thread. */
  async close() {
    await this.#mutex.withLockAsync(() => {
      Atomics.store(this.#counters, CLOSED, 1);
    });
    this.#filled.notifyAll();
    this.#emptied.notifyAll();
  }

  /** @param {number} counter */
  #count(counter) {
    return Atomics.load(this.#counters, counter);
  }

  /** @param {number} counter */
  #add(counter) {
    Atomics.store(this.#counters, counter, this.#count(counter) + 1);
  }

  /** @param {number} counter @returns {number} the offset of the item that it is at */
  #place(counter) {
    return (this.#count(counter) % this.handle.capacity) * this.handle.itemBytes;
  }
}
