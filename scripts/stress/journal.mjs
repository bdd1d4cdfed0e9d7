// SPDX-License-Identifier: MIT
// What workers write down: events in a ring of each worker's own, in shared memory, so that they
// outlive it. All events of a run are in one order, by numbers from a shared counter. An event may
// be lost only when its worker dies while writing it; whoever reads must be right either way.

/** What happened. */
export const Type = {
  /** A worker is about to ask for the lock; the detail has bits of {@link Start}. */
  Start: 1,
  /**
   * It has it, for a while; bits of {@link Acquired}. At a barrier: it has passed as this one of
   * the parties; at a queue: it has pushed, or popped the record of this number.
   */
  Acquired: 2,
  /** It is about to release it. */
  Releasing: 3,
  Released: 4,
  /** It will not get it; the detail is a {@link Refusal}. */
  GaveUp: 5,
  /**
   * The holder is about to wait on the condition, which releases the lock and takes it again; bits
   * of {@link Start}.
   */
  Waiting: 6,
  /** About to notify, and done; bits of {@link Call}. */
  Calling: 7,
  Called: 8,
  /** The shared data is not as the lock promises; the detail is a code of `guarded.mjs`. */
  Violation: 9,
  /** Written by the main thread: a worker is told to end, or is ended. */
  Kill: 10,
  /** Written by the main thread: a worker has ended. All that it wrote was before this. */
  Death: 11,
};

export const Start = {
  /** The lock is wanted for reading. */
  Reading: 1,
  Timed: 2,
  Try: 4,
  /** Others of the same worker wait beside it. */
  Crowd: 8,
  /** It waits in the event loop. */
  Async: 16,
  /** A record is pushed; without it one is popped. The operation's number is that of the record. */
  Push: 32,
};
/** The lowest bit of a detail where a number stands beside the others: which queue it is. */
export const WHICH = 8;
export const Acquired = { Abandoned: 1, Notified: 2 };
export const Refusal = {
  Refused: 0,
  TimedOut: 1,
  Aborted: 2,
  /** The token was unlocked while it waited on the condition. */
  Unlocked: 3,
  /** Refused, while the lock was kept for those who had lined up in time. */
  Reserved: 4,
  /** The queue is closed, and empty if something was popped. */
  Closed: 5,
  /** The barrier is broken. */
  Broken: 6,
};
export const Call = {
  /** All, and with the lock held: whoever wrote down before that it waits is among them. */
  AllLocked: 1,
  /** What is done to a barrier, and to a queue. */
  Abort: 2,
  Reset: 3,
  Close: 4,
};

/**
 * @typedef {object} Event
 * @property {number} seq
 * @property {number} worker
 * @property {number} type
 * @property {number} subject
 * @property {number} style
 * @property {number} op
 * @property {number} detail
 */

const HEAD = 0;
const TAIL = 1;
/**
 * One more than a number that the event being written cannot be below; 0: none is being written.
 */
const IN_FLIGHT = 2;
/** What the main thread wants of this worker, see `endings.mjs`. */
const ORDER = 3;
/** The words of `pulse.mjs`. */
export const PULSE = 4;
const FIRST = 16;
const ENTRIES = 8192;
const ENTRY_WORDS = 4;
/** More than an operation writes, and those that wait beside it. */
const ROOM = 256;

/** The shared counter, the flag that ends the run, and the one that makes it calm. */
export const COUNTER = 0;
export const STOP = 1;
export const CALM = 2;
/** The number of the next operation at a queue. */
export const RECORD = 3;
const SHARED_WORDS = 4;

/** Words that all threads of a run share. */
export function createShared() {
  return new Int32Array(new SharedArrayBuffer(SHARED_WORDS * Int32Array.BYTES_PER_ELEMENT));
}

/** One worker's ring, and the few words that it shares with the main thread. */
export class Journal {
  #head = 0;
  #tail = 0;

  /**
   * @param {SharedArrayBuffer} buffer from {@link Journal.create}
   * @param {Int32Array} shared of the whole run
   */
  constructor(buffer, shared) {
    this.buffer = buffer;
    this.words = new Int32Array(buffer);
    this.shared = shared;
  }

  static create() {
    return new SharedArrayBuffer((FIRST + ENTRIES * ENTRY_WORDS) * Int32Array.BYTES_PER_ELEMENT);
  }

  /** @returns {boolean} */
  get isStopping() {
    return Atomics.load(this.shared, STOP) !== 0;
  }

  /**
   * One more than the lock that all are after now, while nothing disturbs whoever waits; 0: it is
   * not calm.
   * @returns {number}
   */
  get calm() {
    return Atomics.load(this.shared, CALM);
  }

  /** @returns {number} */
  get order() {
    return Atomics.load(this.words, ORDER);
  }

  /** @param {number} order */
  set order(order) {
    Atomics.store(this.words, ORDER, order);
  }

  /** Events so far. @returns {number} */
  get length() {
    return Atomics.load(this.words, HEAD);
  }

  /**
   * Waits until the reader has left room for an operation. Never called with a lock held.
   * @param {number} [events] that it writes besides
   */
  waitForRoom(events = 0) {
    for (;;) {
      const tail = Atomics.load(this.words, TAIL);
      if (this.#head - tail < ENTRIES - ROOM - events || this.isStopping) return;
      Atomics.wait(this.words, TAIL, tail, 20);
    }
  }

  /**
   * @param {number} type
   * @param {number} subject
   * @param {number} style
   * @param {number} op
   * @param {number} detail
   */
  write(type, subject, style, op, detail) {
    const { words } = this;
    Atomics.store(words, IN_FLIGHT, Atomics.load(this.shared, COUNTER) + 1);
    const at = FIRST + (this.#head % ENTRIES) * ENTRY_WORDS;
    words[at + 1] = type | (subject << 8) | (style << 16);
    words[at + 2] = op;
    words[at + 3] = detail;
    words[at] = Atomics.add(this.shared, COUNTER, 1);
    Atomics.store(words, HEAD, ++this.#head);
    Atomics.store(words, IN_FLIGHT, 0);
  }

  /**
   * The reader's: no event still to come from here has a number below this.
   * @param {number} sofar
   * @returns {number}
   */
  watermark(sofar) {
    const inFlight = Atomics.load(this.words, IN_FLIGHT);
    return inFlight === 0 ? sofar : Math.min(sofar, inFlight - 1);
  }

  /** The reader's: takes what is new. @param {number} worker @param {Event[]} into */
  drain(worker, into) {
    const { words } = this;
    const head = Atomics.load(words, HEAD);
    if (head === this.#tail) return;
    for (; this.#tail < head; this.#tail++) {
      const at = FIRST + (this.#tail % ENTRIES) * ENTRY_WORDS;
      const what = words[at + 1] ?? 0;
      into.push({
        seq: words[at] ?? 0,
        worker,
        type: what & 0xff,
        subject: (what >> 8) & 0xff,
        style: (what >> 16) & 0xff,
        op: words[at + 2] ?? 0,
        detail: words[at + 3] ?? 0,
      });
    }
    Atomics.store(words, TAIL, this.#tail);
    Atomics.notify(words, TAIL);
  }
}
