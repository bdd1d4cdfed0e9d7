// SPDX-License-Identifier: MIT
/**
 * `Condition` in one thread: that the lock is released while one waits and held
 * afterwards, who is notified, and that no notification is lost or kept. What
 * happens while the thread sleeps is done in the place of its system call.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { attach, Condition, Mutex, RseqSliceError, RwLock, SpinLock } from '../../../lib/index.ts';
import type { AsyncLockOptions, ErrorCode, Hold, LockToken } from '../../../lib/index.ts';
import { loadAddon } from '../../../lib/host/linux/binding.ts';
import { currentAgent } from '../../../lib/host/agent.ts';
import { HOLD, isHeld, STATE, WANTED } from '../../../lib/locks/engine/turnstile.ts';
import { SimulatedKernel } from '../../../lib/simulated/kernel.ts';
import { canAskKernel, endedThread } from '../../support/ended-thread.ts';

const LINE = 1;
/**
 * The first of the places of threads that wait: an id, and how many of those in the line are its.
 */
const FIRST = 8;
const SOMEBODY = 0xfffff;

const options = { blockMainThread: true };
const create = (): Condition => new Condition(options);
const lineOf = ({ handle: { buffer, byteOffset } }: Condition): number =>
  new Int32Array(buffer, byteOffset)[LINE] ?? 0;
const wordsOf = ({ handle: { buffer, byteOffset } }: Mutex | SpinLock | Condition): Int32Array =>
  new Int32Array(buffer, byteOffset);
/** Who is known to wait. */
const placesOf = (condition: Condition): number[] => [...wordsOf(condition).subarray(FIRST)];
const isEmpty = (condition: Condition): boolean =>
  lineOf(condition) === 0 && placesOf(condition).every((word) => word === 0);
const isTaken = (lock: Mutex | SpinLock): boolean => isHeld(wordsOf(lock)[STATE] ?? 0);

function withCode(code: ErrorCode): unknown {
  return expect.objectContaining({ name: 'RseqSliceError', code });
}

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Does something each time this thread is about to sleep, as long as there is more to do. */
function whenAsleep(...actions: (() => void)[]): void {
  const next = (): void => {
    actions.shift()?.();
  };
  const addon = loadAddon();
  if (addon.state === 'loaded') {
    const { futexWait } = addon.binding;
    vi.spyOn(addon.binding, 'futexWait').mockImplementation((...args) => {
      next();
      return futexWait(...args);
    });
  }
  const wait = Atomics.wait.bind(Atomics) as (
    ...args: unknown[]
  ) => ReturnType<typeof Atomics.wait>;
  vi.spyOn(Atomics as unknown as { wait: typeof wait }, 'wait').mockImplementation((...args) => {
    next();
    return wait(...args);
  });
}

