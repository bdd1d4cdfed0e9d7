// SPDX-License-Identifier: MIT
/**
 * `Queue` in one thread, most of it in the event loop: records arrive once, whole and in their
 * order, closing, and who waits for what. Threads that die are in `test/worker`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { attach, Mutex, Queue } from '../../../lib/index.ts';
import type { AsyncLockOptions, ErrorCode, QueueOptions } from '../../../lib/index.ts';
import { countWaiters } from '../../../lib/locks/engine/turnstile.ts';
import { SimulatedKernel } from '../../../lib/simulated/kernel.ts';
import { canAskKernel, endedThread } from '../../support/ended-thread.ts';

const options = { blockMainThread: true };
const create = (capacity: number, recordBytes = 8): Queue =>
  new Queue({ capacity, recordBytes, ...options });
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const wordsOf = ({ handle: { buffer, byteOffset } }: Queue): Int32Array =>
  new Int32Array(buffer, byteOffset);
/** Where it says who has an end. */
const [PUSH_END, POP_END] = [1, 17] as const;

function withCode(code: ErrorCode): unknown {
  return expect.objectContaining({ name: 'RseqSliceError', code });
}
const CLOSED = withCode('ERR_RSEQ_CLOSED');

it('hands over copies, whole and in their order, around the ring', () => {
  const queue = create(3, 5);
  const other = Queue.from(queue.handle, options);
  const record = bytes(1, 2, 3);
  queue.push(record);
  record.fill(9);
  expect([...(other.pop() ?? [])]).toEqual([1, 2, 3]);
  for (let round = 0; round < 20; round++) {
    expect(queue.tryPush(bytes(round))).toBe(true);
    queue.push(Buffer.from([round, 2, 3, 4, 5]));
    other.push(bytes());
    expect([queue.length, queue.tryPush(bytes(7)), other.capacity, other.recordBytes]).toEqual([
      3,
      false,
      3,
      5,
    ]);
    const got = [other.pop(), queue.tryPop(), queue.pop()].map((each) => [...(each ?? [])]);
    expect(got).toEqual([[round], [round, 2, 3, 4, 5], []]);
    expect([queue.tryPop(), queue.length]).toEqual([null, 0]);
  }
  const popped = create(1);
  popped.push(bytes(1));
  expect(popped.pop()?.buffer).toBeInstanceOf(ArrayBuffer);
});

it('takes records of any length and content, as often as it likes', async () => {
  const sizes = fc.record({
    capacity: fc.integer({ min: 1, max: 9 }),
    recordBytes: fc.integer({ min: 1, max: 600 }),
  });
  await fc.assert(
    fc.asyncProperty(sizes, fc.array(fc.uint8Array({ maxLength: 600 })), async (made, all) => {
      const queue = new Queue(made);
      const records = all.filter((record) => record.length <= made.recordBytes);
      const pushing = (async () => {
        for (const record of records) await queue.pushAsync(record);
        queue.close();
      })();
      const got: Uint8Array[] = [];
      for await (const record of queue) got.push(record);
      await pushing;
      expect(got).toEqual(records);
      expect([queue.length, queue.closed]).toEqual([0, true]);
    }),
    { numRuns: 60 },
  );
});

it('refuses what is no record, and sizes that make no sense', async () => {
  const queue = create(1, 4);
  for (const record of [bytes(1, 2, 3, 4, 5), [1], 'text', null, new Uint16Array(1)] as never[]) {
    expect(() => {
      queue.push(record);
    }).toThrow('push() does not accept record');
    expect(() => queue.tryPush(record)).toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
    await expect(queue.pushAsync(record)).rejects.toThrow(
      'It accepts a Uint8Array of at most 4 bytes.',
    );
  }
  expect(() => queue.tryPush(bytes(1, 2, 3, 4, 5))).toThrow('record: a Uint8Array of 5 bytes.');
  const make = Queue as new (options?: unknown) => Queue;
  expect(() => new make()).toThrow(
    'new Queue() takes an object of options, not undefined: new Queue({ capacity, recordBytes }).',
  );
  expect(queue.length).toBe(0);
  for (const sizes of [
    { capacity: 0, recordBytes: 1 },
    { capacity: 1.5, recordBytes: 1 },
    { capacity: 1 },
    { capacity: 1, recordBytes: 2 ** 24 },
    { recordBytes: 1 },
  ])
    expect(() => new Queue(sizes as QueueOptions)).toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
  const { buffer } = queue.handle;
  expect(() => new Queue({ capacity: 2, recordBytes: 4, buffer })).toThrow(
    withCode('ERR_RSEQ_INVALID_OPTION'),
  );
  expect(new Queue({ capacity: 1, recordBytes: 4, buffer }).handle).toEqual(queue.handle);
});

