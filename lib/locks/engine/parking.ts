// SPDX-License-Identifier: MIT
/**
 * Sleeping until a word is called: in the kernel where the addon is there, in
 * the engine elsewhere, and in the event loop. Whoever sleeps in the engine
 * hears `Atomics.notify` only, so a lock knows of them, and who wakes makes that
 * call only when there are any.
 *
 * No thread sleeps longer than {@link POLL} at a time: a sleeper must look now
 * and then whether the holder has died, and `worker.terminate()` cannot
 * interrupt a native call.
 */
import { constants } from 'node:os';
import { loadAddon } from '../../host/linux/binding.ts';

/** ms; the longest sleep of a thread at a time. */
export const POLL = 50;
/**
 * ms; the longest sleep in an event loop at a time: one that is not waited for any more is
 * forgotten by then.
 */
const LONGEST_SLEEP = 5000;

/** Whether a sleeper was called, or has slept as long as it was to. */
export type Wake = 'called' | 'timed out';

/** A word to sleep on, and where those are counted who sleep on it in the engine. */
export interface Bed {
  readonly words: Int32Array;
  /** Index of that count. */
  readonly sleepers: number;
}

/** How the calling thread sleeps, and wakes others. */
export interface Parking {
  /** Sleeps while `words[index]` is `expected`, for at most `ms`. */
  sleep(bed: Bed, index: number, expected: number, ms: number): Wake;
  /** Wakes at most so many threads that sleep on `words[index]`. @returns how many it woke */
  wake(bed: Bed, index: number, count: number): number;
}

const { ETIMEDOUT } = constants.errno;

/** The parking of the calling thread. */
export function createParking(): Parking {
  const addon = loadAddon();
  return addon.state === 'loaded' ? new KernelParking(addon.binding) : new EngineParking();
}

interface Futex {
  futexWait(words: Int32Array, index: number, expected: number, ms: number): number;
  futexWake(words: Int32Array, index: number, count: number): number;
}

class KernelParking implements Parking {
  readonly #futex: Futex;

  constructor(futex: Futex) {
    this.#futex = futex;
  }

  sleep({ words }: Bed, index: number, expected: number, ms: number): Wake {
    return this.#futex.futexWait(words, index, expected, ms) === ETIMEDOUT ? 'timed out' : 'called';
  }

  wake({ words, sleepers }: Bed, index: number, count: number): number {
    const woken = Math.max(0, this.#futex.futexWake(words, index, Math.min(count, 0x7fff_ffff)));
    if (woken >= count || Atomics.load(words, sleepers) <= 0) return woken;
    return woken + Atomics.notify(words, index, count - woken);
  }
}

class EngineParking implements Parking {
  sleep({ words, sleepers }: Bed, index: number, expected: number, ms: number): Wake {
    Atomics.add(words, sleepers, 1);
    const wake = Atomics.wait(words, index, expected, ms);
    Atomics.sub(words, sleepers, 1);
    return wake === 'timed-out' ? 'timed out' : 'called';
  }

  wake({ words }: Bed, index: number, count: number): number {
    return Atomics.notify(words, index, count);
  }
}

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
