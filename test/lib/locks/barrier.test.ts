// SPDX-License-Identifier: MIT
/**
 * `Barrier` in one thread, most of it in the event loop: who passes when, what
 * breaks it, and that it is as new afterwards. Deaths of threads are in
 * `test/worker`.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { attach, Barrier } from '../../../lib/index.ts';
import type { AsyncLockOptions, BarrierOptions, ErrorCode } from '../../../lib/index.ts';
import { currentAgent } from '../../../lib/host/agent.ts';
import { SimulatedKernel } from '../../../lib/simulated/kernel.ts';
import { canAskKernel, endedThread } from '../../support/ended-thread.ts';

const FIRST = 16;
const ownId = currentAgent().id;
const options = { blockMainThread: true };
const create = (parties: number): Barrier => new Barrier({ parties, ...options });
const wordsOf = ({ handle: { buffer, byteOffset } }: Barrier): Int32Array =>
  new Int32Array(buffer, byteOffset);
const generationOf = (barrier: Barrier): number => (wordsOf(barrier)[1] ?? 0) >>> 17;
const stateOf = ({ waiting, parties, broken }: Barrier): unknown[] => [waiting, parties, broken];

function withCode(code: ErrorCode): unknown {
  return expect.objectContaining({ name: 'RseqSliceError', code });
}
const BROKEN = withCode('ERR_RSEQ_BROKEN_BARRIER');

/** What each wait came to: a number, or an error. */
const settled = (waits: readonly Promise<number>[]): Promise<unknown[]> =>
  Promise.all(waits.map((wait) => wait.catch((error: unknown) => error)));

afterEach(() => {
  vi.useRealTimers();
});

it('lets all pass when the last one comes, and is as new then', async () => {
  const barrier = create(3);
  const other = Barrier.from(barrier.handle, options);
  for (let round = 0; round < 3; round++) {
    const waits = [barrier.waitAsync(), other.waitAsync()];
    expect(await Promise.race([...waits, sleep(5, 'not yet')])).toBe('not yet');
    expect(stateOf(barrier)).toEqual([2, 3, false]);
    // The last one does not wait, in its thread either.
    expect(barrier.wait({ timeout: 0 })).toBe(2);
    expect(await Promise.all(waits)).toEqual([0, 1]);
    expect(stateOf(other)).toEqual([0, 3, false]);
  }
  expect(new Barrier({ parties: 1 }).wait()).toBe(0);
});

it('counts generations around', async () => {
  const barrier = create(2);
  const words = wordsOf(barrier);
  words[1] = (words[1] ?? 0) | (0x7fff << 17);
  for (const next of [4, 5, 6]) {
    const first = barrier.waitAsync();
    expect(barrier.wait()).toBe(1);
    expect([await first, generationOf(barrier)]).toEqual([0, next]);
  }
});

it('takes whole numbers of parties from 1 to 255, and one number for all', () => {
  for (const parties of [0, -1, 1.5, 256, NaN, '2', null, undefined]) {
    expect(() => new Barrier({ parties } as BarrierOptions)).toThrow(
      'new Barrier() does not accept parties',
    );
    expect(() => Barrier.byteLength(parties as number)).toThrow(
      withCode('ERR_RSEQ_INVALID_OPTION'),
    );
  }
  const { buffer } = create(255).handle;
  expect(() => new Barrier({ parties: 254, buffer })).toThrow(
    'The Barrier at byte 0 of this buffer was made for 255 parties, not 254.',
  );
  expect(new Barrier({ parties: 255, buffer }).parties).toBe(255);
});

