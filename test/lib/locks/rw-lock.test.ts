// SPDX-License-Identifier: MIT
/**
 * `RwLock` in one thread: readers beside each other, writers alone, who waits for
 * whom, and what is left behind when waiting ends. Other threads are numbers
 * written into the lock's places.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { attach, RwLock } from '../../../lib/index.ts';
import type { AsyncLockOptions, ErrorCode, LockOptions, LockToken } from '../../../lib/index.ts';
import { sharedNow, since } from '../../../lib/clock.ts';
import { currentAgent } from '../../../lib/host/agent.ts';
import {
  BELL,
  EVENT_LOOP_LEASE,
  EVENT_LOOPS,
  isGateClosed,
  LEASE,
  QUEUE,
  RESERVED_SINCE,
  STATE,
  WAITERS,
} from '../../../lib/locks/engine/turnstile.ts';
import { TORN } from '../../../lib/locks/engine/writer.ts';
import { SimulatedKernel } from '../../../lib/simulated/kernel.ts';
import { canAskKernel, endedThread } from '../../support/ended-thread.ts';

/** A writer that has claimed the lock sleeps on it. */
const DRAIN = 14;
/** When an event loop claimed the lock; 0: a thread did. */
const CLAIMED_SINCE = 15;
/** Where the places of the readers are. */
const FIRST = 16;
/** Places lie on sixteen cache lines, one after the other. */
const placeAt = (place: number): number => FIRST + (place % 16) * 16 + Math.floor(place / 16);
const PLACES = Array.from({ length: 48 }, (_, place) => placeAt(place));
/** A thread that there is not: as good as one that is busy elsewhere. */
const SOMEBODY = 0xfffff;
const CLAIMED = 1 << 30;
const BY_EVENT_LOOP = 1 << 29;
const GATE = 1 << 21;

const options = { blockMainThread: true };
const create = (): RwLock => new RwLock(options);
const again = ({ handle }: RwLock): RwLock => RwLock.from(handle, options);
const wordsOf = ({ handle: { buffer, byteOffset } }: RwLock): Int32Array =>
  new Int32Array(buffer, byteOffset, RwLock.byteLength / 4);
const readersOf = (lock: RwLock): number => {
  const words = wordsOf(lock);
  return PLACES.filter((place) => words[place] !== 0).length;
};

/** Nobody has it, nobody waits, and the next one finds nothing of those before. */
function expectUntouched(lock: RwLock): void {
  const words = wordsOf(lock);
  expect({
    readers: readersOf(lock),
    state: words[STATE],
    waiters: (words[QUEUE] ?? 0) & WAITERS,
    eventLoops: words[EVENT_LOOPS],
  }).toEqual({ readers: 0, state: 0, waiters: 0, eventLoops: 0 });
  for (const take of [() => lock.tryWriteLock(), () => lock.tryReadLock()]) {
    const token = got(take());
    expect(token.abandoned).toBe(false);
    token.unlock();
  }
}

function withCode(code: ErrorCode): unknown {
  return expect.objectContaining({ name: 'RseqSliceError', code });
}

function got(token: LockToken | null): LockToken {
  if (token === null) throw new Error('the lock was not free');
  return token;
}

/** Closes the gate, as if one were inside already. @param ago ms since the lock was released */
function closeGate(lock: RwLock, ago: number): void {
  wordsOf(lock)[RESERVED_SINCE] = (sharedNow() - ago) | 0;
  wordsOf(lock)[QUEUE] = GATE | 1;
}

afterEach(() => {
  vi.useRealTimers();
});

const TRYING = [
  ['tryReadLock', (lock: RwLock) => lock.tryReadLock()],
  ['tryWriteLock', (lock: RwLock) => lock.tryWriteLock()],
] as const;
const BLOCKING = [
  ['readLock', (lock: RwLock, how?: LockOptions) => lock.readLock(how)],
  ['writeLock', (lock: RwLock, how?: LockOptions) => lock.writeLock(how)],
] as const;
const ASYNC = [
  ['readLockAsync', (lock: RwLock, how?: AsyncLockOptions) => lock.readLockAsync(how)],
  ['writeLockAsync', (lock: RwLock, how?: AsyncLockOptions) => lock.writeLockAsync(how)],
] as const;