describe.each([
  { kind: 'Mutex', Lock: Mutex },
  { kind: 'SpinLock', Lock: SpinLock },
])('with a $kind', ({ Lock }) => {
  const createLock = (): Mutex | SpinLock => new Lock(options);

  describe('wait', () => {
    it('releases the lock while it waits, and holds it when it was notified', () => {
      const [lock, condition] = [createLock(), create()];
      const token = lock.lock();
      const seen: unknown[] = [];
      whenAsleep(() => {
        seen.push(isTaken(lock), condition.notify(), condition.notify());
      });
      expect(condition.wait(token, { timeout: 20_000 })).toBe(true);
      // Two were told of one who waited: the second was nobody's.
      expect(seen).toEqual([false, 1, 0]);
      expect([token.locked, token.abandoned, isTaken(lock), lineOf(condition)]).toEqual([
        true,
        false,
        true,
        0,
      ]);
      token.unlock();
      expect(isTaken(lock)).toBe(false);
    });

    it.each([0, 10])('holds the lock again when its %i ms are over', (timeout) => {
      const [lock, condition] = [createLock(), create()];
      const token = lock.lock();
      const started = performance.now();
      expect(condition.wait(token, { timeout })).toBe(false);
      expect(performance.now() - started).toBeGreaterThanOrEqual(timeout);
      expect(performance.now() - started).toBeLessThan(timeout + 2000);
      expect([token.locked, isTaken(lock), lineOf(condition), condition.notify()]).toEqual([
        true,
        true,
        0,
        0,
      ]);
      token.unlock();
    });

    it('knows nothing of what was notified before', () => {
      const [lock, condition] = [createLock(), create()];
      const token = lock.lock();
      expect([condition.notify(), condition.notifyAll(), condition.notify(5)]).toEqual([0, 0, 0]);
      expect(condition.wait(token, { timeout: 5 })).toBe(false);
      token.unlock();
    });

    it.runIf(canAskKernel)('tells how it found the lock, each time anew', async () => {
      const [lock, condition] = [createLock(), create()];
      const id = await endedThread();
      const token = lock.lock();
      whenAsleep(() => {
        condition.notify();
        Atomics.store(wordsOf(lock), STATE, id);
      });
      expect(condition.wait(token, { timeout: 20_000 })).toBe(true);
      expect([token.abandoned, lock.abandoned]).toEqual([true, true]);
      expect(condition.wait(token, { timeout: 1 })).toBe(false);
      expect([token.abandoned, lock.abandoned]).toEqual([false, false]);
      const waiting = condition.waitAsync(token, { timeout: 1 });
      Atomics.store(wordsOf(lock), STATE, id);
      expect(await waiting).toBe(false);
      expect([token.abandoned, lock.abandoned, token.unlock()]).toEqual([true, true, true]);
    });

    it('takes the lock again however long that lasts', async () => {
      const [lock, condition] = [createLock(), create()];
      // Another thread, that has the lock when it is told to, and releases it a while later.
      const signal = new Int32Array(new SharedArrayBuffer(4));
      const source = `
        const { signal, words, state, wanted } = require('worker_threads').workerData;
        Atomics.wait(signal, 0, 0);
        Atomics.wait(signal, 0, 1, 60);
        Atomics.store(words, state, wanted);`;
      const worker = new Worker(source, {
        eval: true,
        workerData: { signal, words: wordsOf(lock), state: STATE, wanted: WANTED },
      });
      const token = lock.lock();
      whenAsleep(() => {
        condition.notify();
        Atomics.store(wordsOf(lock), STATE, SOMEBODY);
        Atomics.store(signal, 0, 1);
        Atomics.notify(signal, 0);
      });
      const started = performance.now();
      expect(condition.wait(token, { timeout: 10 })).toBe(true);
      // Nobody takes it from a thread that lives.
      expect(performance.now() - started).toBeGreaterThan(50);
      expect([token.locked, token.abandoned, isTaken(lock)]).toEqual([true, false, true]);
      token.unlock();
      expect(isTaken(lock)).toBe(false);
      await once(worker, 'exit');
    });

    it('goes on with the section of the lock, and sleeps without it', () => {
      const kernel = new SimulatedKernel();
      const cpu = kernel.thread();
      const thread = attach({ host: cpu });
      const lock = new Lock({ ...options, thread });
      const condition = new Condition({ ...options, thread });
      const token = lock.lock();
      let requested: boolean | null = null;
      whenAsleep(() => {
        requested = cpu.requested;
        condition.notify();
      });
      expect(condition.wait(token)).toBe(true);
      expect([requested, cpu.requested]).toEqual([false, true]);
      token.unlock();
      expect(cpu.requested).toBe(false);
    });

    it('waits with what was taken asynchronously, in no section', async () => {
      const cpu = new SimulatedKernel().thread();
      const thread = attach({ host: cpu });
      const lock = new Lock({ ...options, thread });
      const condition = new Condition({ ...options, thread });
      const token = await lock.lockAsync();
      expect(condition.wait(token, { timeout: 3 })).toBe(false);
      expect([token.locked, cpu.requested]).toEqual([true, false]);
      token.unlock();
      expect(isTaken(lock)).toBe(false);
    });

    it('does not sleep with the request of another lock', () => {
      const cpu = new SimulatedKernel({ abiVersion: 'rfc' }).thread();
      const thread = attach({ host: cpu });
      const outer = new Mutex({ ...options, thread });
      const lock = new Lock({ ...options, thread });
      const condition = new Condition({ ...options, thread });
      const outerToken = outer.lock();
      const token = lock.lock();
      expect(cpu.preempt()).toBe('granted');
      let state: unknown = null;
      whenAsleep(() => {
        state = [cpu.requested, cpu.granted];
        cpu.systemCall();
      });
      expect(condition.wait(token, { timeout: 5 })).toBe(false);
      expect([state, cpu.requested, cpu.death]).toEqual([[false, false], true, null]);
      token.unlock();
      outerToken.unlock();
      expect(cpu.requested).toBe(false);
    });
  });

  describe('waitAsync', () => {
    it('releases the lock while it waits, and holds it when it was notified', async () => {
      const [lock, condition] = [createLock(), create()];
      const token = lock.lock();
      const waiting = condition.waitAsync(token);
      expect(isTaken(lock)).toBe(false);
      lock.withLock(() => 1);
      expect([condition.notify(), condition.notify()]).toEqual([1, 0]);
      expect(await waiting).toBe(true);
      expect([token.locked, isTaken(lock), lineOf(condition)]).toEqual([true, true, 0]);
      token.unlock();
      expect(isTaken(lock)).toBe(false);
    });

    it('waits for the lock when another one has it', async () => {
      const [lock, condition] = [createLock(), create()];
      const token = await lock.lockAsync();
      const waiting = condition.waitAsync(token);
      const other = lock.lock();
      condition.notify();
      const first = await Promise.race([waiting, sleep(80, 'not yet')]);
      expect(first).toBe('not yet');
      other.unlock();
      expect(await waiting).toBe(true);
      token.unlock();
    });

    it.each([0, 10])('holds the lock again when its %i ms are over', async (timeout) => {
      const [lock, condition] = [createLock(), create()];
      const token = await lock.lockAsync();
      const started = performance.now();
      expect(await condition.waitAsync(token, { timeout })).toBe(false);
      expect(performance.now() - started).toBeGreaterThan(timeout - 2);
      expect([token.locked, isTaken(lock), lineOf(condition)]).toEqual([true, true, 0]);
      token.unlock();
    });

    it('is aborted before, with the lock as it was', async () => {
      const [lock, condition] = [createLock(), create()];
      const token = await lock.lockAsync();
      await expect(
        condition.waitAsync(token, { signal: AbortSignal.abort(new Error('before')) }),
      ).rejects.toThrow('before');
      expect([token.locked, isTaken(lock), lineOf(condition)]).toEqual([true, true, 0]);
      token.unlock();
    });

    it.each([
      ['an error', new Error('mine')],
      ['a string', 'mine'],
      ['null', null],
      ['0', 0],
      ['false', false],
      ['no words', ''],
    ])('is aborted while it waits, with %s, and holds the lock', async (_, reason) => {
      const [lock, condition] = [createLock(), create()];
      const token = await lock.lockAsync();
      const controller = new AbortController();
      const waiting = condition.waitAsync(token, { signal: controller.signal });
      await sleep(2);
      controller.abort(reason);
      const outcome = await waiting.then(
        () => ['fulfilled'] as unknown[],
        (error: unknown) => ['rejected', error],
      );
      expect([token.locked, isTaken(lock), lineOf(condition)]).toEqual([true, true, 0]);
      token.unlock();
      expect(outcome).toEqual(['rejected', reason]);
    });

    it('is aborted with the platform’s reason when none was given', async () => {
      const [lock, condition] = [createLock(), create()];
      const token = await lock.lockAsync();
      const controller = new AbortController();
      const waiting = condition.waitAsync(token, { signal: controller.signal });
      controller.abort(undefined);
      await expect(waiting).rejects.toBe(controller.signal.reason);
      await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
      expect([token.locked, isTaken(lock), isEmpty(condition)]).toEqual([true, true, true]);
      token.unlock();
    });

    it.each(['at once', 'asleep', 'notified, waiting for the lock'])(
      'ends when its token is unlocked: %s',
      async (when) => {
        const [lock, condition] = [createLock(), create()];
        const token = await lock.lockAsync();
        const waiting = condition.waitAsync(token, { timeout: 20_000 });
        if (when === 'asleep') await sleep(2);
        let other: LockToken | null = null;
        if (when.startsWith('notified')) {
          other = lock.lock();
          expect(condition.notify()).toBe(1);
          await sleep(2);
        }
        expect(token.locked).toBe(false);
        // It holds nothing that could be released.
        expect([token.unlock(), token.unlock()]).toEqual([false, false]);
        expect([token.locked, isTaken(lock)]).toEqual([false, other !== null]);
        other?.unlock();
        await expect(waiting).rejects.toThrow(withCode('ERR_RSEQ_NOT_LOCKED'));
        await expect(waiting).rejects.toThrow(
          'The wait has ended, and the lock was not taken again.',
        );
        expect([token.locked, isTaken(lock), isEmpty(condition), condition.notify()]).toEqual([
          false,
          false,
          true,
          0,
        ]);
        lock.lock({ timeout: 0 }).unlock();
      },
    );

    it('passes its notification on when its token is unlocked', async () => {
      const condition = create();
      const tokens = [await createLock().lockAsync(), await createLock().lockAsync()] as const;
      const first = condition.waitAsync(tokens[0]);
      const second = condition.waitAsync(tokens[1], { timeout: 20_000 });
      expect(condition.notify()).toBe(1);
      tokens[0].unlock();
      await expect(first).rejects.toThrow(withCode('ERR_RSEQ_NOT_LOCKED'));
      expect(await second).toBe(true);
      expect([isEmpty(condition), tokens[1].locked]).toEqual([true, true]);
      tokens[1].unlock();
    });

    it('waits once with a token: the second one is refused, and the first one goes on', async () => {
      const [lock, condition] = [createLock(), create()];
      const token = await lock.lockAsync();
      const waiting = condition.waitAsync(token);
      const line = lineOf(condition);
      for (const object of [condition, create()]) {
        await expect(object.waitAsync(token)).rejects.toThrow(withCode('ERR_RSEQ_NOT_LOCKED'));
        expect(() => object.wait(token, { timeout: 1 })).toThrow(withCode('ERR_RSEQ_NOT_LOCKED'));
      }
      expect(lineOf(condition)).toBe(line);
      expect(condition.notify()).toBe(1);
      expect(await waiting).toBe(true);
      expect(token.locked).toBe(true);
      token.unlock();
      expect([isTaken(lock), isEmpty(condition)]).toEqual([false, true]);
    });

    it('with faked timers ends in the thread, and follows them in the event loop', async () => {
      const [lock, condition] = [createLock(), create()];
      const token = lock.lock();
      vi.useFakeTimers();
      expect(condition.wait(token, { timeout: 20 })).toBe(false);
      const settled = vi.fn();
      const waiting = condition.waitAsync(token, { timeout: 1000 });
      void waiting.then(settled);
      await vi.advanceTimersByTimeAsync(999);
      expect(settled).not.toHaveBeenCalled();
      await vi.advanceTimersByTimeAsync(1);
      expect(await waiting).toBe(false);
      expect(vi.getTimerCount()).toBe(0);
      token.unlock();
    });

    it('is notified rather than aborted when both happen at once and nobody else waits', async () => {
      const [lock, condition] = [createLock(), create()];
      const token = await lock.lockAsync();
      const controller = new AbortController();
      const waiting = condition.waitAsync(token, { signal: controller.signal });
      expect(condition.notify()).toBe(1);
      controller.abort(new Error('too late'));
      expect(await waiting).toBe(true);
      expect(lineOf(condition)).toBe(0);
      token.unlock();
    });

    it('loses no notification when one of two is aborted at that moment', async () => {
      const condition = create();
      const tokens = [await createLock().lockAsync(), await createLock().lockAsync()] as const;
      const controller = new AbortController();
      const first = condition.waitAsync(tokens[0], { signal: controller.signal });
      const second = condition.waitAsync(tokens[1], { timeout: 200 });
      expect(condition.notify()).toBe(1);
      controller.abort(new Error('no more'));
      // Either it was for the one, or it was for the other.
      const outcomes = await Promise.allSettled([first, second]);
      expect(
        outcomes.filter((outcome) => outcome.status === 'fulfilled' && outcome.value),
      ).toHaveLength(1);
      expect([tokens[0].locked, tokens[1].locked, lineOf(condition)]).toEqual([true, true, 0]);
      for (const token of tokens) token.unlock();
    });
  });

  describe('waitFor', () => {
    it('keeps the lock while what it waits for is so', async () => {
      const [lock, condition] = [createLock(), new Condition()];
      const token = got(new Lock().tryLock());
      const seen: unknown[] = [];
      const predicate = ({ abandoned }: Hold): boolean => {
        seen.push(abandoned, token.locked, isTaken(lock));
        return true;
      };
      // Nor does it refuse to in the main thread.
      expect(condition.waitFor(token, predicate)).toBe(true);
      expect(await condition.waitForAsync(token, predicate)).toBe(true);
      expect([seen, lineOf(condition)]).toEqual([[false, true, false, false, true, false], 0]);
      for (const timeout of [0, 0.5]) {
        const calls = vi.fn(() => false);
        if (timeout === 0) expect(condition.waitFor(token, calls, { timeout })).toBe(false);
        expect(await condition.waitForAsync(token, calls, { timeout })).toBe(false);
        expect(calls).toHaveBeenCalledTimes(2);
      }
      token.unlock();
    });

    it('looks at each notification with the lock held, and returns when it is so', () => {
      const [lock, condition] = [createLock(), create()];
      const token = lock.lock();
      let jobs = 0;
      const seen: unknown[] = [];
      whenAsleep(
        () => seen.push(isTaken(lock), condition.notify()),
        () => seen.push(isTaken(lock), condition.notify()),
        () => seen.push(++jobs, condition.notify()),
      );
      const predicate = (): boolean => {
        seen.push(token.locked);
        return jobs > 0;
      };
      expect(condition.waitFor(token, predicate)).toBe(true);
      expect(seen).toEqual([true, false, 1, true, false, 1, true, 1, 1, true]);
      expect([token.locked, isEmpty(condition)]).toEqual([true, true]);
      token.unlock();
    });

    it('has one time for all its turns, and looks once more when it is over', () => {
      const [lock, condition] = [createLock(), create()];
      const token = lock.lock();
      let looks = 0;
      whenAsleep(...Array.from({ length: 9_999 }, () => () => void condition.notify()));
      const started = performance.now();
      expect(condition.waitFor(token, () => ++looks < 0, { timeout: 15 })).toBe(false);
      expect(performance.now() - started).toBeGreaterThanOrEqual(15);
      expect(looks).toBeGreaterThan(2);
      vi.restoreAllMocks();
      let isLast = false;
      whenAsleep(() => (isLast = true));
      expect(condition.waitFor(token, () => isLast, { timeout: 5 })).toBe(true);
      expect([token.locked, isTaken(lock), isEmpty(condition)]).toEqual([true, true, true]);
      token.unlock();
    });

    it.runIf(canAskKernel)('tells that a holder died, whichever turn found that', async () => {
      const [lock, condition] = [createLock(), create()];
      const id = await endedThread();
      const token = lock.lock();
      const told: boolean[] = [];
      const dies = (): void => {
        condition.notify();
        Atomics.store(wordsOf(lock), STATE, id);
      };
      const looksThrice = ({ abandoned }: Hold): boolean => told.push(abandoned) % 3 === 0;
      whenAsleep(dies, () => void condition.notify());
      expect(condition.waitFor(token, looksThrice)).toBe(true);
      expect(told).toEqual([false, true, true]);
      expect([token.abandoned, lock.abandoned, token.unlock()]).toEqual([true, true, true]);
      // What was said goes with the token.
      const next = lock.lock();
      expect([next.abandoned, lock.abandoned]).toEqual([false, false]);
      const waiting = condition.waitForAsync(next, looksThrice);
      dies();
      while (told.length < 5) await sleep(1);
      condition.notify();
      expect(await waiting).toBe(true);
      expect(told.slice(3)).toEqual([false, true, true]);
      expect([next.abandoned, lock.abandoned, next.unlock()]).toEqual([true, true, true]);
      expect([isTaken(lock), lock.tryLock()?.unlock()]).toEqual([false, true]);
    });

    it('in the event loop has one time for all its turns, the caller’s own', async () => {
      const [lock, condition] = [createLock(), create()];
      const token = await lock.lockAsync();
      vi.useFakeTimers();
      const settled = vi.fn();
      const looks = vi.fn(() => false);
      const waiting = condition.waitForAsync(token, looks, { timeout: 1000 }).finally(settled);
      for (let turn = 1; turn <= 3; turn++) {
        await vi.advanceTimersByTimeAsync(333);
        expect([condition.notify(), looks.mock.calls.length]).toEqual([1, turn]);
        while (looks.mock.calls.length === turn) await sleep(1);
      }
      expect(settled).not.toHaveBeenCalled();
      await vi.advanceTimersByTimeAsync(1);
      expect([await waiting, looks.mock.calls.length, vi.getTimerCount()]).toEqual([false, 5, 0]);
      expect([token.unlock(), isEmpty(condition)]).toEqual([true, true]);
    });

    it('ends with its signal’s reason, the lock held, or when the token is unlocked', async () => {
      const [lock, condition] = [createLock(), create()];
      const token = await lock.lockAsync();
      const controller = new AbortController();
      const { signal } = controller;
      const aborted = condition.waitForAsync(token, () => false, { signal, timeout: 20_000 });
      expect(condition.notify()).toBe(1);
      await sleep(5);
      controller.abort(new Error('no more'));
      await expect(aborted).rejects.toThrow('no more');
      expect([token.locked, isEmpty(condition)]).toEqual([true, true]);
      await expect(condition.waitForAsync(token, () => true, { signal })).rejects.toThrow(
        'no more',
      );
      const unlocked = condition.waitForAsync(token, () => false);
      token.unlock();
      await expect(unlocked).rejects.toThrow(withCode('ERR_RSEQ_NOT_LOCKED'));
      expect([isTaken(lock), isEmpty(condition)]).toEqual([false, true]);
    });

    it('throws on what its predicate throws, and takes no promise for an answer', async () => {
      const [lock, condition] = [createLock(), create()];
      const token = lock.lock();
      const fails = (): boolean => {
        throw new Error('bad data');
      };
      expect(() => condition.waitFor(token, fails)).toThrow('bad data');
      await expect(condition.waitForAsync(token, fails)).rejects.toThrow('bad data');
      const promises = (() => Promise.resolve(true)) as unknown as () => boolean;
      expect(() => condition.waitFor(token, promises)).toThrow(withCode('ERR_RSEQ_ASYNC_SECTION'));
      await expect(condition.waitForAsync(token, promises)).rejects.toThrow(
        'The function given to waitForAsync() returned a promise.',
      );
      const none = 5 as unknown as () => boolean;
      expect(() => condition.waitFor(token, none)).toThrow(
        'waitFor() does not accept predicate: 5. It accepts a function.',
      );
      for (const given of [{ timeout: -1 }, { timeOut: 1 }] as AsyncLockOptions[]) {
        expect(() => condition.waitFor(token, fails, given)).toThrow(
          withCode('ERR_RSEQ_INVALID_OPTION'),
        );
        await expect(condition.waitForAsync(token, fails, given)).rejects.toThrow(
          withCode('ERR_RSEQ_INVALID_OPTION'),
        );
      }
      expect([token.unlock(), isEmpty(condition)]).toEqual([true, true]);
      expect(() => condition.waitFor(token, fails)).toThrow(withCode('ERR_RSEQ_NOT_LOCKED'));
      await expect(condition.waitForAsync(token, fails)).rejects.toThrow(
        withCode('ERR_RSEQ_NOT_LOCKED'),
      );
    });
  });
});

