// SPDX-License-Identifier: MIT
/**
 * A queue of few items between threads, over any lock and any two events that are waited for under
 * it: what a condition variable is for.
 */

/** Items in it at most. */
export const CAPACITY = 16;
/** Far apart from the lock, on lines of its own. */
export const RING_BYTES = 256;

const TAKEN = 0;
const PUT = 1;
const CLOSED = 2;
const FIRST = 16;

/** Without a lock of its own: the caller holds one. */
export class Ring {
  readonly #words: Int32Array;

  /** @param buffer of {@link RING_BYTES} */
  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer);
  }

  get length(): number {
    return ((this.#words[PUT] ?? 0) - (this.#words[TAKEN] ?? 0)) | 0;
  }

  get isClosed(): boolean {
    return this.#words[CLOSED] === 1;
  }

  close(): void {
    this.#words[CLOSED] = 1;
  }

  push(value: number): void {
    const put = this.#words[PUT] ?? 0;
    this.#words[FIRST + (put & (CAPACITY - 1))] = value;
    this.#words[PUT] = (put + 1) | 0;
  }

  shift(): number {
    const taken = this.#words[TAKEN] ?? 0;
    const value = this.#words[FIRST + (taken & (CAPACITY - 1))] ?? NaN;
    this.#words[TAKEN] = (taken + 1) | 0;
    return value;
  }
}

export interface Queue {
  /** Waits for room. @returns false: the queue is closed, and the value is not in it. */
  readonly put: (value: number) => boolean;
  /** Waits for a value. @returns -1: the queue is closed. */
  readonly take: () => number;
  /** Ends all waits. What is in it stays. */
  readonly close: () => void;
  /** What is in it, when nobody uses it any more. */
  readonly rest: () => number[];
  readonly stats?: () => Readonly<Record<string, number>>;
}

/** A lock and two events, as a queue needs them. */
export interface QueueParts<Token> {
  readonly lock: () => Token;
  readonly unlock: (token: Token) => void;
  /** Each releases the lock, waits, and takes the lock again, with a new token perhaps. */
  readonly waitForValue: (token: Token) => Token;
  readonly waitForRoom: (token: Token) => Token;
  readonly tellOfValue: (count: number) => void;
  readonly tellOfRoom: (count: number) => void;
  readonly stats?: () => Readonly<Record<string, number>>;
}

const EVERYBODY = 64;

export function createQueue<Token>(
  buffer: SharedArrayBuffer,
  { lock, unlock, waitForValue, waitForRoom, tellOfValue, tellOfRoom, stats }: QueueParts<Token>,
): Queue {
  const ring = new Ring(buffer);
  return {
    put(value) {
      let token = lock();
      while (ring.length === CAPACITY && !ring.isClosed) token = waitForRoom(token);
      const isIn = !ring.isClosed;
      if (isIn) ring.push(value);
      unlock(token);
      if (isIn) tellOfValue(1);
      return isIn;
    },
    take() {
      let token = lock();
      while (ring.length === 0 && !ring.isClosed) token = waitForValue(token);
      const value = ring.isClosed ? -1 : ring.shift();
      unlock(token);
      if (value >= 0) tellOfRoom(1);
      return value;
    },
    close() {
      const token = lock();
      ring.close();
      unlock(token);
      tellOfValue(EVERYBODY);
      tellOfRoom(EVERYBODY);
    },
    rest: () => Array.from({ length: ring.length }, () => ring.shift()),
    ...(stats === undefined ? {} : { stats }),
  };
}
