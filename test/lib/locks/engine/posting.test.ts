// SPDX-License-Identifier: MIT
/**
 * What becomes of a lock that is posted, cloned, made JSON of or printed: never
 * a copy that looks like a lock, and always a word about what can be posted.
 */
import { inspect } from 'node:util';
import { MessageChannel, Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import {
  Barrier,
  Condition,
  Mutex,
  Queue,
  RwLock,
  Semaphore,
  SpinLock,
} from '../../../../lib/index.ts';
import type { LockToken } from '../../../../lib/index.ts';
import { withArticle } from '../../../../lib/options.ts';

const options = { blockMainThread: true };

const LOCKS = [
  ['Mutex', new Mutex(options)],
  ['SpinLock', new SpinLock(options)],
  ['RwLock', new RwLock(options)],
  ['Semaphore', new Semaphore({ permits: 3, ...options })],
  ['Condition', new Condition(options)],
  ['Barrier', new Barrier({ parties: 3, ...options })],
  ['Queue', new Queue({ capacity: 3, recordBytes: 8, ...options })],
] as const;

/** A token that holds each. */
const TOKENS: readonly (readonly [string, () => LockToken])[] = [
  ['Mutex', () => new Mutex(options).lock()],
  ['SpinLock', () => new SpinLock(options).lock()],
  ['RwLock', () => new RwLock(options).readLock()],
  ['RwLock', () => new RwLock(options).writeLock()],
  ['Semaphore', () => new Semaphore({ permits: 3, ...options }).acquire()],
];

/** Everything that makes a copy. */
const COPIES: readonly (readonly [string, (value: unknown) => void])[] = [
  ['structuredClone', (value) => structuredClone(value)],
  [
    'postMessage',
    (value) => {
      const { port1 } = new MessageChannel();
      try {
        port1.postMessage(value);
      } finally {
        port1.close();
      }
    },
  ],
  [
    'workerData',
    (value) => {
      new Worker('', { eval: true, workerData: value });
    },
  ],
  ['JSON.stringify', (value) => JSON.stringify(value)],
];

/** Around what is copied. */
const AROUND: readonly (readonly [string, (value: unknown) => unknown])[] = [
  ['alone', (value) => value],
  ['in an object', (value) => ({ deep: { value } })],
  ['in an array', (value) => [1, value]],
];

function refused(kind: string): unknown {
  return expect.objectContaining({
    name: 'DataCloneError',
    message: `${withArticle(kind, 'A')} belongs to the thread that made it. Post its handle, and use ${kind}.from() in the other thread.`,
  });
}

const cases = COPIES.flatMap(([way, copy]) =>
  AROUND.map(([where, wrap]) => ({ way, copy, where, wrap })),
);

describe.each(cases)('$way, $where', ({ copy, wrap, way }) => {
  it.each(LOCKS)('refuses a %s, and names its handle', (kind, lock) => {
    expect(() => {
      copy(wrap(lock));
    }).toThrow(refused(kind));
  });

  it.each(TOKENS)('refuses a token of a %s', (kind, take) => {
    using token = take();
    expect(() => {
      copy(wrap(token));
    }).toThrow(refused(kind));
    expect(token.locked).toBe(true);
  });

  it.each(LOCKS)('takes the handle of a %s', (_, { handle }) => {
    // A worker would be started.
    if (way !== 'workerData') copy(wrap(handle));
    expect(handle.buffer).toBeInstanceOf(SharedArrayBuffer);
  });
});

describe('printed', () => {
  it.each(LOCKS)('a %s is one line, wherever it stands', (kind, lock) => {
    const state = {
      Mutex: 'free',
      SpinLock: 'free',
      RwLock: 'free',
      Semaphore: '3 of 3 permits available',
      Condition: 'nobody waits',
      Barrier: '0 of 3 wait',
      Queue: '0 of 3 records',
    }[kind];
    const line = `${kind} { at byte 0, ${state} }`;
    expect(inspect(lock)).toBe(line);
    expect(inspect(lock, { depth: 9, showHidden: true })).toBe(line);
    expect(inspect([lock])).toBe(`[ ${line} ]`);
  });

  it('it says where it is, and what it is doing', async () => {
    const buffer = new SharedArrayBuffer(4096);
    const lock = new Mutex({ ...options, buffer, byteOffset: 64 });
    const other = Mutex.from(lock.handle, options);
    expect(inspect(lock)).toBe('Mutex { at byte 64, free }');
    const token = lock.lock();
    expect([inspect(lock), inspect(other)]).toEqual(
      Array(2).fill('Mutex { at byte 64, held by this thread }'),
    );
    const waiting = other.lockAsync();
    expect(inspect(lock)).toBe('Mutex { at byte 64, held by this thread }');
    token.unlock();
    (await waiting).unlock();
    expect(inspect(lock)).toBe('Mutex { at byte 64, free }');
    const words = new Int32Array(buffer, 64);
    for (const state of [77, 77 | (1 << 30)]) {
      words[1] = state;
      expect(inspect(lock)).toBe('Mutex { at byte 64, held by another thread }');
    }

    const rwLock = new RwLock({ ...options, buffer, byteOffset: 512 });
    const readers = [rwLock.readLock(), rwLock.readLock()];
    expect(inspect(rwLock)).toBe('RwLock { at byte 512, read by 2 }');
    for (const reader of readers) reader.unlock();
    using writer = rwLock.writeLock();
    expect([writer.locked, inspect(rwLock)]).toEqual([true, 'RwLock { at byte 512, written }']);

    const semaphore = new Semaphore({ ...options, permits: 3, buffer, byteOffset: 2048 });
    using permit = semaphore.acquire();
    expect([permit.locked, inspect(semaphore)]).toEqual([
      true,
      'Semaphore { at byte 2048, 2 of 3 permits available }',
    ]);

    const condition = new Condition({ ...options, buffer, byteOffset: 3072 });
    const held = await new Mutex(options).lockAsync();
    const notified = condition.waitAsync(held);
    expect(inspect(condition)).toBe('Condition { at byte 3072, someone waits }');
    condition.notify();
    await notified;
    held.unlock();
    expect(inspect(condition)).toBe('Condition { at byte 3072, nobody waits }');
  });
});
