// SPDX-License-Identifier: MIT
/**
 * What `Mutex` and `SpinLock` have in common, for code that takes either, and
 * what functions get that run with a lock held. How each lock does it is told
 * where it is declared.
 */
import type { Outcome } from '../sections/thread.ts';
import type { LockHandle } from './engine/layout.ts';
import type { LockStats } from './engine/stats.ts';
import type { AsyncLockOptions, LockOptions } from './options.ts';
import type { Hold, LockToken } from './token.ts';

/** A lock that one thread at a time can have: a `Mutex` or a `SpinLock`. */
export interface Lock {
  /** Plain data that names this lock in another thread. */
  readonly handle: LockHandle;
  /** Takes the lock, waiting for it. */
  lock(options?: LockOptions): LockToken;
  /**
   * Takes the lock if it is free or its holder has died; null: it is held, until the timeout if one
   * is given.
   */
  tryLock(options?: LockOptions): LockToken | null;
  /** Takes the lock without blocking the thread, in no section. */
  lockAsync(options?: AsyncLockOptions): Promise<LockToken>;
  /** Runs a synchronous function with the lock held and returns its result. */
  withLock<T>(
    run: (hold: Hold) => T extends PromiseLike<unknown> ? never : T,
    options?: LockOptions,
  ): T;
  /** Runs a function with the lock held, in no section, until what it returns has settled. */
  withLockAsync<T>(
    run: (token: LockToken) => T | PromiseLike<T>,
    options?: AsyncLockOptions,
  ): Promise<T>;
  /** Takes the lock without a token. */
  enter(options?: LockOptions): void;
  /** Releases what {@link Lock.enter} took. Returns how the section ended. */
  leave(): Outcome;
  /** Whether this thread holds the lock, and the one who held it before died with it. */
  readonly abandoned: boolean;
  /** What this object has seen in this thread. */
  stats(): LockStats;
}
