/**
 * A place to wait, with a lock released, until another thread says that
 * something has changed. A notification goes to those who were waiting when it
 * was made, and one whose waiter gives up at that moment is not lost: either it
 * counts as notified, or another one is.
 */
import { attach } from '../attach.ts';
import { RseqSliceError } from '../errors.ts';
import type { Thread } from '../thread.ts';
import { ExclusiveLock } from './exclusive.ts';
import { checkHandle, place } from './layout.ts';
import type { LockHandle } from './layout.ts';
import { checkOptions, deadlineOf, MAIN_THREAD, refuseToBlock } from './options.ts';
import type { AsyncLockOptions, LockOptions, PlacementOptions } from './options.ts';
import { createParking } from './parking.ts';
import type { Bed, Parking } from './parking.ts';
import { waitFor, waitForAsync } from './patience.ts';
import type { Awaited } from './patience.ts';
import { CALLS, CONDITION_WORDS, leaveLine, lineUp, noteCall, signal as signalWaiters, takeSignal } from './signals.ts';
import type { LockToken } from './token.ts';

const SLEEPERS = 3;

/** A condition variable over shared memory, for use with a `Mutex` or a `SpinLock`. */
export class Condition {
  /** Bytes of memory that one takes. */
  static readonly byteLength: number = CONDITION_WORDS * Int32Array.BYTES_PER_ELEMENT;

  /** Plain data that names this lock in another thread. */
  readonly handle: LockHandle;
  readonly #words: Int32Array;
  readonly #bed: Bed;
  readonly #thread: Thread;
  readonly #parking: Parking = createParking();
  readonly #mayBlock: boolean;

  /** The condition that another thread's `handle` names. */
  static from(handle: LockHandle, options?: PlacementOptions): Condition {
    const { buffer, byteOffset } = checkHandle('Condition', handle);
    return new Condition(buffer, byteOffset, options);
  }

  /**
   * @param buffer default: a new one
   * @param byteOffset a multiple of 4
   * @throws {TypeError} not a SharedArrayBuffer, or something else is there.
   * @throws {RangeError} a bad offset, or no room.
   */
  constructor(buffer?: SharedArrayBuffer, byteOffset = 0, options: PlacementOptions = {}) {
    checkOptions('Condition', options);
    const { words, handle } = place('Condition', CONDITION_WORDS, buffer, byteOffset);
    this.handle = handle;
    this.#words = words;
    this.#bed = { words, sleepers: SLEEPERS };
    this.#thread = options.thread ?? attach();
    this.#mayBlock = !MAIN_THREAD || options.blockMainThread === true;
  }

  /**
   * Releases a lock, waits for a notification, and takes the lock again, however the wait ends. Look at what was waited
   * for in a loop: it may have changed back before the lock was ours. `token.abandoned` tells how the lock was found.
   * @returns false: the time was over first.
   * @throws {RseqSliceError} `ERR_RSEQ_NOT_LOCKED` when the token is not held; `ERR_RSEQ_WOULD_BLOCK`.
   */
  wait(token: LockToken, { timeout }: LockOptions = {}): boolean {
    if (!this.#mayBlock) refuseToBlock('Condition');
    const lock = lockOf(token);
    const deadline = deadlineOf(timeout);
    const calls = lineUp(this.#words);
    lock.giveBack(token.what);
    let isNotified = true;
    try {
      waitFor(this.#parking, this.#thread, this.#notification(calls), { deadline, timeout });
    } catch (error) {
      isNotified = this.#leaveLine(calls, error);
    }
    token.taken(lock.takeAgain(token.what));
    return isNotified;
  }

  /**
   * The same without blocking the thread. The lock is taken again in no section, as `lockAsync` does.
   * @returns false: the time was over first.
   * @throws rejects with the signal's reason; the lock has been taken again then, too.
   */
  async waitAsync(token: LockToken, { timeout, signal }: AsyncLockOptions = {}): Promise<boolean> {
    const lock = lockOf(token);
    signal?.throwIfAborted();
    const deadline = deadlineOf(timeout);
    const calls = lineUp(this.#words);
    lock.giveBack(token.what);
    let isNotified = true;
    let reason: unknown = null;
    try {
      await waitForAsync(this.#notification(calls), { deadline, timeout, signal });
    } catch (error) {
      isNotified = this.#leaveLine(calls, error, (other) => {
        reason = other;
      });
    }
    token.taken(await lock.takeAgainAsync(), 0);
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- a signal's reason can be anything
    if (reason !== null && !isNotified) throw reason;
    return isNotified;
  }

  /**
   * Wakes some of those who wait. The lock need not be held; if it is, release it first: what they are woken for is the lock.
   * @returns how many will be woken.
   */
  notify(count = 1): number {
    const more = signalWaiters(this.#words, count);
    if (more > 0) {
      noteCall(this.#words);
      this.#parking.wake(this.#bed, CALLS, more);
    }
    return more;
  }

  /** Wakes all who wait. */
  notifyAll(): number {
    return this.notify(Infinity);
  }

  #notification(calls: number): Awaited<true> {
    const words = this.#words;
    return { kind: 'Condition', bed: this.#bed, word: CALLS, look: () => (takeSignal(words, calls) ? true : null) };
  }

  /** @returns whether one who gives up was notified at that moment, and must not say otherwise. */
  #leaveLine(calls: number, error: unknown, onOther?: (error: unknown) => void): boolean {
    const isNotified = leaveLine(this.#words, calls);
    if (!isNotified && !(RseqSliceError.is(error) && error.code === 'ERR_RSEQ_TIMEOUT')) {
      if (onOther === undefined) throw error;
      onOther(error);
    }
    return isNotified;
  }
}

function lockOf(token: LockToken): ExclusiveLock {
  const lock = token.of;
  if (lock instanceof ExclusiveLock) return lock;
  if (lock === null) throw new RseqSliceError('ERR_RSEQ_NOT_LOCKED', 'The token given to a Condition is not held any more.');
  throw new TypeError('A Condition waits with the token of a Mutex or a SpinLock.');
}
