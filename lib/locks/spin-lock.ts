/**
 * A lock whose waiters do not sleep but look again and again: the fastest there
 * is when a CPU is theirs, and a waste of it when the holder is not running.
 * That is what the section around the holder is for.
 */
import { ExclusiveLock } from './exclusive.ts';
import { checkHandle } from './layout.ts';
import type { LockHandle } from './layout.ts';
import type { PlacementOptions } from './options.ts';
import { POLL } from './parking.ts';
import type { Wake } from './parking.ts';
import { call, ENGINE_SLEEPERS, isHeld, MOST_WAITERS, presentCalls, STATE, TURNSTILE_WORDS } from './turnstile.ts';
import type { Waiter } from './waiter.ts';

/** How often it changes hands past somebody who waits. Only then do waiters sleep, those whose turn it is not. */
const LIMIT = 1 << 16;

/** Looks at the state in a row before everything else is looked at too: the deadline, whether the holder lives. */
const SPINS = 4096;

/** Looks before lining up, which costs more than all that most waits take. */
const PATIENCE = 1000;

/** A spin lock over shared memory, for sections of microseconds between threads that all have a CPU most of the time. */
export class SpinLock extends ExclusiveLock {
  /** Bytes of memory that one takes. */
  static readonly byteLength: number = TURNSTILE_WORDS * Int32Array.BYTES_PER_ELEMENT;

  /** The lock that another thread's `handle` names. */
  static from(handle: LockHandle, options?: PlacementOptions): SpinLock {
    const { buffer, byteOffset } = checkHandle('SpinLock', handle);
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
    super('SpinLock', LIMIT, buffer, byteOffset, options);
  }

  protected override rest(waiter: Waiter, ms: number): Wake {
    if (waiter.isOutside) {
      this.parked++;
      return this.sleep(waiter, Math.min(ms, POLL));
    }
    const { words } = this;
    for (let i = 0; i < SPINS; i++) if (!isHeld(Atomics.load(words, STATE))) return 'called';
    return 'timed out';
  }

  protected override spin(): boolean {
    return this.spinFor(PATIENCE);
  }

  protected override callNext(): void {
    // Those who spin need no call; those who wait asynchronously do.
    if (Atomics.load(this.words, ENGINE_SLEEPERS) > 0) super.callNext();
  }

  protected override gateOpened(): void {
    const word = presentCalls(this.words);
    this.called++;
    call(this.words, word);
    this.parking.wake(this.bed, word, MOST_WAITERS);
  }
}