describe('notify', () => {
  /** So many who wait, each with a lock of its own. */
  async function createWaiters(
    condition: Condition,
    count: number,
    timeout?: number,
  ): Promise<Promise<boolean>[]> {
    const waiting: Promise<boolean>[] = [];
    for (let i = 0; i < count; i++) {
      const token = await new Mutex(options).lockAsync();
      waiting.push(condition.waitAsync(token, timeout === undefined ? {} : { timeout }));
    }
    return waiting;
  }

  it.each([
    [0, 0],
    [1, 1],
    [2, 2],
    [3, 3],
    [7, 3],
    [2 ** 31, 3],
    [2 ** 32 + 1, 3],
    [Number.MAX_SAFE_INTEGER, 3],
    [Infinity, 3],
  ])('%s: wakes %i of three', async (count, woken) => {
    const condition = create();
    const waiting = await createWaiters(condition, 3, 200);
    expect(condition.notify(count)).toBe(woken);
    const results = await Promise.all(waiting);
    expect(results.filter((isNotified) => isNotified)).toHaveLength(woken);
    expect(lineOf(condition)).toBe(0);
  });

  it('takes a whole number or Infinity, and tells nobody when it is another one', async () => {
    const condition = create();
    const waiting = await createWaiters(condition, 3);
    const before = [...wordsOf(condition)];
    const anything = fc.oneof(
      fc.double(),
      fc.integer({ max: -1 }),
      fc.constantFrom(-1, NaN, 0.5, 1.5, -Infinity, 2 ** 53, '1', null, true, {}),
    );
    fc.assert(
      fc.property(anything, (count) => {
        if (Number.isSafeInteger(count) && (count as number) >= 0) return;
        if (count === Infinity) return;
        expect(() => condition.notify(count as number)).toThrow(
          withCode('ERR_RSEQ_INVALID_OPTION'),
        );
      }),
    );
    expect([...wordsOf(condition)]).toEqual(before);
    // Also when nobody waits.
    expect(() => create().notify(-1)).toThrow(
      'notify() does not accept count: -1. It accepts a whole number from 0 to Number.MAX_SAFE_INTEGER, or Infinity.',
    );
    expect(condition.notifyAll()).toBe(3);
    await Promise.all(waiting);
    expect(isEmpty(condition)).toBe(true);
  });

  it('has no more waiting than can be counted', async () => {
    const condition = create();
    wordsOf(condition)[LINE] = 0x7fff;
    const lock = new Mutex(options);
    const token = lock.lock();
    expect(() => condition.wait(token)).toThrow(withCode('ERR_RSEQ_TOO_MANY_WAITERS'));
    await expect(condition.waitAsync(token)).rejects.toThrow(withCode('ERR_RSEQ_TOO_MANY_WAITERS'));
    expect([lineOf(condition), token.locked, isTaken(lock)]).toEqual([0x7fff, true, true]);
    expect(condition.notifyAll()).toBe(0x7fff);
    token.unlock();
  });

  it('all: wakes all, and those who come later wait for the next time', async () => {
    const condition = create();
    const first = await createWaiters(condition, 4);
    expect(condition.notifyAll()).toBe(4);
    const second = await createWaiters(condition, 2);
    expect(await Promise.all(first)).toEqual([true, true, true, true]);
    expect(await Promise.race([...second, sleep(80, 'not yet')])).toBe('not yet');
    expect(condition.notifyAll()).toBe(2);
    await Promise.all(second);
    expect([condition.notifyAll(), lineOf(condition)]).toEqual([0, 0]);
  });

  // Not yet: whoever lines up later takes it, as soon as there is one more notification.
  it.fails(
    'leaves a notification to the one who waited when it was made, however slow that one is',
    async () => {
      const condition = create();
      const words = new Int32Array(condition.handle.buffer);
      // Another thread waits, and gets no CPU.
      Atomics.add(words, LINE, 1);
      expect(condition.notify()).toBe(1);
      const later = await createWaiters(condition, 2, 300);
      expect(condition.notify()).toBe(1);
      const outcomes = await Promise.all(later);
      expect(outcomes.filter((isNotified) => isNotified)).toHaveLength(1);
    },
  );

  it('wakes as many as it says, whoever gives up', async () => {
    const plan = fc.record({
      waiters: fc.array(fc.option(fc.nat({ max: 4 })), { minLength: 1, maxLength: 6 }),
      notifications: fc.array(fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 3 })), { maxLength: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(plan, async ({ waiters, notifications }) => {
        const condition = create();
        const lock = new Mutex(options);
        const end = new AbortController();
        const results = waiters.map(async (abort) => {
          using token = await lock.lockAsync();
          const signal =
            abort === null ? end.signal : AbortSignal.any([AbortSignal.timeout(abort), end.signal]);
          try {
            return await condition.waitAsync(token, { signal });
          } catch (error) {
            if (RseqSliceError.is(error)) throw error;
            expect(token.locked).toBe(true);
            return false;
          }
        });
        let promised = 0;
        for (const [delay, count] of notifications) {
          await sleep(delay);
          promised += condition.notify(count);
        }
        await sleep(5);
        end.abort();
        const outcomes = await Promise.all(results);
        expect(outcomes.filter((isNotified) => isNotified)).toHaveLength(promised);
        expect(lineOf(condition)).toBe(0);
        expect(isTaken(lock)).toBe(false);
      }),
      { numRuns: 40 },
    );
  });
});