it('refuses what has no memory any more, and believes no class about its length', () => {
  const queue = create(2, 4);
  const gone = bytes(1, 2);
  structuredClone(gone, { transfer: [gone.buffer as ArrayBuffer] });
  const likeOne = Object.create(Uint8Array.prototype) as Uint8Array;
  class Liar extends Uint8Array {
    override get length(): number {
      return 1;
    }
  }
  for (const record of [gone, likeOne, new Liar(5)])
    expect(() => queue.tryPush(record)).toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
  queue.push(bytes());
  queue.push(Liar.from([1, 2, 3]));
  expect([queue.pop()?.length, queue.pop()?.length]).toEqual([0, 3]);
  const sizes = { capacity: 2 ** 22, recordBytes: 2 ** 22 };
  expect(() => Queue.byteLength(sizes)).toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
});

it('gives its ends back when a copy fails', () => {
  const queue = create(2, 1024);
  const thread = attach();
  const { entered } = thread.stats();
  const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array;
  const fail = (): void => {
    vi.spyOn(typedArray, 'set').mockImplementationOnce(() => {
      throw new RangeError('planted');
    });
  };
  fail();
  expect(() => {
    queue.push(bytes(1));
  }).toThrow('planted');
  queue.push(new Uint8Array(1000).fill(2));
  fail();
  expect(() => queue.pop()).toThrow('planted');
  vi.restoreAllMocks();
  expect(queue.tryPush(bytes(3))).toBe(true);
  expect([queue.pop()?.length, queue.pop()?.[0]]).toEqual([1000, 3]);
  // The two that failed are no sections, and none is left open.
  expect(thread.stats().entered - entered).toBe(4);
  thread.detach();
});

it('leaves no room for another lock among its records', () => {
  const buffer = new SharedArrayBuffer(1 << 20);
  new Queue({ capacity: 500, recordBytes: 1000, buffer });
  expect(() => new Mutex({ buffer, byteOffset: 400_000 })).toThrow('it would lie in the Queue');
  expect(new Mutex({ buffer, byteOffset: 600_000 }).tryLock()?.unlock()).toBe(true);
});

describe('waiting', () => {
  it('ends when there is a record, or room, in the order in which it began', async () => {
    const queue = create(1);
    const pops = [queue.popAsync(), queue.popAsync(), queue.popAsync()];
    for (const value of [1, 2, 3]) await queue.pushAsync(bytes(value));
    expect((await Promise.all(pops)).map((record) => record?.[0])).toEqual([1, 2, 3]);
    const record = bytes(4);
    const pushes = [queue.pushAsync(record), queue.pushAsync(record), queue.pushAsync(record)];
    // It was copied at once; and nobody of this thread is overtaken by a try.
    record.fill(0);
    for (let left = 3; left > 0; left--) {
      expect(queue.pop()?.[0]).toBe(4);
      if (left > 1) expect(queue.tryPush(bytes(9))).toBe(false);
      await sleep(1);
    }
    await Promise.all(pushes);
    expect([queue.length, countWaiters(wordsOf(queue))]).toEqual([0, 0]);
  });

  it('gives up in time, or with the signal’s reason, and neither takes nor leaves a record', async () => {
    const queue = create(1);
    expect(() => queue.pop({ timeout: 2 })).toThrow(
      'Could not push to or pop from the Queue within 2 ms.',
    );
    expect([queue.tryPop({ timeout: 2 }), queue.tryPop({ timeout: 0 })]).toEqual([null, null]);
    await expect(queue.popAsync({ timeout: 2 })).rejects.toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    const controller = new AbortController();
    const { signal } = controller;
    const pop = queue.popAsync({ signal });
    controller.abort(new Error('no more'));
    await expect(pop).rejects.toThrow('no more');
    queue.push(bytes(1));
    expect(() => {
      queue.push(bytes(2), { timeout: 2 });
    }).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    expect(queue.tryPush(bytes(2), { timeout: 2 })).toBe(false);
    await expect(queue.pushAsync(bytes(2), { timeout: 2 })).rejects.toThrow(
      withCode('ERR_RSEQ_TIMEOUT'),
    );
    await expect(queue.pushAsync(bytes(2), { signal })).rejects.toThrow('no more');
    expect([queue.pop()?.[0], queue.length, queue.stats()]).toMatchObject([
      1,
      0,
      { contended: 8, gaveUp: 8, abandoned: 0 },
    ]);
  });

  it.each([[{ timeout: NaN }], [{ timeOut: 5 }], [5]])('refuses %j', async (given) => {
    const queue = create(1);
    const how = given as AsyncLockOptions;
    const INVALID = withCode('ERR_RSEQ_INVALID_OPTION');
    expect(() => queue.pop(how)).toThrow(INVALID);
    expect(() => queue.tryPop(how)).toThrow(INVALID);
    expect(() => {
      queue.push(bytes(), how);
    }).toThrow(INVALID);
    expect(() => queue.tryPush(bytes(), how)).toThrow(INVALID);
    await expect(queue.popAsync(how)).rejects.toThrow(INVALID);
    await expect(queue.pushAsync(bytes(), how)).rejects.toThrow(INVALID);
    expect(queue.length).toBe(0);
  });

  it('is refused in the main thread, and nothing else is', (context) => {
    if (!isMainThread) context.skip('not the main thread');
    const queue = new Queue({ capacity: 1, recordBytes: 1 });
    expect(() => queue.pop()).toThrow(
      'The Queue is not available at once, and waiting for it would block the main thread: only try (tryPop() without a timeout), wait in the event loop (popAsync() or for await),',
    );
    expect(() => [...queue]).toThrow('or for await');
    expect(() => queue.tryPop({ timeout: 5 })).toThrow(withCode('ERR_RSEQ_WOULD_BLOCK'));
    queue.push(bytes(1));
    expect(() => {
      queue.push(bytes(2));
    }).toThrow('only try (tryPush() without a timeout), wait in the event loop (pushAsync()),');
    expect([queue.tryPush(bytes(2)), queue.pop()?.[0]]).toEqual([false, 1]);
  });
});

