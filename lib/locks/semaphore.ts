// SPDX-License-Identifier: MIT
/**
 * A number of permits: what a user sees of it. It is known which thread has
 * which, so those of a thread that has died are given to the next who want one;
 * how, is in `engine/permits.ts`.
 */
import { checkValue } from '../options.ts';
import { FIRST, lengthOf } from './engine/layout.ts';
import type { LockHandle } from './engine/layout.ts';
import { PermitEngine } from './engine/permits.ts';
import { printAs, refuseCopies } from './engine/posting.ts';
import { OWN } from './engine/turnstile.ts';
import type { LockStats } from './engine/stats.ts';
import { checkSemaphore, optionsFor, PERMITS } from './options.ts';
import type { AsyncLockOptions, LockOptions, SemaphoreOptions, UseOptions } from './options.ts';
import type { Hold, LockToken } from './token.ts';

/** Lets a number of holders in at a time, over shared memory. */
export class Semaphore {
  /** Plain data that names this semaphore in another thread. */
  readonly handle: LockHandle;
  /** How many permits there are, free or not. */
  readonly permits: number;
  readonly #engine: PermitEngine;

  static {
    printAs(Semaphore.prototype, (semaphore) => semaphore.#engine.describe());
  }

  /**
   * Bytes of memory that one with so many permits takes.
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION` when that is no number of permits.
   */
  static byteLength(permits: number): number {
    checkValue('Semaphore.byteLength()', 'permits', permits, PERMITS);
    return lengthOf('Semaphore', permits) * Int32Array.BYTES_PER_ELEMENT;
  }

  /**
   * The semaphore that another thread's `handle` names.
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION` when there is none.
   */
  static from(handle: LockHandle, options?: UseOptions): Semaphore {
    const placed = optionsFor('Semaphore', handle, options);
    const words = new Int32Array(placed.buffer, placed.byteOffset, FIRST);
    return new Semaphore({ ...placed, permits: Atomics.load(words, OWN) });
  }

  /**
   * A semaphore in shared memory: one that is there, or a fresh one where memory is zero.
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`, also when something else is there, or a
   * semaphore that has another number of permits.
   */
  constructor(options: SemaphoreOptions);
  constructor(options: SemaphoreOptions, ...more: readonly unknown[]) {
    refuseCopies(this, 'Semaphore');
    checkSemaphore(options, more);
    this.#engine = new PermitEngine(options);
    this.handle = this.#engine.handle;
    this.permits = this.#engine.permits;
  }

  /**
   * How many permits nobody has at the moment. Those of the dead count as taken until someone
   * wants them.
   */
  get available(): number {
    return this.#engine.available;
  }

  /**
   * Takes a permit, waiting for one. The section around it ends with the token.
   * @throws {RseqSliceError} `ERR_RSEQ_TIMEOUT`; `ERR_RSEQ_RECURSIVE_LOCK` when this thread has all
   * of them; `ERR_RSEQ_WOULD_BLOCK` when none is free in the main thread;
   * `ERR_RSEQ_INVALID_OPTION`.
   */
  acquire(options?: LockOptions): LockToken {
    return this.#engine.acquire(options);
  }

  /**
   * Takes a permit if one is free, or its holder has died; null: none is. Without a timeout it
   * never waits, nor refuses; with one it waits as {@link Semaphore.acquire}, null: the time was
   * over.
   * @throws {RseqSliceError} as {@link Semaphore.acquire}, but no `ERR_RSEQ_TIMEOUT`.
   */
  tryAcquire(options?: LockOptions): LockToken | null {
    return this.#engine.tryAcquire(options);
  }

  /**
   * Takes a permit without blocking the thread, in no section.
   * @throws {RseqSliceError} rejects with `ERR_RSEQ_TIMEOUT`, or with the signal's reason.
   */
  acquireAsync(options?: AsyncLockOptions): Promise<LockToken> {
    return this.#engine.acquireAsync(options);
  }

  /**
   * Runs a synchronous function with a permit.
   * @param run is told whether the one who had the permit before died with it
   * @throws {RseqSliceError} as {@link Semaphore.acquire}; `ERR_RSEQ_ASYNC_SECTION` when the
   * function returns a promise.
   */
  withPermit<T>(
    run: (hold: Hold) => T extends PromiseLike<unknown> ? never : T,
    options?: LockOptions,
  ): T {
    return this.#engine.withPermit(run, options);
  }

  /** Runs a function with a permit, in no section, until what it returns has settled. */
  withPermitAsync<T>(
    run: (token: LockToken) => T | PromiseLike<T>,
    options?: AsyncLockOptions,
  ): Promise<T> {
    return this.#engine.withPermitAsync(run, options);
  }

  /** What this object has seen in this thread. */
  stats(): LockStats {
    return this.#engine.stats();
  }
}