describe('misuse', () => {
  it('refuses a token that is not held, or of another lock', async () => {
    const condition = create();
    const lock = new Mutex(options);
    const token = lock.lock();
    token.unlock();
    expect(() => condition.wait(token)).toThrow(withCode('ERR_RSEQ_NOT_LOCKED'));
    await expect(condition.waitAsync(token)).rejects.toThrow(withCode('ERR_RSEQ_NOT_LOCKED'));
    const writer = new RwLock(options).writeLock();
    expect(() => condition.wait(writer)).toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
    await expect(condition.waitAsync(writer)).rejects.toThrow('token of a Mutex or a SpinLock');
    writer.unlock();
    // What a function of withLock() has: its hold, or nothing.
    const waits = (token?: unknown) => () => condition.waitFor(token as LockToken, () => true);
    const remedy = 'withLock() passes no token: use lock().';
    lock.withLock((hold) => {
      expect(waits(hold)).toThrow(`SpinLock, not with an object. ${remedy}`);
    });
    expect(waits()).toThrow(`SpinLock, not with undefined. ${remedy}`);
    expect(waits(null)).toThrow(/, not with null\.$/);
    expect([lineOf(condition), condition.notify()]).toEqual([0, 0]);
  });

  it('leaves nobody in line when the lock was taken past the token', async () => {
    const condition = create();
    const lock = new Mutex(options);
    const token = lock.lock();
    // As if another one had taken it from us, and we had it again.
    wordsOf(lock)[STATE] = 0;
    wordsOf(lock)[HOLD] = 0;
    lock.enter();
    expect(() => condition.wait(token)).toThrow(withCode('ERR_RSEQ_NOT_LOCKED'));
    await expect(condition.waitAsync(token)).rejects.toThrow(withCode('ERR_RSEQ_NOT_LOCKED'));
    expect([isEmpty(condition), condition.notify(), isTaken(lock)]).toEqual([true, 0, true]);
    lock.leave();
  });

  it('does not release what was taken while its token waits', async () => {
    const condition = create();
    const lock = new Mutex(options);
    const token: LockToken = await lock.lockAsync();
    const waiting = condition.waitAsync(token, { timeout: 20_000 });
    const other = await lock.lockAsync();
    token.unlock();
    expect([isTaken(lock), token.locked, other.locked]).toEqual([true, false, true]);
    await expect(waiting).rejects.toThrow(withCode('ERR_RSEQ_NOT_LOCKED'));
    other.unlock();
    expect(isTaken(lock)).toBe(false);
  });

  it.each([
    [{ timeout: NaN }, 'timeout: NaN'],
    [{ timeout: -1 }, 'timeout: -1'],
    [{ timeout: null }, 'timeout: null'],
    [{ timeout: '5' }, "timeout: '5'"],
    [{ timeOut: 5 }, "no option 'timeOut'"],
    [5, 'takes an object of options, not 5'],
  ])('refuses %j, with the lock held', async (given, message) => {
    const condition = create();
    const lock = new Mutex(options);
    const token = lock.lock();
    const how = given as AsyncLockOptions;
    expect(() => condition.wait(token, how)).toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
    expect(() => condition.wait(token, how)).toThrow(message);
    await expect(condition.waitAsync(token, how)).rejects.toThrow(
      withCode('ERR_RSEQ_INVALID_OPTION'),
    );
    await expect(condition.waitAsync(token, how)).rejects.toThrow(message);
    expect([token.locked, isTaken(lock), isEmpty(condition)]).toEqual([true, true, true]);
    token.unlock();
  });

  it('refuses to block the main thread unless asked for', async (context) => {
    if (!isMainThread) context.skip('not the main thread');
    const condition = new Condition();
    const token = got(new Mutex().tryLock());
    expect(() => condition.wait(token)).toThrow(withCode('ERR_RSEQ_WOULD_BLOCK'));
    // It would wait for the lock, if another one took it.
    expect(() => condition.wait(token, { timeout: 0 })).toThrow(
      'Waiting for a Condition includes waiting for its lock, whatever the timeout, and would block the main thread: wait in the event loop (waitAsync()), or make it with { blockMainThread: true }',
    );
    // Nothing else waits.
    expect([condition.notify(), condition.notifyAll()]).toEqual([0, 0]);
    expect(token.locked).toBe(true);
    expect(await condition.waitAsync(token, { timeout: 0 })).toBe(false);
    expect(() => condition.waitFor(token, () => false)).toThrow(
      'would block the main thread: wait in the event loop (waitForAsync()), or make it with',
    );
    expect([token.locked, isEmpty(condition)]).toEqual([true, true]);
    token.unlock();
  });
});

