// SPDX-License-Identifier: MIT
/**
 * A lock whose waiters sleep. `docs/locks.md` tells how its numbers were chosen
 * and what else was tried.
 */
import { availableParallelism } from 'node:os';
import { ExclusiveLock } from './engine/exclusive.ts';
import type { ExclusiveRules } from './engine/exclusive.ts';
import { lengthOf } from './engine/layout.ts';
import type { LockHandle } from './engine/layout.ts';
import { optionsFor } from './options.ts';
import type { PlacementOptions, UseOptions } from './options.ts';

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
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION` when there is none.
   */
  static from(handle: LockHandle, options?: UseOptions): Mutex {
    return new Mutex(optionsFor('Mutex', handle, options));
  }

  /**
   * A lock in shared memory: one that is there, or a fresh one where memory is zero.
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`, also when something else is there.
   */
  constructor(options?: PlacementOptions);
  constructor(options: PlacementOptions = {}, ...more: readonly unknown[]) {
    super('Mutex', RULES, options, more);
  }
}
