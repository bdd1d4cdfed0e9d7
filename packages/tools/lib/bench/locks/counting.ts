// SPDX-License-Identifier: MIT
/**
 * Counts what a lock does, whatever the machine: operations on shared words, system
 * calls, sleeps and calls that wake. The engine's `Atomics` and the addon's futex are
 * replaced in the thread that measures, before it loads any lock, so that neither this
 * library nor another has anything to count on its way. Counting takes time, so it is
 * done in a pass of its own, and what is timed is never counted.
 */
import type { Binding } from 'rseq-slice/internal';
import { constants } from 'node:os';
import type { AsyncLock, OpenedLock, SyncLock } from './opened.ts';
import type { Queue } from './queue.ts';

/** Of all sections of a measurement, or of one worker. */
export interface SectionCounts {
  readonly sections: number;
  /**
   * Those whose `lock()` made more than its fewest operations, as when it did not get the lock at
   * the first try; null: the lock makes none, and it is not known.
   */
  readonly contended: number | null;
  /** `Atomics` on shared memory, without `wait` and `notify`. */
  readonly operations: number;
  /** Of those what a section takes that is not contended, times the sections. */
  readonly fewest: number;
  /** To sleep, to wake and to yield: those that are not avoidable in such a call. */
  readonly systemCalls: number;
  /** How often a waiter fell asleep. */
  readonly parks: number;
  /** Calls that woke someone. */
  readonly wakes: number;
  /** Calls that found nobody asleep. */
  readonly emptyWakes: number;
  /** Waiters that were woken and fell asleep again before they had the lock. */
  readonly vainParks: number;
}

/** What is counted while it is open. */
export class Tally {
  isOpen = false;
  operations = 0;
  systemCalls = 0;
  parks = 0;
  wakes = 0;
  emptyWakes = 0;
  vainParks = 0;
  #wasWoken = false;

  /** A section begins to wait, as one that nobody has woken yet. */
  begin(): void {
    this.#wasWoken = false;
    this.isOpen = true;
  }

  /** A waiter falls asleep. */
  park(): void {
    this.parks++;
    if (this.#wasWoken) this.vainParks++;
    this.#wasWoken = false;
  }

  /** It was woken, and not by its own clock. */
  awake(): void {
    this.#wasWoken = true;
  }

  /** @param woken how many */
  wake(woken: number): void {
    if (woken > 0) this.wakes++;
    else this.emptyWakes++;
  }

  reset(): void {
    this.operations = 0;
    this.systemCalls = 0;
    this.parks = 0;
    this.wakes = 0;
    this.emptyWakes = 0;
    this.vainParks = 0;
  }
}

/** Those that read or write one word. */
const OPERATIONS = [
  'add',
  'and',
  'compareExchange',
  'exchange',
  'load',
  'or',
  'store',
  'sub',
  'xor',
] as const;

type Words = Int32Array<SharedArrayBuffer>;
type Operation = (words: Words, index: number, value?: number, other?: number) => number;
type Slept = 'ok' | 'not-equal' | 'timed-out';
type SleptLater =
  | { readonly async: false; readonly value: Slept }
  | { readonly async: true; readonly value: Promise<Slept> };

/** What of `Atomics` is replaced. */
export type CountedAtomics = {
  [Name in (typeof OPERATIONS)[number]]: Operation;
} & {
  wait: (words: Words, index: number, value: number, ms?: number) => Slept;
  /** Not in every engine. */
  waitAsync?: (words: Words, index: number, value: number, ms?: number) => SleptLater;
  notify: (words: Words, index: number, count?: number) => number;
};

/** @param atomics whose functions are replaced by some that count and do the same */
export function countAtomics(atomics: CountedAtomics, tally: Tally): void {
  for (const name of OPERATIONS) {
    const real = atomics[name];
    atomics[name] = (words, index, value, other) => {
      // A thread's control word is its own.
      if (tally.isOpen && words.buffer instanceof SharedArrayBuffer) tally.operations++;
      return real(words, index, value, other);
    };
  }
  const { wait, waitAsync, notify } = atomics;
  atomics.wait = (words, index, value, ms) => {
    const result = wait(words, index, value, ms);
    if (tally.isOpen && result !== 'not-equal') {
      tally.systemCalls++;
      tally.park();
      if (result === 'ok') tally.awake();
    }
    return result;
  };
  if (waitAsync !== undefined)
    atomics.waitAsync = (words, index, value, ms) => {
      const result = waitAsync(words, index, value, ms);
      if (tally.isOpen && result.async) {
        // The event loop sleeps by itself, or does something else meanwhile: no call of the lock.
        tally.park();
        void result.value.then((how) => {
          if (how === 'ok') tally.awake();
        });
      }
      return result;
    };
  atomics.notify = (words, index, count) => {
    const woken = notify(words, index, count);
    if (tally.isOpen) {
      tally.wake(woken);
      // The engine has a list of its own, and asks the kernel for each that is on it.
      tally.systemCalls += woken;
    }
    return woken;
  };
}

type CountedBinding = Pick<Binding, 'futexWait' | 'futexWake' | 'yieldSlice'>;

const { EAGAIN, ETIMEDOUT } = constants.errno;

/** @param binding whose functions are replaced by some that count and do the same */
export function countBinding(
  binding: { -readonly [Name in keyof CountedBinding]: CountedBinding[Name] },
  tally: Tally,
): void {
  const { futexWait, futexWake, yieldSlice } = binding;
  binding.futexWait = (words, index, expected, ms) => {
    const error = futexWait(words, index, expected, ms);
    if (tally.isOpen) {
      tally.systemCalls++;
      if (error !== EAGAIN) tally.park();
      if (error !== EAGAIN && error !== ETIMEDOUT) tally.awake();
    }
    return error;
  };
  binding.futexWake = (words, index, count) => {
    const woken = futexWake(words, index, count);
    if (tally.isOpen) {
      tally.systemCalls++;
      tally.wake(woken);
    }
    return woken;
  };
  binding.yieldSlice = () => {
    if (tally.isOpen) tally.systemCalls++;
    return yieldSlice();
  };
}

/**
 * In a worker that loads locks after that: what is counted there.
 * @returns counts nothing while it is not open
 */
export async function startCounting(): Promise<Tally> {
  const tally = new Tally();
  countAtomics(Atomics as unknown as CountedAtomics, tally);
  // Only now: it is a part of the library.
  const { loadAddon } = await import('rseq-slice/internal');
  const addon = loadAddon();
  if (addon.state === 'loaded') countBinding(addon.binding, tally);
  return tally;
}

/** Fewest operations of a `lock()` and of an `unlock()`; infinite: none was seen. */
interface Fewest {
  lock: number;
  unlock: number;
  /** Since the start. */
  sections: number;
}

/** The sections of one worker. */
export class SectionCounter {
  readonly #tally: Tally;
  /** Of each way to take a lock, by its name. */
  readonly #ways = new Map<string, Fewest>();
  #contended = 0;
  #isLearning = true;

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  /** The same lock, counted. What a section takes at least is learnt from one that is alone. */
  around(lock: OpenedLock): OpenedLock {
    if ('run' in lock) return this.#aroundAsync(lock);
    if ('read' in lock)
      return {
        ...lock,
        read: this.#aroundSync(lock.read, 'read'),
        write: this.#aroundSync(lock.write, 'write'),
      };
    if ('put' in lock) return this.#aroundQueue(lock);
    return this.#aroundSync(lock, 'lock');
  }

