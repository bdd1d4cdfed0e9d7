// SPDX-License-Identifier: MIT
/**
 * What all locks have in common for those who wait: options, what is counted
 * and published, and that no call is lost and nobody left behind. One kind of
 * lock differs from another in what it takes to get in.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Condition, Mutex, RwLock, Semaphore, SpinLock } from '../../../../lib/index.ts';
import type {
  AsyncLockOptions,
  ErrorCode,
  LockHandle,
  LockKind,
  LockMessage,
  LockOptions,
  LockStats,
  LockToken,
} from '../../../../lib/index.ts';
import { countWaiters, EVENT_LOOPS, STATE } from '../../../../lib/locks/engine/turnstile.ts';
import { canAskKernel, endedThread } from '../../../support/ended-thread.ts';

/** A thread that there is not: as good as one that is busy elsewhere. */
const SOMEBODY = 0xfffff;
/** The one permit of a semaphore. */
const FIRST = 16;

/** A lock, and one way to take it. */
interface Way {
  readonly name: string;
  readonly kind: LockKind;
  readonly create: () => Waitable;
}
interface Waitable {
  readonly handle: LockHandle;
  readonly stats: () => LockStats;
  readonly take: (options?: LockOptions) => LockToken;
  readonly tryTake: (options?: LockOptions) => LockToken | null;
  readonly takeAsync: (options?: AsyncLockOptions) => Promise<LockToken>;
  /** The word that says who has it. */
  readonly holder: number;
}

const options = { blockMainThread: true };

function exclusive(lock: Mutex | SpinLock): Waitable {
  return {
    handle: lock.handle,
    stats: () => lock.stats(),
    take: (how) => lock.lock(how),
    tryTake: (how) => lock.tryLock(how),
    takeAsync: (how) => lock.lockAsync(how),
    holder: STATE,
  };
}

const WAYS: readonly Way[] = [
  { name: 'Mutex', kind: 'Mutex', create: () => exclusive(new Mutex(options)) },
  {
    name: 'SpinLock',
    kind: 'SpinLock',
    create: () => exclusive(new SpinLock(options)),
  },
  {
    name: 'RwLock, reading',
    kind: 'RwLock',
    create: () => {
      const lock = new RwLock(options);
      return {
        handle: lock.handle,
        stats: () => lock.stats(),
        take: (how) => lock.readLock(how),
        tryTake: (how) => lock.tryReadLock(how),
        takeAsync: (how) => lock.readLockAsync(how),
        holder: STATE,
      };
    },
  },
  {
    name: 'RwLock, writing',
    kind: 'RwLock',
    create: () => {
      const lock = new RwLock(options);
      return {
        handle: lock.handle,
        stats: () => lock.stats(),
        take: (how) => lock.writeLock(how),
        tryTake: (how) => lock.tryWriteLock(how),
        takeAsync: (how) => lock.writeLockAsync(how),
        holder: STATE,
      };
    },
  },
  {
    name: 'Semaphore',
    kind: 'Semaphore',
    create: () => {
      const semaphore = new Semaphore({ permits: 1, ...options });
      return {
        handle: semaphore.handle,
        stats: () => semaphore.stats(),
        take: (how) => semaphore.acquire(how),
        tryTake: (how) => semaphore.tryAcquire(how),
        takeAsync: (how) => semaphore.acquireAsync(how),
        holder: FIRST,
      };
    },
  },
];

const wordsOf = ({ handle }: Waitable): Int32Array => new Int32Array(handle.buffer);

function withCode(code: ErrorCode): unknown {
  return expect.objectContaining({ name: 'RseqSliceError', code });
}

/** A lock that another thread has. */
function createHeld({ create }: Way): { readonly lock: Waitable; readonly words: Int32Array } {
  const lock = create();
  const words = wordsOf(lock);
  words[lock.holder] = SOMEBODY;
  return { lock, words };
}

/** What is published on a channel meanwhile. */
async function publishedOn(channel: string, run: () => Promise<void>): Promise<LockMessage[]> {
  const messages: LockMessage[] = [];
  const hear = (message: unknown): void => {
    messages.push(message as LockMessage);
  };
  subscribe(channel, hear);
  try {
    await run();
    await turn();
  } finally {
    unsubscribe(channel, hear);
  }
  return messages;
}

