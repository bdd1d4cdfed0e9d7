// SPDX-License-Identifier: MIT
/**
 * A lock for one writer or many readers: what a user sees of it. Readers have
 * places of their own, so they do not fight for one word, and a writer keeps new
 * readers out while it waits for those who are in; how, is in
 * `engine/read-write.ts`.
 */
import { lengthOf, MOST_READERS } from './engine/layout.ts';
import type { LockHandle } from './engine/layout.ts';
import { printAs, refuseCopies } from './engine/posting.ts';
import { ReadWriteEngine } from './engine/read-write.ts';
import type { LockStats } from './engine/stats.ts';
import { checkPlacement, optionsFor } from './options.ts';
import type { AsyncLockOptions, LockOptions, PlacementOptions, UseOptions } from './options.ts';
import type { Hold, LockToken } from './token.ts';

/** Many readers or one writer at a time, over shared memory. */
export class RwLock {
  /** Bytes of memory that one takes. */
  static readonly byteLength: number = lengthOf('RwLock') * Int32Array.BYTES_PER_ELEMENT;
  /** How many can read at a time. */
  static readonly maxReaders: number = MOST_READERS;

  /** Plain data that names this lock in another thread. */
  readonly handle: LockHandle;
  readonly #engine: ReadWriteEngine;

  static {
    printAs(RwLock.prototype, (lock) => lock.#engine.describe());
  }

  /**
   * The lock that another thread's `handle` names.
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION` when there is none.
   */
  static from(handle: LockHandle, options?: UseOptions): RwLock {
    return new RwLock(optionsFor('RwLock', handle, options));
  }

  /**
   * A lock in shared memory: one that is there, or a fresh one where memory is zero.
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`, also when something else is there.
   */
  constructor(options?: PlacementOptions);
  constructor(options: PlacementOptions = {}, ...more: readonly unknown[]) {
    refuseCopies(this, 'RwLock');
    checkPlacement('RwLock', options, more);
    this.#engine = new ReadWriteEngine(options);
    this.handle = this.#engine.handle;
  }

  /**
   * Takes the lock for reading, waiting for it. `abandoned` tells that a writer died with it, and
   * no other has had it since.
   * @throws {RseqSliceError} `ERR_RSEQ_TIMEOUT`; `ERR_RSEQ_RECURSIVE_LOCK` when it must wait and
   * this thread has the lock in any way; `ERR_RSEQ_WOULD_BLOCK` when it must wait in the main
   * thread; `ERR_RSEQ_INVALID_OPTION`.
   */
  readLock(options?: LockOptions): LockToken {
    return this.#engine.readLock(options);
  }

  /**
   * Takes it for reading if that is possible at once; null: it is not. Without a timeout it never
   * waits, nor refuses; with one it waits as {@link RwLock.readLock}, null: the time was over.
   * @throws {RseqSliceError} as {@link RwLock.readLock}, but no `ERR_RSEQ_TIMEOUT`.
   */
  tryReadLock(options?: LockOptions): LockToken | null {
    return this.#engine.tryReadLock(options);
  }

  /**
   * Takes it for reading without blocking the thread, in no section.
   * @throws {RseqSliceError} rejects with `ERR_RSEQ_TIMEOUT`, or with the signal's reason.
   */
  readLockAsync(options?: AsyncLockOptions): Promise<LockToken> {
    return this.#engine.readLockAsync(options);
  }

  /**
   * Takes the lock for writing, waiting for it.
   * @throws {RseqSliceError} as {@link RwLock.readLock}.
   */
  writeLock(options?: LockOptions): LockToken {
    return this.#engine.writeLock(options);
  }

  /**
   * Takes it for writing if that is possible at once; null: it is not. With a timeout as
   * {@link RwLock.tryReadLock}.
   * @throws {RseqSliceError} as {@link RwLock.writeLock}, but no `ERR_RSEQ_TIMEOUT`.
   */
  tryWriteLock(options?: LockOptions): LockToken | null {
    return this.#engine.tryWriteLock(options);
  }

  /**
   * Takes it for writing without blocking the thread, in no section.
   * @throws {RseqSliceError} rejects with `ERR_RSEQ_TIMEOUT`, or with the signal's reason.
   */
  writeLockAsync(options?: AsyncLockOptions): Promise<LockToken> {
    return this.#engine.writeLockAsync(options);
  }

  /**
   * Runs a synchronous function with the lock held for reading.
   * @param run is told whether a writer died with the lock, and no other has had it since
   * @throws {RseqSliceError} as {@link RwLock.readLock}; `ERR_RSEQ_ASYNC_SECTION` when the function
   * returns a promise.
   */
  withReadLock<T>(
    run: (hold: Hold) => T extends PromiseLike<unknown> ? never : T,
    options?: LockOptions,
  ): T {
    return this.#engine.withReadLock(run, options);
  }

  /**
   * Runs a synchronous function with the lock held for writing.
   * @param run is told whether a writer died with the lock, and no other has had it since
   * @throws {RseqSliceError} as {@link RwLock.withReadLock}.
   */
  withWriteLock<T>(
    run: (hold: Hold) => T extends PromiseLike<unknown> ? never : T,
    options?: LockOptions,
  ): T {
    return this.#engine.withWriteLock(run, options);
  }

  /**
   * Runs a function with the lock held for reading, in no section, until what it returns has
   * settled.
   */
  withReadLockAsync<T>(
    run: (token: LockToken) => T | PromiseLike<T>,
    options?: AsyncLockOptions,
  ): Promise<T> {
    return this.#engine.withReadLockAsync(run, options);
  }

  /**
   * Runs a function with the lock held for writing, in no section, until what it returns has
   * settled.
   */
  withWriteLockAsync<T>(
    run: (token: LockToken) => T | PromiseLike<T>,
    options?: AsyncLockOptions,
  ): Promise<T> {
    return this.#engine.withWriteLockAsync(run, options);
  }

  /** What this object has seen in this thread. */
  stats(): LockStats {
    return this.#engine.stats();
  }
}