describe('breaks', () => {
  it('when the time of one is over, for all who wait and who come', async () => {
    const barrier = create(3);
    const waits = [barrier.waitAsync(), barrier.waitAsync({ timeout: 5 })];
    expect(await settled(waits)).toEqual([BROKEN, withCode('ERR_RSEQ_TIMEOUT')]);
    expect(barrier.broken).toBe(true);
    expect(() => barrier.wait()).toThrow(BROKEN);
    await expect(barrier.waitAsync()).rejects.toThrow(BROKEN);
    barrier.reset();
    const more = barrier.waitAsync();
    expect(() => barrier.wait({ timeout: 10 })).toThrow('Could not pass the Barrier within 10 ms.');
    expect(await settled([more])).toEqual([BROKEN]);
    barrier.reset();
    expect(() => barrier.wait({ timeout: 0 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    expect(barrier.broken).toBe(true);
  });

  it('when one is aborted, which gets the reason, unless it had been before', async () => {
    const barrier = create(2);
    const controller = new AbortController();
    const { signal } = controller;
    const wait = barrier.waitAsync({ signal });
    controller.abort(new Error('no more'));
    await expect(wait).rejects.toThrow('no more');
    expect(barrier.broken).toBe(true);
    barrier.reset();
    await expect(barrier.waitAsync({ signal })).rejects.toThrow('no more');
    expect(stateOf(barrier)).toEqual([0, 2, false]);
  });

  it('by hand, until it is reset', async () => {
    const barrier = create(2);
    const first = barrier.waitAsync();
    barrier.abort();
    barrier.abort();
    expect(await settled([first])).toEqual([BROKEN]);
    expect(stateOf(barrier)).toEqual([1, 2, true]);
    barrier.reset();
    const second = barrier.waitAsync();
    barrier.reset();
    expect(await settled([second])).toEqual([BROKEN]);
    expect(stateOf(barrier)).toEqual([0, 2, false]);
  });

  it('and not when it has been passed in time: then giving up comes too late', async () => {
    const barrier = create(2);
    const controller = new AbortController();
    const first = barrier.waitAsync({ signal: controller.signal });
    expect(barrier.wait()).toBe(1);
    controller.abort();
    expect([await first, barrier.broken]).toEqual([0, false]);
  });

  it('and publishes each that gave up', async () => {
    const messages: unknown[] = [];
    const hear = (message: unknown): void => void messages.push(message);
    subscribe('rseq-slice:lock:timeout', hear);
    const barrier = create(3);
    const wait = barrier.waitAsync();
    expect(() => barrier.wait({ timeout: 1 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    await settled([wait]);
    await turn();
    unsubscribe('rseq-slice:lock:timeout', hear);
    const { buffer } = barrier.handle;
    expect(messages).toEqual([{ kind: 'Barrier', buffer, byteOffset: 0 }]);
  });
});

it('lets go those who drop, and passes when nobody else is missing', async () => {
  const barrier = create(3);
  const waits = [barrier.waitAsync(), barrier.waitAsync()];
  barrier.drop();
  expect(await Promise.all(waits)).toEqual([0, 1]);
  expect(stateOf(barrier)).toEqual([0, 2, false]);
  const wait = barrier.waitAsync();
  expect(barrier.wait()).toBe(1);
  await wait;
  for (let left = 0; left < 5; left++) barrier.drop();
  expect(stateOf(barrier)).toEqual([0, 0, false]);
  expect([...wordsOf(barrier).subarray(FIRST)]).toEqual([0, 0, 0]);
});

it('is for nobody when all have dropped, after a reset too', async () => {
  const barrier = create(2);
  barrier.drop();
  expect(barrier.wait()).toBe(0);
  barrier.drop();
  barrier.reset();
  expect(stateOf(barrier)).toEqual([0, 0, false]);
  // Each caller would be the one who gets 0.
  expect(() => barrier.wait()).toThrow(BROKEN);
  expect(() => barrier.wait({ timeout: 0 })).toThrow('The Barrier has 0 parties: all were dropped');
  await expect(barrier.waitAsync()).rejects.toThrow('Make a new Barrier');
  barrier.abort();
  expect(() => barrier.wait()).toThrow('The Barrier is broken');
  barrier.reset();
  expect(() => barrier.wait()).toThrow('The Barrier has 0 parties');
  expect([...wordsOf(barrier).subarray(FIRST)]).toEqual([0, 0]);
});

it('gives a generation one end, whatever comes in which order', async () => {
  const deed = fc.constantFrom('come', 'come late', 'abort', 'reset', 'drop', 'turn');
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.array(deed, { maxLength: 12 }),
      async (parties, deeds) => {
        const barrier = create(parties);
        const waits: { readonly generation: number; readonly wait: Promise<unknown[]> }[] = [];
        for (const what of deeds) {
          const generation = generationOf(barrier);
          const how: AsyncLockOptions = what === 'come late' ? { timeout: 0 } : {};
          if (what.startsWith('come'))
            waits.push({ generation, wait: settled([barrier.waitAsync(how)]) });
          else if (what === 'turn') await sleep(1);
          else barrier[what as 'abort' | 'reset' | 'drop']();
        }
        barrier.abort();
        const results = (await Promise.all(waits.map(({ wait }) => wait))).flat();
        for (const { generation } of waits) {
          const own = results.filter((_, index) => waits[index]?.generation === generation);
          const passed = own.filter((result) => typeof result === 'number');
          // A reset that comes before one has noticed leaves that open.
          if (!deeds.includes('reset')) expect([0, own.length]).toContain(passed.length);
          expect([...passed].sort()).toEqual([...new Set(passed)].sort());
        }
      },
    ),
    { numRuns: 150 },
  );
});

describe.runIf(canAskKernel)('those who died', () => {
  const tagOf = (barrier: Barrier, back = 0): number => ((generationOf(barrier) - back) & 3) << 29;

  it('break it when they have come, for one who waits in its thread or its event loop', async () => {
    const id = await endedThread();
    for (const isBlocked of [true, false]) {
      const barrier = create(3);
      const words = wordsOf(barrier);
      words[FIRST + 1] = id | tagOf(barrier);
      words[1] = (words[1] ?? 0) + 1;
      const messages: unknown[] = [];
      const hear = (message: unknown): void => void messages.push(message);
      subscribe('rseq-slice:lock:abandoned', hear);
      if (isBlocked) expect(() => barrier.wait({ timeout: 20_000 })).toThrow(BROKEN);
      else await expect(barrier.waitAsync({ timeout: 20_000 })).rejects.toThrow(BROKEN);
      await turn();
      unsubscribe('rseq-slice:lock:abandoned', hear);
      expect(messages).toHaveLength(1);
    }
  });

  it('break it for those with whom they passed, and for nobody else', async () => {
    const id = await endedThread();
    for (const passed of [true, false]) {
      const barrier = create(2);
      if (passed) {
        const first = barrier.waitAsync();
        barrier.wait();
        await first;
        wordsOf(barrier).fill(0, FIRST);
        wordsOf(barrier)[FIRST] = ownId | tagOf(barrier, 1);
      }
      wordsOf(barrier)[FIRST + 1] = id | tagOf(barrier, 1);
      const wait = barrier.waitAsync({ timeout: 300 });
      const [error] = await settled([wait]);
      expect(error).toEqual(passed ? BROKEN : withCode('ERR_RSEQ_TIMEOUT'));
      barrier.reset();
      expect([...wordsOf(barrier).subarray(FIRST)]).toEqual([0, 0]);
    }
  });

  it('give their places to those who come, before the living do', async () => {
    const id = await endedThread();
    const barrier = create(2);
    wordsOf(barrier).set([0xfffff | tagOf(barrier, 1), id | tagOf(barrier, 1)], FIRST);
    const wait = barrier.waitAsync();
    expect([...wordsOf(barrier).subarray(FIRST)]).toEqual([
      0xfffff | tagOf(barrier, 1),
      ownId | tagOf(barrier),
    ]);
    barrier.abort();
    await settled([wait]);
  });
});

it('refuses to block the main thread unless it is the last one, and has not come then', async (context) => {
  if (!isMainThread) context.skip('not the main thread');
  const barrier = new Barrier({ parties: 2 });
  expect(() => barrier.wait()).toThrow(withCode('ERR_RSEQ_WOULD_BLOCK'));
  expect(() => barrier.wait({ timeout: 5 })).toThrow(
    'Waiting for the other parties would block the main thread: wait in the event loop (waitAsync()),',
  );
  expect(stateOf(barrier)).toEqual([0, 2, false]);
  const first = barrier.waitAsync();
  expect([barrier.wait(), await first]).toEqual([1, 0]);
});

it.each([[{ timeout: NaN }], [{ timeout: -1 }], [{ timeOut: 5 }], [5]])(
  'refuses %j, and nobody has come',
  async (given) => {
    const barrier = create(1);
    const how = given as AsyncLockOptions;
    expect(() => barrier.wait(how)).toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
    await expect(barrier.waitAsync(how)).rejects.toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
    expect(generationOf(barrier)).toBe(4);
  },
);

it('waits without the request of a lock that is held', () => {
  const cpu = new SimulatedKernel({ abiVersion: 'rfc' }).thread();
  const thread = attach({ host: cpu });
  const barrier = new Barrier({ parties: 2, thread, ...options });
  thread.enter();
  expect(() => barrier.wait({ timeout: 60 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
  expect(cpu.requested).toBe(true);
  thread.leave();
});

it('follows faked timers in the event loop, and not in the thread', async () => {
  const barrier = create(2);
  vi.useFakeTimers();
  const wait = barrier.waitAsync({ timeout: 1000 }).catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(999);
  expect(barrier.broken).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect([await wait, vi.getTimerCount()]).toEqual([withCode('ERR_RSEQ_TIMEOUT'), 0]);
  barrier.reset();
  expect(() => barrier.wait({ timeout: 5 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
});