describe.each(WAYS)('$name', (way) => {
  const { kind } = way;

  it('takes any number of ms from 0 on, and Infinity, and nothing else', async () => {
    const good = fc.oneof(
      fc.double({ min: 0, noNaN: true }),
      fc.maxSafeNat(),
      fc.constantFrom(
        0,
        1e-300,
        0.5,
        2 ** 31,
        2 ** 32,
        Number.MAX_SAFE_INTEGER,
        1e300,
        Number.MAX_VALUE,
        Infinity,
        undefined,
      ),
    );
    const bad = fc.oneof(
      fc.double({ max: -Number.MIN_VALUE, noNaN: true }),
      fc.anything().filter((value) => value !== undefined && typeof value !== 'number'),
      fc.constantFrom(NaN, -1, -Infinity, Number.MIN_SAFE_INTEGER),
    );
    const lock = way.create();
    await fc.assert(
      fc.asyncProperty(good, async (given) => {
        const how = { timeout: given } as LockOptions;
        lock.take(how).unlock();
        (await lock.takeAsync(how)).unlock();
      }),
    );
    const { lock: held } = createHeld(way);
    await fc.assert(
      fc.asyncProperty(bad, async (timeout) => {
        for (const object of [lock, held]) {
          expect(() => object.take({ timeout: timeout as number })).toThrow(
            withCode('ERR_RSEQ_INVALID_OPTION'),
          );
          await expect(object.takeAsync({ timeout: timeout as number })).rejects.toThrow(
            withCode('ERR_RSEQ_INVALID_OPTION'),
          );
        }
      }),
      { numRuns: 30 },
    );
    expect([lock.stats().contended, held.stats().contended]).toEqual([0, 0]);
  });

  it('waits for a large number of ms, and does not give up at once', async () => {
    const { lock, words } = createHeld(way);
    const waiting = [2 ** 31, 2 ** 32 + 5, Number.MAX_SAFE_INTEGER, 1e300, Infinity].map(
      (timeout) => lock.takeAsync({ timeout }),
    );
    const first = await Promise.race([...waiting, sleep(5, 'not yet')]);
    expect([first, lock.stats().gaveUp]).toEqual(['not yet', 0]);
    words[lock.holder] = 0;
    for (const token of waiting) (await token).unlock();
  });

  it('publishes each wait that gave up, in the thread and in the event loop, and no tries', async () => {
    const { lock } = createHeld(way);
    const messages = await publishedOn('rseq-slice:lock:timeout', async () => {
      expect(lock.tryTake()).toBeNull();
      expect(() => lock.take({ timeout: 0 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
      expect(() => lock.take({ timeout: 200 })).toThrow(
        `Could not acquire the ${kind} within 200 ms.`,
      );
      await expect(lock.takeAsync({ timeout: 0 })).rejects.toThrow(withCode('ERR_RSEQ_TIMEOUT'));
      await expect(lock.takeAsync({ timeout: 2 })).rejects.toThrow(
        `Could not acquire the ${kind} within 2 ms.`,
      );
      const controller = new AbortController();
      const aborted = [
        lock.takeAsync({ signal: controller.signal }),
        lock.takeAsync({ signal: controller.signal }),
      ].map((waiting) => waiting.catch((reason: unknown) => reason));
      controller.abort(undefined);
      expect(await Promise.all(aborted)).toEqual([
        controller.signal.reason,
        controller.signal.reason,
      ]);
    });
    const { buffer, byteOffset } = lock.handle;
    expect(messages).toEqual(Array(6).fill({ kind, buffer, byteOffset }));
    // Whoever has no time does not sleep, nor does a SpinLock's waiter.
    const parked = kind === 'SpinLock' ? 4 : 5;
    expect(lock.stats()).toMatchObject({ contended: 6, parked, gaveUp: 6, abandoned: 0 });
  });

  it('tries as long as it is told to, and counts that as a wait that gave up', async () => {
    const { lock, words } = createHeld(way);
    const messages = await publishedOn('rseq-slice:lock:timeout', async () => {
      expect([lock.tryTake(), lock.tryTake({})]).toEqual([null, null]);
      expect(lock.stats()).toMatchObject({ contended: 0, gaveUp: 0 });
      expect(lock.tryTake({ timeout: 0 })).toBeNull();
      const started = performance.now();
      expect(lock.tryTake({ timeout: 10 })).toBeNull();
      expect(performance.now() - started).toBeGreaterThanOrEqual(10);
      await turn();
    });
    expect(messages).toHaveLength(2);
    expect(lock.stats()).toMatchObject({ contended: 2, gaveUp: 2 });
    words[lock.holder] = 0;
    for (const how of [{}, { timeout: 0 }, { timeout: 5 }, { timeout: Infinity }])
      expect(lock.tryTake(how)?.unlock()).toBe(true);
    for (const how of [{ timeout: -1 }, { timeout: '5' }, { timeOut: 5 }, 5])
      expect(() => lock.tryTake(how as LockOptions)).toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
    // Nobody waits for itself, however long.
    const held = lock.take();
    if (kind !== 'RwLock' || way.name.endsWith('writing'))
      expect(() => lock.tryTake({ timeout: 5 })).toThrow(withCode('ERR_RSEQ_RECURSIVE_LOCK'));
    held.unlock();
  });

  it.runIf(canAskKernel)('publishes that a holder died with it', async () => {
    const { lock, words } = createHeld(way);
    words[lock.holder] = await endedThread();
    const messages = await publishedOn('rseq-slice:lock:abandoned', async () => {
      const token = await lock.takeAsync();
      expect(token.abandoned).toBe(true);
      token.unlock();
    });
    const { buffer, byteOffset } = lock.handle;
    expect(messages).toEqual([{ kind, buffer, byteOffset }]);
    expect(lock.stats()).toMatchObject({ abandoned: 1, gaveUp: 0 });
  });

  it.runIf(canAskKernel)(
    'hears of a holder that dies while it waits in the event loop',
    async () => {
      const { lock, words } = createHeld(way);
      const waiting = lock.takeAsync();
      await sleep(2);
      // Nobody calls: the heartbeat finds it.
      words[lock.holder] = ((words[lock.holder] ?? 0) & (1 << 30)) | (await endedThread());
      const token = await waiting;
      expect(token.abandoned).toBe(true);
      token.unlock();
    },
  );

  it('stands in the line once for all who wait here, and leaves it when the last one has gone', async () => {
    const { lock, words } = createHeld(way);
    const line = (): unknown => [countWaiters(words), words[EVENT_LOOPS]];
    const controllers = Array.from({ length: 5 }, () => new AbortController());
    const waiting = controllers.map(({ signal }) => lock.takeAsync({ signal }).catch(() => 'gone'));
    expect(line()).toEqual([1, 1]);
    // The first, the last, one in the middle, and the rest.
    for (const index of [0, 4, 2, 1]) {
      controllers[index]?.abort();
      expect(line()).toEqual([1, 1]);
    }
    controllers[3]?.abort();
    expect(line()).toEqual([0, 0]);
    expect(await Promise.all(waiting)).toEqual(Array(5).fill('gone'));
    // It is as good as new.
    words[lock.holder] = 0;
    lock.take({ timeout: 0 }).unlock();
    (await lock.takeAsync()).unlock();
  });

  it('serves those who are left in their order, whoever goes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }), async (stays) => {
        const lock = way.create();
        const words = wordsOf(lock);
        const held = lock.take();
        // For a reader to have to wait.
        const reserved = words[lock.holder] === 0 ? SOMEBODY : 0;
        words[lock.holder] ||= reserved;
        const order: number[] = [];
        const controllers = stays.map(() => new AbortController());
        const all = controllers.map(async ({ signal }, index) => {
          const token = await lock.takeAsync({ signal });
          order.push(index);
          await turn();
          token.unlock();
        });
        controllers.forEach((controller, index) => {
          if (stays[index] === false) controller.abort('gone');
        });
        if (reserved !== 0) words[lock.holder] = 0;
        held.unlock();
        const outcomes = await Promise.allSettled(all);
        expect(outcomes.map(({ status }) => status === 'fulfilled')).toEqual(stays);
        expect(order).toEqual(stays.flatMap((stayed, index) => (stayed ? [index] : [])));
        expect([countWaiters(words), words[EVENT_LOOPS]]).toEqual([0, 0]);
      }),
      { numRuns: 20 },
    );
  });
});

