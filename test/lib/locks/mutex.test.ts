// SPDX-License-Identifier: MIT
/**
 * `Mutex` and `SpinLock` in one thread: tokens, waiting in the thread and in its
 * event loop, giving up, and the section around the holder, on a simulated
 * kernel. Other holders are numbers written into the lock's words; what only
 * real threads can show is in `test/worker/locks.test.ts`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { attach, Mutex, Outcome, RseqSliceError, SpinLock } from '../../../lib/index.ts';
import type {
  AsyncLockOptions,
  ErrorCode,
  Hold,
  LockOptions,
  LockToken,
  PlacementOptions,
} from '../../../lib/index.ts';
import { currentHost } from '../../../lib/host/current.ts';
import { loadAddon } from '../../../lib/host/linux/binding.ts';
import { sharedNow } from '../../../lib/clock.ts';
import { currentAgent } from '../../../lib/host/agent.ts';
import {
  AWAITED,
  countWaiters,
  EVENT_LOOP_LEASE,
  EVENT_LOOPS,
  FOUND_DEAD,
  HOLD,
  HOLDS,
  isGateClosed,
  isHeld,
  LEASE,
  MOST_WAITERS,
  QUEUE,
  RESERVED,
  RESERVED_SINCE,
  STATE,
  WANTED,
} from '../../../lib/locks/engine/turnstile.ts';
import { SimulatedKernel } from '../../../lib/simulated/kernel.ts';
import type { SimulatedThread } from '../../../lib/simulated/kernel.ts';
import { canAskKernel, endedThread } from '../../support/ended-thread.ts';

const KINDS = [
  { kind: 'Mutex', Lock: Mutex, waits: 'sleep' },
  // Its waiters let others run, and look on.
  { kind: 'SpinLock', Lock: SpinLock, waits: 'yield' },
] as const;

/** A thread that there is not: as good as one that is busy elsewhere. */
const SOMEBODY = 0xfffff;
const GATE = 1 << 21;

type Lock = Mutex | SpinLock;

const wordsOf = ({ handle: { buffer, byteOffset } }: Lock): Int32Array =>
  new Int32Array(buffer, byteOffset);
const stateOf = (lock: Lock): number => Atomics.load(wordsOf(lock), STATE);
const waitersOf = (lock: Lock): number => countWaiters(wordsOf(lock));

function withCode(code: ErrorCode): unknown {
  return expect.objectContaining({ name: 'RseqSliceError', code });
}

function got(token: LockToken | null): LockToken {
  if (token === null) throw new Error('the lock was not free');
  return token;
}

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

type SystemCall = 'sleep' | 'wake' | 'yield';

/** Calls a function before each system call that a lock makes: to sleep, to wake or to yield. */
function watchCalls(onCall: (call: SystemCall) => void): void {
  const { sleeping } = currentHost();
  /** Where there is no addon, yielding is a short sleep. */
  let isYielding = false;
  const watch = <K extends string>(
    target: Record<K, (...args: never[]) => unknown>,
    name: K,
    call: SystemCall,
  ): void => {
    const original = target[name] as (...args: unknown[]) => unknown;
    vi.spyOn(target as Record<string, (...args: unknown[]) => unknown>, name).mockImplementation(
      function (this: unknown, ...args) {
        if (!isYielding) onCall(call);
        isYielding = call === 'yield';
        try {
          return Reflect.apply(original, this, args);
        } finally {
          isYielding = false;
        }
      },
    );
  };
  const addon = loadAddon();
  if (addon.state === 'loaded') {
    watch(addon.binding, 'futexWait', 'sleep');
    watch(addon.binding, 'futexWake', 'wake');
    watch(addon.binding, 'schedYield', 'yield');
  } else watch(sleeping as unknown as Record<'yield', () => unknown>, 'yield', 'yield');
  watch(Atomics as unknown as Record<'wait', () => unknown>, 'wait', 'sleep');
  watch(Atomics as unknown as Record<'notify', () => unknown>, 'notify', 'wake');
}

/**
 * Closes the gate, as if one were inside already: whoever comes then sleeps, whichever lock it is.
 * @param ago ms since the lock was released to the one inside
 */
function closeGate(lock: Lock, ago = 0): void {
  Atomics.store(wordsOf(lock), RESERVED_SINCE, (sharedNow() - ago) | 0);
  Atomics.store(wordsOf(lock), QUEUE, GATE | 1);
}

/** What is thrown. */
function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

