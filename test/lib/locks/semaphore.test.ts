/**
 * `Semaphore` in one thread: permits, who waits, what is given back, and the
 * section around a holder. Other threads are numbers written into its places.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { attach, RseqSliceError, Semaphore } from '../../../lib/index.ts';
import type { ErrorCode, LockToken } from '../../../lib/index.ts';
import { loadAddon } from '../../../lib/linux/binding.ts';
import { isHeld, QUEUE, STATE, WAITERS } from '../../../lib/locks/turnstile.ts';
import { SimulatedKernel } from '../../../lib/simulated/kernel.ts';

/** Where things are in the words. */
const ENTRANCE = 8;
const FIRST = 16;
const SOMEBODY = 0xfffff;

const options = { blockMainThread: true };
const create = (permits: number): Semaphore => new Semaphore(permits, undefined, 0, options);
const wordsOf = ({ handle: { buffer, byteOffset } }: Semaphore): Int32Array => new Int32Array(buffer, byteOffset);
const entranceOf = (semaphore: Semaphore): readonly [held: boolean, waiters: number] => {
  const words = wordsOf(semaphore);
  return [isHeld(words[ENTRANCE + STATE] ?? 0), (words[ENTRANCE + QUEUE] ?? 0) & WAITERS];
};

function withCode(code: ErrorCode): unknown {
  return expect.objectContaining({ name: 'RseqSliceError', code });
}

