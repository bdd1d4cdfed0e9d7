// SPDX-License-Identifier: MIT
/**
 * Whom a release calls, over a host that only counts: nobody while one is on its way who was called
 * before, nobody when someone else has taken the lock meanwhile, someone outside when nobody inside
 * sleeps. Other threads are numbers in the lock's words.
 */
import { availableParallelism } from 'node:os';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { currentHost, useHost } from '../../../../lib/host/current.ts';
import type { Host } from '../../../../lib/host/port.ts';
import { Condition, Mutex, RwLock, Semaphore } from '../../../../lib/index.ts';
import {
  arrive,
  AWAITED,
  BYPASS,
  call,
  callsOf,
  countWaiters,
  depart,
  FREE,
  isCallDue,
  isGateClosed,
  QUEUE,
  showWaiters,
  STATE,
  WANTED,
} from '../../../../lib/locks/engine/turnstile.ts';
import { countAsleep, lineUp, MOST_WAITING } from '../../../../lib/locks/engine/signals.ts';
import { listenForReaders, stopListening } from '../../../../lib/locks/engine/writer.ts';

const real = currentHost();
const SOMEBODY = 0xfffff;
const CALLED = 1 << 20;

const sleep = vi.fn<Host['sleeping']['sleep']>();
const wake = vi.fn<Host['sleeping']['wake']>();
/** Everything of this machine but sleep, which is told and comes back at once. */
const host: Host = {
  status: real.status,
  addon: real.addon,
  attach: (options) => real.attach(options),
  probe: () => real.probe(),
  cInterface: () => real.cInterface(),
  sleeping: { sleep, wake, yield: () => undefined },
  ids: real.ids,
  agent: () => real.agent(),
  mapFile: (...args) => real.mapFile(...args),
};

beforeEach(() => {
  sleep.mockReset().mockReturnValue('called');
  wake.mockReset().mockReturnValue(1);
  useHost(host);
});
afterAll(() => {
  useHost(undefined);
});

const options = { blockMainThread: true };
const LOCKS = [
  ['Mutex', () => new Mutex(options), (lock: Mutex) => lock.lock()],
  [
    'Semaphore',
    () => new Semaphore({ permits: 1, ...options }),
    (lock: Semaphore) => lock.acquire(),
  ],
  ['RwLock, written', () => new RwLock(options), (lock: RwLock) => lock.writeLock()],
] as const;
const wordsOf = ({ handle: { buffer } }: Mutex | Semaphore | RwLock): Int32Array =>
  new Int32Array(buffer);

describe.each(LOCKS)('a release of a %s', (kind, create, take) => {
  /** A round of its holder while so many wait in their threads. */
  function createAwaited(count: number) {
    const lock = create();
    const words = wordsOf(lock);
    for (let i = 0; i < count; i++) arrive(words);
    // A semaphore and readers have no word that says so.
    if (kind === 'Mutex' && count > 0) showWaiters(words);
    const round = (): readonly number[] => {
      wake.mockClear();
      // Before a turn is due, so that the one who comes by takes it.
      words[BYPASS] = 0;
      (take as (lock: unknown) => { unlock: () => void })(lock).unlock();
      return wake.mock.calls.map(([, word]) => word);
    };
    // Who looks shows that it waits on, and who gets in that others do.
    const show = (): unknown => kind === 'Mutex' && showWaiters(words);
    return { words, round, show };
  }

  it('calls one of those inside, and nobody else until that one has answered', () => {
    const { words, round, show } = createAwaited(3);
    expect(round()).toEqual([callsOf(0)]);
    const calls = words[callsOf(0)];
    for (let i = 0; i < 3; i++) expect(round()).toEqual([]);
    expect([isCallDue(words), words[callsOf(0)]]).toEqual([false, calls]);
    if (kind === 'Mutex') expect(words[STATE]).toBe(FREE);
    // It goes back to sleep.
    Atomics.and(words, QUEUE, ~CALLED);
    show();
    expect(round()).toEqual([callsOf(0)]);
    // It gets in, and the next release calls the next one.
    expect(round()).toEqual([]);
    depart(words, 0);
    show();
    expect(round()).toEqual([callsOf(1)]);
  });

  it('calls one outside when nobody inside sleeps, and no third one', () => {
    const { words, round } = createAwaited(2);
    wake.mockReturnValue(0);
    expect(round()).toEqual([callsOf(0), callsOf(1)]);
    expect(round()).toEqual([]);
    expect(countWaiters(words)).toBe(2);
  });

  it('calls nobody when nobody waits', () => {
    const { round } = createAwaited(0);
    expect(round()).toEqual([]);
  });

  if (kind === 'Mutex')
    it('calls nobody when someone else has taken it meanwhile, whose release will call', () => {
      const { words, round } = createAwaited(1);
      const { store } = Atomics;
      const spy = vi.spyOn(Atomics, 'store').mockImplementation(((
        array: Int32Array,
        index: number,
        value: number,
      ) => {
        store(array, index, value);
        // One that came by takes it as soon as it is free.
        if (index === STATE && value === WANTED) store(array, STATE, SOMEBODY | AWAITED);
        return value;
      }) as typeof Atomics.store);
      try {
        expect(round()).toEqual([]);
        expect([isCallDue(words), words[STATE]]).toEqual([true, SOMEBODY | AWAITED]);
      } finally {
        spy.mockRestore();
      }
    });
});