  /** From now on, sections count. */
  start(): void {
    this.#isLearning = false;
    for (const way of this.#ways.values()) way.sections = 0;
    this.#contended = 0;
    this.#tally.reset();
  }

  counts(): SectionCounts {
    const { operations, systemCalls, parks, wakes, emptyWakes, vainParks } = this.#tally;
    const ways = [...this.#ways.values()].filter(({ sections }) => sections > 0);
    const sum = (of: (way: Fewest) => number): number =>
      ways.reduce((total, way) => total + of(way), 0);
    return {
      sections: sum(({ sections }) => sections),
      contended: ways.some(({ lock }) => lock === 0) ? null : this.#contended,
      operations,
      fewest: sum(({ lock, unlock, sections }) => (lock + unlock) * sections),
      ...{ systemCalls, parks, wakes, emptyWakes, vainParks },
    };
  }

  #way(name: string): Fewest {
    const way = this.#ways.get(name) ?? { lock: Infinity, unlock: Infinity, sections: 0 };
    this.#ways.set(name, way);
    return way;
  }

  #aroundSync(lock: SyncLock, name: string): SyncLock {
    const tally = this.#tally;
    const way = this.#way(name);
    return {
      ...lock,
      lock: () => {
        const before = tally.operations;
        tally.begin();
        const token = lock.lock();
        tally.isOpen = false;
        this.#locked(way, tally.operations - before);
        return token;
      },
      unlock: (token) => {
        const before = tally.operations;
        tally.isOpen = true;
        lock.unlock(token);
        tally.isOpen = false;
        this.#unlocked(way, tally.operations - before);
      },
    };
  }

  #aroundAsync(lock: AsyncLock): AsyncLock {
    const tally = this.#tally;
    const way = this.#way('run');
    return {
      ...lock,
      run: async (section) => {
        let before = tally.operations;
        tally.begin();
        await lock.run(() => {
          tally.isOpen = false;
          this.#locked(way, tally.operations - before);
          section();
          before = tally.operations;
          tally.isOpen = true;
        });
        tally.isOpen = false;
        this.#unlocked(way, tally.operations - before);
      },
    };
  }

  /** A put and a take are a section each, with nothing outside. */
  #aroundQueue(queue: Queue): Queue {
    const put = this.#wayThrough('put', queue.put);
    const take = this.#wayThrough('take', queue.take);
    return { ...queue, put, take };
  }

  #wayThrough<Args extends readonly unknown[], Result>(
    name: string,
    through: (...args: Args) => Result,
  ): (...args: Args) => Result {
    const tally = this.#tally;
    const way = this.#way(name);
    way.unlock = 0;
    return (...args) => {
      const before = tally.operations;
      tally.begin();
      const result = through(...args);
      tally.isOpen = false;
      this.#locked(way, tally.operations - before);
      return result;
    };
  }

  #locked(way: Fewest, made: number): void {
    way.sections++;
    if (this.#isLearning) way.lock = Math.min(way.lock, made);
    else if (made > way.lock) this.#contended++;
  }

  #unlocked(way: Fewest, made: number): void {
    // Also among others: of readers, the last one to leave may have more to do.
    way.unlock = Math.min(way.unlock, made);
  }
}

/** @param all of the workers; null: one was not counted */
export function sumCounts(all: readonly (SectionCounts | null)[]): SectionCounts | null {
  const known = all.filter((counts) => counts !== null);
  if (known.length < all.length || known.length === 0) return null;
  const sum = (name: keyof SectionCounts): number =>
    known.reduce((total, counts) => total + (counts[name] ?? 0), 0);
  return {
    sections: sum('sections'),
    contended: known.some(({ contended }) => contended === null) ? null : sum('contended'),
    operations: sum('operations'),
    fewest: sum('fewest'),
    systemCalls: sum('systemCalls'),
    parks: sum('parks'),
    wakes: sum('wakes'),
    emptyWakes: sum('emptyWakes'),
    vainParks: sum('vainParks'),
  };
}
