// SPDX-License-Identifier: MIT
// Whether a worker's event loop comes round: it writes down when it last did, and how often it was
// late. What a lock promises to those who wait in an event loop, it promises to one that comes
// round.

import { readlinkSync } from 'node:fs';
import { PULSE } from './journal.mjs';

/** @typedef {import('./journal.mjs').Journal} Journal */

const LAST = PULSE;
const LATE = PULSE + 1;
const THREAD = PULSE + 2;
/** ms between two beats. */
const BEAT = 5;
/** ms that an event loop may take until it comes round: then the locks count on it no longer. */
const LATEST = 10;

/** ms on a clock that all threads share, as 32 bits. */
function sharedNow() {
  const [seconds, nanoseconds] = process.hrtime();
  return (seconds * 1000 + nanoseconds / 1e6) | 0;
}

/** The worker's part. @param {Journal} journal */
export function startPulse({ words }) {
  let last = sharedNow();
  const beat = () => {
    const now = sharedNow();
    if (((now - last) | 0) > BEAT + LATEST) Atomics.add(words, LATE, 1);
    last = now;
    Atomics.store(words, LAST, now);
  };
  beat();
  Atomics.store(words, THREAD, ownThread());
  setInterval(beat, BEAT).unref();
}

/** The kernel's number of the calling thread; 0: unknown. */
function ownThread() {
  try {
    return Number(readlinkSync('/proc/thread-self').split('/').at(-1));
  } catch {
    return 0;
  }
}

/** The main thread's part, one for each worker. */
export class Pulse {
  #words;
  #seen = 0;

  /** @param {Journal} journal */
  constructor({ words }) {
    this.#words = words;
  }

  /**
   * Whether its event loop was late since this was asked last, or is now. One that has not begun
   * is.
   */
  wasLate() {
    const late = Atomics.load(this.#words, LATE);
    const last = Atomics.load(this.#words, LAST);
    const isNew = late !== this.#seen;
    this.#seen = late;
    return isNew || last === 0 || ((sharedNow() - last) | 0) > BEAT + LATEST;
  }

  /** The kernel's number of the worker's thread; 0: unknown. */
  get thread() {
    return Atomics.load(this.#words, THREAD);
  }
}
