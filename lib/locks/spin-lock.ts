// SPDX-License-Identifier: MIT
/**
 * A lock whose waiters do not sleep but look again and again: the fastest there
 * is when a CPU is theirs, and a waste of it when the holder is not running.
 * That is what the section around the holder is for.
 */
import { ExclusiveLock } from './engine/exclusive.ts';
import type { ExclusiveRules } from './engine/exclusive.ts';
import { lengthOf } from './engine/layout.ts';
import type { LockHandle } from './engine/layout.ts';
import { optionsFor } from './options.ts';
import type { PlacementOptions, UseOptions } from './options.ts';

const RULES: ExclusiveRules = {
  // Only then do waiters sleep, those whose turn it is not.
  limit: 1 << 16,
  // Lining up costs more than all that most waits take.
  spins: 1000,
  inside: 'spin',
};

/**
 * A spin lock over shared memory, for sections of microseconds between threads that all have a CPU
 * most of the time.
 */
export class SpinLock extends ExclusiveLock {
  /** Bytes of memory that one takes. */
  static readonly byteLength: number = lengthOf('SpinLock') * Int32Array.BYTES_PER_ELEMENT;

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
    super('SpinLock', RULES, options, more);
  }
}
