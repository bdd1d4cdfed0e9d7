/**
 * The options that all locks share, checked, and the errors that say what a
 * caller asked for and cannot have.
 */
import { isMainThread } from 'node:worker_threads';
import { RseqSliceError } from '../errors.ts';
import { Thread } from '../thread.ts';
import type { LockKind } from './layout.ts';

/** How this thread uses a lock. */
export interface PlacementOptions {
  /** Whose sections go around the holder. Default: `attach()`. */
  readonly thread?: Thread;
  /**
   * Default false: what would block the main thread throws `ERR_RSEQ_WOULD_BLOCK` there. A blocked main thread starts no
   * worker and hears of none. The asynchronous ways and those that only try are always allowed.
   */
  readonly blockMainThread?: boolean;
}

/** How to wait for a lock. */
export interface LockOptions {
  /** ms; 0 tries once. Default: for ever. */
  readonly timeout?: number;
}

/** How to wait for a lock without blocking the thread. */
export interface AsyncLockOptions extends LockOptions {
  /** Ends the wait with its reason; does nothing once the lock is taken. */
  readonly signal?: AbortSignal;
}

export const MAIN_THREAD: boolean = isMainThread;

/** @throws {TypeError} what the constructor of a lock was given is of another type. */
export function checkOptions(kind: LockKind, { thread, blockMainThread }: PlacementOptions): void {
  const [givenThread, givenBlock]: readonly unknown[] = [thread, blockMainThread];
  if (givenThread !== undefined && !(givenThread instanceof Thread)) {
    throw new TypeError(`The option 'thread' of a ${kind} is what attach() returned in this thread.`);
  }
  if (givenBlock !== undefined && typeof givenBlock !== 'boolean') {
    throw new TypeError(`The option 'blockMainThread' of a ${kind} is true or false.`);
  }
}

/**
 * When waiting ends, on the clock of `performance.now()`.
 * @throws {RangeError} no number of milliseconds.
 */
export function deadlineOf(timeout: number | undefined): number {
  if (timeout === undefined || timeout === Infinity) return Infinity;
  if (typeof timeout !== 'number' || !(timeout >= 0)) {
    throw new RangeError(`A timeout is a number of milliseconds from 0 on, not ${String(timeout)}.`);
  }
  return performance.now() + timeout;
}

export function refuseToBlock(kind: string): never {
  throw new RseqSliceError(
    'ERR_RSEQ_WOULD_BLOCK',
    `Waiting for a ${kind} would block the main thread. Wait asynchronously, only try, or make it with { blockMainThread: true } if no worker depends on the main thread.`,
  );
}

export function timedOut(kind: string, timeout: number | undefined): RseqSliceError {
  return new RseqSliceError('ERR_RSEQ_TIMEOUT', `The ${kind} was not to be had within ${String(timeout)} ms.`);
}
