// SPDX-License-Identifier: MIT
/**
 * A place to wait, with a lock released, until another thread says that
 * something has changed. A notification goes to those who were waiting when it
 * was made, and one whose waiter gives up at that moment is not lost: either it
 * counts as notified, or another one is.
 */
import { currentHost } from '../host/current.ts';
import type { Agent, Bed, Sleeping } from '../host/port.ts';
import { RseqSliceError } from '../errors.ts';
import {
  checkValue,
  describeValue,
  FUNCTION,
  invalid,
  orInfinity,
  wholeNumber,
} from '../options.ts';
import type { Check } from '../options.ts';
import { Attachment } from './engine/attachment.ts';
import { onAbort } from './engine/abort.ts';
import { leftUntil, now } from '../clock.ts';
import { EventLoopWaits } from './engine/event-loop-waits.ts';
import { ExclusiveEngine } from './engine/exclusive.ts';
import { lengthOf, place, LOCK_KINDS } from './engine/layout.ts';
import type { LockHandle } from './engine/layout.ts';
import { agentOf } from './engine/liveness.ts';
import {
  checkAsyncOptions,
  checkOptions,
  checkPlacement,
  deadlineOf,
  MAIN_THREAD,
  optionsFor,
  refuseToBlock,
} from './options.ts';
import type {
  AsyncLockOptions,
  LockOptions,
  PlacementOptions,
  UseOptions,
  Ways,
} from './options.ts';
import { POLL } from './engine/parking.ts';
import { Looking } from './engine/pause.ts';
import { describeLock, printAs, refuseCopies } from './engine/posting.ts';
import { observerOf } from '../sections/observer.ts';
import { refusePromise } from '../sections/thread.ts';
import {
  BELL,
  CALLS,
  countAsleep,
  countOwn,
  countSignals,
  countWoken,
  forgetDead,
  isAsleep,
  isAwaited,
  leaveLine,
  lineUp,
  LISTENING,
  MOST_WAITING,
  noteCall,
  placeOf,
  readCalls,
  signal as signalWaiters,
  SLEEPERS,
  takeSignal,
} from './engine/signals.ts';
import { startTimeout } from './engine/timeout.ts';
import { HOLD, TURNSTILE_WORDS } from './engine/turnstile.ts';
import { LockToken, ownerOf, resume, suspend, whatOf } from './token.ts';
import type { Hold } from './token.ts';

const NO_OPTIONS: LockOptions = {};
const WAYS: Ways = { tries: null, waits: 'waitAsync()' };
const WAYS_FOR: Ways = { tries: null, waits: 'waitForAsync()' };
/** For those who are told of waits. */
const KIND = LOCK_KINDS.indexOf('Condition');
/** How many can be notified. */
const COUNT: Check = orInfinity(wholeNumber(0));

/** What is waited for: called with the lock held, and told how that was found. */
type Predicate = (hold: Hold) => boolean;

/** What ends a wait in the event loop, beside a notification. */
interface Limits extends AsyncLockOptions {
  /** Ends it as its timeout does. */
  readonly late?: AbortSignal;
}

/** How a wait in the event loop is over. */
type How = 'notified' | 'unlocked';

/** One that waits in the event loop. */
interface Wait {
  /** What the calls were when it lined up. */
  readonly calls: number;
}

/** A condition variable over shared memory, for use with a `Mutex` or a `SpinLock`. */
export class Condition {
  /** Bytes of memory that one takes. */
  static readonly byteLength: number = lengthOf('Condition') * Int32Array.BYTES_PER_ELEMENT;

  /** Plain data that names this condition in another thread. */
  readonly handle: LockHandle;
  readonly #words: Int32Array;
  readonly #bed: Bed;
  readonly #attachment: Attachment;
  readonly #agent: Agent;
  readonly #sleeping: Sleeping = currentHost().sleeping;
  readonly #waits: EventLoopWaits<Wait, How>;
  readonly #mayBlock: boolean;
  /** Where this thread's waiters were counted last. */
  #place = -1;
  /** When the dead were looked for last. */
  #searched = -Infinity;

