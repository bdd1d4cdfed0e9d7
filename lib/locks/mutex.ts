/**
 * A lock whose waiters sleep. `docs/locks.md` tells how its numbers were chosen
 * and what else was tried.
 */
import { availableParallelism } from 'node:os';
import { ExclusiveLock } from './exclusive.ts';
import { checkHandle } from './layout.ts';
import type { LockHandle } from './layout.ts';
import type { PlacementOptions } from './options.ts';
import { POLL } from './parking.ts';
import type { Wake } from './parking.ts';
import { TURNSTILE_WORDS } from './turnstile.ts';
import type { Waiter } from './waiter.ts';

/** How often the lock changes hands past somebody who waits, until those who wait go first. */
const LIMIT = 1024;

/**
 * Looks at the lock before lining up, some microseconds: fewer park more often, more help short sections only. With one
 * CPU the holder cannot run meanwhile.
 */
const SPINS = availableParallelism() > 1 ? 300 : 0;

/** A mutual exclusion lock over shared memory, for threads that do not know how long they will wait. */
export class Mutex extends ExclusiveLock {
  /** Bytes of memory that one takes. */
  static readonly byteLength: number = TURNSTILE_WORDS * Int32Array.BYTES_PER_ELEMENT;

  /** The lock that another thread's `handle` names. */
  static from(handle: LockHandle, options?: PlacementOptions): Mutex {
    const { buffer, byteOffset } = checkHandle('Mutex', handle);
    return new Mutex(buffer, byteOffset, options);
  }

  /**
   * A lock in shared memory: one that is there, or a fresh one where memory is zero.
   * @param buffer default: a new one
   * @param byteOffset a multiple of 4
   * @throws {TypeError} not a SharedArrayBuffer, or something else is there.
   * @throws {RangeError} a bad offset, or no room.
   */
  constructor(buffer?: SharedArrayBuffer, byteOffset = 0, options: PlacementOptions & { /** @internal */ readonly name?: string } = {}) {
    super('Mutex', LIMIT, buffer, byteOffset, options);
  }

  protected override rest(waiter: Waiter, ms: number): Wake {
    this.parked++;
    return this.sleep(waiter, Math.min(ms, POLL));
  }

  protected override spin(): boolean {
    return this.spinFor(SPINS);
  }

  protected override gateOpened(): void {
    // The holder calls the first of them when it releases.
  }
}
