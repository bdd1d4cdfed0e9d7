// SPDX-License-Identifier: MIT
/**
 * The options that all locks share, checked whether the lock is free or not, and
 * the errors that say what a caller asked for and cannot have.
 */
import { types } from 'node:util';
import { isMainThread } from 'node:worker_threads';
import { RseqSliceError } from '../errors.ts';
import {
  checkOptions as checkAllOptions,
  checkValue,
  describeValue,
  invalid,
  numberWithin,
  objectWith,
  orInfinity,
  TRUE_OR_FALSE,
  wholeNumber,
  withArticle,
} from '../options.ts';
import type { Check, OptionChecks } from '../options.ts';
import { Thread } from '../sections/thread.ts';
import { now } from '../clock.ts';
import {
  BUFFER,
  BYTE_OFFSET,
  MOST_PARTIES,
  MOST_PERMITS,
  MOST_QUEUE_WORDS,
  openHandle,
} from './engine/layout.ts';
import type { LockHandle, LockKind } from './engine/layout.ts';

/** How this thread uses a lock, wherever that lives. */
export interface UseOptions {
  /** Whose sections go around the holder. Default: `attach()`. */
  readonly thread?: Thread;
  /**
   * Default false: what would block the main thread throws `ERR_RSEQ_WOULD_BLOCK` there, also a try
   * with a timeout. A blocked main thread starts no worker and hears of none. A lock that is free,
   * the asynchronous ways and tries without a timeout are always allowed.
   */
  readonly blockMainThread?: boolean;
}

/** Where a lock lives, and how this thread uses it. */
export interface PlacementOptions extends UseOptions {
  /** The memory that it lives in. Default: new memory, just large enough. */
  readonly buffer?: SharedArrayBuffer;
  /** Where it begins in `buffer`, in bytes: a multiple of 4. Default: 0. */
  readonly byteOffset?: number;
}

/** The same for a semaphore. */
export interface SemaphoreOptions extends PlacementOptions {
  /** How many permits it has, from 1 to 1024, the same in every thread. */
  readonly permits: number;
}

/** The same for a barrier. */
export interface BarrierOptions extends PlacementOptions {
  /** How many must arrive before any goes on, from 1 to 255, the same in every thread. */
  readonly parties: number;
}

