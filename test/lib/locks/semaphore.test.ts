// SPDX-License-Identifier: MIT
/**
 * `Semaphore` in one thread: permits, who waits, what is given back, and the
 * section around a holder. Other threads are numbers written into its places.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { attach, RseqSliceError, Semaphore } from '../../../lib/index.ts';
import type { AsyncLockOptions, ErrorCode, Hold, LockToken } from '../../../lib/index.ts';
import { loadAddon } from '../../../lib/host/linux/binding.ts';
import { sharedNow } from '../../../lib/clock.ts';
import {
  countWaiters,
  EVENT_LOOPS,
  hurryTurn,
  isGateClosed,
  LEASE,
  MOST_WAITERS,
  QUEUE,
  RESERVED_SINCE,
} from '../../../lib/locks/engine/turnstile.ts';
import { SimulatedKernel } from '../../../lib/simulated/kernel.ts';
import { canAskKernel, endedThread } from '../../support/ended-thread.ts';

/** Where the places of those are who have a permit. */
const FIRST = 16;
/** A thread that there is not: as good as one that is busy elsewhere. */
const SOMEBODY = 0xfffff;
const GATE = 1 << 21;
/** ms from one turn of those who wait to the next. */
const TURN = 5;

const options = { blockMainThread: true };
const create = (permits: number): Semaphore => new Semaphore({ permits: permits, ...options });
const wordsOf = ({ handle: { buffer, byteOffset } }: Semaphore): Int32Array =>
  new Int32Array(buffer, byteOffset);
/** How many wait, and how many of them are event loops. */
const lineOf = (semaphore: Semaphore): readonly [waiters: number, eventLoops: number] => {
  const words = wordsOf(semaphore);
  return [countWaiters(words), words[EVENT_LOOPS] ?? 0];
};
const NOBODY = [0, 0];

/** Closes the gate, as if one were inside already. @param ago ms since a permit was given back */
function closeGate(semaphore: Semaphore, ago: number): void {
  wordsOf(semaphore)[RESERVED_SINCE] = (sharedNow() - ago) | 0;
  wordsOf(semaphore)[QUEUE] = GATE | 1;
}

function withCode(code: ErrorCode): unknown {
  return expect.objectContaining({ name: 'RseqSliceError', code });
}

