/**
 * `RwLock` in one thread: readers beside each other, writers alone, who waits for
 * whom, and what is left behind when waiting ends. Other threads are numbers
 * written into the lock's places.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { attach, RwLock } from '../../../lib/index.ts';
import type { AsyncLockOptions, ErrorCode, LockOptions, LockToken } from '../../../lib/index.ts';
import { loadAddon } from '../../../lib/linux/binding.ts';
import { isHeld, QUEUE, STATE, WAITERS } from '../../../lib/locks/turnstile.ts';
import { SimulatedKernel } from '../../../lib/simulated/kernel.ts';

/** Where things are in the lock's words. */
const OWN = 1;
const ENTRANCE = 8;
const FIRST = 16;
const SOMEBODY = 0xfffff;

const options = { blockMainThread: true };
const create = (): RwLock => new RwLock(undefined, 0, options);
const again = ({ handle }: RwLock): RwLock => RwLock.from(handle, options);
const wordsOf = ({ handle: { buffer, byteOffset } }: RwLock): Int32Array => new Int32Array(buffer, byteOffset, RwLock.byteLength / 4);
const readersOf = (lock: RwLock): number => wordsOf(lock).subarray(FIRST).filter((word) => word !== 0).length;

/** Nobody has it, nobody waits, and the next one finds nothing of those before. */
function expectUntouched(lock: RwLock): void {
  const words = wordsOf(lock);
  expect({
    readers: readersOf(lock),
    own: words[OWN],
    entered: isHeld(words[ENTRANCE + STATE] ?? 0),
    waiters: (words[ENTRANCE + QUEUE] ?? 0) & WAITERS,
  }).toEqual({ readers: 0, own: 0, entered: false, waiters: 0 });
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
  if (token === null) throw new Error('the lock was not to be had');
  return token;
}

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
    expect([writer.locked, lock.tryReadLock(), lock.tryWriteLock(), again(lock).tryReadLock()]).toEqual([true, null, null, null]);
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
      fc.property(fc.array(fc.oneof(fc.constantFrom('read', 'write'), fc.nat({ max: 12 })), { maxLength: 60 }), (steps) => {
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
      }),
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
    expect(() => lock.readLock({ timeout: 10 })).toThrow('The RwLock was not to be had within 10 ms');
    wordsOf(lock)[FIRST + 47] = 0;
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
    expect(order).toEqual(['write', 'write ends', 'read', 'read ends', 'write too', 'write too ends']);
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

  it.each(BLOCKING.flatMap(([name, take]) => [0, 10].map((timeout) => [name, timeout, take] as const)))('%s gives up after %i ms', (_, timeout, take) => {
    const lock = create();
    const words = wordsOf(lock);
    // Somebody writes.
    words[ENTRANCE + STATE] = SOMEBODY;
    words[OWN] = 1;
    const started = performance.now();
    expect(() => take(lock, { timeout })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    expect(performance.now() - started).toBeGreaterThanOrEqual(timeout);
    expect(performance.now() - started).toBeLessThan(timeout + 2000);
    words[ENTRANCE + STATE] = 0;
    words[OWN] = 0;
    expectUntouched(lock);
  });

  it.each([0, 10])('a writer gives up waiting for readers after %i ms, and others read on', (timeout) => {
    const lock = create();
    wordsOf(lock)[FIRST + 7] = SOMEBODY;
    expect(() => lock.writeLock({ timeout })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    expect(lock.tryWriteLock()).toBeNull();
    expect(wordsOf(lock)[FIRST + 7]).toBe(SOMEBODY);
    lock.readLock().unlock();
    wordsOf(lock)[FIRST + 7] = 0;
    expectUntouched(lock);
  });

  it.each(ASYNC.flatMap(([name, take]) => [0, 10].map((timeout) => [name, timeout, take] as const)))('%s gives up after %i ms', async (_, timeout, take) => {
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
    await expect(take(lock, { signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before');
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

  it.each([NaN, -1])('refuses a timeout of %s', async (timeout) => {
    const lock = create();
    wordsOf(lock)[ENTRANCE + STATE] = SOMEBODY;
    wordsOf(lock)[OWN] = 1;
    for (const [, take] of BLOCKING) expect(() => take(lock, { timeout })).toThrow(RangeError);
    for (const [, take] of ASYNC) await expect(take(lock, { timeout })).rejects.toThrow(RangeError);
    wordsOf(lock)[ENTRANCE + STATE] = 0;
    wordsOf(lock)[OWN] = 0;
    expectUntouched(lock);
  });
});

describe('misuse', () => {
  it.each([
    ['read', 'read'],
    ['read', 'write'],
    ['write', 'read'],
    ['write', 'write'],
  ] as const)('refuses to wait for this very thread: %s, then %s', (first, then) => {
    const lock = create();
    const token = first === 'read' ? lock.readLock() : lock.writeLock();
    for (const object of [lock, again(lock)]) {
      // Another object lets it read as long as nobody wants to write: there is nothing to wait for.
      if (first === 'read' && then === 'read' && object !== lock) continue;
      const run = () => (then === 'read' ? object.readLock({ timeout: 5000 }) : object.writeLock({ timeout: 5000 }));
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

  it('refuses to block the main thread unless asked for', async (context) => {
    if (!isMainThread) context.skip('not the main thread');
    const lock = new RwLock();
    for (const [, take] of BLOCKING) expect(() => take(lock)).toThrow(withCode('ERR_RSEQ_WOULD_BLOCK'));
    expect(() => lock.withReadLock(() => 1)).toThrow(withCode('ERR_RSEQ_WOULD_BLOCK'));
    expect(() => lock.withWriteLock(() => 1)).toThrow(withCode('ERR_RSEQ_WOULD_BLOCK'));
    for (const [, take] of ASYNC) (await take(lock)).unlock();
    expectUntouched(lock);
  });
});

describe('functions with the lock held', () => {
  it.each(['withReadLock', 'withWriteLock'] as const)('%s returns, throws on and refuses a promise, the lock released', (name) => {
    const lock = create();
    expect(lock[name](() => [lock.tryWriteLock(), 7] as const)).toEqual([null, 7]);
    expectUntouched(lock);
    const fail = (): never => { throw new Error('mine'); };
    expect(() => lock[name](fail)).toThrow('mine');
    expectUntouched(lock);
    const run = (): never => Promise.resolve(1) as never;
    expect(() => lock[name](run)).toThrow(withCode('ERR_RSEQ_ASYNC_SECTION'));
    expect(() => lock[name](run)).toThrow(`${name}Async()`);
    expectUntouched(lock);
  });

  it.each(['withReadLockAsync', 'withWriteLockAsync'] as const)('%s holds it until all has settled', async (name) => {
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
    // Whoever was in line for a request that was given up leaves it when it wakes.
    await vi.waitFor(() => { expectUntouched(lock); }, 5000);
  });
});

describe('the dead', () => {
  /** A thread that has ended, by number. */
  async function endOne(number: number): Promise<number | null> {
    const addon = loadAddon();
    if (addon.state !== 'loaded') return null;
    const id = 0xfe000 + number;
    const worker = new Worker('const { path, id } = require("worker_threads").workerData; require(path).announceAgent(id);', {
      eval: true,
      workerData: { path: addon.path, id },
    });
    await once(worker, 'exit');
    return id;
  }

  it.each([
    ['readLock', (lock: RwLock) => lock.readLock({ timeout: 20_000 })],
    ['writeLock', (lock: RwLock) => lock.writeLock({ timeout: 20_000 })],
    ['readLockAsync', (lock: RwLock) => lock.readLockAsync({ timeout: 20_000 })],
    ['writeLockAsync', (lock: RwLock) => lock.writeLockAsync({ timeout: 20_000 })],
  ] as const)('%s after a writer that died tells so, once', async (_, take) => {
    const id = await endOne(1);
    if (id === null) return;
    const lock = create();
    wordsOf(lock)[ENTRANCE + STATE] = id;
    wordsOf(lock)[OWN] = 1;
    expect([lock.tryReadLock(), lock.tryWriteLock()]).toEqual([null, null]);
    const token = await take(lock);
    expect(token.abandoned).toBe(true);
    token.unlock();
    expectUntouched(lock);
  });

  it('a reader that died is in nobody’s way, and no news', async () => {
    const id = await endOne(2);
    if (id === null) return;
    const lock = create();
    wordsOf(lock)[FIRST + 3] = id;
    const token = lock.writeLock({ timeout: 20_000 });
    expect([token.abandoned, readersOf(lock)]).toEqual([false, 0]);
    token.unlock();
    wordsOf(lock).fill(id, FIRST);
    const reader = lock.readLock({ timeout: 20_000 });
    expect(reader.abandoned).toBe(false);
    reader.unlock();
    const writer = got(lock.tryWriteLock());
    expect(writer.abandoned).toBe(false);
    writer.unlock();
    expectUntouched(lock);
  });

  it('a writer that gives up leaves the news of a dead one to the next', async () => {
    const id = await endOne(3);
    if (id === null) return;
    const lock = create();
    wordsOf(lock)[ENTRANCE + STATE] = id;
    wordsOf(lock)[OWN] = 1;
    wordsOf(lock)[FIRST] = SOMEBODY;
    expect(() => lock.writeLock({ timeout: 200 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    await expect(lock.writeLockAsync({ timeout: 1 })).rejects.toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    expect([lock.tryWriteLock(), lock.tryReadLock()]).toEqual([null, null]);
    const reader = lock.readLock({ timeout: 20_000 });
    expect(reader.abandoned).toBe(true);
    reader.unlock();
    wordsOf(lock)[FIRST] = 0;
    expectUntouched(lock);
  });

  it('one that died at the entrance, before it could write, is no news', async () => {
    const id = await endOne(4);
    if (id === null) return;
    const lock = create();
    wordsOf(lock)[ENTRANCE + STATE] = id;
    const writer = lock.writeLock({ timeout: 20_000 });
    expect(writer.abandoned).toBe(false);
    writer.unlock();
    expectUntouched(lock);
  });
});

describe('the section around the holder', () => {
  it.each([
    ['readLock', (lock: RwLock) => lock.readLock()],
    ['tryReadLock', (lock: RwLock) => got(lock.tryReadLock())],
    ['writeLock', (lock: RwLock) => lock.writeLock()],
    ['tryWriteLock', (lock: RwLock) => got(lock.tryWriteLock())],
    ['readLock, having waited', (lock: RwLock) => {
      // Somebody died writing; nobody else can have the entrance.
      wordsOf(lock)[OWN] = 2;
      return lock.readLock();
    }],
  ])('is there from taking to releasing: %s', (_, take) => {
    const kernel = new SimulatedKernel();
    const cpu = kernel.thread();
    const thread = attach({ backend: cpu });
    const lock = new RwLock(undefined, 0, { ...options, thread });
    const token = take(lock);
    expect(cpu.requested).toBe(true);
    expect(cpu.preempt()).toBe('granted');
    token.unlock();
    expect([cpu.requested, cpu.granted]).toEqual([false, false]);
    expect(kernel.stats()).toMatchObject({ sgrant: 1, syield: 1 });
    const { entered, undisturbed, nested, yielded } = thread.stats();
    expect(entered).toBe(undisturbed + nested + yielded);
  });

  it('is left when the lock is not taken, and not entered for what is held across an await', async () => {
    const cpu = new SimulatedKernel().thread();
    const thread = attach({ backend: cpu });
    const lock = new RwLock(undefined, 0, { ...options, thread });
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
