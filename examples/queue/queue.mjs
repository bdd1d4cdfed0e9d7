// SPDX-License-Identifier: MIT
// A bounded queue of values that JSON can write, for any number of producers and consumers in
// worker threads: a `Queue` of rseq-slice, whose records are bytes, with an encoder at its ends.
import { Queue } from 'rseq-slice';

const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** @param {Uint8Array} record @returns {any} */
const parse = (record) => JSON.parse(decoder.decode(record));

export class JsonQueue {
  #records;

  /** @param {Queue} records */
  constructor(records) {
    this.#records = records;
  }

  /**
   * @param {{ capacity: number, itemBytes?: number }} options how many items it holds, and how many
   * bytes one may have as JSON (default 256)
   * @returns {JsonQueue}
   */
  static create({ capacity, itemBytes = 256 }) {
    return new JsonQueue(new Queue({ capacity, recordBytes: itemBytes }));
  }

  /** @param {Queue['handle']} handle that of another thread @returns {JsonQueue} */
  static from(handle) {
    return new JsonQueue(Queue.from(handle));
  }

  /** What another thread opens the queue by. */
  get handle() {
    return this.#records.handle;
  }

  /** How many items are in it: a moment later there may be others. */
  get length() {
    return this.#records.length;
  }

  /**
   * Puts a value at the end, and waits while the queue is full. For workers: it blocks the thread.
   * @param {unknown} value
   * @throws {import('rseq-slice').RseqSliceError} `ERR_RSEQ_CLOSED`; `ERR_RSEQ_INVALID_OPTION`: it
   * is too long
   */
  put(value) {
    this.#records.push(encoder.encode(JSON.stringify(value)));
  }

  /**
   * Takes the value at the front, and waits while there is none. For workers: it blocks the thread.
   * @returns {{ value: any } | null} null: the queue is closed, and nothing is left in it
   */
  take() {
    const record = this.#records.pop();
    return record === null ? null : { value: parse(record) };
  }

  /** Nothing can be put any more; what is in the queue can still be taken. For any thread. */
  close() {
    this.#records.close();
  }

  /** The values as they come, until the queue is closed and empty. */
  async *[Symbol.asyncIterator]() {
    for await (const record of this.#records) yield parse(record);
  }
}