describe('closing', () => {
  it('lets those who pop have what is left, and tells all who wait', async () => {
    const queue = create(2);
    queue.push(bytes(1));
    queue.push(bytes(2));
    const push = queue.pushAsync(bytes(3)).catch((error: unknown) => error);
    queue.close();
    queue.close();
    expect(await push).toEqual(CLOSED);
    expect(() => {
      queue.push(bytes(3));
    }).toThrow(CLOSED);
    expect(() => queue.tryPush(bytes(3))).toThrow('The Queue is closed: nothing can be pushed.');
    await expect(queue.pushAsync(bytes(3))).rejects.toThrow(CLOSED);
    expect([...queue].map((record) => record[0])).toEqual([1, 2]);
    expect([queue.pop(), queue.tryPop(), await queue.popAsync(), queue.closed]).toEqual([
      null,
      null,
      null,
      true,
    ]);
    const other = create(1);
    const pops = [other.popAsync(), other.popAsync(), Queue.from(other.handle).popAsync()];
    other.close();
    expect(await Promise.all(pops)).toEqual([null, null, null]);
  });

  it('keeps what an iteration has not asked for', async () => {
    const queue = create(3);
    for (const value of [1, 2, 3]) queue.push(bytes(value));
    for await (const record of queue) if (record[0] === 1) break;
    for (const record of queue) if (record[0] === 2) break;
    expect([queue.length, queue.pop()?.[0]]).toEqual([1, 3]);
  });
});

describe.runIf(canAskKernel)('one who died with an end', () => {
  it('is followed by the next one, with nothing half done', async () => {
    const id = await endedThread();
    for (const end of [PUSH_END, POP_END]) {
      const queue = create(2);
      queue.push(bytes(1));
      const words = wordsOf(queue);
      const again = async (act: () => unknown): Promise<void> => {
        words[end] = id;
        expect(await act()).not.toBeNull();
        expect(words[end]).toBe(0);
      };
      if (end === PUSH_END) {
        await again(() => queue.tryPush(bytes(2)));
        queue.pop();
        await again(() => queue.pushAsync(bytes(3)));
        queue.pop();
        await again(() => {
          queue.push(bytes(4));
        });
        expect([queue.pop()?.[0], queue.pop()?.[0]]).toEqual([3, 4]);
      } else {
        await again(() => queue.tryPop());
        queue.push(bytes(2));
        await again(() => queue.popAsync());
        queue.push(bytes(3));
        await again(() => queue.pop());
      }
      expect([queue.length, queue.stats().abandoned]).toEqual([0, 3]);
    }
  });
});

it('pushes and pops in a section, and is in none when it waits', () => {
  const cpu = new SimulatedKernel({ abiVersion: 'rfc' }).thread();
  const thread = attach({ host: cpu });
  const queue = new Queue({ capacity: 1, recordBytes: 4, thread, ...options });
  thread.enter();
  expect(() => queue.pop({ timeout: 60 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
  queue.push(bytes(1));
  expect(queue.pop()?.[0]).toBe(1);
  thread.leave();
  expect(cpu.requested).toBe(false);
  const { entered } = thread.stats();
  queue.push(bytes(1));
  queue.pop();
  expect(thread.stats().entered - entered).toBe(2);
});
