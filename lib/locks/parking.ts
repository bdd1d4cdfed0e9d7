/**
 * Sleeping until a word is called, in the kernel where the addon is there and in
 * the engine elsewhere. Whoever sleeps in the engine (also: everybody who waits
 * asynchronously) hears `Atomics.notify` only, so a lock counts them, and who
 * wakes makes that call only when there are any.
 *
 * Nobody sleeps longer than {@link POLL} at a time: a sleeper must look now and
 * then whether the holder has died, and `worker.terminate()` cannot interrupt a
 * native call.
 */
import { constants } from 'node:os';
import { loadAddon } from '../linux/binding.ts';

/** ms; the longest sleep at a time. */
export const POLL = 50;

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
  /** Wakes at most so many who sleep on `words[index]`. */
  wake(bed: Bed, index: number, count: number): void;
}

const { ETIMEDOUT } = constants.errno;

/** The parking of the calling thread. */
export function createParking(): Parking {
  const addon = loadAddon();
  return addon.state === 'loaded' ? new KernelParking(addon.binding) : new EngineParking();
}

/** Sleeps without blocking the thread, which the promise does not keep alive. */
export async function sleepAsync({ words, sleepers }: Bed, index: number, expected: number, ms: number): Promise<Wake> {
  Atomics.add(words, sleepers, 1);
  const { value } = Atomics.waitAsync(words, index, expected, ms);
  const wake = typeof value === 'string' ? value : await value;
  Atomics.sub(words, sleepers, 1);
  return wake === 'timed-out' ? 'timed out' : 'called';
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

  wake({ words, sleepers }: Bed, index: number, count: number): void {
    // Those in the kernel first: they run at once, the others when their event loop comes round.
    const woken = Math.max(0, this.#futex.futexWake(words, index, count));
    if (woken < count && Atomics.load(words, sleepers) > 0) Atomics.notify(words, index, count - woken);
  }
}

class EngineParking implements Parking {
  sleep({ words, sleepers }: Bed, index: number, expected: number, ms: number): Wake {
    Atomics.add(words, sleepers, 1);
    const wake = Atomics.wait(words, index, expected, ms);
    Atomics.sub(words, sleepers, 1);
    return wake === 'timed-out' ? 'timed out' : 'called';
  }

  wake({ words }: Bed, index: number, count: number): void {
    Atomics.notify(words, index, count);
  }
}