  static {
    printAs(Condition.prototype, (condition) =>
      describeLock(
        condition.handle,
        isAwaited(condition.#words) ? 'someone waits' : 'nobody waits',
      ),
    );
  }

  /**
   * The condition that another thread's `handle` names.
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION` when there is none.
   */
  static from(handle: LockHandle, options?: UseOptions): Condition {
    return new Condition(optionsFor('Condition', handle, options));
  }

  /**
   * A condition in shared memory: one that is there, or a fresh one where memory is zero.
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`, also when something else is there.
   */
  constructor(options?: PlacementOptions);
  constructor(options: PlacementOptions = {}, ...more: readonly unknown[]) {
    refuseCopies(this, 'Condition');
    checkPlacement('Condition', options, more);
    const { words, handle } = place('Condition', lengthOf('Condition'), options);
    this.handle = handle;
    this.#words = words;
    this.#bed = { words, sleepers: SLEEPERS };
    this.#attachment = new Attachment(options.thread);
    this.#agent = agentOf(this.#attachment);
    this.#mayBlock = !MAIN_THREAD || options.blockMainThread === true;
    this.#waits = new EventLoopWaits<Wait, How>(
      { words, bell: BELL, listening: LISTENING },
      {
        look: ({ calls }) => (this.#take(calls) ? 'notified' : null),
        giveUp: ({ calls }) => (this.#leaveLine(calls) ? 'notified' : null),
      },
    );
  }

  /**
   * Releases a lock, waits for a notification, and takes the lock again, however the wait ends.
   * Look at what was waited for in a loop: it may have changed back before the lock was ours.
   * `token.abandoned` tells how the lock was found.
   * @returns false: the time was over first.
   * @throws {RseqSliceError} `ERR_RSEQ_NOT_LOCKED` when the token is not held;
   * `ERR_RSEQ_WOULD_BLOCK` in the main thread; `ERR_RSEQ_TOO_MANY_WAITERS`;
   * `ERR_RSEQ_INVALID_OPTION`. The lock is held as before then.
   */
  wait(token: LockToken, options: LockOptions = NO_OPTIONS): boolean {
    if (options !== NO_OPTIONS) checkOptions('Condition', options);
    return this.#wait(token, deadlineOf(options.timeout), WAYS);
  }

  /**
   * Waits until a predicate holds: calls it with the lock held, at first and after each
   * notification, and waits meanwhile as {@link Condition.wait} does. One timeout for all of that;
   * 0 calls it once and does not wait.
   * @param predicate synchronous. What it throws is thrown on, with the lock held. It and
   * `token.abandoned` tell afterwards whether a holder died with the lock since the token took it.
   * @returns whether it holds; false: the time is over.
   * @throws {RseqSliceError} as {@link Condition.wait}; in the main thread only when it must wait.
   * `ERR_RSEQ_ASYNC_SECTION` when the predicate returns a promise.
   */
  waitFor(
    token: LockToken,
    predicate: (hold: Hold) => boolean,
    options: LockOptions = NO_OPTIONS,
  ): boolean {
    if (options !== NO_OPTIONS) checkOptions('Condition', options);
    checkValue('waitFor()', 'predicate', predicate, FUNCTION);
    lockOf(token);
    const deadline = deadlineOf(options.timeout);
    for (let isLate = false; !holds(predicate, token, 'waitFor');) {
      if (isLate || leftUntil(deadline) <= 0) return false;
      const { abandoned } = token;
      isLate = !this.#wait(token, deadline, WAYS_FOR);
      if (abandoned) keepNotice(token);
    }
    return true;
  }

  #wait(token: LockToken, deadline: number, ways: Ways): boolean {
    if (!this.#mayBlock)
      refuseToBlock(
        'Waiting for a Condition includes waiting for its lock, whatever the timeout, and',
        ways,
      );
    const lock = lockOf(token);
    const calls = this.#lineUp();
    this.#suspend(token, calls, null);
    const sleep = (): boolean => this.#sleepUntil(calls, deadline);
    const observer = observerOf(this.#attachment.present);
    const isNotified = observer === null ? sleep() : observer.notification(KIND, sleep);
    lock.takeAgain(token);
    return isNotified;
  }

  /**
   * The same without blocking the thread. The lock is taken again in no section, as `lockAsync`
   * does. The token holds nothing while it waits: to unlock it then ends the wait.
   * @returns false: the time was over first.
   * @throws rejects with the signal's reason; the lock has been taken again then, too. With
   * `ERR_RSEQ_NOT_LOCKED` when the token was unlocked meanwhile, and then the lock is not taken.
   */
  async waitAsync(token: LockToken, options: AsyncLockOptions = NO_OPTIONS): Promise<boolean> {
    if (options !== NO_OPTIONS) checkAsyncOptions('Condition', options);
    return this.#waitAsync(token, options);
  }

  /**
   * As {@link Condition.waitFor} without blocking the thread, and with the lock as
   * {@link Condition.waitAsync} has it.
   * @throws rejects as {@link Condition.waitAsync}, or with what the predicate throws.
   */
  async waitForAsync(
    token: LockToken,
    predicate: (hold: Hold) => boolean,
    options: AsyncLockOptions = NO_OPTIONS,
  ): Promise<boolean> {
    if (options !== NO_OPTIONS) checkAsyncOptions('Condition', options);
    checkValue('waitForAsync()', 'predicate', predicate, FUNCTION);
    lockOf(token);
    const { timeout, signal } = options;
    signal?.throwIfAborted();
    // One timer for all turns, of the moment's: a test that fakes them moves it along.
    const time = new AbortController();
    const limits = { late: time.signal, ...(signal === undefined ? {} : { signal }) };
    const stop = startTimeout(timeout, () => {
      time.abort();
    });
    try {
      while (!holds(predicate, token, 'waitForAsync')) {
        if (timeout === 0 || time.signal.aborted) return false;
        const { abandoned } = token;
        try {
          await this.#waitAsync(token, limits);
        } finally {
          if (abandoned) keepNotice(token);
        }
      }
      return true;
    } finally {
      stop();
    }
  }

  async #waitAsync(token: LockToken, options: Limits): Promise<boolean> {
    const lock = lockOf(token);
    options.signal?.throwIfAborted();
    const calls = this.#lineUp();
    const state = { isUnlocked: false };
    let stop = (): void => undefined;
    this.#suspend(token, calls, () => {
      state.isUnlocked = true;
      stop();
    });
    const wait: Wait = { calls };
    stop = () => {
      // Another one has what this one was told.
      if (this.#waits.end(wait, 'unlocked') && this.#leaveLine(calls)) this.notify();
    };
    const stopWatching = onAbort(options.late, () => {
      this.#waits.giveUp(wait, 'timed out');
    });
    const { how, reason } = await this.#waits.wait(wait, options);
    stopWatching();
    // It may be unlocked while it waits for the lock, too.
    const unlocked = new AbortController();
    stop = () => {
      unlocked.abort();
    };
    if (state.isUnlocked) unlocked.abort();
    else await lock.takeAgainAsync(token, unlocked.signal).catch(unlessAborted(unlocked.signal));
    if (unlocked.signal.aborted) {
      // Another one has what this one was told.
      if (how === 'notified') this.notify();
      throw new RseqSliceError(
        'ERR_RSEQ_NOT_LOCKED',
        'The token was unlocked while it waited for the Condition. The wait has ended, and the lock was not taken again.',
      );
    }
    if (how === 'aborted') throw reason;
    return how === 'notified';
  }

  /**
   * Wakes some of those who wait. The lock need not be held; if it is, release it first: what they
   * are woken for is the lock.
   * @param count how many at most, a whole number or Infinity
   * @returns how many will be woken.
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION` when that is no such number.
   */
  notify(count = 1): number {
    checkValue('notify()', 'count', count, COUNT);
    const words = this.#words;
    if (count === 0 || !isAwaited(words)) return 0;
    this.#forgetDead();
    const more = signalWaiters(words, count);
    // Also when all who wait have a signal each: one that was a dead waiter's may be for one who
    // came after it was made, and is free to take it only from the next call on.
    noteCall(words);
    const paused = this.#attachment.pause();
    // Also for those who were told before: who told them may have lost its CPU since, or its life,
    // and one who has died may have left its signal to one who sleeps.
    const told = countSignals(words);
    if (told > 0 && isAsleep(words))
      countWoken(words, this.#sleeping.wake(this.#bed, CALLS, more < count ? MOST_WAITING : told));
    this.#waits.ring();
    if (paused) this.#attachment.resume();
    return more;
  }

  /** Wakes all who wait. */
  notifyAll(): number {
    return this.notify(Infinity);
  }

  /** Lines up. @returns what the calls were before */
  #lineUp(): number {
    const words = this.#words;
    // First: whoever is counted when a notification is made must find that the calls have changed.
    const calls = readCalls(words);
    if (!lineUp(words)) {
      this.#forgetDead();
      if (!lineUp(words))
        throw new RseqSliceError(
          'ERR_RSEQ_TOO_MANY_WAITERS',
          `${MOST_WAITING} threads already wait for this Condition, and it cannot count more.`,
        );
    }
    this.#countOwn(1);
    return calls;
  }

  /** Releases the lock that the token holds, or leaves the line. */
  #suspend(token: LockToken, calls: number, stop: (() => void) | null): void {
    try {
      suspend(token, stop);
    } catch (error) {
      // It is not held through this token any more.
      if (this.#leaveLine(calls)) this.notify();
      throw error;
    }
  }

  /** Takes a notification and leaves the line. */
  #take(calls: number): boolean {
    if (readCalls(this.#words) === calls || countSignals(this.#words) === 0) return false;
    this.#countOwn(-1);
    if (takeSignal(this.#words, calls)) return true;
    this.#countOwn(1);
    return false;
  }

  /**
   * Leaves the line because the wait is over.
   * @returns whether it was notified at that moment, and must not say otherwise
   */
  #leaveLine(calls: number): boolean {
    this.#countOwn(-1);
    return leaveLine(this.#words, calls);
  }

  #countOwn(change: number): void {
    const words = this.#words;
    const { id } = this.#agent;
    // As long as it is ours there is no other one.
    if (words[this.#place] !== id) this.#place = placeOf(words, id);
    countOwn(words, this.#place, id, change);
  }

  /**
   * Looking for the dead costs as much as a hundred notifications, and they are no trouble for a
   * moment: who lives takes theirs.
   */
  #forgetDead(): void {
    const at = now();
    if (at - this.#searched < POLL) return;
    this.#searched = at;
    forgetDead(this.#words, this.#agent.id, this.#agent.hasEnded);
  }

  #sleepUntil(calls: number, deadline: number): boolean {
    const words = this.#words;
    if (this.#lookOn(calls, deadline)) return true;
    for (;;) {
      const seen = readCalls(words);
      if (this.#take(calls)) return true;
      const left = leftUntil(deadline);
      if (left <= 0) return this.#leaveLine(calls);
      const paused = this.#attachment.pause();
      countAsleep(words, 1);
      const wake = this.#sleeping.sleep(this.#bed, CALLS, seen, Math.min(left, POLL));
      // Whoever wakes one counts it out at once: it may be long on its way.
      if (wake !== 'called') countAsleep(words, -1);
      if (paused) this.#attachment.resume();
    }
  }

  /** Looks for a notification for a while, and takes it. */
  #lookOn(calls: number, deadline: number): boolean {
    let seen = calls;
    for (const looking = new Looking(deadline); looking.goesOn();) {
      const found = readCalls(this.#words);
      if (found !== seen && this.#take(calls)) return true;
      seen = found;
    }
    return false;
  }
}

/** Lets an error pass that the signal is not to blame for. */
function unlessAborted(signal: AbortSignal): (error: unknown) => void {
  return (error) => {
    if (!signal.aborted) throw error;
  };
}

function holds(predicate: Predicate, token: LockToken, caller: string): boolean {
  const result: unknown = predicate(token);
  if (typeof result === 'object' && result !== null)
    refusePromise(result, caller, 'It is called again and again with the lock held.');
  return Boolean(result);
}

/**
 * Says again that a holder died with the lock that the token has: one turn of a wait found it so,
 * and the next one did not.
 */
function keepNotice(token: LockToken): void {
  const lock = ownerOf(token);
  // It was unlocked meanwhile.
  if (!(lock instanceof ExclusiveEngine)) return;
  const { buffer, byteOffset } = lock.handle;
  const what = whatOf(token);
  const hold = -Math.abs(what >> 1);
  new Int32Array(buffer, byteOffset, TURNSTILE_WORDS)[HOLD] = hold;
  resume(token, lock, hold * 2 + (what & 1), true);
}

/** A function of `withLock()` has a hold at hand, or nothing. */
function remedyFor(given: unknown): string {
  const isHold = typeof given === 'object' && given !== null && 'abandoned' in given;
  return isHold || given === undefined ? ' withLock() passes no token: use lock().' : '';
}

function lockOf(token: LockToken): ExclusiveEngine {
  // Callers without types can pass anything, what a try returned say.
  if (!(token instanceof LockToken))
    throw invalid(
      `A Condition waits with the token of a Mutex or a SpinLock, not with ${describeValue(token)}.${remedyFor(token)}`,
    );
  const lock = ownerOf(token);
  if (lock instanceof ExclusiveEngine) return lock;
  if (lock === null)
    throw new RseqSliceError(
      'ERR_RSEQ_NOT_LOCKED',
      'The token given to a Condition is no longer held, or is already waiting.',
    );
  throw invalid('A Condition waits with the token of a Mutex or a SpinLock.');
}