it('a Condition neither counts nor publishes, and takes the same numbers of ms', async () => {
  const condition = new Condition(options);
  const token = new Mutex(options).lock();
  const messages = await publishedOn('rseq-slice:lock:timeout', async () => {
    expect(condition.wait(token, { timeout: 1 })).toBe(false);
    expect(await condition.waitAsync(token, { timeout: 1 })).toBe(false);
  });
  expect([messages, 'stats' in condition]).toEqual([[], false]);
  for (const timeout of [2 ** 31, 1e300, Infinity]) {
    const waiting = condition.waitAsync(token, { timeout });
    await turn();
    expect(condition.notify()).toBe(1);
    expect(await waiting).toBe(true);
  }
  token.unlock();
});

it('waits for no try in the main thread, unless asked for', (context) => {
  if (!isMainThread) context.skip('not the main thread');
  const [mutex, spinLock, rwLock] = [new Mutex(), new SpinLock(), new RwLock()];
  const semaphore = new Semaphore({ permits: 1 });
  const tries: readonly (readonly [LockHandle, number, (how: LockOptions) => LockToken | null])[] =
    [
      [mutex.handle, STATE, (how) => mutex.tryLock(how)],
      [spinLock.handle, STATE, (how) => spinLock.tryLock(how)],
      [rwLock.handle, STATE, (how) => rwLock.tryReadLock(how)],
      [rwLock.handle, STATE, (how) => rwLock.tryWriteLock(how)],
      [semaphore.handle, FIRST, (how) => semaphore.tryAcquire(how)],
    ];
  for (const [handle, holder, attempt] of tries) {
    const words = new Int32Array(handle.buffer);
    expect(attempt({ timeout: 5 })?.unlock()).toBe(true);
    words[holder] = SOMEBODY;
    expect([attempt({}), attempt({ timeout: 0 })]).toEqual([null, null]);
    expect(() => attempt({ timeout: 5 })).toThrow(withCode('ERR_RSEQ_WOULD_BLOCK'));
    words[holder] = 0;
  }
});
