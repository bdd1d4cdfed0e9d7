/**
 * A line that is full of waiters who died: whoever lives is still let in, once
 * in a while at the cost of its turn, and dead event loops do not shorten
 * leases for ever.
 */
import { expect, it } from 'vitest';
import { Mutex, RwLock, Semaphore } from '../../../lib/index.ts';
import { sharedNow } from '../../../lib/locks/clock.ts';
import { arrive, countWaiters, EVENT_LOOPS, forgetAll, MOST_WAITERS, QUEUE, RESERVED_SINCE, Standing, standing, TURNSTILE_WORDS } from '../../../lib/locks/turnstile.ts';

const wordsOf = ({ handle }: { readonly handle: Mutex['handle'] }): Int32Array => new Int32Array(handle.buffer, handle.byteOffset, TURNSTILE_WORDS);

function fill(words: Int32Array): void {
  for (let i = 0; i < MOST_WAITERS; i++) expect(arrive(words)).toBeGreaterThanOrEqual(0);
  expect(arrive(words)).toBe(-1);
}

it.each([
  ['Mutex', () => {
    const lock = new Mutex();
    return { lock, held: lock.tryLock(), wait: () => lock.lockAsync({ timeout: 5000 }) };
  }],
  ['Semaphore', () => {
    const lock = new Semaphore(1);
    return { lock, held: lock.tryAcquire(), wait: () => lock.acquireAsync({ timeout: 5000 }) };
  }],
  ['RwLock', () => {
    const lock = new RwLock();
    return { lock, held: lock.tryReadLock(), wait: () => lock.writeLockAsync({ timeout: 5000 }) };
  }],
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
  await expect(lock.lockAsync({ timeout: 50 })).rejects.toMatchObject({ code: 'ERR_RSEQ_TOO_MANY_WAITERS' });
  held?.unlock();
});

it('has those of them who live line up again, wherever they stood', () => {
  const words = new Int32Array(new SharedArrayBuffer(TURNSTILE_WORDS * Int32Array.BYTES_PER_ELEMENT));
  const inside = arrive(words);
  words[QUEUE] = (words[QUEUE] ?? 0) | (1 << 21);
  const outside = arrive(words);
  words[EVENT_LOOPS] = 7;
  expect([standing(words, inside), standing(words, outside)]).toEqual([Standing.Inside, Standing.Outside]);
  expect(forgetAll(words, sharedNow())).toBe(true);
  expect([standing(words, inside), standing(words, outside), countWaiters(words), words[EVENT_LOOPS]]).toEqual([Standing.Forgotten, Standing.Forgotten, 0, 0]);
  expect(forgetAll(words, sharedNow())).toBe(false);
});

it('dead event loops are counted as long as there is a line, and no longer', async () => {
  const lock = new Mutex();
  const held = lock.tryLock();
  const words = wordsOf(lock);
  words[EVENT_LOOPS] = 5;
  const waiting = lock.lockAsync();
  expect(words[EVENT_LOOPS]).toBe(1);
  held?.unlock();
  (await waiting).unlock();
  expect(words[EVENT_LOOPS]).toBe(0);
});