function got(token: LockToken | null): LockToken {
  if (token === null) throw new Error('there was no permit');
  return token;
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('permits', () => {
  it.each([1, 2, 48, 1024])('%i of them are given out and taken back', (permits) => {
    const semaphore = create(permits);
    expect([semaphore.permits, semaphore.available]).toEqual([permits, permits]);
    const tokens = Array.from({ length: permits }, (_, index) => (index % 2 === 0 ? semaphore.acquire() : got(semaphore.tryAcquire())));
    expect(semaphore.available).toBe(0);
    expect(semaphore.tryAcquire()).toBeNull();
    expect(Semaphore.from(semaphore.handle).tryAcquire()).toBeNull();
    for (const token of tokens) {
      expect([token.locked, token.abandoned]).toEqual([true, false]);
      token.unlock();
      token.unlock();
    }
    expect(semaphore.available).toBe(permits);
    expect(entranceOf(semaphore)).toEqual([false, 0]);
  });

  it('are counted as a number would count them', () => {
    const steps = fc.array(fc.oneof(fc.constantFrom('try', 'acquire'), fc.nat({ max: 20 })), { maxLength: 60 });
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
    expect(() => semaphore.acquire({ timeout })).toThrow(`The Semaphore was not to be had within ${timeout} ms`);
    wordsOf(semaphore)[FIRST + 1] = 0;
    semaphore.acquire({ timeout: 0 }).unlock();
    expect(entranceOf(semaphore)).toEqual([false, 0]);
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
    expect([semaphore.available, entranceOf(semaphore)]).toEqual([2, [false, 0]]);
  });

  it('is not overtaken by those who only try', async () => {
    const semaphore = create(1);
    const token = semaphore.acquire();
    const waiting = semaphore.acquireAsync();
    token.unlock();
    // It is free, and it is another one's turn.
    expect([semaphore.available, semaphore.tryAcquire()]).toEqual([1, null]);
    (await waiting).unlock();
    got(semaphore.tryAcquire()).unlock();
  });

  it.each([0, 10])('asynchronously ends after %i ms', async (timeout) => {
    const semaphore = create(1);
    const token = semaphore.acquire();
    // At the entrance, and behind it.
    await expect(semaphore.acquireAsync({ timeout })).rejects.toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    const first = semaphore.acquireAsync();
    await expect(semaphore.acquireAsync({ timeout })).rejects.toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    token.unlock();
    (await first).unlock();
    expect(semaphore.available).toBe(1);
  });

  it('is aborted before, meanwhile, and not afterwards', async () => {
    const semaphore = create(1);
    await expect(semaphore.acquireAsync({ signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before');
    expect(semaphore.available).toBe(1);
    const token = semaphore.acquire();
    const controllers = [new AbortController(), new AbortController()];
    const waiting = controllers.map(({ signal }) => semaphore.acquireAsync({ signal }));
    const last = semaphore.acquireAsync();
    controllers.forEach((controller, index) => { controller.abort(new Error(`meanwhile ${index}`)); });
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

  // Not yet: the entrance is left as if somebody waited there, and stays so until somebody waits again.
  it.fails('leaves nothing behind when the one in line was aborted', async () => {
    const semaphore = create(1);
    const token = semaphore.acquire();
    const first = semaphore.acquireAsync();
    const controller = new AbortController();
    const second = semaphore.acquireAsync({ signal: controller.signal });
    await sleep(1);
    controller.abort(new Error('no more'));
    await expect(second).rejects.toThrow('no more');
    token.unlock();
    (await first).unlock();
    await vi.waitFor(() => {
      expect(entranceOf(semaphore)).toEqual([false, 0]);
    }, 5000);
    expect(semaphore.available).toBe(1);
    got(semaphore.tryAcquire()).unlock();
  });

  it('gives every permit back, whoever gives up', async () => {
    const plan = fc.array(fc.record({ abort: fc.option(fc.nat({ max: 3 })), hold: fc.nat({ max: 2 }) }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 3 }), plan, async (permits, requests) => {
        const semaphore = create(permits);
        let inside = 0;
        await Promise.all(
          requests.map(async ({ abort, hold }) => {
            const controller = new AbortController();
            const waiting = semaphore.acquireAsync({ signal: controller.signal });
            if (abort !== null) void sleep(abort).then(() => { controller.abort(); });
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
        await vi.waitFor(() => { expect(entranceOf(semaphore)).toEqual([false, 0]); }, 5000);
        expect(semaphore.available).toBe(permits);
        semaphore.acquire({ timeout: 5000 }).unlock();
      }),
      { numRuns: 40 },
    );
  });

  it.each([NaN, -1])('refuses a timeout of %s', async (timeout) => {
    const semaphore = create(1);
    const token = semaphore.acquire();
    expect(() => semaphore.acquire({ timeout })).toThrow(RangeError);
    await expect(semaphore.acquireAsync({ timeout })).rejects.toThrow(RangeError);
    token.unlock();
    expect([semaphore.available, entranceOf(semaphore)]).toEqual([1, [false, 0]]);
  });

  it('refuses to block the main thread unless asked for', async (context) => {
    if (!isMainThread) context.skip('not the main thread');
    const semaphore = new Semaphore(1);
    expect(() => semaphore.acquire()).toThrow(withCode('ERR_RSEQ_WOULD_BLOCK'));
    expect(() => semaphore.withPermit(() => 1)).toThrow(withCode('ERR_RSEQ_WOULD_BLOCK'));
    got(semaphore.tryAcquire()).unlock();
    (await semaphore.acquireAsync()).unlock();
  });
});

describe('functions with a permit', () => {
  it('withPermit returns, throws on and refuses a promise, the permit given back', () => {
    const semaphore = create(1);
    expect(semaphore.withPermit(() => semaphore.available)).toBe(0);
    expect(() => semaphore.withPermit((): never => { throw new Error('mine'); })).toThrow('mine');
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
    await expect(semaphore.withPermitAsync(() => Promise.reject(new Error('mine')))).rejects.toThrow('mine');
    const token = semaphore.acquire();
    const run = vi.fn();
    await expect(semaphore.withPermitAsync(run, { timeout: 3 })).rejects.toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    expect(run).not.toHaveBeenCalled();
    token.unlock();
    expect(semaphore.available).toBe(1);
  });
});

it('gives the permits of a thread that died to the next, each told once', async (context) => {
  const addon = loadAddon();
  if (addon.state !== 'loaded') {
    context.skip('only the addon knows of threads that no lock was made in');
    return;
  }
  const id = 0xfd001;
  const worker = new Worker('const { path, id } = require("worker_threads").workerData; require(path).announceAgent(id);', {
    eval: true,
    workerData: { path: addon.path, id },
  });
  await once(worker, 'exit');
  const semaphore = create(3);
  const words = wordsOf(semaphore);
  words.set([id, SOMEBODY, id], FIRST);
  expect([semaphore.available, semaphore.tryAcquire()]).toEqual([0, null]);
  const first = semaphore.acquire({ timeout: 20_000 });
  const second = await semaphore.acquireAsync({ timeout: 20_000 });
  expect([first.abandoned, second.abandoned]).toEqual([true, true]);
  await expect(semaphore.acquireAsync({ timeout: 1 })).rejects.toThrow(withCode('ERR_RSEQ_TIMEOUT'));
  first.unlock();
  second.unlock();
  expect(words[FIRST + 1]).toBe(SOMEBODY);
  const third = semaphore.acquire();
  expect(third.abandoned).toBe(false);
  third.unlock();
  // One that died at the entrance, with no permit, is no news.
  words[ENTRANCE + STATE] = id;
  words.fill(SOMEBODY, FIRST);
  expect(() => semaphore.acquire({ timeout: 200 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
  words.fill(0, FIRST);
  const fourth = semaphore.acquire({ timeout: 20_000 });
  expect(fourth.abandoned).toBe(false);
  fourth.unlock();
});

describe('the section around a holder', () => {
  it.each([
    ['acquire', (semaphore: Semaphore) => semaphore.acquire()],
    ['tryAcquire', (semaphore: Semaphore) => got(semaphore.tryAcquire())],
    ['acquire, by way of the entrance', (semaphore: Semaphore) => {
      // As if somebody waited there.
      wordsOf(semaphore)[ENTRANCE + STATE] = -2;
      return semaphore.acquire();
    }],
  ])('is there from taking to giving back: %s', (_, take) => {
    const kernel = new SimulatedKernel();
    const cpu = kernel.thread();
    const thread = attach({ backend: cpu });
    const semaphore = new Semaphore(2, undefined, 0, { ...options, thread });
    const token = take(semaphore);
    expect(cpu.preempt()).toBe('granted');
    token.unlock();
    expect([cpu.requested, cpu.granted]).toEqual([false, false]);
    expect(kernel.stats()).toMatchObject({ sgrant: 1, syield: 1 });
    wordsOf(semaphore).fill(SOMEBODY, FIRST);
    expect(() => semaphore.acquire({ timeout: 3 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    expect([semaphore.tryAcquire(), cpu.requested]).toEqual([null, false]);
    const { entered, undisturbed, nested, yielded } = thread.stats();
    expect(entered).toBe(undisturbed + nested + yielded);
  });

  it('is not entered for what is held across an await', async () => {
    const cpu = new SimulatedKernel().thread();
    const semaphore = new Semaphore(1, undefined, 0, { ...options, thread: attach({ backend: cpu }) });
    const token = await semaphore.acquireAsync();
    const waiting = semaphore.acquireAsync();
    expect(cpu.requested).toBe(false);
    token.unlock();
    const next = await waiting;
    expect(cpu.requested).toBe(false);
    next.unlock();
  });

  // Not yet: the entrance is left, and the next one there called, inside the section around the permit.
  it.fails('is not carried into the call of the next one at the entrance', async () => {
    const cpu = new SimulatedKernel({ flavour: 'rfc' }).thread();
    const semaphore = new Semaphore(2, undefined, 0, { ...options, thread: attach({ backend: cpu }) });
    wordsOf(semaphore).fill(SOMEBODY, FIRST);
    const requested: boolean[] = [];
    const calls: unknown[] = [];
    const addon = loadAddon();
    if (addon.state === 'loaded') {
      const { futexWait, futexWake } = addon.binding;
      vi.spyOn(addon.binding, 'futexWait').mockImplementation((...args) => {
        calls.push(['sleep', cpu.requested]);
        // Meanwhile another thread lines up behind us, and a permit is given back.
        wordsOf(semaphore)[ENTRANCE + QUEUE] = 1;
        wordsOf(semaphore)[ENTRANCE + STATE] = (wordsOf(semaphore)[ENTRANCE + STATE] ?? 0) | (1 << 30);
        wordsOf(semaphore)[FIRST] = 0;
        return futexWait(...args);
      });
      vi.spyOn(addon.binding, 'futexWake').mockImplementation((...args) => {
        calls.push(['wake', cpu.requested]);
        requested.push(cpu.requested);
        return futexWake(...args);
      });
    }
    const token = semaphore.acquire({ timeout: 20_000 });
    token.unlock();
    await Promise.resolve();
    expect(calls).toContainEqual(['sleep', false]);
    expect(requested).toEqual([false]);
  });
});
