// SPDX-License-Identifier: MIT
/**
 * A lock whose waiters sleep. `docs/locks.md` tells how its numbers were chosen
 * and what else was tried.
 */
import { availableParallelism } from 'node:os';
import { ExclusiveLock } from './exclusive.ts';
import type { ExclusiveRules } from './exclusive.ts';
import { lengthOf, openHandle } from './layout.ts';
import type { LockHandle } from './layout.ts';
import type { PlacementOptions } from './options.ts';

const RULES: ExclusiveRules = {
  limit: 1024,
  // Some microseconds: fewer park more often, more help short sections only. With one CPU the
  // holder cannot run meanwhile.
  spins: availableParallelism() > 1 ? 300 : 0,
  inside: 'sleep',
};

/**
 * A mutual exclusion lock over shared memory, for threads that do not know how long they will wait.
 */
export class Mutex extends ExclusiveLock {
  /** Bytes of memory that one takes. */
  static readonly byteLength: number = lengthOf('Mutex') * Int32Array.BYTES_PER_ELEMENT;

  /**
   * The lock that another thread's `handle` names.
   * @throws {TypeError} there is none.
   */
  static from(handle: LockHandle, options?: PlacementOptions): Mutex {
    const { buffer, byteOffset } = openHandle('Mutex', handle);
    return new Mutex(buffer, byteOffset, options);
  }

  /**
   * A lock in shared memory: one that is there, or a fresh one where memory is zero.
   * @param buffer default: a new one
   * @param byteOffset a multiple of 4
   * @throws {TypeError} not a SharedArrayBuffer, or something else is there.
   * @throws {RangeError} a bad offset, or no room.
   */
  constructor(buffer?: SharedArrayBuffer, byteOffset = 0, options: PlacementOptions = {}) {
    super('Mutex', RULES, buffer, byteOffset, options);
  }
}