describe.each(KINDS)('a $kind', ({ kind, Lock, waits }) => {
  const create = (options: PlacementOptions = {}): Lock =>
    new Lock({ blockMainThread: true, ...options });
  /** Another object on the same memory, as another thread has it. */
  const again = (lock: Lock): Lock =>
    new Lock({
      buffer: lock.handle.buffer,
      byteOffset: lock.handle.byteOffset,
      blockMainThread: true,
    });

  describe('and its tokens', () => {
    it('is held until the token is unlocked', () => {
      const lock = create();
      const token = lock.lock();
      expect([token.locked, token.abandoned]).toEqual([true, false]);
      expect(isHeld(stateOf(lock))).toBe(true);
      expect(again(lock).tryLock()).toBeNull();
      token.unlock();
      expect(token.locked).toBe(false);
      expect(stateOf(lock)).toBe(0);
      got(again(lock).tryLock()).unlock();
    });

    it('says whether it was this call that released it', async () => {
      const lock = create();
      for (const take of [() => lock.lock(), () => got(lock.tryLock()), () => lock.lockAsync()]) {
        const token = await take();
        expect([token.unlock(), token.unlock(), token.locked]).toEqual([true, false, false]);
        const disposed = await take();
        disposed[Symbol.dispose]();
        expect(disposed.unlock()).toBe(false);
      }
      const taken = lock.lock();
      // As if another one had taken it from us.
      wordsOf(lock)[HOLD] = 0;
      expect(() => taken.unlock()).toThrow(withCode('ERR_RSEQ_NOT_LOCKED'));
      expect(taken.unlock()).toBe(false);
    });

    it('has a token whose words cannot be written', () => {
      const token = create().lock() as { abandoned: boolean; locked: boolean };
      expect(() => (token.abandoned = true)).toThrow(TypeError);
      expect(() => (token.locked = false)).toThrow(TypeError);
      expect([token.abandoned, token.locked]).toEqual([false, true]);
    });

    it('is not released by a token that was unlocked before', () => {
      const lock = create();
      const first = lock.lock();
      first.unlock();
      first.unlock();
      const second = got(lock.tryLock());
      first.unlock();
      first[Symbol.dispose]();
      expect([first.locked, second.locked, lock.tryLock()]).toEqual([false, true, null]);
      second.unlock();
      expect(stateOf(lock)).toBe(0);
    });

    it('is released at the end of a using block, also when that throws', () => {
      const lock = create();
      const run = (): void => {
        using token = lock.lock();
        expect(token.locked).toBe(true);
        throw new Error('mine');
      };
      expect(run).toThrow('mine');
      expect(stateOf(lock)).toBe(0);
      {
        using token = got(lock.tryLock());
        token.unlock();
        expect(stateOf(lock)).toBe(0);
      }
      expect(stateOf(lock)).toBe(0);
    });

    it('belongs to one acquisition, whatever is done in which order', () => {
      fc.assert(
        fc.property(
          fc.array(fc.oneof(fc.constant('take'), fc.nat({ max: 20 })), { maxLength: 60 }),
          (steps) => {
            const lock = create();
            const tokens: LockToken[] = [];
            let current: LockToken | null = null;
            for (const step of steps) {
              if (step === 'take') {
                const token = lock.tryLock();
                expect(token === null).toBe(current !== null);
                if (token !== null) tokens.push((current = token));
              } else {
                const token = tokens[step];
                token?.unlock();
                if (token === current) current = null;
              }
              expect(isHeld(stateOf(lock))).toBe(current !== null);
              expect(tokens.filter(({ locked }) => locked)).toEqual(
                current === null ? [] : [current],
              );
            }
          },
        ),
      );
    });

    it('is not released by an old token, whatever was done past it', async () => {
      const lock = create();
      const other = again(lock);
      const takings = [
        () => lock.lock(),
        () => got(lock.tryLock()),
        () => other.lock(),
        () => lock.lockAsync(),
        () => other.lockAsync(),
      ];
      const bare = [lock, other].map((object) => () => {
        object.enter();
        return undefined;
      });
      for (const take of takings) {
        for (const next of [...takings, ...bare]) {
          const old = await take();
          // As if another one had taken it from us, and released it.
          wordsOf(lock)[STATE] = 0;
          wordsOf(lock)[HOLD] = 0;
          const token = await next();
          const [state, hold] = [stateOf(lock), wordsOf(lock)[HOLD]];
          const error = thrownBy(() => {
            old.unlock();
          });
          expect(error).toEqual(withCode('ERR_RSEQ_NOT_LOCKED'));
          expect(error).toMatchObject({
            message: `The ${kind} is no longer held through this token.`,
          });
          expect([old.locked, stateOf(lock), wordsOf(lock)[HOLD]]).toEqual([false, state, hold]);
          old.unlock();
          expect(stateOf(lock)).toBe(state);
          if (token === undefined) lock.leave();
          else token.unlock();
          expect([stateOf(lock), wordsOf(lock)[HOLD]]).toEqual([0, 0]);
        }
      }
    });

    it('is held by its token alone: leave() changes nothing', async () => {
      const lock = create();
      for (const take of [() => lock.lock(), () => got(lock.tryLock()), () => lock.lockAsync()]) {
        const token = await take();
        const before = [...wordsOf(lock)];
        for (const object of [lock, again(lock)]) {
          const error = thrownBy(() => {
            object.leave();
          });
          expect(error).toEqual(withCode('ERR_RSEQ_NOT_LOCKED'));
          expect(error).toMatchObject({
            message: `The ${kind} is held through a token: call the token's unlock(); leave() is for what enter() took.`,
          });
        }
        expect([...wordsOf(lock)]).toEqual(before);
        // Neither when somebody waits.
        wordsOf(lock)[STATE] = stateOf(lock) | AWAITED;
        expect(() => {
          lock.leave();
        }).toThrow(withCode('ERR_RSEQ_NOT_LOCKED'));
        expect([token.locked, isHeld(stateOf(lock))]).toEqual([true, true]);
        token.unlock();
        expect(isHeld(stateOf(lock))).toBe(false);
        wordsOf(lock)[STATE] = 0;
      }
    });

    it.each([0, 1, 0x3fff_fffe, 0x3fff_ffff, 0x4000_0000, 0x7fff_fffe, 0x7fff_ffff, -1])(
      'goes on when the number of holds wraps: %i',
      async (holds) => {
        const lock = create();
        wordsOf(lock)[HOLDS] = holds;
        const numbers: (number | undefined)[] = [];
        for (let round = 0; round < 4; round++) {
          const token = round % 2 === 0 ? lock.lock() : await lock.lockAsync();
          numbers.push(wordsOf(lock)[HOLD]);
          expect(() => {
            lock.leave();
          }).toThrow(withCode('ERR_RSEQ_NOT_LOCKED'));
          token.unlock();
          expect([token.locked, stateOf(lock), wordsOf(lock)[HOLD]]).toEqual([false, 0, 0]);
        }
        expect(new Set(numbers).size).toBe(4);
        expect(numbers).not.toContain(0);
      },
    );

    it('cannot be disposed itself', () => {
      expect(Symbol.dispose in create()).toBe(false);
    });
  });

  describe('withLock', () => {
    it('returns what the function returns, having held the lock', () => {
      const lock = create();
      expect(lock.withLock(() => [lock.tryLock(), 7] as const)).toEqual([null, 7]);
      expect(stateOf(lock)).toBe(0);
    });

    it('throws on what it throws, having released the lock', () => {
      const lock = create();
      const fail = (): never => {
        throw new Error('mine');
      };
      expect(() => lock.withLock(fail)).toThrow('mine');
      expect(stateOf(lock)).toBe(0);
    });

    it('refuses a promise, having released the lock', () => {
      const lock = create();
      const run = (): never => Promise.resolve(1) as never;
      expect(() => lock.withLock(run)).toThrow(withCode('ERR_RSEQ_ASYNC_SECTION'));
      expect(() => lock.withLock(run)).toThrow('withLockAsync');
      expect(stateOf(lock)).toBe(0);
      // A property of that name makes no promise.
      expect(lock.withLock(() => ({ then: 1 }))).toEqual({ then: 1 });
    });

    it.runIf(canAskKernel)('says whether the one before died with the lock', async () => {
      const lock = create();
      wordsOf(lock)[STATE] = await endedThread();
      const told: boolean[] = [];
      for (let round = 0; round < 2; round++) {
        lock.withLock(({ abandoned }) => {
          told.push(abandoned);
        });
      }
      expect(told).toEqual([true, false]);
    });

    it.runIf(canAskKernel)('takes functions that withLockAsync takes', async () => {
      const lock = create();
      const holds: Hold[] = [];
      const note = (hold: Hold): boolean => {
        holds.push(hold);
        return hold.abandoned;
      };
      for (const expected of [true, false]) {
        for (const run of [() => lock.withLock(note), () => lock.withLockAsync(note)]) {
          if (expected) wordsOf(lock)[STATE] = await endedThread();
          expect(await run()).toBe(expected);
        }
      }
      // What was true stays so, whatever the lock has seen since.
      expect(holds.map(({ abandoned }) => abandoned)).toEqual([true, true, false, false]);
    });

    it('gives every function the same hold, which nobody can change', () => {
      const lock = create();
      const keep = (hold: Hold): Hold => hold;
      const hold = lock.withLock(keep);
      expect(lock.withLock(keep)).toBe(hold);
      expect(() => {
        (hold as { abandoned: boolean }).abandoned = true;
      }).toThrow(TypeError);
      expect(lock.withLock(keep).abandoned).toBe(false);
    });

    it('takes options, and leaves everything as it is when the lock is held', () => {
      const lock = create();
      wordsOf(lock)[STATE] = SOMEBODY;
      const run = vi.fn(() => 1);
      expect(() => lock.withLock(run, { timeout: 1 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
      expect(run).not.toHaveBeenCalled();
      expect([stateOf(lock) & ~AWAITED, waitersOf(lock)]).toEqual([SOMEBODY, 0]);
    });
  });

  describe('enter and leave', () => {
    it('hold the lock without a token', () => {
      const lock = create();
      lock.enter();
      expect(lock.tryLock()).toBeNull();
      lock.leave();
      expect(stateOf(lock)).toBe(0);
    });

    it.each([
      ['by nobody', 0],
      ['by another thread', SOMEBODY],
      ['by another thread, and waited for', SOMEBODY | AWAITED],
    ])('leave alone what is held %s', (_, state) => {
      const lock = create();
      wordsOf(lock)[STATE] = state;
      expect(() => {
        lock.leave();
      }).toThrow(withCode('ERR_RSEQ_NOT_LOCKED'));
      expect(stateOf(lock)).toBe(state);
    });

    it('leave once', () => {
      const lock = create();
      lock.enter();
      lock.leave();
      expect(() => {
        lock.leave();
      }).toThrow(withCode('ERR_RSEQ_NOT_LOCKED'));
    });
  });

  describe('abandoned', () => {
    it('is false of a lock that nobody holds, or whose last holder lived', async () => {
      const lock = create();
      expect(lock.abandoned).toBe(false);
      lock.enter();
      expect(lock.abandoned).toBe(false);
      lock.leave();
      const token = await lock.lockAsync();
      expect([lock.abandoned, token.abandoned]).toEqual([false, false]);
      token.unlock();
      lock.withLock(() => {
        expect(lock.abandoned).toBe(false);
      });
    });

    it.runIf(canAskKernel)(
      'is true as long as this thread has what one has died with, whichever way',
      async () => {
        const id = await endedThread();
        const lock = create();
        const object = again(lock);
        const holding = (token: LockToken) => () => {
          expect(token.abandoned).toBe(true);
          token.unlock();
        };
        const ways: (readonly [string, () => (() => void) | Promise<() => void>])[] = [
          ['lock', () => holding(lock.lock())],
          ['tryLock', () => holding(got(lock.tryLock()))],
          ['lockAsync', async () => holding(await lock.lockAsync())],
          [
            'enter',
            () => {
              lock.enter();
              return () => {
                lock.leave();
              };
            },
          ],
          [
            'enter, left by another object',
            () => {
              lock.enter({ timeout: 0 });
              return () => {
                object.leave();
              };
            },
          ],
        ];
        for (const [, take] of ways) {
          for (const state of [id, id | AWAITED]) {
            for (const hold of [0, 7, -7, FOUND_DEAD]) {
              wordsOf(lock)[STATE] = state;
              wordsOf(lock)[HOLD] = hold;
              // Not of one's own yet.
              expect(lock.abandoned).toBe(false);
              const leave = await take();
              expect([lock.abandoned, object.abandoned]).toEqual([true, true]);
              leave();
              expect([lock.abandoned, isHeld(stateOf(lock)), wordsOf(lock)[HOLD]]).toEqual([
                false,
                false,
                0,
              ]);
              lock.enter();
              expect(lock.abandoned).toBe(false);
              lock.leave();
            }
          }
        }
      },
    );

    it.runIf(canAskKernel)('goes with the function of withLock', async () => {
      const lock = create();
      wordsOf(lock)[STATE] = await endedThread();
      expect(lock.withLock(() => lock.abandoned)).toBe(true);
      expect(lock.abandoned).toBe(false);
      expect(lock.withLock(() => lock.abandoned)).toBe(false);
    });

    it('is nothing of what another thread holds', () => {
      const lock = create();
      for (const state of [SOMEBODY, SOMEBODY | AWAITED, RESERVED, WANTED, 0]) {
        wordsOf(lock)[STATE] = state;
        wordsOf(lock)[HOLD] = FOUND_DEAD;
        expect(lock.abandoned).toBe(false);
      }
    });

    it.runIf(canAskKernel)('does not keep leave() from refusing', async () => {
      const lock = create();
      wordsOf(lock)[STATE] = await endedThread();
      const token = lock.lock();
      expect(() => lock.leave()).toThrow(withCode('ERR_RSEQ_NOT_LOCKED'));
      expect([token.locked, lock.abandoned]).toEqual([true, true]);
      token.unlock();
      expect(() => lock.leave()).toThrow(withCode('ERR_RSEQ_NOT_LOCKED'));
      wordsOf(lock)[STATE] = SOMEBODY;
      wordsOf(lock)[HOLD] = FOUND_DEAD;
      expect(() => lock.leave()).toThrow(withCode('ERR_RSEQ_NOT_LOCKED'));
      expect([stateOf(lock), wordsOf(lock)[HOLD]]).toEqual([SOMEBODY, FOUND_DEAD]);
    });
  });

  describe('misuse', () => {
    it.each([
      ['lock', (lock: Lock) => lock.lock()],
      [
        'enter',
        (lock: Lock) => {
          lock.enter();
        },
      ],
      ['withLock', (lock: Lock) => lock.withLock(() => 1)],
      ['lock, with a timeout', (lock: Lock) => lock.lock({ timeout: 1000 })],
    ])('refuses to wait for this very thread: %s', (_, run) => {
      const lock = create();
      const token = lock.lock();
      for (const same of [lock, again(lock)]) {
        expect(() => {
          run(same);
        }).toThrow(withCode('ERR_RSEQ_RECURSIVE_LOCK'));
        expect(() => {
          run(same);
        }).toThrow(kind);
      }
      expect([token.locked, waitersOf(lock)]).toEqual([true, 0]);
      token.unlock();
      lock.lock().unlock();
    });

    it('has nothing to refuse to this thread that does not wait', async () => {
      const lock = create();
      for (const take of [() => lock.lock(), () => again(lock).lockAsync()]) {
        const token = await take();
        expect(lock.tryLock({ timeout: 0 })).toBeNull();
        expect(() => lock.lock({ timeout: 0 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
        token.unlock();
      }
    });

    it('refuses to wait in this thread for what it has taken asynchronously', async () => {
      const lock = create();
      const token = await lock.lockAsync();
      expect(() => lock.lock()).toThrow(withCode('ERR_RSEQ_RECURSIVE_LOCK'));
      token.unlock();
    });

    it('refuses to block the main thread unless asked for, when it would', async (context) => {
      if (!isMainThread) context.skip('not the main thread');
      const lock = new Lock();
      lock.lock().unlock();
      lock.lock({ timeout: 0 }).unlock();
      lock.withLock(() => 1);
      lock.enter();
      lock.leave();
      // Free, and somebody waits: there is nothing to wait for either.
      wordsOf(lock)[STATE] = WANTED;
      lock.lock().unlock();

      wordsOf(lock)[STATE] = SOMEBODY;
      for (const run of [
        () => lock.lock(),
        () => {
          lock.enter();
        },
        () => lock.withLock(() => 1),
        () => lock.lock({ timeout: 1 }),
        () => lock.lock({ timeout: Infinity }),
        () => lock.tryLock({ timeout: 1 }),
      ]) {
        expect(run).toThrow(withCode('ERR_RSEQ_WOULD_BLOCK'));
        expect(run).toThrow(
          `The ${kind} is not available at once, and waiting for it would block the main thread: only try (tryLock() without a timeout), wait in the event loop (lockAsync() or withLockAsync()), or make it with { blockMainThread: true } if no worker depends on the main thread.`,
        );
      }
      // Whoever has no time does not wait.
      for (const run of [
        () => lock.lock({ timeout: 0 }),
        () => {
          lock.enter({ timeout: 0 });
        },
        () => lock.withLock(() => 1, { timeout: 0 }),
      ]) {
        expect(run).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
      }
      expect([lock.tryLock(), stateOf(lock), waitersOf(lock)]).toEqual([null, SOMEBODY, 0]);
      await expect(lock.lockAsync({ timeout: 1 })).rejects.toThrow(withCode('ERR_RSEQ_TIMEOUT'));
      wordsOf(lock)[STATE] = 0;
      (await lock.lockAsync()).unlock();
      expect(await lock.withLockAsync(() => 7)).toBe(7);
    });

    it.runIf(canAskKernel)(
      'is taken over in the main thread from one who died with it',
      async (context) => {
        if (!isMainThread) context.skip('not the main thread');
        const lock = new Lock();
        for (const take of [() => lock.lock(), () => lock.lock({ timeout: 5 })]) {
          // After its first look it would be trusted to be alive for a moment.
          wordsOf(lock)[STATE] = await endedThread();
          const token = take();
          expect([token.abandoned, token.unlock()]).toEqual([true, true]);
        }
        wordsOf(lock)[STATE] = await endedThread();
        lock.enter();
        expect(lock.abandoned).toBe(true);
        lock.leave();
        expect([stateOf(lock), lock.stats().contended]).toEqual([0, 3]);
      },
    );

    it('finds what it holds before it refuses to block the main thread', (context) => {
      if (!isMainThread) context.skip('not the main thread');
      const lock = new Lock();
      using token = lock.lock();
      expect(() => lock.lock()).toThrow(withCode('ERR_RSEQ_RECURSIVE_LOCK'));
      expect(token.locked).toBe(true);
    });

    it.each([
      [{ timeout: NaN }, 'timeout: NaN'],
      [{ timeout: -1 }, 'timeout: -1'],
      [{ timeout: -Infinity }, 'timeout: -Infinity'],
      [{ timeout: '10' }, "timeout: '10'"],
      [{ timeout: null }, 'timeout: null'],
      [{ timeOut: 10 }, "no option 'timeOut'"],
      [{ blockMainThread: true }, "no option 'blockMainThread'"],
      [10, 'takes an object of options, not 10'],
      [null, 'takes an object of options, not null'],
    ])('refuses %j at once, whether the lock is free or not', async (given, message) => {
      const lock = create();
      const options = given as AsyncLockOptions;
      const run = vi.fn(() => 1);
      for (const state of [0, SOMEBODY]) {
        wordsOf(lock)[STATE] = state;
        for (const take of [
          () => lock.lock(options),
          () => {
            lock.enter(options);
          },
          () => lock.withLock(run, options),
        ]) {
          expect(take).toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
          expect(take).toThrow(`Waiting for a ${kind} `);
          expect(take).toThrow(message);
        }
        for (const take of [
          () => lock.lockAsync(options),
          () => lock.withLockAsync(run, options),
        ]) {
          await expect(take()).rejects.toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
          await expect(take()).rejects.toThrow(message);
        }
        expect([stateOf(lock), waitersOf(lock)]).toEqual([state, 0]);
      }
      expect(run).not.toHaveBeenCalled();
    });

    it('refuses a signal where none can be waited for, and what is none', async () => {
      const lock = create();
      const { signal } = new AbortController();
      expect(() => lock.lock({ signal } as LockOptions)).toThrow("no option 'signal'");
      for (const none of [null, {}, 1, new AbortController()]) {
        await expect(lock.lockAsync({ signal: none as AbortSignal })).rejects.toThrow(
          withCode('ERR_RSEQ_INVALID_OPTION'),
        );
      }
      expect(stateOf(lock)).toBe(0);
    });
  });

  describe('waiting in the thread', () => {
    it.each([0, 10])('ends after %i ms', (timeout) => {
      const lock = create();
      wordsOf(lock)[STATE] = SOMEBODY;
      const started = performance.now();
      expect(() => lock.lock({ timeout })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
      const took = performance.now() - started;
      expect(took).toBeGreaterThanOrEqual(timeout);
      expect(took).toBeLessThan(timeout + 2000);
      expect(() => lock.lock({ timeout })).toThrow(
        `Could not acquire the ${kind} within ${timeout} ms.`,
      );
      expect([stateOf(lock) & ~AWAITED, waitersOf(lock)]).toEqual([SOMEBODY, 0]);
    });

    it('takes the lock when it is free, however short the timeout', () => {
      const lock = create();
      lock.lock({ timeout: 0 }).unlock();
      wordsOf(lock)[STATE] = WANTED;
      lock.lock({ timeout: 0 }).unlock();
      expect(stateOf(lock)).toBe(0);
    });

    it('ends when the lock is released', () => {
      const lock = create();
      const words = wordsOf(lock);
      words[STATE] = SOMEBODY;
      closeGate(lock);
      watchCalls((call) => {
        // The one inside has gone, and so has the holder.
        if (call !== waits) return;
        words[QUEUE] = (1 << 22) | 1;
        words[STATE] = WANTED;
      });
      const token = lock.lock({ timeout: 20_000 });
      expect(waitersOf(lock)).toBe(0);
      token.unlock();
      expect(stateOf(lock)).toBe(0);
      const parked = kind === 'Mutex' ? 1 : 0;
      expect(lock.stats()).toMatchObject({ contended: 1, parked, abandoned: 0, gaveUp: 0 });
    });

    it.runIf(canAskKernel)(
      'takes the lock over from a thread that ended with it, and says so once',
      async () => {
        const id = await endedThread();
        const lock = create();
        const ways = [
          () => lock.lock({ timeout: 20_000 }),
          () => lock.lock({ timeout: 0 }),
          () => got(lock.tryLock()),
          () => lock.lockAsync({ timeout: 20_000 }),
        ];
        for (const state of [id, id | AWAITED]) {
          for (const take of ways) {
            wordsOf(lock)[STATE] = state;
            // It was held through a token.
            wordsOf(lock)[HOLD] = 7;
            const token = await take();
            expect(token.abandoned).toBe(true);
            token.unlock();
            const next = lock.lock();
            expect(next.abandoned).toBe(false);
            next.unlock();
            wordsOf(lock)[STATE] = state;
            wordsOf(lock)[HOLD] = 7;
            lock.enter();
            expect(lock.abandoned).toBe(true);
            lock.leave();
            expect([stateOf(lock), waitersOf(lock), wordsOf(lock)[HOLD]]).toEqual([0, 0, 0]);
          }
        }
        expect(lock.stats().abandoned).toBe(16);
      },
    );

    it.runIf(canAskKernel)(
      'takes the lock over although the gate is closed: those inside may have died with the holder',
      async () => {
        const id = await endedThread();
        const lock = create();
        for (const take of [
          () => lock.lock({ timeout: 20_000 }),
          () => got(lock.tryLock()),
          () => lock.lockAsync({ timeout: 20_000 }),
        ]) {
          closeGate(lock);
          wordsOf(lock)[STATE] = id | AWAITED;
          const token = await take();
          expect(token.abandoned).toBe(true);
          token.unlock();
          wordsOf(lock).fill(0, STATE, HOLD);
        }
      },
    );

    it('takes nothing from one who is alive, or cannot be asked after', () => {
      const lock = create();
      for (const state of [SOMEBODY, currentAgent().id]) {
        wordsOf(lock)[STATE] = state;
        expect(lock.tryLock()).toBeNull();
        expect(() => lock.lock({ timeout: 0 })).toThrow(RseqSliceError);
        expect(stateOf(lock)).toBe(state);
      }
    });

    it('opens the gate when those inside do not take the lock', () => {
      const lock = create();
      // For a long time to come it is theirs.
      closeGate(lock, -60_000);
      wordsOf(lock)[STATE] = RESERVED;
      expect(lock.tryLock()).toBeNull();
      for (const timeout of [0, 3])
        expect(() => lock.lock({ timeout })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
      expect(isGateClosed(wordsOf(lock))).toBe(true);
      wordsOf(lock)[RESERVED_SINCE] = sharedNow();
      lock.lock({ timeout: 20_000 }).unlock();
      expect([stateOf(lock), waitersOf(lock), isGateClosed(wordsOf(lock))]).toEqual([0, 0, false]);
    });

    it.each([
      ['tryLock', (lock: Lock) => got(lock.tryLock())],
      ['lock', (lock: Lock) => lock.lock()],
      ['lock, with no time', (lock: Lock) => lock.lock({ timeout: 0 })],
      ['lockAsync', (lock: Lock) => lock.lockAsync()],
    ])('opens a gate that is stuck, also when it only tries: %s', async (_, take) => {
      const lock = create();
      closeGate(lock, LEASE + 2);
      wordsOf(lock)[STATE] = RESERVED;
      (await take(lock)).unlock();
      expect([stateOf(lock), waitersOf(lock), isGateClosed(wordsOf(lock))]).toEqual([0, 0, false]);
      // While it is held nothing is stuck, however long.
      closeGate(lock, 60_000);
      wordsOf(lock)[STATE] = SOMEBODY;
      expect(lock.tryLock()).toBeNull();
      expect(() => lock.lock({ timeout: 3 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
      expect(isGateClosed(wordsOf(lock))).toBe(true);
    });

    it('waits a moment only for those inside when all of them are event loops', () => {
      const lock = create();
      closeGate(lock, EVENT_LOOP_LEASE + 2);
      wordsOf(lock)[STATE] = RESERVED;
      wordsOf(lock)[EVENT_LOOPS] = 1;
      got(lock.tryLock()).unlock();
      // Again when this thread had no CPU for so long that it is stuck for threads, too.
      return vi.waitFor(() => {
        closeGate(lock, EVENT_LOOP_LEASE + 2);
        wordsOf(lock)[STATE] = RESERVED;
        wordsOf(lock)[EVENT_LOOPS] = 0;
        expect(lock.tryLock()).toBeNull();
      });
    });

    it('refuses what cannot be counted', async () => {
      const lock = create();
      wordsOf(lock)[STATE] = SOMEBODY;
      // One inside, and as many outside as can be counted.
      const full = 1 | (MOST_WAITERS << 10);
      wordsOf(lock)[QUEUE] = full;
      // The dead have just been forgotten: these live.
      wordsOf(lock)[RESERVED_SINCE] = sharedNow() + 60_000;
      expect(() => lock.lock()).toThrow(withCode('ERR_RSEQ_TOO_MANY_WAITERS'));
      await expect(lock.lockAsync()).rejects.toThrow(withCode('ERR_RSEQ_TOO_MANY_WAITERS'));
      await expect(lock.lockAsync({ timeout: 20_000 })).rejects.toThrow(
        withCode('ERR_RSEQ_TOO_MANY_WAITERS'),
      );
      expect(lock.tryLock()).toBeNull();
      expect([wordsOf(lock)[QUEUE], wordsOf(lock)[EVENT_LOOPS]]).toEqual([full, 0]);
      wordsOf(lock)[QUEUE] = 0;
      wordsOf(lock)[STATE] = 0;
      (await lock.lockAsync()).unlock();
    });
  });

  describe('lockAsync', () => {
    it('takes a free lock, and releases it', async () => {
      const lock = create();
      const token = await lock.lockAsync();
      expect([token.locked, token.abandoned, again(lock).tryLock()]).toEqual([true, false, null]);
      token.unlock();
      token.unlock();
      expect(stateOf(lock)).toBe(0);
      expect(lock.stats().contended).toBe(0);
    });

    it('serves the requests of one thread in their order', async () => {
      const lock = create();
      const order: number[] = [];
      const first = await lock.lockAsync();
      const rest = Array.from({ length: 8 }, async (_, index) => {
        const token = await lock.lockAsync();
        order.push(index);
        await sleep(index % 3);
        expect(lock.tryLock()).toBeNull();
        token.unlock();
      });
      first.unlock();
      await Promise.all(rest);
      expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
      expect([stateOf(lock), waitersOf(lock)]).toEqual([0, 0]);
      expect(lock.stats()).toMatchObject({ contended: 8, gaveUp: 0 });
    });

    it('is free until this thread has nothing else to do, when only requests of its own wait', async () => {
      const lock = create();
      const first = lock.lock();
      const order: string[] = [];
      const all = ['a', 'b'].map(async (name) => {
        const token = await lock.lockAsync();
        order.push(name);
        return token;
      });
      first.unlock();
      // Whoever comes before that has it.
      const between = again(lock).tryLock();
      expect([between?.locked, lock.tryLock()]).toEqual([true, null]);
      between?.unlock();
      const a = await all[0];
      expect([order, a?.locked, first.locked]).toEqual([['a'], true, false]);
      first.unlock();
      expect(() => {
        lock.leave();
      }).toThrow(withCode('ERR_RSEQ_NOT_LOCKED'));
      expect(a?.locked).toBe(true);
      a?.unlock();
      (await all[1])?.unlock();
      expect([stateOf(lock), waitersOf(lock), lock.stats().called]).toEqual([0, 0, 0]);
    });

    it('is asked for by those who wait elsewhere, too: nothing is handed on past them', async () => {
      const lock = create();
      const first = lock.lock();
      const waiting = lock.lockAsync();
      wordsOf(lock)[QUEUE] = (wordsOf(lock)[QUEUE] ?? 0) + 1;
      first.unlock();
      expect(stateOf(lock)).toBe(WANTED);
      wordsOf(lock)[QUEUE] = (wordsOf(lock)[QUEUE] ?? 0) - 1;
      (await waiting).unlock();
    });

    it('serves those of several objects', async () => {
      const lock = create();
      const first = await lock.lockAsync();
      let inside = 0;
      let most = 0;
      const all = Array.from({ length: 6 }, async () => {
        const token = await again(lock).lockAsync();
        most = Math.max(most, ++inside);
        await sleep(1);
        inside--;
        token.unlock();
      });
      first.unlock();
      await Promise.all(all);
      expect(most).toBe(1);
      expect([stateOf(lock), waitersOf(lock)]).toEqual([0, 0]);
    });

    it.each([0, 10])('gives up after %i ms, and lets those behind it go on', async (timeout) => {
      const lock = create();
      const token = lock.lock();
      const started = performance.now();
      const behind = lock.lockAsync();
      await expect(lock.lockAsync({ timeout })).rejects.toThrow(withCode('ERR_RSEQ_TIMEOUT'));
      expect(performance.now() - started).toBeGreaterThan(timeout - 2);
      expect(performance.now() - started).toBeLessThan(timeout + 2000);
      token.unlock();
      (await behind).unlock();
      expect([stateOf(lock), waitersOf(lock)]).toEqual([0, 0]);
    });

    it('takes a free lock, however short the timeout', async () => {
      const lock = create();
      (await lock.lockAsync({ timeout: 0 })).unlock();
      wordsOf(lock)[STATE] = WANTED;
      (await lock.lockAsync({ timeout: 0 })).unlock();
      expect(stateOf(lock)).toBe(0);
    });

    it('is aborted before it began', async () => {
      const lock = create();
      const signal = AbortSignal.abort(new Error('too late'));
      await expect(lock.lockAsync({ signal })).rejects.toThrow('too late');
      expect(stateOf(lock)).toBe(0);
      await expect(lock.withLockAsync(() => 1, { signal })).rejects.toThrow('too late');
    });

    const reasons = [{ not: 'an error' }, new Error('mine'), null, 0, false, '', 'words', NaN];

    it.each(
      reasons.flatMap(
        (reason) =>
          [
            ['at once', reason],
            ['later', reason],
          ] as const,
      ),
    )('is aborted while it waits, %s, with the reason that was given: %s', async (when, reason) => {
      const lock = create();
      const token = lock.lock();
      const controller = new AbortController();
      const waiting = lock.lockAsync({ signal: controller.signal });
      if (when === 'later') await sleep(2);
      controller.abort(reason);
      // The line is left at once.
      expect([waitersOf(lock), wordsOf(lock)[EVENT_LOOPS]]).toEqual([0, 0]);
      await expect(waiting).rejects.toBe(reason);
      await expect(lock.lockAsync({ signal: controller.signal })).rejects.toBe(reason);
      token.unlock();
      (await lock.lockAsync()).unlock();
      expect([stateOf(lock), waitersOf(lock)]).toEqual([0, 0]);
    });

    it('is aborted with the platform’s reason when none was given', async () => {
      const lock = create();
      using token = lock.lock();
      for (const given of [[], [undefined]] as const) {
        const controller = new AbortController();
        const waiting = lock.lockAsync({ signal: controller.signal });
        controller.abort(...given);
        await expect(waiting).rejects.toBe(controller.signal.reason);
        await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
      }
      expect(token.locked).toBe(true);
    });

    it('leaves the line as soon as nobody waits any more, and stays in it until then', async () => {
      const lock = create();
      const token = lock.lock();
      const controllers = [
        new AbortController(),
        new AbortController(),
        new AbortController(),
      ] as const;
      const waiting = controllers.map(({ signal }) => lock.lockAsync({ signal }).catch(() => null));
      const line = controllers.map((controller) => {
        controller.abort();
        return waitersOf(lock);
      });
      expect(line).toEqual([1, 1, 0]);
      expect(await Promise.all(waiting)).toEqual([null, null, null]);
      token.unlock();
      expect(stateOf(lock)).toBe(0);
      expect(lock.stats()).toMatchObject({ contended: 3, gaveUp: 3 });
    });

    it('is not aborted once it has the lock', async () => {
      const lock = create();
      const held = lock.lock();
      const controller = new AbortController();
      const waiting = lock.lockAsync({ signal: controller.signal, timeout: 20_000 });
      held.unlock();
      const token = await waiting;
      controller.abort(new Error('too late'));
      await sleep(5);
      expect([token.locked, lock.tryLock()]).toEqual([true, null]);
      token.unlock();
    });

    it('passes on what called it when it is aborted at that moment', async () => {
      const lock = create();
      for (let round = 0; round < 20; round++) {
        const held = lock.lock();
        const controller = new AbortController();
        const aborted = lock.lockAsync({ signal: controller.signal });
        const others = [again(lock).lockAsync(), again(lock).lockAsync()].map(async (waiting) => {
          (await waiting).unlock();
        });
        held.unlock();
        controller.abort(new Error('just now'));
        await expect(aborted).rejects.toThrow('just now');
        const done = await Promise.race([Promise.all(others), sleep(10_000, null, { ref: false })]);
        expect(done, 'the others got the lock').not.toBeNull();
      }
      expect(waitersOf(lock)).toBe(0);
    });

    it('loses nothing and nobody, whoever gives up', async () => {
      const plan = fc.array(
        fc.record({
          abort: fc.option(fc.nat({ max: 3 })),
          other: fc.boolean(),
          hold: fc.nat({ max: 2 }),
        }),
        { minLength: 1, maxLength: 8 },
      );
      await fc.assert(
        fc.asyncProperty(plan, async (requests) => {
          const lock = create();
          const second = again(lock);
          const held = lock.lock();
          let inside = 0;
          const results = requests.map(async ({ abort, other, hold }) => {
            const controller = new AbortController();
            const waiting = (other ? second : lock).lockAsync({ signal: controller.signal });
            if (abort !== null)
              void sleep(abort).then(() => {
                controller.abort();
              });
            try {
              using token = await waiting;
              expect(++inside).toBe(1);
              await sleep(hold);
              inside--;
              return token.locked;
            } catch (error) {
              if (RseqSliceError.is(error) || abort === null) throw error;
              return controller.signal.aborted;
            }
          });
          await sleep(1);
          held.unlock();
          expect(await Promise.all(results)).toEqual(requests.map(() => true));
          expect([waitersOf(lock), wordsOf(lock)[EVENT_LOOPS]]).toEqual([0, 0]);
          expect(isHeld(stateOf(lock))).toBe(false);
          lock.lock({ timeout: 5000 }).unlock();
        }),
        { numRuns: 40 },
      );
    });
  });

  describe('withLockAsync', () => {
    it('holds the lock until what the function returns has settled', async () => {
      const lock = create();
      const result = await lock.withLockAsync(async (token) => {
        await sleep(2);
        return [token.locked, lock.tryLock()] as const;
      });
      expect(result).toEqual([true, null]);
      expect(stateOf(lock)).toBe(0);
      expect(await lock.withLockAsync(() => 7)).toBe(7);
    });

    it('rejects as the function does, having released the lock', async () => {
      const lock = create();
      await expect(lock.withLockAsync(() => Promise.reject(new Error('later')))).rejects.toThrow(
        'later',
      );
      await expect(
        lock.withLockAsync(() => {
          throw new Error('at once');
        }),
      ).rejects.toThrow('at once');
      expect(stateOf(lock)).toBe(0);
    });

    it('allows the function to unlock by itself', async () => {
      const lock = create();
      await lock.withLockAsync(async (token) => {
        token.unlock();
        const other = got(lock.tryLock());
        await sleep(1);
        expect(other.locked).toBe(true);
        other.unlock();
      });
      expect(stateOf(lock)).toBe(0);
    });

    it('does not call the function when the lock is held', async () => {
      const lock = create();
      const run = vi.fn();
      const token = lock.lock();
      await expect(lock.withLockAsync(run, { timeout: 5 })).rejects.toThrow(
        withCode('ERR_RSEQ_TIMEOUT'),
      );
      expect(run).not.toHaveBeenCalled();
      token.unlock();
    });
  });

  it('counts what it has seen', async () => {
    const lock = create();
    expect(lock.stats()).toEqual({ contended: 0, parked: 0, called: 0, abandoned: 0, gaveUp: 0 });
    for (let i = 0; i < 3; i++) lock.lock().unlock();
    lock.withLock(() => 1);
    expect(lock.stats()).toEqual({ contended: 0, parked: 0, called: 0, abandoned: 0, gaveUp: 0 });
    expect([lock.tryLock()?.unlock(), again(lock).stats()]).toEqual([true, lock.stats()]);
    const held = lock.lock();
    // Tries that fail wait for nothing.
    expect([lock.tryLock(), lock.stats().contended]).toEqual([null, 0]);
    const waiting = lock.lockAsync();
    held.unlock();
    (await waiting).unlock();
    // It was handed on: nobody had to be called.
    expect(lock.stats()).toEqual({ contended: 1, parked: 1, called: 0, abandoned: 0, gaveUp: 0 });
    const heldAgain = lock.lock();
    const elsewhere = again(lock);
    const waitingElsewhere = elsewhere.lockAsync();
    heldAgain.unlock();
    (await waitingElsewhere).unlock();
    expect(lock.stats().called).toBe(kind === 'Mutex' ? 1 : 0);
    expect(elsewhere.stats()).toEqual({
      contended: 1,
      parked: 1,
      called: 0,
      abandoned: 0,
      gaveUp: 0,
    });
    wordsOf(lock)[STATE] = SOMEBODY;
    expect(() => lock.lock({ timeout: 1 })).toThrow();
    expect(lock.stats()).toMatchObject({ contended: 2, gaveUp: 1 });
    await expect(lock.lockAsync({ timeout: 1 })).rejects.toThrow();
    expect(lock.stats()).toMatchObject({ contended: 3, gaveUp: 2 });
    await expect(lock.lockAsync({ signal: AbortSignal.timeout(1) })).rejects.toThrow();
    expect(lock.stats()).toMatchObject({ contended: 4, gaveUp: 3 });
    expect(() => lock.lock({ timeout: 0 })).toThrow();
    expect(lock.stats()).toMatchObject({ contended: 5, gaveUp: 4 });
    expect(again(lock).stats().contended).toBe(0);
  });

  it('counts a wait as parked once, however often it sleeps, and not one that only yields', () => {
    const lock = create();
    wordsOf(lock)[STATE] = SOMEBODY;
    const calls: SystemCall[] = [];
    watchCalls((call) => {
      calls.push(call);
      if (calls.length === 3) wordsOf(lock)[STATE] = 0;
    });
    closeGate(lock, LEASE);
    lock.lock({ timeout: 20_000 }).unlock();
    expect(calls.slice(0, 3)).toEqual([waits, waits, waits]);
    expect(lock.stats()).toMatchObject({ contended: 1, parked: kind === 'Mutex' ? 1 : 0 });
  });

  it('counts a wait that did not sleep as not parked', () => {
    const lock = create();
    wordsOf(lock)[STATE] = SOMEBODY;
    expect(() => lock.lock({ timeout: 0 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    expect(lock.stats()).toMatchObject({ contended: 1, parked: 0, gaveUp: 1 });
  });

  describe('with faked timers', () => {
    it('ends a wait in the thread all the same', () => {
      const lock = create();
      wordsOf(lock)[STATE] = SOMEBODY;
      closeGate(lock);
      vi.useFakeTimers();
      expect(() => lock.lock({ timeout: 20 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    });

    it('ends a wait in the event loop when they say so, and not before', async () => {
      const lock = create();
      wordsOf(lock)[STATE] = SOMEBODY;
      vi.useFakeTimers();
      const settled = vi.fn();
      const waiting = lock.lockAsync({ timeout: 1000 }).catch((error: unknown) => error);
      void waiting.then(settled);
      await vi.advanceTimersByTimeAsync(999);
      expect(settled).not.toHaveBeenCalled();
      await vi.advanceTimersByTimeAsync(1);
      expect(await waiting).toEqual(withCode('ERR_RSEQ_TIMEOUT'));
      expect(waitersOf(lock)).toBe(0);
    });

    it('still gets a lock that is released', async () => {
      const lock = create();
      const token = lock.lock();
      vi.useFakeTimers();
      const waiting = again(lock).lockAsync({ timeout: 1000 });
      token.unlock();
      (await waiting).unlock();
      expect(vi.getTimerCount()).toBe(0);
    });
  });
});

describe.each(
  KINDS.flatMap((kind) =>
    (['mainline', '7.0', 'rfc'] as const).map((abiVersion) => ({ ...kind, abiVersion })),
  ),
)('the section around the holder of a $kind on $abiVersion', ({ Lock, waits, abiVersion }) => {
  function createOn(): {
    readonly lock: Lock;
    readonly cpu: SimulatedThread;
    readonly kernel: SimulatedKernel;
    readonly options: PlacementOptions;
  } {
    const kernel = new SimulatedKernel({ abiVersion });
    const cpu = kernel.thread();
    const options = { thread: attach({ host: cpu }), blockMainThread: true };
    return { lock: new Lock(options), cpu, kernel, options };
  }

  it.each([
    [
      'lock',
      (lock: Lock, inside: () => void) => {
        const token = lock.lock();
        inside();
        token.unlock();
      },
    ],
    [
      'tryLock',
      (lock: Lock, inside: () => void) => {
        const token = got(lock.tryLock());
        inside();
        token.unlock();
      },
    ],
    [
      'withLock',
      (lock: Lock, inside: () => void) => {
        lock.withLock(inside);
      },
    ],
    [
      'enter',
      (lock: Lock, inside: () => void) => {
        lock.enter();
        inside();
        lock.leave();
      },
    ],
    [
      'lock, others waiting',
      (lock: Lock, inside: () => void) => {
        Atomics.store(wordsOf(lock), STATE, WANTED);
        const token = lock.lock();
        inside();
        token.unlock();
      },
    ],
  ] as const)('is there from taking to releasing: %s', (_, run) => {
    const { lock, cpu, kernel, options } = createOn();
    const inside = vi.fn(() => {
      expect([cpu.requested, isHeld(stateOf(lock))]).toEqual([true, true]);
      expect(cpu.preempt()).toBe('granted');
    });
    run(lock, inside);
    expect(inside).toHaveBeenCalledOnce();
    expect([cpu.requested, cpu.granted, isHeld(stateOf(lock))]).toEqual([false, false, false]);
    expect(kernel.stats()).toMatchObject({ sgrant: 1, syield: 1, srevok: 0, sabort: 0 });
    expect(options.thread?.stats()).toMatchObject({ yielded: 1, preempted: 0 });
    // Outside nothing is granted.
    expect(cpu.preempt()).toBe('scheduled out');
  });

  it('is told of by leave(), however it ended', () => {
    const { lock, cpu, options } = createOn();
    lock.enter();
    expect(lock.leave()).toBe(Outcome.Undisturbed);
    for (const state of [0, WANTED]) {
      wordsOf(lock)[STATE] = state;
      lock.enter();
      cpu.preempt();
      expect(lock.leave()).toBe(Outcome.Yielded);
      lock.enter();
      cpu.refuseNext();
      cpu.preempt();
      expect(lock.leave()).toBe(Outcome.Preempted);
      options.thread?.enter();
      lock.enter();
      expect(lock.leave()).toBe(Outcome.Nested);
      options.thread?.leave();
    }
  });

  it('begins before the lock is taken', () => {
    const { lock, cpu } = createOn();
    const seen: number[] = [];
    cpu.inNextSection(() => seen.push(stateOf(lock)));
    lock.lock().unlock();
    expect(seen).toEqual([0]);
  });

  it('ends after the lock is free', () => {
    const { lock, cpu, kernel } = createOn();
    const token = lock.lock();
    const states: number[] = [];
    const record = kernel.record.bind(kernel);
    vi.spyOn(kernel, 'record').mockImplementation((thread, event) => {
      if (event === 'withdraw') states.push(stateOf(lock));
      record(thread, event);
    });
    token.unlock();
    expect(states).toEqual([0]);
    expect(cpu.requested).toBe(false);
  });

  it('is left behind when the lock is not taken', async () => {
    const { lock, cpu, options } = createOn();
    wordsOf(lock)[STATE] = SOMEBODY;
    expect(lock.tryLock()).toBeNull();
    expect(() => lock.lock({ timeout: 1 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    await expect(lock.lockAsync({ timeout: 1 })).rejects.toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    expect(cpu.requested).toBe(false);
    // Nor does it count.
    expect(options.thread?.stats()).toEqual({
      entered: 0,
      undisturbed: 0,
      yielded: 0,
      raced: 0,
      preempted: 0,
      nested: 0,
    });
    wordsOf(lock)[STATE] = 0;
    lock.lock();
    expect(() => lock.lock()).toThrow(withCode('ERR_RSEQ_RECURSIVE_LOCK'));
    expect(() => new Lock({ buffer: lock.handle.buffer }).tryLock()).not.toThrow();
    expect(cpu.requested).toBe(true);
  });

  it('is not around what is held across an await', async () => {
    const { lock, cpu, options } = createOn();
    const token = await lock.lockAsync();
    expect(cpu.requested).toBe(false);
    const waiting = lock.lockAsync();
    token.unlock();
    const next = await waiting;
    expect(cpu.requested).toBe(false);
    await lock.withLockAsync(() => 1, { timeout: 1 }).catch(() => undefined);
    next.unlock();
    expect(options.thread?.stats().entered).toBe(0);
  });

  it('is over before the next one is called', async () => {
    const { lock, cpu, kernel, options } = createOn();
    const token = lock.lock();
    const waiting = new Lock({ ...options, buffer: lock.handle.buffer }).lockAsync();
    const calls: unknown[] = [];
    watchCalls((call) => {
      calls.push([call, cpu.requested, isHeld(stateOf(lock))]);
      cpu.systemCall();
    });
    expect(cpu.preempt()).toBe('granted');
    token.unlock();
    expect(calls.length).toBeGreaterThan(0);
    for (const call of calls) expect(call).toEqual(['wake', false, false]);
    vi.restoreAllMocks();
    (await waiting).unlock();
    expect(kernel.stats()).toMatchObject({ sgrant: 1, syield: 1, sabort: 0 });
    expect(cpu.death).toBeNull();
  });

  it.each([
    ['asked for', false],
    ['granted', true],
  ])('is not carried into a wait inside another one that was %s', (_, isGranted) => {
    const { lock: outer, cpu, kernel, options } = createOn();
    const inner = new Lock(options);
    closeGate(inner);
    wordsOf(inner)[STATE] = SOMEBODY;
    const token = outer.lock();
    if (isGranted) expect(cpu.preempt()).toBe('granted');
    const calls: unknown[] = [];
    watchCalls((call) => {
      calls.push([call, cpu.requested, cpu.granted]);
      cpu.systemCall();
    });
    // Longer than a busy machine takes to get there.
    expect(() => inner.lock({ timeout: 500 })).toThrow(withCode('ERR_RSEQ_TIMEOUT'));
    expect(calls.length).toBeGreaterThan(0);
    for (const call of calls) expect(call).toEqual([waits, false, false]);
    // And the outer section goes on.
    expect([cpu.requested, cpu.death]).toEqual([true, null]);
    expect(cpu.preempt()).toBe('granted');
    token.unlock();
    expect(cpu.requested).toBe(false);
    expect(kernel.stats()).toMatchObject({
      sgrant: isGranted ? 2 : 1,
      syield: isGranted ? 2 : 1,
      sabort: 0,
    });
  });

  it('is one section when locks are nested', () => {
    const { lock: outer, cpu, kernel, options } = createOn();
    const inner = new Lock(options);
    outer.withLock(() => {
      inner.withLock(() => {
        expect(cpu.preempt()).toBe('granted');
      });
      expect(cpu.granted).toBe(true);
    });
    expect(kernel.stats()).toMatchObject({ sgrant: 1, syield: 1 });
    expect(options.thread?.stats()).toMatchObject({ entered: 2, nested: 1, yielded: 1 });
  });

  it('is not carried into a call inside another one', async () => {
    const { lock: outer, cpu, options } = createOn();
    const inner = new Lock(options);
    const outerToken = outer.lock();
    const innerToken = inner.lock();
    const waiting = new Lock({ ...options, buffer: inner.handle.buffer }).lockAsync();
    try {
      expect(cpu.preempt()).toBe('granted');
      const calls: unknown[] = [];
      watchCalls((call) => {
        calls.push([call, cpu.requested, cpu.granted]);
        cpu.systemCall();
      });
      innerToken.unlock();
      for (const call of calls) expect(call).toEqual(['wake', false, false]);
      expect(calls.length).toBeGreaterThan(0);
      // And the outer section goes on.
      expect([cpu.requested, cpu.death]).toEqual([true, null]);
    } finally {
      vi.restoreAllMocks();
      (await waiting).unlock();
      outerToken.unlock();
    }
  });
});
