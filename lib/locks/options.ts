// SPDX-License-Identifier: MIT
/**
 * The options that all locks share, checked whether the lock is free or not, and
 * the errors that say what a caller asked for and cannot have.
 */
import { isMainThread } from 'node:worker_threads';
import { RseqSliceError } from '../errors.ts';
import {
  checkOptions as checkAllOptions,
  numberWithin,
  objectWith,
  orInfinity,
  TRUE_OR_FALSE,
} from '../options.ts';
import type { Check, OptionChecks } from '../options.ts';
import { Thread } from '../sections/thread.ts';
import { now } from './clock.ts';
import type { LockKind } from './layout.ts';

/** How this thread uses a lock. */
export interface PlacementOptions {
  /** Whose sections go around the holder. Default: `attach()`. */
  readonly thread?: Thread;
  /**
   * Default false: what would block the main thread throws `ERR_RSEQ_WOULD_BLOCK` there. A blocked
   * main thread starts no worker and hears of none. A lock that is free, the asynchronous ways and
   * those that only try are always allowed.
   */
  readonly blockMainThread?: boolean;
}

/** How to wait for a lock. */
export interface LockOptions {
  /** ms, also fractions; 0 tries once. Default: no limit. */
  readonly timeout?: number;
}

/** How to wait for a lock without blocking the thread. */
export interface AsyncLockOptions extends LockOptions {
  /** Ends the wait with its reason; does nothing once the lock is taken. */
  readonly signal?: AbortSignal;
}

export const MAIN_THREAD: boolean = isMainThread;

const TIMEOUT: Check = orInfinity({
  ...numberWithin(0, Number.MAX_VALUE),
  accepts: 'a number of milliseconds from 0 on',
});
const LOCK_CHECKS: OptionChecks<LockOptions> = { timeout: TIMEOUT };
const ASYNC_CHECKS: OptionChecks<AsyncLockOptions> = {
  timeout: TIMEOUT,
  signal: objectWith('an AbortSignal', 'addEventListener', 'throwIfAborted'),
};
const PLACEMENT_CHECKS: OptionChecks<PlacementOptions> = {
  thread: {
    accepts: 'what attach() returned in this thread',
    isGood: (value) => value instanceof Thread,
  },
  blockMainThread: TRUE_OR_FALSE,
};

/** @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`. */
export function checkPlacement(kind: LockKind, options: PlacementOptions): void {
  checkAllOptions(`new ${kind}()`, options, PLACEMENT_CHECKS);
}

/** @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`. */
export function checkOptions(kind: LockKind, options: LockOptions): void {
  checkAllOptions(`Waiting for a ${kind}`, options, LOCK_CHECKS);
}

/** @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`. */
export function checkAsyncOptions(kind: LockKind, options: AsyncLockOptions): void {
  checkAllOptions(`Waiting for a ${kind}`, options, ASYNC_CHECKS);
}

/** When waiting ends, on the clock of `clock.ts`. */
export function deadlineOf(timeout: number | undefined): number {
  return timeout === undefined ? Infinity : now() + timeout;
}

export function refuseToBlock(kind: string): never {
  throw new RseqSliceError(
    'ERR_RSEQ_WOULD_BLOCK',
    `The ${kind} is not available at once, and waiting for it would block the main thread. Wait asynchronously (${asyncWay(kind)}), only try, or make it with { blockMainThread: true } if no worker depends on the main thread.`,
  );
}

export function timedOut(kind: string, timeout: number | undefined): RseqSliceError {
  return new RseqSliceError(
    'ERR_RSEQ_TIMEOUT',
    `Could not ${verbOf(kind)} the ${kind} within ${String(timeout)} ms.`,
  );
}

function verbOf(kind: string): string {
  return kind === 'Condition' ? 'hear of' : 'acquire';
}

function asyncWay(kind: string): string {
  switch (kind) {
    case 'RwLock':
      return 'withReadLockAsync, withWriteLockAsync';
    case 'Semaphore':
      return 'withPermitAsync';
    case 'Condition':
      return 'waitAsync';
    default:
      return 'withLockAsync';
  }
}
