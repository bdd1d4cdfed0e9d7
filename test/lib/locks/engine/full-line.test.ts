// SPDX-License-Identifier: MIT
/**
 * A line that is full of waiters who died: whoever lives is still let in, once
 * in a while at the cost of its turn, and dead event loops do not shorten
 * leases for ever.
 */
import { describe, expect, it, vi } from 'vitest';
import { Mutex, RwLock, Semaphore } from '../../../../lib/index.ts';
import { sharedNow } from '../../../../lib/clock.ts';
import {
  arrive,
  countEventLoop,
  countEventLoops,
  countWaiters,
  discountEventLoop,
  EVENT_LOOPS,
  forgetAll,
  forgetDeadEventLoops,
  isEventLoopCounted,
  MOST_WAITERS,
  openIfStuck,
  QUEUE,
  RESERVED_SINCE,
  Standing,
  standing,
  TURNSTILE_WORDS,
} from '../../../../lib/locks/engine/turnstile.ts';
import { NOT_YET, Waiter } from '../../../../lib/locks/engine/waiter.ts';
import type { Door } from '../../../../lib/locks/engine/waiter.ts';

const wordsOf = ({ handle }: { readonly handle: Mutex['handle'] }): Int32Array =>
  new Int32Array(handle.buffer, handle.byteOffset, TURNSTILE_WORDS);

/** One is inside, and as many stand outside as can be counted. */
function fill(words: Int32Array): void {
  for (let i = 0; i <= MOST_WAITERS; i++) expect(arrive(words)).toBeGreaterThanOrEqual(0);
  expect(arrive(words)).toBe(-1);
}

it.each([
  [
    'Mutex',
    () => {
      const lock = new Mutex();
      return { lock, held: lock.tryLock(), wait: () => lock.lockAsync({ timeout: 5000 }) };
    },
  ],
  [
    'Semaphore',
    () => {
      const lock = new Semaphore({ permits: 1 });
      return { lock, held: lock.tryAcquire(), wait: () => lock.acquireAsync({ timeout: 5000 }) };
    },
  ],
  [
    'RwLock',
    () => {
      const lock = new RwLock();
      return { lock, held: lock.tryReadLock(), wait: () => lock.writeLockAsync({ timeout: 5000 }) };
    },
  ],
] as const)('does not keep the living out: %s', async (_, create) => {
  const { lock, held, wait } = create();
  fill(wordsOf(lock));
  const waiting = wait();
  expect(countWaiters(wordsOf(lock))).toBe(1);
  held?.unlock();
  (await waiting).unlock();
  expect(countWaiters(wordsOf(lock))).toBe(0);
});

it('is forgotten once within a lease: they may be alive', async () => {
  const lock = new Mutex();
  const held = lock.tryLock();
  const words = wordsOf(lock);
  fill(words);
  words[RESERVED_SINCE] = sharedNow() + 60_000;
  await expect(lock.lockAsync({ timeout: 50 })).rejects.toMatchObject({
    code: 'ERR_RSEQ_TOO_MANY_WAITERS',
  });
  held?.unlock();
});

it('has those of them who live line up again, wherever they stood', () => {
  const words = new Int32Array(
    new SharedArrayBuffer(TURNSTILE_WORDS * Int32Array.BYTES_PER_ELEMENT),
  );
  const inside = arrive(words);
  words[QUEUE] = (words[QUEUE] ?? 0) | (1 << 21);
  const outside = arrive(words);
  words[EVENT_LOOPS] = 7;
  expect([standing(words, inside), standing(words, outside)]).toEqual([
    Standing.Inside,
    Standing.Outside,
  ]);
  expect(forgetAll(words, sharedNow())).toBe(true);
  expect([
    standing(words, inside),
    standing(words, outside),
    countWaiters(words),
    countEventLoops(words),
  ]).toEqual([Standing.Forgotten, Standing.Forgotten, 0, 0]);
  expect(forgetAll(words, sharedNow())).toBe(false);
});

it('dead event loops are counted as long as there is a line, and no longer', async () => {
  const lock = new Mutex();
  const held = lock.tryLock();
  const words = wordsOf(lock);
  words[EVENT_LOOPS] = 5;
  const waiting = lock.lockAsync();
  expect(countEventLoops(words)).toBe(1);
  held?.unlock();
  (await waiting).unlock();
  expect(countEventLoops(words)).toBe(0);
});

describe('event loops in the line', () => {
  const create = (): Int32Array =>
    new Int32Array(new SharedArrayBuffer(TURNSTILE_WORDS * Int32Array.BYTES_PER_ELEMENT));
  const nothing = (): void => undefined;

  it('are not taken for left over as soon as they stand in it', () => {
    const words = create();
    // One died waiting, and has left the line empty.
    countEventLoop(words);
    arrive(words);
    forgetDeadEventLoops(words);
    countEventLoop(words);
    expect(countEventLoops(words)).toBe(2);
    // Who asks before another one lines up, and forgets after that, forgets nobody.
    const empty = create();
    countEventLoop(empty);
    forgetBetween(empty, () => {
      arrive(empty);
      countEventLoop(empty);
    });
    expect(countEventLoops(empty)).toBe(2);
  });

  /** Does something after the words were read for the first time, and before they are changed. */
  function forgetBetween(words: Int32Array, act: () => void): void {
    const { compareExchange } = Atomics;
    const between = vi.spyOn(Atomics, 'compareExchange').mockImplementationOnce(((
      ...all: [Int32Array, number, number, number]
    ) => {
      between.mockRestore();
      act();
      return compareExchange(...all);
    }) as typeof Atomics.compareExchange);
    forgetDeadEventLoops(words);
  }

  it('are discounted once, also when all were forgotten before', () => {
    const words = create();
    const early = countEventLoop(words);
    forgetDeadEventLoops(words);
    expect(countEventLoops(words)).toBe(0);
    expect(isEventLoopCounted(words, early)).toBe(false);
    const late = countEventLoop(words);
    discountEventLoop(words, early);
    expect(countEventLoops(words)).toBe(1);
    discountEventLoop(words, late);
    expect(countEventLoops(words)).toBe(0);
  });

  it('are counted again when they line up again after all were forgotten, and not twice else', () => {
    const words = create();
    const door: Door = {
      attempt: () => NOT_YET,
      isOpen: () => false,
      isKeptByEventLoop: () => false,
      admitsMore: () => false,
      cancel: () => false,
    };
    const waiter = new Waiter(words, true, nothing);
    expect(countEventLoops(words)).toBe(1);
    for (const forget of [() => forgetAll(words, sharedNow()), () => openByForce(words)]) {
      words[RESERVED_SINCE] = sharedNow() - 60_000;
      expect(forget()).toBe(true);
      expect(waiter.isInLine).toBe(false);
      expect(waiter.look(door)).toBe(NOT_YET);
      expect([countWaiters(words), countEventLoops(words)]).toEqual([1, 1]);
    }
    waiter.giveUp();
    expect([countWaiters(words), countEventLoops(words)]).toEqual([0, 0]);
  });

  function openByForce(words: Int32Array): boolean {
    words[QUEUE] = (words[QUEUE] ?? 0) | (1 << 21);
    return openIfStuck(words, sharedNow());
  }
});