/** The same for a queue. */
export interface QueueOptions extends PlacementOptions {
  /** How many records it holds, from 1 on, the same in every thread. */
  readonly capacity: number;
  /** How many bytes a record may have, from 1 on, the same in every thread. */
  readonly recordBytes: number;
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
const USE_CHECKS: OptionChecks<UseOptions> = {
  thread: {
    accepts: 'what attach() returned in this thread',
    isGood: (value) => value instanceof Thread,
  },
  blockMainThread: TRUE_OR_FALSE,
};

const PLACEMENT_CHECKS: OptionChecks<PlacementOptions> = {
  buffer: BUFFER,
  byteOffset: BYTE_OFFSET,
  ...USE_CHECKS,
};
export const PERMITS: Check = wholeNumber(1, MOST_PERMITS);
const SEMAPHORE_CHECKS: OptionChecks<SemaphoreOptions> = { permits: PERMITS, ...PLACEMENT_CHECKS };
export const PARTIES: Check = wholeNumber(1, MOST_PARTIES);
export const CAPACITY: Check = wholeNumber(1, MOST_QUEUE_WORDS);
export const RECORD_BYTES: Check = wholeNumber(1, MOST_QUEUE_WORDS);
const QUEUE_CHECKS: OptionChecks<QueueOptions> = {
  capacity: CAPACITY,
  recordBytes: RECORD_BYTES,
  ...PLACEMENT_CHECKS,
};
const BARRIER_CHECKS: OptionChecks<BarrierOptions> = { parties: PARTIES, ...PLACEMENT_CHECKS };

/**
 * Checks what a lock is made with.
 * @param more what was passed after the options, which must be nothing
 * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`.
 */
export function checkPlacement(
  kind: Exclude<LockKind, 'Semaphore' | 'Barrier' | 'Queue'>,
  options: PlacementOptions,
  more: readonly unknown[],
): void {
  checkSized(kind, options, PLACEMENT_CHECKS, [], more);
}

/** The same for a semaphore, which must be told how many permits it has. */
export function checkSemaphore(options: SemaphoreOptions, more: readonly unknown[]): void {
  checkSized('Semaphore', options, SEMAPHORE_CHECKS, ['permits'], more);
}

/** The same for a barrier, and how many must arrive. */
export function checkBarrier(options: BarrierOptions, more: readonly unknown[]): void {
  checkSized('Barrier', options, BARRIER_CHECKS, ['parties'], more);
}

/** The same for a queue, and its sizes. */
export function checkQueue(options: QueueOptions, more: readonly unknown[]): void {
  checkSized('Queue', options, QUEUE_CHECKS, ['capacity', 'recordBytes'], more);
}

/** @param required options that callers without types can leave out */
function checkSized<Options extends PlacementOptions>(
  kind: LockKind,
  options: Options,
  checks: OptionChecks<Options>,
  required: readonly (keyof Options & string)[],
  more: readonly unknown[],
): void {
  const caller = `new ${kind}()`;
  const written = (...names: readonly string[]): string => `new ${kind}({ ${names.join(', ')} })`;
  refusePositions(caller, written(...required, 'buffer', 'byteOffset'), options, more);
  const needed = required.length === 0 ? undefined : written(...required);
  checkAllOptions(caller, options, checks, needed);
  for (const name of required) checkValue(caller, name, options[name], checks[name]);
  checkOffsetHasBuffer(caller, options);
}

/**
 * The options with which a lock is made that is there already.
 * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`.
 */
export function optionsFor(
  kind: LockKind,
  handle: LockHandle,
  options: UseOptions = {},
): PlacementOptions & Pick<LockHandle, 'buffer' | 'byteOffset'> {
  checkAllOptions(`${kind}.from()`, options, USE_CHECKS);
  const { buffer, byteOffset } = openHandle(kind, handle);
  const { thread, blockMainThread = false } = options;
  return { buffer, byteOffset, blockMainThread, ...(thread === undefined ? {} : { thread }) };
}

/** Buffers, offsets and permits were positional once: who passes them so is told the new way. */
function refusePositions(
  caller: string,
  written: string,
  options: unknown,
  more: readonly unknown[],
): void {
  const isPosition = typeof options === 'number' || types.isAnyArrayBuffer(options);
  if (!isPosition && more.length === 0) return;
  const given = more.length > 0 ? `${more.length + 1} arguments` : describeValue(options);
  throw invalid(`${caller} takes one object of options, not ${given}: ${written}.`);
}

function checkOffsetHasBuffer(caller: string, { buffer, byteOffset }: PlacementOptions): void {
  if (byteOffset === undefined || buffer !== undefined) return;
  throw invalid(
    `${caller} has byteOffset without buffer. Pass the buffer that it is an offset into, or leave it out: a lock begins at 0 of memory that it makes itself.`,
  );
}

/** @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`. */
export function checkOptions(kind: LockKind, options: LockOptions): void {
  checkAllOptions(`Waiting for ${withArticle(kind)}`, options, LOCK_CHECKS);
}

/** @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`. */
export function checkAsyncOptions(kind: LockKind, options: AsyncLockOptions): void {
  checkAllOptions(`Waiting for ${withArticle(kind)}`, options, ASYNC_CHECKS);
}

/** When waiting ends, on the clock of `clock.ts`. */
export function deadlineOf(timeout: number | undefined): number {
  return timeout === undefined ? Infinity : now() + timeout;
}

/** What a lock can be asked for that never blocks the thread, as messages say it. */
export interface Ways {
  /** null: there is no such way. */
  readonly tries: string | null;
  readonly waits: string;
}

/**
 * @param why the beginning of the sentence that ends with 'would block the main thread'
 * @throws {RseqSliceError} `ERR_RSEQ_WOULD_BLOCK`.
 */
export function refuseToBlock(why: string, { tries, waits }: Ways): never {
  // With one a try waits, and is refused as well.
  const ways = tries === null ? '' : `only try (${tries} without a timeout), `;
  const remedy = `${ways}wait in the event loop (${waits}), or make it with { blockMainThread: true } if no worker depends on the main thread.`;
  throw new RseqSliceError('ERR_RSEQ_WOULD_BLOCK', `${why} would block the main thread: ${remedy}`);
}

export function timedOut(kind: string, timeout: number | undefined): RseqSliceError {
  return new RseqSliceError(
    'ERR_RSEQ_TIMEOUT',
    `Could not ${verbOf(kind)} the ${kind} within ${String(timeout)} ms.`,
  );
}

function verbOf(kind: string): string {
  if (kind === 'Condition') return 'hear of';
  if (kind === 'Queue') return 'push to or pop from';
  return kind === 'Barrier' ? 'pass' : 'acquire';
}