function got(token: LockToken | null): LockToken {
  if (token === null) throw new Error('there was no permit');
  return token;
}

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe('permits', () => {
  it.each([1, 2, 48, 1024])('%i of them are given out and taken back', (permits) => {
    const semaphore = create(permits);
    expect([semaphore.permits, semaphore.available]).toEqual([permits, permits]);
    const tokens = Array.from({ length: permits }, (_, index) =>
      index % 2 === 0 ? semaphore.acquire() : got(semaphore.tryAcquire()),
    );
    expect(semaphore.available).toBe(0);
    expect(semaphore.tryAcquire()).toBeNull();
    expect(Semaphore.from(semaphore.handle).tryAcquire()).toBeNull();
    for (const token of tokens) {
      expect([token.locked, token.abandoned]).toEqual([true, false]);
      token.unlock();
      token.unlock();
    }
    expect(semaphore.available).toBe(permits);
    expect(lineOf(semaphore)).toEqual(NOBODY);
  });

  it('are counted as a number would count them', () => {
    const steps = fc.array(fc.oneof(fc.constantFrom('try', 'acquire'), fc.nat({ max: 20 })), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), steps, (permits, plan) => {
        const first = create(permits);
        const objects = [first, Semaphore.from(first.handle, options)] as const;
        const tokens: LockToken[] = [];
        plan.forEach((step, index) => {
          const free = permits - tokens.filter(({ locked }) => locked).length;
          const object = objects[index % 2 === 0 ? 0 : 1];
          if (step === 'try') {
            const token = object.tryAcquire();
            expect(token !== null).toBe(free > 0);
            if (token !== null) tokens.push(token);
          } else if (step === 'acquire') {
            if (free > 0) tokens.push(object.acquire({ timeout: 0 }));
            else expect(() => object.acquire({ timeout: 0 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
          } else {
            tokens[step]?.unlock();
          }
          const now = permits - tokens.filter(({ locked }) => locked).length;
          expect([objects[0].available, objects[1].available]).toEqual([now, now]);
        });
      }),
    );
  });

  it('are given back at the end of a using block', () => {
    const semaphore = create(1);
    {
      using token = semaphore.acquire();
      expect([token.locked, semaphore.available]).toEqual([true, 0]);
    }
    expect(semaphore.available).toBe(1);
  });
});

describe('waiting', () => {
  it.each([0, 10])('in the thread ends after %i ms', (timeout) => {
    const semaphore = create(2);
    wordsOf(semaphore).fill(SOMEBODY, FIRST);
    const started = performance.now();
    expect(() => semaphore.acquire({ timeout })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    expect(performance.now() - started).toBeGreaterThanOrEqual(timeout);
    expect(performance.now() - started).toBeLessThan(timeout + 2000);
    expect(() => semaphore.acquire({ timeout })).toThrow(
      `Could not acquire the Semaphore within ${timeout} ms.`,
    );
    wordsOf(semaphore)[FIRST + 1] = 0;
    semaphore.acquire({ timeout: 0 }).unlock();
    expect(lineOf(semaphore)).toEqual(NOBODY);
  });

  it('ends when a permit is given back, in the order in which they came', async () => {
    const semaphore = create(2);
    const order: number[] = [];
    const held = [semaphore.acquire(), semaphore.acquire()];
    const all = Array.from({ length: 6 }, async (_, index) => {
      const token = await semaphore.acquireAsync();
      order.push(index);
      await sleep(1);
      token.unlock();
    });
    await sleep(2);
    expect(order).toEqual([]);
    for (const token of held) token.unlock();
    await Promise.all(all);
    expect(order).toEqual([0, 1, 2, 3, 4, 5]);
    expect([semaphore.available, lineOf(semaphore)]).toEqual([2, NOBODY]);
  });

  it('is overtaken by those who only try until its turn is due, and no longer', async () => {
    const semaphore = create(1);
    const other = Semaphore.from(semaphore.handle, options);
    let token = semaphore.acquire();
    const waiting = other.acquireAsync();
    // An event loop that does not come round is in nobody's way.
    token.unlock();
    token = got(semaphore.tryAcquire());
    // However late it is: not every release looks at the clock.
    wordsOf(semaphore)[RESERVED_SINCE] = (sharedNow() - 60_000) | 0;
    token.unlock();
    token = got(semaphore.tryAcquire());
    expect(isGateClosed(wordsOf(semaphore))).toBe(false);
    hurryTurn(wordsOf(semaphore));
    wordsOf(semaphore)[RESERVED_SINCE] = (sharedNow() - TURN - 1) | 0;
    token.unlock();
    // Now it is free, and it is another one's turn, for as long as one of these takes at most.
    wordsOf(semaphore)[RESERVED_SINCE] = (sharedNow() + 60_000) | 0;
    expect([isGateClosed(wordsOf(semaphore)), semaphore.available, semaphore.tryAcquire()]).toEqual(
      [true, 1, null],
    );
    expect(() => semaphore.acquire({ timeout: 0 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    expect(() => semaphore.acquire({ timeout: 3 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    (await waiting).unlock();
    expect(isGateClosed(wordsOf(semaphore))).toBe(false);
    got(semaphore.tryAcquire()).unlock();
    expect([semaphore.available, lineOf(semaphore)]).toEqual([1, NOBODY]);
  });

  it.each([
    ['tryAcquire', (semaphore: Semaphore) => got(semaphore.tryAcquire())],
    ['acquire', (semaphore: Semaphore) => semaphore.acquire()],
    ['acquire, with no time', (semaphore: Semaphore) => semaphore.acquire({ timeout: 0 })],
    ['acquireAsync', (semaphore: Semaphore) => semaphore.acquireAsync()],
  ])('opens the gate when those inside do not take what is free: %s', async (_, take) => {
    const semaphore = create(2);
    closeGate(semaphore, LEASE + 2);
    (await take(semaphore)).unlock();
    expect([isGateClosed(wordsOf(semaphore)), lineOf(semaphore)]).toEqual([false, NOBODY]);
    // While nothing is free, nothing is stuck.
    closeGate(semaphore, 60_000);
    wordsOf(semaphore).fill(SOMEBODY, FIRST);
    expect(semaphore.tryAcquire()).toBeNull();
    expect(() => semaphore.acquire({ timeout: 3 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    expect(isGateClosed(wordsOf(semaphore))).toBe(true);
  });

  it('waits in the thread until those inside have had their time', () => {
    const semaphore = create(1);
    closeGate(semaphore, -60_000);
    expect(semaphore.tryAcquire()).toBeNull();
    closeGate(semaphore, LEASE - 20);
    semaphore.acquire({ timeout: 20_000 }).unlock();
    expect([isGateClosed(wordsOf(semaphore)), lineOf(semaphore)]).toEqual([false, NOBODY]);
  });

  it.each([0, 10])('asynchronously ends after %i ms', async (timeout) => {
    const semaphore = create(1);
    const token = semaphore.acquire();
    // In the line, and behind another one of this thread.
    await expect(semaphore.acquireAsync({ timeout })).rejects.toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    const first = semaphore.acquireAsync();
    await expect(semaphore.acquireAsync({ timeout })).rejects.toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    token.unlock();
    (await first).unlock();
    expect(semaphore.available).toBe(1);
  });

  it('is aborted before, meanwhile, and not afterwards', async () => {
    const semaphore = create(1);
    await expect(
      semaphore.acquireAsync({ signal: AbortSignal.abort(new Error('before')) }),
    ).rejects.toThrow('before');
    expect(semaphore.available).toBe(1);
    const token = semaphore.acquire();
    const controllers = [new AbortController(), new AbortController()];
    const waiting = controllers.map(({ signal }) => semaphore.acquireAsync({ signal }));
    const last = semaphore.acquireAsync();
    controllers.forEach((controller, index) => {
      controller.abort(new Error(`meanwhile ${index}`));
    });
    await expect(waiting[0]).rejects.toThrow('meanwhile 0');
    await expect(waiting[1]).rejects.toThrow('meanwhile 1');
    token.unlock();
    (await last).unlock();
    const late = new AbortController();
    const held = await semaphore.acquireAsync({ signal: late.signal });
    late.abort(new Error('afterwards'));
    await sleep(2);
    expect([held.locked, semaphore.available]).toEqual([true, 0]);
    held.unlock();
    expect(semaphore.available).toBe(1);
  });

  it('leaves nothing behind when the one in line was aborted', async () => {
    const semaphore = create(1);
    const token = semaphore.acquire();
    const first = Semaphore.from(semaphore.handle, options).acquireAsync();
    const controller = new AbortController();
    const second = semaphore.acquireAsync({ signal: controller.signal });
    await sleep(1);
    expect(lineOf(semaphore)).toEqual([2, 2]);
    controller.abort(new Error('no more'));
    // At once: this event loop may have other things to do.
    expect(lineOf(semaphore)).toEqual([1, 1]);
    await expect(second).rejects.toThrow('no more');
    token.unlock();
    (await first).unlock();
    expect([semaphore.available, lineOf(semaphore)]).toEqual([1, NOBODY]);
    got(semaphore.tryAcquire()).unlock();
  });

  it.each([null, 0, '', false, { not: 'an error' }])(
    'is aborted with any reason: %s',
    async (reason) => {
      const semaphore = create(1);
      using token = semaphore.acquire();
      const controller = new AbortController();
      const waiting = semaphore.acquireAsync({ signal: controller.signal });
      controller.abort(reason);
      await expect(waiting).rejects.toBe(reason);
      expect([token.locked, lineOf(semaphore)]).toEqual([true, NOBODY]);
    },
  );

  it('gives every permit back, whoever gives up', async () => {
    const plan = fc.array(
      fc.record({ abort: fc.option(fc.nat({ max: 3 })), hold: fc.nat({ max: 2 }) }),
      { minLength: 1, maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 3 }), plan, async (permits, requests) => {
        const semaphore = create(permits);
        let inside = 0;
        await Promise.all(
          requests.map(async ({ abort, hold }) => {
            const controller = new AbortController();
            const waiting = semaphore.acquireAsync({ signal: controller.signal });
            if (abort !== null)
              void sleep(abort).then(() => {
                controller.abort();
              });
            try {
              using token = await waiting;
              expect(++inside).toBeLessThanOrEqual(permits);
              await sleep(hold);
              inside--;
              expect(token.locked).toBe(true);
            } catch (error) {
              if (RseqSliceError.is(error) || !controller.signal.aborted) throw error;
            }
          }),
        );
        expect(lineOf(semaphore)).toEqual(NOBODY);
        expect(semaphore.available).toBe(permits);
        semaphore.acquire({ timeout: 5000 }).unlock();
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    [{ timeout: NaN }, 'timeout: NaN'],
    [{ timeout: -1 }, 'timeout: -1'],
    [{ timeout: null }, 'timeout: null'],
    [{ timeout: '5' }, "timeout: '5'"],
    [{ timeOut: 5 }, "no option 'timeOut'"],
    [5, 'takes an object of options, not 5'],
  ])('refuses %j at once, whether a permit is free or not', async (given, message) => {
    const semaphore = create(1);
    const how = given as AsyncLockOptions;
    const run = vi.fn(() => 1);
    for (const owner of [0, SOMEBODY]) {
      wordsOf(semaphore)[FIRST] = owner;
      for (const take of [() => semaphore.acquire(how), () => semaphore.withPermit(run, how)]) {
        expect(take).toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
        expect(take).toThrow(message);
      }
      for (const take of [
        () => semaphore.acquireAsync(how),
        () => semaphore.withPermitAsync(run, how),
      ]) {
        await expect(take()).rejects.toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
        await expect(take()).rejects.toThrow(message);
      }
      expect([wordsOf(semaphore)[FIRST], lineOf(semaphore)]).toEqual([owner, NOBODY]);
    }
    expect(run).not.toHaveBeenCalled();
  });

  it('refuses to block the main thread unless asked for, when it would', async (context) => {
    if (!isMainThread) context.skip('not the main thread');
    const semaphore = new Semaphore({ permits: 1 });
    semaphore.acquire().unlock();
    semaphore.acquire({ timeout: 0 }).unlock();
    expect(semaphore.withPermit(() => 1)).toBe(1);
    wordsOf(semaphore)[FIRST] = SOMEBODY;
    for (const run of [
      () => semaphore.acquire(),
      () => semaphore.acquire({ timeout: 1 }),
      () => semaphore.tryAcquire({ timeout: 1 }),
      () => semaphore.withPermit(() => 1),
    ]) {
      expect(run).toThrow(withCode('ERR_RSEQ_WOULD_BLOCK'));
      expect(run).toThrow(
        'The Semaphore is not available at once, and waiting for it would block the main thread: only try (tryAcquire() without a timeout), wait in the event loop (acquireAsync() or withPermitAsync()), or make it with { blockMainThread: true }',
      );
    }
    expect(() => semaphore.acquire({ timeout: 0 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    expect([semaphore.tryAcquire(), lineOf(semaphore)]).toEqual([null, NOBODY]);
    wordsOf(semaphore)[FIRST] = 0;
    (await semaphore.acquireAsync()).unlock();
  });

  it.runIf(canAskKernel)(
    'takes a permit in the main thread from one who died with it',
    async (context) => {
      if (!isMainThread) context.skip('not the main thread');
      const semaphore = new Semaphore({ permits: 1 });
      wordsOf(semaphore)[FIRST] = await endedThread();
      const token = semaphore.acquire();
      expect([token.abandoned, token.unlock()]).toEqual([true, true]);
      wordsOf(semaphore)[FIRST] = await endedThread();
      expect(semaphore.withPermit(({ abandoned }) => abandoned)).toBe(true);
      expect(semaphore.available).toBe(1);
    },
  );

  it('refuses to wait for this very thread when it has all permits', () => {
    const semaphore = create(2);
    const tokens = [semaphore.acquire(), Semaphore.from(semaphore.handle, options).acquire()];
    for (const timeout of [undefined, 5000]) {
      expect(() => semaphore.acquire(timeout === undefined ? {} : { timeout })).toThrow(
        withCode('ERR_RSEQ_RECURSIVE_LOCK'),
      );
    }
    expect(() => semaphore.acquire({ timeout: 0 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    // Another one may give its own back.
    tokens[0]?.unlock();
    wordsOf(semaphore)[wordsOf(semaphore)[FIRST] === 0 ? FIRST : FIRST + 1] = SOMEBODY;
    expect(() => semaphore.acquire({ timeout: 3 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    tokens[1]?.unlock();
    expect(lineOf(semaphore)).toEqual(NOBODY);
  });

  it('refuses what cannot be counted', async () => {
    const semaphore = create(1);
    wordsOf(semaphore)[FIRST] = SOMEBODY;
    // One inside, and as many outside as can be counted.
    wordsOf(semaphore)[QUEUE] = 1 | (MOST_WAITERS << 10);
    // The dead have just been forgotten: these live.
    wordsOf(semaphore)[RESERVED_SINCE] = sharedNow() + 60_000;
    expect(() => semaphore.acquire()).toThrow(withCode('ERR_RSEQ_TOO_MANY_WAITERS'));
    await expect(semaphore.acquireAsync()).rejects.toThrow(withCode('ERR_RSEQ_TOO_MANY_WAITERS'));
    expect([lineOf(semaphore), semaphore.tryAcquire()]).toEqual([[1 + MOST_WAITERS, 0], null]);
  });

  it('lets in as many as there is room for, though each release calls one only while that one is on its way', async () => {
    const semaphore = create(3);
    const held = [semaphore.acquire(), semaphore.acquire(), semaphore.acquire()];
    const waiting = [1, 2, 3].map(() => Semaphore.from(semaphore.handle, options).acquireAsync());
    for (const token of held) token.unlock();
    const tokens = await Promise.all(waiting);
    expect(semaphore.available).toBe(0);
    for (const token of tokens) token.unlock();
    expect([semaphore.available, lineOf(semaphore)]).toEqual([3, NOBODY]);
  });

  it('with faked timers ends in the thread, and follows them in the event loop', async () => {
    const semaphore = create(1);
    wordsOf(semaphore)[FIRST] = SOMEBODY;
    vi.useFakeTimers();
    expect(() => semaphore.acquire({ timeout: 20 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    const settled = vi.fn();
    const waiting = semaphore.acquireAsync({ timeout: 1000 }).catch((error: unknown) => error);
    void waiting.then(settled);
    await vi.advanceTimersByTimeAsync(999);
    expect(settled).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(await waiting).toEqual(withCode('ERR_RSEQ_TIMEOUT'));
  });
});

describe('stats', () => {
  const NONE = { contended: 0, parked: 0, called: 0, abandoned: 0, gaveUp: 0 };

  it('count who waited, slept, was called and gave up, and no tries', async () => {
    const semaphore = create(1);
    semaphore.acquire().unlock();
    const token = semaphore.acquire();
    expect([semaphore.tryAcquire(), semaphore.stats()]).toEqual([null, NONE]);
    const elsewhere = Semaphore.from(semaphore.handle, options);
    const waiting = elsewhere.acquireAsync();
    token.unlock();
    (await waiting).unlock();
    expect([semaphore.stats(), elsewhere.stats()]).toEqual([
      { ...NONE, called: 1 },
      { ...NONE, contended: 1, parked: 1 },
    ]);
    wordsOf(semaphore)[FIRST] = SOMEBODY;
    expect(() => elsewhere.acquire({ timeout: 3 })).toThrow();
    expect(elsewhere.stats()).toMatchObject({ contended: 2, parked: 2, gaveUp: 1 });
    expect(() => elsewhere.acquire({ timeout: 0 })).toThrow();
    expect(elsewhere.stats()).toMatchObject({ contended: 3, parked: 2, gaveUp: 2 });
    await expect(elsewhere.acquireAsync({ timeout: 1 })).rejects.toThrow();
    await expect(elsewhere.acquireAsync({ signal: AbortSignal.timeout(1) })).rejects.toThrow();
    expect(elsewhere.stats()).toMatchObject({ contended: 5, parked: 4, gaveUp: 4, abandoned: 0 });
  });
});

describe('functions with a permit', () => {
  it('withPermit returns, throws on and refuses a promise, the permit given back', () => {
    const semaphore = create(1);
    expect(semaphore.withPermit(({ abandoned }) => [semaphore.available, abandoned])).toEqual([
      0,
      false,
    ]);
    expect(() =>
      semaphore.withPermit((): never => {
        throw new Error('mine');
      }),
    ).toThrow('mine');
    const run = (): never => Promise.resolve(1) as never;
    expect(() => semaphore.withPermit(run)).toThrow(withCode('ERR_RSEQ_ASYNC_SECTION'));
    expect(() => semaphore.withPermit(run)).toThrow('withPermitAsync()');
    expect(semaphore.available).toBe(1);
  });

  it('withPermitAsync keeps it until all has settled', async () => {
    const semaphore = create(1);
    const result = await semaphore.withPermitAsync(async (token) => {
      await sleep(2);
      return [token.locked, semaphore.available] as const;
    });
    expect(result).toEqual([true, 0]);
    await expect(
      semaphore.withPermitAsync(() => Promise.reject(new Error('mine'))),
    ).rejects.toThrow('mine');
    const token = semaphore.acquire();
    const run = vi.fn();
    await expect(semaphore.withPermitAsync(run, { timeout: 3 })).rejects.toThrow(
      withCode('ERR_RSEQ_TIMEOUT'),
    );
    expect(run).not.toHaveBeenCalled();
    token.unlock();
    expect(semaphore.available).toBe(1);
  });
});

describe('the permits of a thread that died', () => {
  it.runIf(canAskKernel)('are given to the next who want one, each told once', async () => {
    const id = await endedThread();
    const semaphore = create(4);
    const words = wordsOf(semaphore);
    words.set([id, SOMEBODY, id, id], FIRST);
    expect(semaphore.available).toBe(0);
    const tried = got(semaphore.tryAcquire());
    const first = semaphore.acquire({ timeout: 20_000 });
    const second = await semaphore.acquireAsync({ timeout: 20_000 });
    expect([tried.abandoned, first.abandoned, second.abandoned]).toEqual([true, true, true]);
    await expect(semaphore.acquireAsync({ timeout: 1 })).rejects.toThrow(
      withCode('ERR_RSEQ_TIMEOUT'),
    );
    for (const token of [tried, first, second]) token.unlock();
    expect([words[FIRST + 1], semaphore.available]).toEqual([SOMEBODY, 3]);
    const third = semaphore.acquire();
    expect(third.abandoned).toBe(false);
    third.unlock();
    expect(semaphore.stats()).toMatchObject({ abandoned: 3, gaveUp: 1 });
    expect(lineOf(semaphore)).toEqual(NOBODY);
  });

  it.runIf(canAskKernel)('are told of by withPermit', async () => {
    const semaphore = create(1);
    wordsOf(semaphore)[FIRST] = await endedThread();
    expect(semaphore.withPermit(({ abandoned }) => abandoned)).toBe(true);
    expect(semaphore.withPermit(({ abandoned }) => abandoned)).toBe(false);
  });

  it.runIf(canAskKernel)('are told of the permit that was theirs, and of no other', async () => {
    const semaphore = create(3);
    wordsOf(semaphore)[FIRST] = await endedThread();
    const holds: Hold[] = [];
    const tell = (): boolean[] => holds.map(({ abandoned }) => abandoned);
    const nest = (depth: number): void => {
      semaphore.withPermit((hold) => {
        holds.push(hold);
        if (depth > 1) nest(depth - 1);
        // The same before and after the others have come and gone.
        expect(tell()).toEqual([false, false, true]);
      });
    };
    // Those that nobody has go first.
    nest(3);
    expect([tell(), semaphore.available, semaphore.stats().abandoned]).toEqual([
      [false, false, true],
      3,
      1,
    ]);
  });

  it('gives every function the same hold, which nobody can change', () => {
    const semaphore = create(2);
    const keep = (hold: Hold): Hold => hold;
    const hold = semaphore.withPermit(keep);
    expect(semaphore.withPermit(() => semaphore.withPermit(keep))).toBe(hold);
    expect(Object.isFrozen(hold)).toBe(true);
  });

  it.runIf(canAskKernel)(
    'are found also when the gate is closed upon those who died with them',
    async () => {
      const id = await endedThread();
      for (const take of [
        (semaphore: Semaphore) => semaphore.acquire({ timeout: 20_000 }),
        (semaphore: Semaphore) => got(semaphore.tryAcquire()),
        (semaphore: Semaphore) => semaphore.acquireAsync(),
      ]) {
        const semaphore = create(1);
        wordsOf(semaphore)[FIRST] = id;
        closeGate(semaphore, -60_000);
        const token = await take(semaphore);
        expect(token.abandoned).toBe(true);
        token.unlock();
      }
    },
  );

  it.runIf(canAskKernel)(
    'are not looked for when the thread has no time, and free ones are taken first',
    async () => {
      const semaphore = create(3);
      wordsOf(semaphore).set([await endedThread(), 0, SOMEBODY], FIRST);
      using token = semaphore.acquire({ timeout: 0 });
      expect(token.abandoned).toBe(false);
      using next = semaphore.acquire({ timeout: 0 });
      expect(next.abandoned).toBe(true);
    },
  );
});

describe('the section around a holder', () => {
  it.each([
    ['acquire', (semaphore: Semaphore) => semaphore.acquire()],
    ['tryAcquire', (semaphore: Semaphore) => got(semaphore.tryAcquire())],
    [
      'acquire, others waiting',
      (semaphore: Semaphore) => {
        wordsOf(semaphore)[QUEUE] = 1;
        return semaphore.acquire();
      },
    ],
    [
      'acquire, having waited',
      (semaphore: Semaphore) => {
        closeGate(semaphore, LEASE - 20);
        return semaphore.acquire({ timeout: 20_000 });
      },
    ],
  ])('is there from taking to giving back: %s', (_, take) => {
    const kernel = new SimulatedKernel();
    const cpu = kernel.thread();
    const thread = attach({ host: cpu });
    const semaphore = new Semaphore({ permits: 2, ...options, thread });
    const token = take(semaphore);
    expect(cpu.preempt()).toBe('granted');
    token.unlock();
    expect([cpu.requested, cpu.granted]).toEqual([false, false]);
    expect(kernel.stats()).toMatchObject({ sgrant: 1, syield: 1 });
    wordsOf(semaphore).fill(SOMEBODY, FIRST);
    expect(() => semaphore.acquire({ timeout: 3 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    expect([semaphore.tryAcquire(), cpu.requested]).toEqual([null, false]);
    // What did not get a permit was no section.
    expect(thread.stats()).toEqual({
      entered: 1,
      undisturbed: 0,
      yielded: 1,
      raced: 0,
      preempted: 0,
      nested: 0,
    });
  });

  it('is not entered for what is held across an await', async () => {
    const cpu = new SimulatedKernel().thread();
    const semaphore = new Semaphore({ permits: 1, ...options, thread: attach({ host: cpu }) });
    const token = await semaphore.acquireAsync();
    const waiting = semaphore.acquireAsync();
    expect(cpu.requested).toBe(false);
    token.unlock();
    const next = await waiting;
    expect(cpu.requested).toBe(false);
    next.unlock();
  });

  it.each(['mainline', '7.0', 'rfc'] as const)(
    'is not carried into the call of another one there is room for: %s',
    (abiVersion) => {
      const cpu = new SimulatedKernel({ abiVersion }).thread();
      const semaphore = new Semaphore({ permits: 2, ...options, thread: attach({ host: cpu }) });
      const words = wordsOf(semaphore);
      words.fill(SOMEBODY, FIRST);
      const calls: unknown[] = [];
      watchCalls((call) => {
        calls.push([call, cpu.requested, cpu.granted]);
        cpu.systemCall();
        if (call !== 'sleep') return;
        // Meanwhile another thread lines up, and all permits are given back.
        words[QUEUE] = (words[QUEUE] ?? 0) + 1;
        words.fill(0, FIRST);
        cpu.inNextSection(() => {
          expect(cpu.preempt()).toBe('granted');
        });
      });
      const token = semaphore.acquire({ timeout: 20_000 });
      expect(calls).toEqual([
        ['sleep', false, false],
        ['wake', false, false],
      ]);
      // And the section goes on.
      expect([cpu.requested, cpu.death]).toEqual([true, null]);
      token.unlock();
      expect(cpu.requested).toBe(false);
    },
  );
});

/** Calls a function before each system call that a lock makes, to sleep or to wake. */
function watchCalls(onCall: (call: 'sleep' | 'wake') => void): void {
  const addon = loadAddon();
  const { wait, notify } = Atomics;
  if (addon.state === 'loaded') {
    const { futexWait, futexWake } = addon.binding;
    vi.spyOn(addon.binding, 'futexWait').mockImplementation((...args) => {
      onCall('sleep');
      return futexWait(...args);
    });
    vi.spyOn(addon.binding, 'futexWake').mockImplementation((...args) => {
      onCall('wake');
      return futexWake(...args);
    });
    return;
  }
  vi.spyOn(Atomics as unknown as { wait: typeof wait }, 'wait').mockImplementation((...args) => {
    onCall('sleep');
    return wait(...args);
  });
  vi.spyOn(Atomics as unknown as { notify: typeof notify }, 'notify').mockImplementation(
    (...args) => {
      onCall('wake');
      return notify(...args);
    },
  );
}
