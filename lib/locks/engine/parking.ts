// SPDX-License-Identifier: MIT
/**
 * How long threads and event loops sleep on a word of a lock, and how an event loop does. How a
 * thread does is up to the host.
 *
 * No thread sleeps longer than {@link POLL} at a time: a sleeper must look now and then whether the
 * holder has died, and `worker.terminate()` cannot interrupt a native call.
 */

/** ms; the longest sleep of a thread at a time. */
export const POLL = 50;
/**
 * ms; the longest sleep in an event loop at a time: one that is not waited for any more is
 * forgotten by then.
 */
const LONGEST_SLEEP = 5000;

/**
 * An event loop's sleep on one word. There is one at a time, however many wait
 * for it and however often: the engine cannot be told to forget one.
 */
export class EventLoopSleep {
  readonly #words: Int32Array;
  readonly #index: number;
  readonly #woken: () => void;
  #isAsleep = false;

  /** @param woken called in the event loop whenever the word was notified, or the sleep was long */
  constructor(words: Int32Array, index: number, woken: () => void) {
    this.#words = words;
    this.#index = index;
    this.#woken = woken;
  }

  /**
   * Sleeps, or goes on to, unless the word has changed.
   * @param expected what it was before the caller looked at what it waits for
   * @returns false: it has changed, so look again.
   */
  sleep(expected: number): boolean {
    // A sleep that is still under way hears whatever comes after it began, and its end is still to
    // come.
    if (this.#isAsleep) return true;
    const { value } = Atomics.waitAsync(this.#words, this.#index, expected, LONGEST_SLEEP);
    if (typeof value === 'string') return false;
    this.#isAsleep = true;
    void value.then(() => {
      this.#isAsleep = false;
      this.#woken();
    });
    return true;
  }
}

/** Wakes every event loop that sleeps on a word. */
export function wakeEventLoops(words: Int32Array, index: number): void {
  Atomics.notify(words, index);
}
