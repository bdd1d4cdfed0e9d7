// SPDX-License-Identifier: MIT
/**
 * A lock whose waiters sleep. `docs/locks.md` tells how its numbers were chosen
 * and what else was tried.
 */
import type { Outcome } from '../sections/thread.ts';
import { ExclusiveEngine } from './engine/exclusive.ts';
import type { ExclusiveRules } from './engine/exclusive.ts';
import { lengthOf } from './engine/layout.ts';
import type { LockHandle } from './engine/layout.ts';
import { printAs, refuseCopies } from './engine/posting.ts';
import type { LockStats } from './engine/stats.ts';
import { TURNS } from './engine/turnstile.ts';
import type { Lock } from './lock.ts';
import { checkPlacement, optionsFor } from './options.ts';
import type { AsyncLockOptions, LockOptions, PlacementOptions, UseOptions } from './options.ts';
import type { Hold, LockToken } from './token.ts';

const RULES: ExclusiveRules = { turns: TURNS, then: 'sleep' };

/**
 * A mutual exclusion lock over shared memory, for threads that do not know how long they will wait.
 */
export class Mutex implements Lock {
  /** Bytes of memory that one takes. */
  static readonly byteLength: number = lengthOf('Mutex') * Int32Array.BYTES_PER_ELEMENT;

  /** Plain data that names this lock in another thread. */
  readonly handle: LockHandle;
  /** Written once, see `Thread.word`: the way in and out is folded into the caller's code. */
  declare private readonly engine: ExclusiveEngine;

  static {
    printAs(Mutex.prototype, (lock) => lock.engine.describe());
  }

  /**
   * The lock that another thread's `handle` names.
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION` when there is none.
   */
  static from(handle: LockHandle, options?: UseOptions): Mutex {
    return new Mutex(optionsFor('Mutex', handle, options));
  }

  /**
   * A lock in shared memory: one that is there, or a fresh one where memory is zero.
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`, also when something else is there.
   */
  constructor(options?: PlacementOptions);
  constructor(options: PlacementOptions = {}, ...more: readonly unknown[]) {
    refuseCopies(this, 'Mutex');
    checkPlacement('Mutex', options, more);
    this.engine = new ExclusiveEngine('Mutex', RULES, options);
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
   * never waits, nor refuses; with one it waits as {@link Mutex.lock}, null: the time was over.
   * @throws {RseqSliceError} as {@link Mutex.lock}, but no `ERR_RSEQ_TIMEOUT`.
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
   * @throws {RseqSliceError} as {@link Mutex.lock}; `ERR_RSEQ_ASYNC_SECTION` when the function
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
   * As {@link Mutex.lock} without a token, for code that counts nanoseconds: it allocates
   * nothing. Every `enter` needs its {@link Mutex.leave}, in a `finally`.
   * @throws {RseqSliceError} as {@link Mutex.lock}.
   */
  enter(options?: LockOptions): void {
    this.engine.take(options);
  }

  /**
   * Releases what {@link Mutex.enter} took, and leaves its section.
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
