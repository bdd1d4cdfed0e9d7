// SPDX-License-Identifier: MIT
/**
 * The locks that a program would write for itself, over `Atomics` alone: the yardstick
 * of each of ours. The mutex is that of Drepper, 'Futexes Are Tricky'; the spinlock can
 * have a section of this library around it. They have no timeout and no bound, and hang
 * when a holder dies.
 */
import type { ReadWriteLock, SyncLock } from './opened.ts';

const WORD = 0;
const FREE = 0;
const HELD = 1;
/** Held, and someone may be asleep. */
const CONTENDED = 2;

/** Three states. */
export function textbookLock(words: Int32Array): SyncLock {
  let parked = 0;
  let woken = 0;
  return {
    lock() {
      if (Atomics.compareExchange(words, WORD, FREE, HELD) === FREE) return;
      while (Atomics.exchange(words, WORD, CONTENDED) !== FREE) {
        if (Atomics.wait(words, WORD, CONTENDED) === 'ok') parked++;
      }
    },
    unlock() {
      if (Atomics.exchange(words, WORD, FREE) === CONTENDED)
        woken += Atomics.notify(words, WORD, 1);
    },
    stats: () => ({ parked, woken }),
  };
}

export function bareCasLock(words: Int32Array): SyncLock {
  return {
    lock() {
      while (Atomics.compareExchange(words, WORD, FREE, HELD) !== FREE);
    },
    unlock() {
      Atomics.store(words, WORD, FREE);
    },
  };
}

export function slicedCasLock(
  words: Int32Array,
  thread: { readonly enter: () => void; readonly leave: () => unknown },
): SyncLock {
  return {
    lock() {
      for (;;) {
        // Asked for before the lock is taken: else the thread may be preempted between the two.
        thread.enter();
        if (Atomics.compareExchange(words, WORD, FREE, HELD) === FREE) return;
        // Who only waits must not ask for more time to wait.
        thread.leave();
      }
    },
    unlock() {
      Atomics.store(words, WORD, FREE);
      thread.leave();
    },
  };
}

/** How many sleep on a word, so that nobody is called who is not there. */
const WAITERS = 1;
const WRITING = -1;
const EVERYBODY = Infinity;

/** @returns whether it was woken */
function sleep(words: Int32Array, word: number, waiters: number, expected: number): boolean {
  Atomics.add(words, waiters, 1);
  const how = Atomics.wait(words, word, expected);
  Atomics.sub(words, waiters, 1);
  return how === 'ok';
}

function wake(words: Int32Array, word: number, waiters: number, count: number): number {
  return Atomics.load(words, waiters) > 0 ? Atomics.notify(words, word, count) : 0;
}

/** One word: how many read, or that someone writes. The last reader calls a writer. */
export function textbookReadWriteLock(words: Int32Array): ReadWriteLock {
  let parked = 0;
  let woken = 0;
  return {
    read: {
      lock() {
        for (;;) {
          const state = Atomics.load(words, WORD);
          if (state === WRITING) {
            if (sleep(words, WORD, WAITERS, WRITING)) parked++;
          } else if (Atomics.compareExchange(words, WORD, state, state + 1) === state) return;
        }
      },
      unlock() {
        if (Atomics.sub(words, WORD, 1) === 1) woken += wake(words, WORD, WAITERS, 1);
      },
    },
    write: {
      lock() {
        for (;;) {
          const state = Atomics.compareExchange(words, WORD, FREE, WRITING);
          if (state === FREE) return;
          if (sleep(words, WORD, WAITERS, state)) parked++;
        }
      },
      unlock() {
        Atomics.store(words, WORD, FREE);
        woken += wake(words, WORD, WAITERS, EVERYBODY);
      },
    },
    stats: () => ({ parked, woken }),
  };
}

/** One word: how many permits are left. @param words begin with that */
export function textbookSemaphore(words: Int32Array): SyncLock {
  let parked = 0;
  let woken = 0;
  return {
    lock() {
      for (;;) {
        const left = Atomics.load(words, WORD);
        if (left > 0) {
          if (Atomics.compareExchange(words, WORD, left, left - 1) === left) return;
        } else if (sleep(words, WORD, WAITERS, 0)) parked++;
      }
    },
    unlock() {
      Atomics.add(words, WORD, 1);
      woken += wake(words, WORD, WAITERS, 1);
    },
    stats: () => ({ parked, woken }),
  };
}

/** An event that is waited for under a lock: a count of how often it came. */
export interface TextbookEvent {
  /** Releases the lock, waits for the event, and takes the lock again. */
  readonly wait: (lock: SyncLock) => void;
  readonly notify: (count: number) => void;
}

export function textbookEvent(words: Int32Array): TextbookEvent {
  return {
    wait(lock) {
      // Under the lock: whatever comes after the release changes the count.
      const seen = Atomics.load(words, WORD);
      lock.unlock(undefined);
      sleep(words, WORD, WAITERS, seen);
      lock.lock();
    },
    notify(count) {
      Atomics.add(words, WORD, 1);
      wake(words, WORD, WAITERS, count);
    },
  };
}
