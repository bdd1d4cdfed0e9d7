// SPDX-License-Identifier: MIT
/**
 * A lock whose waiters do not sleep but look again and again: the fastest there
 * is when a CPU is theirs, and a waste of it when the holder is not running.
 * That is what the section around the holder is for.
 */
import type { Outcome } from '../sections/thread.ts';
import { ExclusiveEngine } from './engine/exclusive.ts';
import type { ExclusiveRules } from './engine/exclusive.ts';
import { lengthOf } from './engine/layout.ts';
import type { LockHandle } from './engine/layout.ts';
import { printAs, refuseCopies } from './engine/posting.ts';
import type { LockStats } from './engine/stats.ts';
import type { Lock } from './lock.ts';
import { checkPlacement, optionsFor } from './options.ts';
import type { AsyncLockOptions, LockOptions, PlacementOptions, UseOptions } from './options.ts';
import type { Hold, LockToken } from './token.ts';

// A lock that is reserved for a thread without a CPU is nobody's meanwhile: seldom, then.
const RULES: ExclusiveRules = { turns: { every: 50, looks: 16 }, then: 'spin' };

/**
 * A spin lock over shared memory, for sections of microseconds between threads that all have a CPU
 * most of the time.
 */
export class SpinLock implements Lock {
  /** Bytes of memory that one takes. */
  static readonly byteLength: number = lengthOf('SpinLock') * Int32Array.BYTES_PER_ELEMENT;

  /** Plain data that names this lock in another thread. */
  readonly handle: LockHandle;
  /** Written once, see `Thread.word`: the way in and out is folded into the caller's code. */
  declare private readonly engine: ExclusiveEngine;

  static {
    printAs(SpinLock.prototype, (lock) => lock.engine.describe());
  }

  /**
   * The lock that another thread's `handle` names.
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION` when there is none.
   */
  static from(handle: LockHandle, options?: UseOptions): SpinLock {
    return new SpinLock(optionsFor('SpinLock', handle, options));
  }

  /**
   * A lock in shared memory: one that is there, or a fresh one where memory is zero.
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`, also when something else is there.
   */
  constructor(options?: PlacementOptions);
  constructor(options: PlacementOptions = {}, ...more: readonly unknown[]) {
    refuseCopies(this, 'SpinLock');
    checkPlacement('SpinLock', options, more);
    this.engine = new ExclusiveEngine('SpinLock', RULES, options);
    this.handle = this.engine.handle;
  }

  /**
   * Takes the lock, waiting for it. The section around the holder ends with the token.
   * @throws {RseqSliceError} `ERR_RSEQ_TIMEOUT`; `ERR_RSEQ_RECURSIVE_LOCK` when this thread holds
   * it; `ERR_RSEQ_WOULD_BLOCK` when it is not free in the main thread, unless the lock was made
   * with `blockMainThread`; `ERR_RSEQ_INVALID_OPTION`.
   */
  lock(options?: LockOptions): LockToken {
    return this.engine.lock(options);
  }

  /**
   * Takes the lock if it is free or its holder has died; null: it is held. Without a timeout it
   * never waits, nor refuses; with one it waits as {@link SpinLock.lock}, null: the time was over.
   * @throws {RseqSliceError} as {@link SpinLock.lock}, but no `ERR_RSEQ_TIMEOUT`.
   */
  tryLock(options?: LockOptions): LockToken | null {
    return this.engine.tryLock(options);
  }

  /**
   * Takes the lock without blocking the thread, which stays alive while it waits. Requests of one
   * thread are served in their order. The holder is in no section: it may be held across an
   * `await`.
   * @throws {RseqSliceError} rejects with `ERR_RSEQ_TIMEOUT`, or with the signal's reason. Both are
   * about waiting only.
   */
  lockAsync(options?: AsyncLockOptions): Promise<LockToken> {
    return this.engine.lockAsync(options);
  }

  /**
   * Runs a synchronous function with the lock held and returns its result. What it throws is thrown
   * on, the lock released.
   * @param run is told whether the one who held the lock before died with it
   * @throws {RseqSliceError} as {@link SpinLock.lock}; `ERR_RSEQ_ASYNC_SECTION` when the function
   * returns a promise.
   */
  withLock<T>(
    run: (hold: Hold) => T extends PromiseLike<unknown> ? never : T,
    options?: LockOptions,
  ): T {
    return this.engine.withLock(run, options);
  }

  /** Runs a function with the lock held, in no section, until what it returns has settled. */
  withLockAsync<T>(
    run: (token: LockToken) => T | PromiseLike<T>,
    options?: AsyncLockOptions,
  ): Promise<T> {
    return this.engine.withLockAsync(run, options);
  }

  /**
   * As {@link SpinLock.lock} without a token, for code that counts nanoseconds: it allocates
   * nothing. Every `enter` needs its {@link SpinLock.leave}, in a `finally`.
   * @throws {RseqSliceError} as {@link SpinLock.lock}.
   */
  enter(options?: LockOptions): void {
    this.engine.take(options);
  }

  /**
   * Releases what {@link SpinLock.enter} took, and leaves its section.
   * @returns how the section ended.
   * @throws {RseqSliceError} `ERR_RSEQ_NOT_LOCKED` when this thread does not hold the lock, or
   * holds it through a token.
   */
  leave(): Outcome {
    return this.engine.leave();
  }

  /**
   * Whether this thread holds the lock, in whichever way, and the one who held it before died with
   * it: what it guards may be half done.
   */
  get abandoned(): boolean {
    return this.engine.abandoned;
  }

  /** What this object has seen in this thread. */
  stats(): LockStats {
    return this.engine.stats();
  }
}