describe('readers and writers', () => {
  it('reads beside others, and writes alone', () => {
    const lock = create();
    const readers = [lock.readLock(), got(lock.tryReadLock()), got(again(lock).tryReadLock())];
    expect(lock.tryWriteLock()).toBeNull();
    for (const reader of readers) reader.unlock();
    for (const reader of readers) reader.unlock();
    const writer = lock.writeLock();
    expect([
      writer.locked,
      lock.tryReadLock(),
      lock.tryWriteLock(),
      again(lock).tryReadLock(),
    ]).toEqual([true, null, null, null]);
    writer.unlock();
    expect(writer.locked).toBe(false);
    expectUntouched(lock);
  });

  it('is not released by an old token', () => {
    const lock = create();
    const old = lock.readLock();
    old.unlock();
    const reader = lock.readLock();
    old.unlock();
    expect(lock.tryWriteLock()).toBeNull();
    reader.unlock();
    const oldWriter = lock.writeLock();
    oldWriter.unlock();
    const writer = lock.writeLock();
    oldWriter.unlock();
    expect(lock.tryReadLock()).toBeNull();
    writer.unlock();
    expectUntouched(lock);
  });

  it('excludes as it should in any order of taking and releasing', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constantFrom('read', 'write'), fc.nat({ max: 12 })), {
          maxLength: 60,
        }),
        (steps) => {
          const lock = create();
          const second = again(lock);
          const tokens: { readonly token: LockToken; readonly writes: boolean }[] = [];
          steps.forEach((step, index) => {
            const held = tokens.filter(({ token }) => token.locked);
            const object = index % 2 === 0 ? lock : second;
            if (step === 'read') {
              const token = object.tryReadLock();
              expect(token !== null).toBe(!held.some(({ writes }) => writes));
              if (token !== null) tokens.push({ token, writes: false });
            } else if (step === 'write') {
              const token = object.tryWriteLock();
              expect(token !== null).toBe(held.length === 0);
              if (token !== null) tokens.push({ token, writes: true });
            } else {
              tokens[step]?.token.unlock();
            }
          });
          for (const { token } of tokens) token.unlock();
          expectUntouched(lock);
        },
      ),
    );
  });

  it(`has places for ${RwLock.maxReaders} readers`, async () => {
    const lock = create();
    const readers = Array.from({ length: RwLock.maxReaders }, () => got(lock.tryReadLock()));
    expect(RwLock.maxReaders).toBe(48);
    expect(lock.tryReadLock()).toBeNull();
    await expect(lock.readLockAsync({ timeout: 5 })).rejects.toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    const more = lock.readLockAsync();
    await sleep(5);
    expect(readersOf(lock)).toBe(48);
    readers[17]?.unlock();
    const late = await more;
    expect(readersOf(lock)).toBe(48);
    for (const reader of [...readers, late]) reader.unlock();
    expectUntouched(lock);
  });

  it('waits in the thread for a place, as long as it may', () => {
    const lock = create();
    wordsOf(lock).fill(SOMEBODY, FIRST);
    expect(() => lock.readLock({ timeout: 10 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    expect(() => lock.readLock({ timeout: 10 })).toThrow(
      'Could not acquire the RwLock within 10 ms.',
    );
    wordsOf(lock)[placeAt(47)] = 0;
    lock.readLock({ timeout: 0 }).unlock();
    wordsOf(lock).fill(0, FIRST);
    expectUntouched(lock);
  });
});

describe('waiting', () => {
  it('a writer waits for the readers, and who comes later for the writer', async () => {
    const lock = create();
    const order: string[] = [];
    const note = async (what: string, waiting: Promise<LockToken>): Promise<void> => {
      const token = await waiting;
      order.push(what);
      await sleep(3);
      order.push(`${what} ends`);
      token.unlock();
    };
    const reader = lock.readLock();
    const all = [note('write', lock.writeLockAsync())];
    await sleep(1);
    all.push(note('read', lock.readLockAsync()), note('write too', lock.writeLockAsync()));
    await sleep(5);
    // A writer waits: nobody reads past it.
    expect([order, lock.tryReadLock()]).toEqual([[], null]);
    reader.unlock();
    await Promise.all(all);
    expect(order).toEqual([
      'write',
      'write ends',
      'read',
      'read ends',
      'write too',
      'write too ends',
    ]);
    expectUntouched(lock);
  });

  it('readers go in together when a writer is done', async () => {
    const lock = create();
    const writer = lock.writeLock();
    const readers = Array.from({ length: 5 }, () => lock.readLockAsync());
    await sleep(3);
    writer.unlock();
    const tokens = await Promise.all(readers);
    expect(readersOf(lock)).toBe(5);
    for (const token of tokens) token.unlock();
    expectUntouched(lock);
  });

  it.each(
    BLOCKING.flatMap(([name, take]) => [0, 10].map((timeout) => [name, timeout, take] as const)),
  )('%s gives up after %i ms', (_, timeout, take) => {
    const lock = create();
    const words = wordsOf(lock);
    // Somebody writes.
    words[STATE] = SOMEBODY;
    const started = performance.now();
    expect(() => take(lock, { timeout })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    expect(performance.now() - started).toBeGreaterThanOrEqual(timeout);
    expect(performance.now() - started).toBeLessThan(timeout + 2000);
    words[STATE] = 0;
    expectUntouched(lock);
  });

  it.each([0, 10])(
    'a writer gives up waiting for readers after %i ms, and others read on',
    (timeout) => {
      const lock = create();
      wordsOf(lock)[placeAt(7)] = SOMEBODY;
      expect(() => lock.writeLock({ timeout })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
      expect(lock.tryWriteLock()).toBeNull();
      expect(wordsOf(lock)[placeAt(7)]).toBe(SOMEBODY);
      lock.readLock().unlock();
      wordsOf(lock)[placeAt(7)] = 0;
      expectUntouched(lock);
    },
  );

  it.each(
    ASYNC.flatMap(([name, take]) => [0, 10].map((timeout) => [name, timeout, take] as const)),
  )('%s gives up after %i ms', async (_, timeout, take) => {
    const lock = create();
    const writer = lock.writeLock();
    const behind = lock.readLockAsync();
    await expect(take(lock, { timeout })).rejects.toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    writer.unlock();
    (await behind).unlock();
    expectUntouched(lock);
  });

  it.each(ASYNC)('%s is aborted before, meanwhile, and not afterwards', async (_, take) => {
    const lock = create();
    await expect(take(lock, { signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow(
      'before',
    );
    expectUntouched(lock);

    const writer = lock.writeLock();
    const controller = new AbortController();
    const waiting = take(lock, { signal: controller.signal });
    const behind = take(lock);
    controller.abort(new Error('meanwhile'));
    await expect(waiting).rejects.toThrow('meanwhile');
    writer.unlock();
    const token = await behind;
    token.unlock();

    const late = new AbortController();
    const held = await take(lock, { signal: late.signal });
    late.abort(new Error('afterwards'));
    await sleep(2);
    expect([held.locked, lock.tryWriteLock()]).toEqual([true, null]);
    held.unlock();
    expectUntouched(lock);
  });

  it('a writer is aborted while it waits for readers, and others read on', async () => {
    const lock = create();
    const reader = lock.readLock();
    const controller = new AbortController();
    const writing = lock.writeLockAsync({ signal: controller.signal });
    const reading = lock.readLockAsync();
    await sleep(2);
    expect(lock.tryReadLock()).toBeNull();
    controller.abort(new Error('no more'));
    await expect(writing).rejects.toThrow('no more');
    (await reading).unlock();
    reader.unlock();
    expectUntouched(lock);
  });

  it.each(TRYING)(
    '%s takes a lock that an event loop has claimed and does not come for',
    (_, take) => {
      const lock = create();
      const words = wordsOf(lock);
      const claim = (ago: number): void => {
        words[STATE] = SOMEBODY | CLAIMED | BY_EVENT_LOOP;
        words[CLAIMED_SINCE] = sharedNow() - ago;
      };
      claim(EVENT_LOOP_LEASE + 2);
      got(take(lock)).unlock();
      expectUntouched(lock);
      // It may come.
      claim(-60_000);
      expect([take(lock), words[STATE]]).toEqual([null, SOMEBODY | CLAIMED | BY_EVENT_LOOP]);
      // It waits for readers, however long.
      claim(EVENT_LOOP_LEASE + 2);
      words[placeAt(5)] = SOMEBODY;
      expect([take(lock), words[STATE]]).toEqual([null, SOMEBODY | CLAIMED | BY_EVENT_LOOP]);
      words[placeAt(5)] = 0;
      // A thread comes when it is called.
      words[STATE] = SOMEBODY | CLAIMED;
      expect([take(lock), words[STATE]]).toEqual([null, SOMEBODY | CLAIMED]);
      words[STATE] = 0;
      expectUntouched(lock);
    },
  );

  it('a reader that leaves tells the writer at once, be it a thread or an event loop', async () => {
    const lock = create();
    const words = wordsOf(lock);
    const readers = [lock.readLock(), lock.readLock()];
    const writing = again(lock).writeLockAsync({ timeout: 20_000 });
    const before = [words[DRAIN] ?? 0, words[BELL] ?? 0] as const;
    readers[0]?.unlock();
    expect([words[DRAIN], words[BELL]]).toEqual([before[0] + 2, before[1] + 1]);
    // It looks, and sleeps on.
    await sleep(3);
    readers[1]?.unlock();
    expect([words[DRAIN], words[BELL]]).toEqual([before[0] + 4, before[1] + 2]);
    (await writing).unlock();
    expectUntouched(lock);
  });

  it('tells claims of event loops from those of threads, and each reader that leaves gives them time again', async () => {
    const lock = create();
    const words = wordsOf(lock);
    words[FIRST] = SOMEBODY;
    words[CLAIMED_SINCE] = 123;
    expect(() => lock.writeLock({ timeout: 2 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    expect(words[CLAIMED_SINCE]).toBe(123);
    const reader = lock.readLock();
    const writing = again(lock).writeLockAsync({ timeout: 20_000 });
    expect(Math.abs(since(Atomics.load(words, CLAIMED_SINCE), sharedNow()))).toBeLessThan(5000);
    expect((words[STATE] ?? 0) & BY_EVENT_LOOP).toBe(BY_EVENT_LOOP);
    words[CLAIMED_SINCE] = sharedNow() - 60_000;
    reader.unlock();
    expect(Math.abs(since(Atomics.load(words, CLAIMED_SINCE), sharedNow()))).toBeLessThan(5000);
    words[FIRST] = 0;
    (await writing).unlock();
    expectUntouched(lock);
  });

  it('an event loop whose claim was withdrawn claims again', async () => {
    const lock = create();
    const words = wordsOf(lock);
    words[FIRST] = SOMEBODY;
    const writing = lock.writeLockAsync({ timeout: 20_000 });
    expect(words[STATE]).toBe(currentAgent().id | CLAIMED | BY_EVENT_LOOP);
    // The reader has left long ago, and this event loop was busy.
    words[FIRST] = 0;
    words[CLAIMED_SINCE] = sharedNow() - EVENT_LOOP_LEASE - 2;
    got(again(lock).tryReadLock()).unlock();
    expect(words[STATE]).toBe(0);
    const token = await writing;
    expect([token.abandoned, words[STATE]]).toEqual([false, currentAgent().id]);
    token.unlock();
    expectUntouched(lock);
  });

  it.each([...TRYING, ...BLOCKING, ...ASYNC])('%s opens a gate that is stuck', async (_, take) => {
    const lock = create();
    closeGate(lock, LEASE + 2);
    const token = got(await take(lock));
    expect(isGateClosed(wordsOf(lock))).toBe(false);
    token.unlock();
    expectUntouched(lock);
    closeGate(lock, -60_000);
    expect([lock.tryReadLock(), lock.tryWriteLock()]).toEqual([null, null]);
    for (const [, wait] of BLOCKING)
      expect(() => wait(lock, { timeout: 2 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    expect([isGateClosed(wordsOf(lock)), wordsOf(lock)[STATE]]).toEqual([true, 0]);
  });

  it.each(BLOCKING)('%s waits in the thread until those inside have had their time', (_, take) => {
    const lock = create();
    closeGate(lock, LEASE - 20);
    take(lock, { timeout: 20_000 }).unlock();
    expectUntouched(lock);
  });

  it('those who share a signal with a writer that it ends have what they then get, or nothing', async () => {
    const lock = create();
    const reader = lock.readLock();
    const controller = new AbortController();
    const { signal } = controller;
    const waiting = [
      lock.writeLockAsync({ signal }),
      lock.readLockAsync({ signal }),
      lock.readLockAsync({ signal }),
    ];
    controller.abort('no more');
    const outcomes = await Promise.allSettled(waiting);
    expect(outcomes[0]).toEqual({ status: 'rejected', reason: 'no more' });
    const tokens = outcomes.flatMap((outcome) =>
      outcome.status === 'fulfilled' ? [outcome.value] : [],
    );
    expect([readersOf(lock), lock.stats().gaveUp]).toEqual([1 + tokens.length, 3 - tokens.length]);
    for (const token of [reader, ...tokens]) token.unlock();
    // None of them is served once more.
    const later = await Promise.all([lock.readLockAsync(), lock.readLockAsync()]);
    expect(readersOf(lock)).toBe(2);
    for (const token of later) token.unlock();
    await sleep(60);
    expectUntouched(lock);
  });

  it.each([null, 0, { not: 'an error' }])('is aborted with any reason: %s', async (reason) => {
    for (const [, take] of ASYNC) {
      const lock = create();
      const writer = lock.writeLock();
      const controller = new AbortController();
      const waiting = take(lock, { signal: controller.signal });
      controller.abort(reason);
      await expect(waiting).rejects.toBe(reason);
      writer.unlock();
      expectUntouched(lock);
    }
  });

  it.each([
    [{ timeout: NaN }, 'timeout: NaN'],
    [{ timeout: -1 }, 'timeout: -1'],
    [{ timeout: null }, 'timeout: null'],
    [{ timeout: '5' }, "timeout: '5'"],
    [{ timeOut: 5 }, "no option 'timeOut'"],
    [5, 'takes an object of options, not 5'],
  ])('refuses %j at once, whether the lock is free or not', async (given, message) => {
    const lock = create();
    const how = given as AsyncLockOptions;
    const run = vi.fn(() => 1);
    const throwing = [
      ...BLOCKING.map(
        ([, take]) =>
          () =>
            take(lock, how),
      ),
      () => lock.withReadLock(run, how),
      () => lock.withWriteLock(run, how),
    ];
    const rejecting = [
      ...ASYNC.map(
        ([, take]) =>
          () =>
            take(lock, how),
      ),
      () => lock.withReadLockAsync(run, how),
      () => lock.withWriteLockAsync(run, how),
    ];
    for (const state of [0, SOMEBODY]) {
      wordsOf(lock)[STATE] = state;
      for (const take of throwing) {
        expect(take).toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
        expect(take).toThrow(message);
      }
      for (const take of rejecting) {
        await expect(take()).rejects.toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
        await expect(take()).rejects.toThrow(message);
      }
      expect(wordsOf(lock)[STATE]).toBe(state);
    }
    expect(run).not.toHaveBeenCalled();
    wordsOf(lock)[STATE] = 0;
    expectUntouched(lock);
  });

  it('with faked timers ends in the thread, and follows them in the event loop', async () => {
    const lock = create();
    wordsOf(lock)[STATE] = SOMEBODY;
    vi.useFakeTimers();
    for (const [, take] of BLOCKING)
      expect(() => take(lock, { timeout: 20 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    for (const [, take] of ASYNC) {
      const settled = vi.fn();
      const waiting = take(lock, { timeout: 1000 }).catch((error: unknown) => error);
      void waiting.then(settled);
      await vi.advanceTimersByTimeAsync(999);
      expect(settled).not.toHaveBeenCalled();
      await vi.advanceTimersByTimeAsync(1);
      expect(await waiting).toEqual(withCode('ERR_RSEQ_TIMEOUT'));
    }
  });
});

describe('stats', () => {
  const NONE = { contended: 0, parked: 0, called: 0, abandoned: 0, gaveUp: 0 };

  it('count who waited, slept, was called and gave up, and no tries', async () => {
    const lock = create();
    lock.readLock().unlock();
    const writer = lock.writeLock();
    expect([lock.tryReadLock(), lock.tryWriteLock(), lock.stats()]).toEqual([null, null, NONE]);
    const elsewhere = again(lock);
    const waiting = elsewhere.readLockAsync();
    writer.unlock();
    (await waiting).unlock();
    expect([lock.stats(), elsewhere.stats()]).toEqual([
      { ...NONE, called: 1 },
      { ...NONE, contended: 1, parked: 1 },
    ]);
    wordsOf(lock)[STATE] = SOMEBODY;
    let done = 1;
    for (const [, take] of BLOCKING) {
      expect(() => take(elsewhere, { timeout: 3 })).toThrow();
      done++;
      expect(elsewhere.stats()).toMatchObject({ contended: done, parked: done, gaveUp: done - 1 });
    }
    for (const [, take] of ASYNC) {
      await expect(take(elsewhere, { timeout: 1 })).rejects.toThrow();
      await expect(take(elsewhere, { signal: AbortSignal.timeout(1) })).rejects.toThrow();
      done += 2;
      expect(elsewhere.stats()).toMatchObject({
        contended: done,
        parked: done,
        gaveUp: done - 1,
        abandoned: 0,
      });
    }
  });
});

describe('misuse', () => {
  it('reads again beside itself as long as there is nothing to wait for', () => {
    const lock = create();
    const tokens = [lock.readLock(), lock.readLock(), again(lock).readLock()];
    expect(readersOf(lock)).toBe(3);
    // A writer wants in: from now on it would wait for itself.
    wordsOf(lock)[STATE] = SOMEBODY | CLAIMED;
    for (const object of [lock, again(lock)])
      expect(() => object.readLock({ timeout: 5000 })).toThrow(withCode('ERR_RSEQ_RECURSIVE_LOCK'));
    expect(() => lock.readLock({ timeout: 0 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    wordsOf(lock)[STATE] = 0;
    for (const token of tokens) token.unlock();
    expectUntouched(lock);
  });

  it.each([
    ['read', 'write'],
    ['write', 'read'],
    ['write', 'write'],
  ] as const)('refuses to wait for this very thread: %s, then %s', (first, then) => {
    const lock = create();
    const token = first === 'read' ? lock.readLock() : lock.writeLock();
    for (const object of [lock, again(lock)]) {
      const run = () =>
        then === 'read' ? object.readLock({ timeout: 5000 }) : object.writeLock({ timeout: 5000 });
      expect(run).toThrow(withCode('ERR_RSEQ_RECURSIVE_LOCK'));
      expect(run).toThrow('RwLock');
    }
    expect(token.locked).toBe(true);
    token.unlock();
    expectUntouched(lock);
  });

  it('finds what it reads through another object before it waits for itself', () => {
    const lock = create();
    wordsOf(lock).fill(SOMEBODY, FIRST);
    wordsOf(lock)[FIRST] = 0;
    const token = got(again(lock).tryReadLock());
    expect(() => lock.readLock({ timeout: 5000 })).toThrow(withCode('ERR_RSEQ_RECURSIVE_LOCK'));
    token.unlock();
    wordsOf(lock).fill(0, FIRST);
    expectUntouched(lock);
  });

  it.runIf(canAskKernel)(
    'is taken in the main thread from those who died with it',
    async (context) => {
      if (!isMainThread) context.skip('not the main thread');
      for (const word of [STATE, placeAt(9)]) {
        for (const [name, take] of BLOCKING) {
          if (word !== STATE && name === 'readLock') continue;
          // An object each: it trusts for a moment what it has seen of the living.
          const lock = new RwLock();
          wordsOf(lock)[word] = await endedThread();
          take(lock).unlock();
          // One who reads does not repair what a dead writer has left.
          lock.writeLock().unlock();
          expectUntouched(lock);
        }
      }
      // When all places are those of the dead, a reader takes one.
      const lock = new RwLock();
      wordsOf(lock).fill(await endedThread(), FIRST);
      lock.readLock().unlock();
    },
  );

  it('refuses to block the main thread unless asked for, when it would', async (context) => {
    if (!isMainThread) context.skip('not the main thread');
    const lock = new RwLock();
    const words = wordsOf(lock);
    for (const [, take] of BLOCKING) take(lock).unlock();
    for (const [, take] of BLOCKING) take(lock, { timeout: 0 }).unlock();
    expect([lock.withReadLock(() => 1), lock.withWriteLock(() => 2)]).toEqual([1, 2]);
    // Somebody writes, or reads: then only a writer must wait.
    for (const [word, ways] of [
      [
        STATE,
        [
          () => lock.readLock(),
          () => lock.writeLock(),
          () => lock.withReadLock(() => 1),
          () => lock.withWriteLock(() => 1),
        ],
      ],
      [
        placeAt(9),
        [
          () => lock.writeLock(),
          () => lock.writeLock({ timeout: 5 }),
          () => lock.tryWriteLock({ timeout: 5 }),
          () => lock.withWriteLock(() => 1),
        ],
      ],
    ] as const) {
      words[word] = SOMEBODY;
      for (const run of ways) {
        expect(run).toThrow(withCode('ERR_RSEQ_WOULD_BLOCK'));
        const Kind = String(run).includes('eadLock') ? 'Read' : 'Write';
        expect(run).toThrow(
          `The RwLock is not available at once, and waiting for it would block the main thread: only try (try${Kind}Lock() without a timeout), wait in the event loop (${Kind.toLowerCase()}LockAsync() or with${Kind}LockAsync()), or make it with { blockMainThread: true }`,
        );
      }
      expect(() => lock.writeLock({ timeout: 0 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
      expect([lock.tryWriteLock(), words[word]]).toEqual([null, SOMEBODY]);
      if (word !== STATE) {
        lock.readLock().unlock();
        expect(words[STATE]).toBe(0);
      }
      words[word] = 0;
    }
    for (const [, take] of ASYNC) (await take(lock)).unlock();
    expectUntouched(lock);
  });
});

describe('functions with the lock held', () => {
  it.each(['withReadLock', 'withWriteLock'] as const)(
    '%s returns, throws on and refuses a promise, the lock released',
    (name) => {
      const lock = create();
      expect(lock[name](({ abandoned }) => [lock.tryWriteLock(), 7, abandoned] as const)).toEqual([
        null,
        7,
        false,
      ]);
      expectUntouched(lock);
      const fail = (): never => {
        throw new Error('mine');
      };
      expect(() => lock[name](fail)).toThrow('mine');
      expectUntouched(lock);
      const run = (): never => Promise.resolve(1) as never;
      expect(() => lock[name](run)).toThrow(withCode('ERR_RSEQ_ASYNC_SECTION'));
      expect(() => lock[name](run)).toThrow(`${name}Async()`);
      expectUntouched(lock);
    },
  );

  it.each(['withReadLockAsync', 'withWriteLockAsync'] as const)(
    '%s holds it until all has settled',
    async (name) => {
      const lock = create();
      const result = await lock[name](async (token) => {
        await sleep(2);
        return [token.locked, lock.tryWriteLock()] as const;
      });
      expect(result).toEqual([true, null]);
      expectUntouched(lock);
      await expect(lock[name](() => Promise.reject(new Error('mine')))).rejects.toThrow('mine');
      expectUntouched(lock);
      const writer = lock.writeLock();
      const run = vi.fn();
      await expect(lock[name](run, { timeout: 3 })).rejects.toThrow(withCode('ERR_RSEQ_TIMEOUT'));
      expect(run).not.toHaveBeenCalled();
      writer.unlock();
      expectUntouched(lock);
    },
  );
});

describe.runIf(canAskKernel)('the dead', () => {
  const WAYS = [
    ...TRYING.map(([name, take]) => [name, (lock: RwLock) => got(take(lock))] as const),
    ...BLOCKING.map(
      ([name, take]) => [name, (lock: RwLock) => take(lock, { timeout: 20_000 })] as const,
    ),
    ...ASYNC.map(
      ([name, take]) => [name, (lock: RwLock) => take(lock, { timeout: 20_000 })] as const,
    ),
  ] as const;
  const isWriting = (name: string): boolean => /write/i.test(name);

  it.each(WAYS)(
    '%s after a writer that died tells so: every reader, until a writer has had the lock',
    async (name, take) => {
      const id = await endedThread();
      const lock = create();
      wordsOf(lock)[STATE] = id;
      const token = await take(lock);
      expect(token.abandoned).toBe(true);
      token.unlock();
      if (!isWriting(name)) {
        expect(wordsOf(lock)[STATE]).toBe(TORN);
        const readers = [
          lock.readLock(),
          got(again(lock).tryReadLock()),
          await lock.readLockAsync(),
        ];
        expect(readers.map(({ abandoned }) => abandoned)).toEqual([true, true, true]);
        for (const reader of readers) reader.unlock();
        expect(lock.withReadLock(({ abandoned }) => abandoned)).toBe(true);
        expect(lock.withWriteLock(({ abandoned }) => abandoned)).toBe(true);
      }
      expect(lock.stats().abandoned).toBe(1);
      expect([
        lock.withReadLock(({ abandoned }) => abandoned),
        lock.withWriteLock(({ abandoned }) => abandoned),
      ]).toEqual([false, false]);
      expectUntouched(lock);
    },
  );

  it.each(WAYS)('%s finds a writer that died also when the gate is closed', async (name, take) => {
    const lock = create();
    wordsOf(lock)[STATE] = await endedThread();
    closeGate(lock, LEASE + 2);
    const token = await take(lock);
    expect(token.abandoned).toBe(true);
    token.unlock();
    if (!isWriting(name)) lock.writeLock().unlock();
    expectUntouched(lock);
  });

  it.each(WAYS)('%s is not told of a writer that died before it could write', async (_, take) => {
    const lock = create();
    const id = await endedThread();
    for (const flag of [0, BY_EVENT_LOOP]) {
      wordsOf(lock)[STATE] = id | CLAIMED | flag;
      wordsOf(lock)[CLAIMED_SINCE] = sharedNow();
      const token = await take(lock);
      expect(token.abandoned).toBe(false);
      token.unlock();
      expectUntouched(lock);
    }
    // One that died so leaves the news of the one before.
    wordsOf(lock)[STATE] = TORN | id | CLAIMED;
    const token = await take(lock);
    expect(token.abandoned).toBe(true);
    token.unlock();
  });

  it.each(WAYS)('%s finds readers that died in nobody’s way, and no news', async (_, take) => {
    const lock = create();
    const id = await endedThread();
    for (const places of [[3], Array.from({ length: RwLock.maxReaders }, (__, place) => place)]) {
      // The dead are looked for again after a moment only.
      await sleep(6);
      for (const place of places) wordsOf(lock)[placeAt(place)] = id;
      const token = await take(lock);
      expect(token.abandoned).toBe(false);
      token.unlock();
      wordsOf(lock).fill(0, FIRST);
      expectUntouched(lock);
    }
    expect(lock.stats().abandoned).toBe(0);
  });

  it('a writer finds all readers that died at once', async () => {
    const lock = create();
    wordsOf(lock).fill(await endedThread(), FIRST);
    const token = got(lock.tryWriteLock());
    expect([token.abandoned, readersOf(lock)]).toEqual([false, 0]);
    token.unlock();
    expectUntouched(lock);
  });

  it('a writer that gives up leaves the news of a dead one to the next', async () => {
    const lock = create();
    wordsOf(lock)[STATE] = await endedThread();
    wordsOf(lock)[FIRST] = SOMEBODY;
    expect(() => lock.writeLock({ timeout: 20 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    expect(wordsOf(lock)[STATE]).toBe(TORN);
    await expect(lock.writeLockAsync({ timeout: 1 })).rejects.toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    expect([lock.tryWriteLock(), wordsOf(lock)[STATE]]).toEqual([null, TORN]);
    const reader = lock.readLock({ timeout: 20_000 });
    expect(reader.abandoned).toBe(true);
    reader.unlock();
    wordsOf(lock)[FIRST] = 0;
    const writer = lock.writeLock();
    expect(writer.abandoned).toBe(true);
    writer.unlock();
    expectUntouched(lock);
  });

  it('nobody takes from one who is alive, or cannot be asked after', () => {
    const lock = create();
    for (const state of [SOMEBODY, SOMEBODY | CLAIMED]) {
      wordsOf(lock)[STATE] = state;
      expect([lock.tryReadLock(), lock.tryWriteLock()]).toEqual([null, null]);
      for (const [, take] of BLOCKING)
        expect(() => take(lock, { timeout: 3 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
      expect(wordsOf(lock)[STATE]).toBe(state);
    }
  });
});

describe('the section around the holder', () => {
  it.each([
    ['readLock', (lock: RwLock) => lock.readLock()],
    ['tryReadLock', (lock: RwLock) => got(lock.tryReadLock())],
    ['writeLock', (lock: RwLock) => lock.writeLock()],
    ['tryWriteLock', (lock: RwLock) => got(lock.tryWriteLock())],
    [
      'readLock, having waited',
      (lock: RwLock) => {
        closeGate(lock, LEASE - 20);
        return lock.readLock({ timeout: 20_000 });
      },
    ],
    [
      'writeLock, having waited',
      (lock: RwLock) => {
        closeGate(lock, LEASE - 20);
        return lock.writeLock({ timeout: 20_000 });
      },
    ],
    [
      'readLock, after tries that failed',
      (lock: RwLock) => {
        wordsOf(lock)[STATE] = SOMEBODY;
        expect([lock.tryReadLock(), lock.tryWriteLock()]).toEqual([null, null]);
        wordsOf(lock)[STATE] = 0;
        wordsOf(lock)[FIRST] = SOMEBODY;
        expect(lock.tryWriteLock()).toBeNull();
        wordsOf(lock)[FIRST] = 0;
        return lock.readLock();
      },
    ],
  ])('is there from taking to releasing: %s', (_, take) => {
    const kernel = new SimulatedKernel();
    const cpu = kernel.thread();
    const thread = attach({ host: cpu });
    const lock = new RwLock({ ...options, thread });
    const token = take(lock);
    expect(cpu.requested).toBe(true);
    expect(cpu.preempt()).toBe('granted');
    token.unlock();
    expect([cpu.requested, cpu.granted]).toEqual([false, false]);
    expect(kernel.stats()).toMatchObject({ sgrant: 1, syield: 1 });
    expect(thread.stats()).toEqual({
      entered: 1,
      undisturbed: 0,
      yielded: 1,
      raced: 0,
      preempted: 0,
      nested: 0,
    });
  });

  it('is left when the lock is not taken, and not entered for what is held across an await', async () => {
    const cpu = new SimulatedKernel().thread();
    const thread = attach({ host: cpu });
    const lock = new RwLock({ ...options, thread });
    wordsOf(lock)[FIRST] = SOMEBODY;
    expect(() => lock.writeLock({ timeout: 3 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    expect([lock.tryWriteLock(), cpu.requested]).toEqual([null, false]);
    wordsOf(lock)[FIRST] = 0;
    for (const [, take] of ASYNC) {
      const token = await take(lock);
      expect(cpu.requested).toBe(false);
      token.unlock();
    }
    const reader = lock.readLock();
    expect(lock.tryWriteLock()).toBeNull();
    expect(() => lock.writeLock()).toThrow(withCode('ERR_RSEQ_RECURSIVE_LOCK'));
    expect(cpu.requested).toBe(true);
    reader.unlock();
    expect(cpu.requested).toBe(false);
    expectUntouched(lock);
  });
});