describe.runIf(canAskKernel)('those who died waiting', () => {
  /** As if a thread had died with so many waits, some of them notified. */
  async function leaveDead(condition: Condition, place: number, waits: number): Promise<void> {
    const words = wordsOf(condition);
    words[LINE] = (words[LINE] ?? 0) + waits;
    words[FIRST + 2 * place] = await endedThread();
    words[FIRST + 2 * place + 1] = waits;
  }

  it('are told of nothing', async () => {
    const condition = create();
    await leaveDead(condition, 7, 3);
    expect([condition.notify(), isEmpty(condition)]).toEqual([0, true]);
  });

  it('take nothing from those who live', async () => {
    const condition = create();
    const lock = new Mutex(options);
    const token = await lock.lockAsync();
    const waiting = condition.waitAsync(token, { timeout: 20_000 });
    expect(placesOf(condition).filter((word) => word !== 0)).toEqual([currentAgent().id, 1]);
    await leaveDead(condition, 5, 2);
    expect([condition.notify(), condition.notify()]).toEqual([1, 0]);
    expect(await waiting).toBe(true);
    expect(isEmpty(condition)).toBe(true);
    token.unlock();
  });

  it('leave no notification to those who come later', async () => {
    const condition = create();
    const words = wordsOf(condition);
    // It was notified, and died.
    await leaveDead(condition, 0, 1);
    words[LINE] = 1 | (1 << 15);
    const lock = new Mutex(options);
    const token = lock.lock();
    expect(condition.wait(token, { timeout: 3 })).toBe(false);
    expect(condition.notify()).toBe(0);
    expect(isEmpty(condition)).toBe(true);
    token.unlock();
  });

  it('make room when as many wait as can be counted', async () => {
    const condition = create();
    await leaveDead(condition, 3, 0x7fff);
    const token = new Mutex(options).lock();
    expect(condition.wait(token, { timeout: 3 })).toBe(false);
    expect(isEmpty(condition)).toBe(true);
    token.unlock();
  });

  it('are as many as it says: one who lives and cannot be asked after stays', async () => {
    const condition = create();
    const words = wordsOf(condition);
    await leaveDead(condition, 0, 1);
    words[LINE] = 2;
    words[FIRST + 2] = SOMEBODY;
    words[FIRST + 3] = 1;
    expect(condition.notifyAll()).toBe(1);
    expect(placesOf(condition).filter((word) => word !== 0)).toEqual([SOMEBODY, 1]);
  });
});

function got(token: LockToken | null): LockToken {
  if (token === null) throw new Error('the lock was not free');
  return token;
}