describe('a waiter that was called', () => {
  // With one CPU nobody could release the lock while it looks, so it does not.
  it.runIf(availableParallelism() > 1)('has not answered as long as it looks on', () => {
    const lock = new Mutex(options);
    const words = wordsOf(lock);
    words[STATE] = SOMEBODY;
    const marks: boolean[] = [];
    let sleeps = 0;
    sleep.mockImplementation(({ words: bed }, word) => {
      // About to sleep: whoever was called has answered.
      marks.push((Atomics.load(bed, QUEUE) & CALLED) !== 0);
      Atomics.or(bed, QUEUE, CALLED);
      call(bed, word);
      if (++sleeps < 3) return 'called';
      // Free when it wakes: it takes the lock without going to sleep once more.
      Atomics.store(bed, STATE, WANTED);
      return 'called';
    });
    const { and } = Atomics;
    const answers: number[] = [];
    const spy = vi.spyOn(Atomics, 'and').mockImplementation(((
      ...args: [Int32Array, number, number]
    ) => {
      if (args[1] === QUEUE) answers.push(sleeps);
      return and(...args);
    }) as typeof Atomics.and);
    try {
      lock.lock().unlock();
    } finally {
      spy.mockRestore();
    }
    expect(marks).toEqual([false, false, false]);
    // After the first two sleeps only: the third time it got in, which says that it was heard of.
    expect(answers).toEqual([1, 2]);
    expect([countWaiters(words), isGateClosed(words), words[STATE]]).toEqual([0, false, 0]);
  });
});

it('a waiter that has looked in vain makes the next release look whether a turn is due', () => {
  const lock = new Mutex(options);
  const words = wordsOf(lock);
  words[STATE] = SOMEBODY;
  let hurried: number | undefined;
  sleep.mockImplementation(() => {
    hurried ??= words[BYPASS];
    words[STATE] = WANTED;
    return 'called';
  });
  lock.lock().unlock();
  expect(hurried).toBeGreaterThan(1000);
});

describe('a notification', () => {
  /** So many wait, and some of them sleep. */
  function createAwaited(waiting: number, asleep: number) {
    const condition = new Condition();
    const words = new Int32Array(condition.handle.buffer);
    for (let i = 0; i < waiting; i++) lineUp(words);
    for (let i = 0; i < asleep; i++) countAsleep(words, 1);
    const notify = (count?: number): readonly unknown[] => {
      wake.mockClear();
      const told = condition.notify(count);
      return [told, ...wake.mock.calls.map(([, , most]) => most)];
    };
    return { words, notify };
  }

  it('makes no system call for those who look', () => {
    const { notify } = createAwaited(2, 0);
    expect([notify(), notify()]).toEqual([[1], [1]]);
  });

  it('wakes as many as were told and sleep', () => {
    const { words, notify } = createAwaited(3, 3);
    expect(notify()).toEqual([1, 1]);
    // The first one is still counted, and may be one whose waker lost its CPU before it woke it.
    expect(notify(2)).toEqual([2, 3]);
    // All are told, or one of the dead has left its signal to another one.
    expect(notify()).toEqual([0, MOST_WAITING]);
    for (let i = 0; i < 3; i++) countAsleep(words, -1);
    lineUp(words);
    expect(notify()).toEqual([1]);
  });

  it('makes no further system call for one that is on its way', () => {
    const { notify } = createAwaited(2, 1);
    wake.mockReturnValueOnce(1);
    expect([notify(), notify()]).toEqual([[1, 1], [1]]);
  });
});

describe('a reader that leaves', () => {
  it('wakes a writer that sleeps, and no other one', () => {
    const lock = new RwLock(options);
    const words = wordsOf(lock);
    const round = (): number => {
      const reader = lock.readLock();
      // A writer claims the lock meanwhile.
      words[STATE] = SOMEBODY | (1 << 30);
      wake.mockClear();
      reader.unlock();
      words[STATE] = 0;
      return wake.mock.calls.length;
    };
    expect(round()).toBe(0);
    listenForReaders(words);
    expect([round(), round()]).toEqual([1, 1]);
    stopListening(words);
    expect(round()).toBe(0);
  });
});
