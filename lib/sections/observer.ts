// SPDX-License-Identifier: MIT
/**
 * Who is told of what a thread and its locks do: someone above, who is handed in. What is told is
 * all off the hot path, since a lock that is free has nothing to tell; the sections themselves are
 * watched by a thread of another class.
 */
import type { Thread } from './thread.ts';

/**
 * Told of one lock in one thread. Asynchronous waits are not told: the thread does something else.
 */
export interface LockObserver {
  /** @param wait returns how the lock was taken: odd from a dead holder; throws when it gives up */
  waiting(wait: () => number): number;
  /** @param release also calls those who wait */
  releasing(release: () => void): void;
}

export interface ThreadObserver {
  /**
   * @param kind index in the list of kinds
   * @param words of the lock
   * @param name index of a word that is the observers', 0 at first
   */
  lock(kind: number, words: Int32Array, name: number): LockObserver;
  /**
   * Of a notification nobody's release is told.
   * @param kind as above
   * @param wait returns whether it came
   */
  notification(kind: number, wait: () => boolean): boolean;
}

const observers = new WeakMap<Thread, ThreadObserver>();

/** From now on tells someone of a thread. */
export function observe(thread: Thread, observer: ThreadObserver): void {
  observers.set(thread, observer);
}

/** null: nobody is told of it. */
export function observerOf(thread: Thread | null): ThreadObserver | null {
  return thread === null ? null : (observers.get(thread) ?? null);
}
