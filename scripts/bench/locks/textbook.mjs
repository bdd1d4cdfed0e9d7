// SPDX-License-Identifier: MIT
// The locks that a program would write for itself. The first is the mutex of Drepper, 'Futexes Are
// Tricky', over Atomics.wait and Atomics.notify; the second spins on compare-and-swap, and can have
// a section of rseq-slice around it.

/** @typedef {import('../../../packages/tools/lib/bench/locks/kinds.ts').SyncLock} SyncLock */

const WORD = 0;
const FREE = 0;
const HELD = 1;
/** Held, and someone may be asleep. */
const CONTENDED = 2;

/** @param {Int32Array} words @returns {SyncLock} */
export function textbookLock(words) {
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

/** @param {Int32Array} words @returns {SyncLock} */
export function bareCasLock(words) {
  return {
    lock() {
      while (Atomics.compareExchange(words, WORD, FREE, HELD) !== FREE);
    },
    unlock() {
      Atomics.store(words, WORD, FREE);
    },
  };
}

/**
 * @param {Int32Array} words
 * @param {{ enter: () => void, leave: () => unknown }} thread
 * @returns {SyncLock}
 */
export function slicedCasLock(words, thread) {
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
