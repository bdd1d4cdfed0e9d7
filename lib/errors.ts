// SPDX-License-Identifier: MIT
/**
 * The one class of errors this library throws, told apart by `code`. It leaves
 * the wording to the place that knows what failed.
 */

/** What went wrong, for programs. */
export type ErrorCode =
  /** Slices, or the host that was asked for, are unavailable here. */
  | 'ERR_RSEQ_UNAVAILABLE'
  /**
   * An option or argument that is unknown or has a value that means nothing, or RSEQ_SLICE has;
   * memory or a handle in which there is no such lock.
   */
  | 'ERR_RSEQ_INVALID_OPTION'
  /** This thread is attached already, and not as it is asked for now. */
  | 'ERR_RSEQ_ALREADY_ATTACHED'
  /** The thread object was detached by everyone who attached it. */
  | 'ERR_RSEQ_DETACHED'
  /** `leave` without `enter`. */
  | 'ERR_RSEQ_NOT_IN_SECTION'
  /** What was asked for cannot be done inside a section. */
  | 'ERR_RSEQ_IN_SECTION'
  /** The function given to `critical` returned a promise. */
  | 'ERR_RSEQ_ASYNC_SECTION'
  /** A thread object belongs to the thread that attached it. */
  | 'ERR_RSEQ_WRONG_THREAD'
  /** A lock could not be acquired in the time that was given. */
  | 'ERR_RSEQ_TIMEOUT'
  /** This thread holds the lock already, and would wait for itself. */
  | 'ERR_RSEQ_RECURSIVE_LOCK'
  /** Waiting for a lock would block the main thread, and that was not asked for. */
  | 'ERR_RSEQ_WOULD_BLOCK'
  /** More threads wait for one lock than it can count. */
  | 'ERR_RSEQ_TOO_MANY_WAITERS'
  /**
   * The lock is not held, or not through this token, or held through a token where none is
   * expected.
   */
  | 'ERR_RSEQ_NOT_LOCKED'
  /**
   * A barrier cannot be passed: someone whom it waited for gave up, died or reset it, or all were
   * dropped.
   */
  | 'ERR_RSEQ_BROKEN_BARRIER'
  /** A queue is closed, and takes no more records. */
  | 'ERR_RSEQ_CLOSED'
  /** What is explored contradicts itself: a step that is not there, a label twice. */
  | 'ERR_RSEQ_INVALID_MODEL'
  /** What is explored does not do the same for the same choices. */
  | 'ERR_RSEQ_NOT_DETERMINISTIC'
  /** The simulated kernel killed a simulated thread; the message says which rule it broke. */
  | 'ERR_RSEQ_KILLED'
  /** A system call failed that should not have. */
  | 'ERR_RSEQ_SYSTEM';

/** What Node's own system errors carry too. */
export interface ErrorDetails {
  /** The error number, positive. */
  readonly errno?: number;
  /** The system call's name. */
  readonly syscall?: string;
  /** What was thrown underneath. */
  readonly cause?: unknown;
}

const brand = Symbol.for('rseq-slice.error');

/** Thrown by every function of this library. Its `code` tells what failed. */
export class RseqSliceError extends Error {
  /** What went wrong, for programs; the message is for people. */
  readonly code: ErrorCode;
  /** The error number, positive, where a system call failed. */
  readonly errno?: number;
  /** The system call's name, where one failed. */
  readonly syscall?: string;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined);
    this.name = 'RseqSliceError';
    this.code = code;
    if (details.errno !== undefined) this.errno = details.errno;
    if (details.syscall !== undefined) this.syscall = details.syscall;
    Object.defineProperty(this, brand, { value: true });
  }

  /** Whether a value is such an error, also one from another installed copy. */
  static is(value: unknown): value is RseqSliceError {
    return typeof value === 'object' && value !== null && brand in value;
  }
}
