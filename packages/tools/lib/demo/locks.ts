// SPDX-License-Identifier: MIT
/**
 * What the demonstration's records can be guarded with. The word at the
 * beginning of their buffer is the lock, whichever it is.
 */
import { Mutex, SpinLock } from 'rseq-slice';
import type { Thread } from 'rseq-slice';

export const LOCKS = ['mutex', 'spin', 'bare'] as const;
export type LockName = (typeof LOCKS)[number];

/** Whoever has the lock is in a section. */
export interface DemoLock {
  enter(): void;
  leave(): unknown;
}

export function openLock(name: LockName, buffer: SharedArrayBuffer, thread: Thread): DemoLock {
  switch (name) {
    case 'mutex':
      return new Mutex({ buffer, thread });
    case 'spin':
      return new SpinLock({ buffer, thread });
    case 'bare':
      return new BareLock(buffer, thread);
  }
}

const FREE = 0;
const HELD = 1;

/**
 * How a section is put around a lock of one's own: the smallest there is, which knows no waiters
 * and no dead.
 */
class BareLock implements DemoLock {
  readonly #words: Int32Array;
  readonly #thread: Thread;

  constructor(buffer: SharedArrayBuffer, thread: Thread) {
    this.#words = new Int32Array(buffer);
    this.#thread = thread;
  }

  enter(): void {
    for (;;) {
      // The request comes before the lock: else the thread may be preempted between the two.
      this.#thread.enter();
      if (Atomics.compareExchange(this.#words, 0, FREE, HELD) === FREE) return;
      this.#thread.leave();
      this.#wait();
    }
  }

  leave(): void {
    Atomics.store(this.#words, 0, FREE);
    this.#thread.leave();
  }

  /** Until the lock looks free, or for a moment; outside the section, since it may sleep. */
  #wait(): void {
    for (let i = 0; i < 100; i++) if (Atomics.load(this.#words, 0) === FREE) return;
    // Nobody notifies, so that releasing stays one store: the holder is running, or about to be,
    // and soon done.
    Atomics.wait(this.#words, 0, HELD, 0.2);
  }
}

/** Whether nobody has left the lock behind, when all its users have ended. */
export function isFree(name: LockName, buffer: SharedArrayBuffer): boolean {
  if (name === 'bare') return new Int32Array(buffer)[0] === FREE;
  const token = (name === 'mutex' ? new Mutex({ buffer }) : new SpinLock({ buffer })).tryLock();
  token?.unlock();
  return token !== null && !token.abandoned;
}
