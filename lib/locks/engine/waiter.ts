// SPDX-License-Identifier: MIT
/**
 * One waiter of a lock, from lining up to leaving the line. It looks at the lock
 * in the one order in which no call is lost, and knows what to do when those
 * before it do not move; whoever owns it sleeps between two looks, in its thread
 * or in its event loop.
 */
import { RseqSliceError } from '../../errors.ts';
import { sharedNow } from '../../clock.ts';
import type { Wake } from '../../host/port.ts';
import {
  answerCall,
  arrive,
  callsOf,
  countEventLoop,
  depart,
  discountEventLoop,
  forgetAll,
  forgetDeadEventLoops,
  isEventLoopCounted,
  MOST_WAITERS,
  openIfStuck,
  Standing,
  standing,
} from './turnstile.ts';

/** What {@link Door.attempt} returns when it is not our turn: sleep. */
export const NOT_YET = -1;
/** What it returns when something changed under its eyes: look again. */
export const AGAIN = -2;

/** No generation of event loops. */
const UNCOUNTED = -1;

/** One way to get into a lock. */
export interface Door {
  /**
   * Tries to get in.
   * @param isLinedUp whether the caller waits in the line: then it must be told when the lock is
   * released
   * @param mayTake false: only what a dead thread holds may be taken
   * @param isLate whether to ask if those who hold the lock are alive
   * @returns from 0 on: in, in the lock's own terms; else {@link NOT_YET} or {@link AGAIN}
   */
  attempt(isLinedUp: boolean, mayTake: boolean, isLate: boolean): number;
  /** Whether those who have the lock reserved could get in, as far as holders are concerned. */
  isOpen(): boolean;
  /**
   * Whether an event loop may keep others out that does not come round: then it is worth a look
   * before long.
   */
  isKeptByEventLoop(): boolean;
  /** Whether another waiter can get in beside the one that just did, and is to be called. */
  admitsMore(): boolean;
  /**
   * Takes back what an attempt has left behind that did not get in.
   * @returns whether that can let others in.
   */
  cancel(): boolean;
}

export class Waiter {
  /** The word to sleep on, and its value at the last look. */
  word = 0;
  calls = 0;
  /** Whether only the gate keeps it from the lock. */
  isOutside = false;
  /**
   * Whether the next look asks if those who hold the lock are alive. So does the first: they may be
   * dead for long.
   */
  isLate = true;
  readonly #words: Int32Array;
  readonly #isEventLoop: boolean;
  /** As what an event loop is counted; {@link UNCOUNTED}: not yet, or never. */
  #generation = UNCOUNTED;
  readonly #callAll: () => void;
  #batch: number;

  /**
   * @param callAll makes all who wait look again, after the gate was opened by force
   * @throws {RseqSliceError} `ERR_RSEQ_TOO_MANY_WAITERS`.
   */
  constructor(words: Int32Array, isEventLoop: boolean, callAll: () => void) {
    this.#words = words;
    this.#isEventLoop = isEventLoop;
    this.#callAll = callAll;
    forgetDeadEventLoops(words);
    this.#batch = this.#lineUp();
  }

  /**
   * Tries to get in, and leaves the line when it is.
   * @returns as {@link Door.attempt}, never {@link AGAIN}
   */
  look(door: Door): number {
    const words = this.#words;
    for (;;) {
      // In this order: a call that comes before the answer is answered by it, and one that comes
      // after it is seen when we are about to sleep.
      this.word = callsOf(this.#batch);
      this.calls = Atomics.load(words, this.word);
      answerCall(words);
      const where = standing(words, this.#batch);
      if (where === Standing.Forgotten) {
        this.#batch = this.#lineUp();
        continue;
      }
      this.isOutside = where === Standing.Outside;
      const result = door.attempt(true, !this.isOutside, this.isLate);
      if (result >= 0) {
        this.#depart();
        return result;
      }
      if (result === AGAIN) continue;
      if (!this.isOutside || !door.isOpen() || !openIfStuck(words, sharedNow())) return NOT_YET;
      this.#callAll();
    }
  }

  /**
   * The same for one that was called and is awake: as long as it has not answered, nobody else is
   * called.
   * @returns as {@link Waiter.look}; {@link NOT_YET}: it can still be worth another try
   */
  tryAgain(door: Door): number {
    const where = standing(this.#words, this.#batch);
    if (where !== Standing.Inside) return NOT_YET;
    const result = door.attempt(true, true, false);
    if (result < 0) return NOT_YET;
    this.#depart();
    return result;
  }

  /**
   * Whether it is counted in the line: not when the gate was opened by force since its last look.
   */
  get isInLine(): boolean {
    return standing(this.#words, this.#batch) !== Standing.Forgotten;
  }

  /** Notes how a sleep ended. */
  slept(wake: Wake): void {
    this.isLate = wake === 'timed out';
  }

  /**
   * Leaves the line without the lock. The caller must call the next one: this one may have been
   * called.
   */
  giveUp(): void {
    this.#depart();
  }

  #depart(): void {
    depart(this.#words, this.#batch);
    this.#discount();
  }

  #discount(): void {
    if (this.#generation !== UNCOUNTED) discountEventLoop(this.#words, this.#generation);
    this.#generation = UNCOUNTED;
  }

  #lineUp(): number {
    const words = this.#words;
    let batch = arrive(words);
    if (batch < 0 && forgetAll(words, sharedNow())) {
      this.#callAll();
      batch = arrive(words);
    }
    if (batch >= 0) {
      // Who lines up again is counted, unless all have been forgotten meanwhile.
      if (this.#isEventLoop && !isEventLoopCounted(words, this.#generation))
        this.#generation = countEventLoop(words);
      return batch;
    }
    this.#discount();
    throw new RseqSliceError(
      'ERR_RSEQ_TOO_MANY_WAITERS',
      `${MOST_WAITERS} threads already wait for this lock, and it cannot count more. Each thread, and each lock object whose asynchronous requests wait, counts as one.`,
    );
  }
}
