// SPDX-License-Identifier: MIT
/**
 * A lock whose waiters do not sleep but look again and again: the fastest there
 * is when a CPU is theirs, and a waste of it when the holder is not running.
 * That is what the section around the holder is for.
 */
import { ExclusiveLock } from './exclusive.ts';
import type { ExclusiveRules } from './exclusive.ts';
import { lengthOf, openHandle } from './layout.ts';
import type { LockHandle } from './layout.ts';
import type { PlacementOptions } from './options.ts';

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
   * @throws {TypeError} there is none.
   */
  static from(handle: LockHandle, options?: PlacementOptions): SpinLock {
    const { buffer, byteOffset } = openHandle('SpinLock', handle);
    return new SpinLock(buffer, byteOffset, options);
  }

  /**
   * A lock in shared memory: one that is there, or a fresh one where memory is zero.
   * @param buffer default: a new one
   * @param byteOffset a multiple of 4
   * @throws {TypeError} not a SharedArrayBuffer, or something else is there.
   * @throws {RangeError} a bad offset, or no room.
   */
  constructor(buffer?: SharedArrayBuffer, byteOffset = 0, options: PlacementOptions = {}) {
    super('SpinLock', RULES, buffer, byteOffset, options);
  }
}
