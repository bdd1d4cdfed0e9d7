// SPDX-License-Identifier: MIT
/**
 * How the threads of one lock wait for it: in their threads, or in their event
 * loops. A lock has one of these per object and says by its doors what it takes
 * to get in; who lines up, sleeps, is called, gives up and is told of it is
 * decided here, for all kinds of locks alike.
 *
 * Requests that wait in one event loop line up here, and one waiter in shared
 * memory stands for all of them. It is in nobody's way while its event loop is
 * busy: see `turnstile.ts`.
 */
import { currentHost } from '../../host/current.ts';
import type { Bed, Sleeping, Wake } from '../../host/port.ts';
import { LOCK_ABANDONED, LOCK_TIMEOUT, publishLater } from '../../channels.ts';
import type { LockMessage } from '../../channels.ts';
import { onAbort } from './abort.ts';
import type { Attachment } from './attachment.ts';
import { leftUntil, sharedNow } from '../../clock.ts';
import { LOCK_KINDS } from './layout.ts';
import type { LockHandle } from './layout.ts';
import { Requests } from './requests.ts';
import type { Request } from './requests.ts';
import type { LockStats } from './stats.ts';
import { deadlineOf, MAIN_THREAD, refuseToBlock, timedOut } from '../options.ts';
import type { AsyncLockOptions, LockOptions, Ways } from '../options.ts';
import { EventLoopSleep, POLL, wakeEventLoops } from './parking.ts';
import { Looking } from './pause.ts';
import { observerOf } from '../../sections/observer.ts';
import type { LockObserver } from '../../sections/observer.ts';
import { startTimeout } from './timeout.ts';
import {
  answerListeners,
  BELL,
  call,
  callsOf,
  callsOutside,
  countWaiters,
  ENGINE_SLEEPERS,
  EVENT_LOOP_LEASE,
  hasWaiters,
  hurryTurn,
  isCallDue,
  isListening,
  listen,
  looksClosed,
  markCalled,
  MOST_WAITERS,
  openIfStuck,
  readBell,
  RECORDED_AS,
  ring,
} from './turnstile.ts';
import { AGAIN, NOT_YET, Waiter } from './waiter.ts';
import type { Door } from './waiter.ts';

/** What the kinds of locks do differently. */
export interface WaitingRules {
  /**
   * What a waiter does that has looked for long enough. `spin`: it lets other threads run, and
   * looks on.
   */
  readonly then: 'sleep' | 'spin';
  /**
   * Makes the lock show that someone waits, before that someone is called.
   * @returns false: a holder will call.
   */
  readonly showWaiters: (words: Int32Array) => boolean;
  /** Makes the lock anybody's again, if it was left reserved for one who has given up. */
  readonly unreserve: (words: Int32Array) => void;
  /** What a thread that must not block can use in the place of this door. */
  readonly otherWays: (door: Door) => Ways;
}

const nothing = (): void => undefined;

export class Waiting {
  readonly #words: Int32Array;
  readonly #attachment: Attachment;
  readonly #handle: LockHandle;
  readonly #rules: WaitingRules;
  readonly #mayBlock: boolean;
  readonly #sleeping: Sleeping = currentHost().sleeping;
  readonly #bed: Bed;
  /** null: nobody is told; undefined: it is not known. */
  #observer: LockObserver | null | undefined;
  readonly #sleep: EventLoopSleep;
  /** Stands in the line for all requests. */
  #waiter: Waiter | null = null;
  readonly #requests = new Requests(() => {
    this.#serve(true);
  });
  /** Whether requests will be served when the code that runs now is done. */
  #isServing = false;
  #contended = 0;
  #parked = 0;
  #called = 0;
  #abandoned = 0;
  #gaveUp = 0;

  constructor(
    words: Int32Array,
    attachment: Attachment,
    handle: LockHandle,
    rules: WaitingRules,
    blockMainThread: boolean,
  ) {
    this.#words = words;
    this.#attachment = attachment;
    this.#handle = handle;
    this.#rules = rules;
    this.#mayBlock = !MAIN_THREAD || blockMainThread;
    this.#bed = { words, sleepers: ENGINE_SLEEPERS };
    this.#sleep = new EventLoopSleep(words, BELL, this.#look);
  }

  /** Tries to get in without waiting: {@link NOT_YET} when that is not possible now. */
  attempt(door: Door, isLate: boolean): number {
    const words = this.#words;
    for (;;) {
      const mayTake = !looksClosed(words) || (door.isOpen() && this.#openIfStuck());
      const result = door.attempt(false, mayTake, isLate);
      if (result !== AGAIN) return result;
    }
  }

  /**
   * Waits in the calling thread.
   * @throws {RseqSliceError} `ERR_RSEQ_TIMEOUT`, `ERR_RSEQ_WOULD_BLOCK`,
   * `ERR_RSEQ_TOO_MANY_WAITERS`.
   */
  wait(door: Door, { timeout }: LockOptions, deadline: number = deadlineOf(timeout)): number {
    // Whoever has no time does not wait, in the main thread either.
    if (timeout === 0) {
      this.#contended++;
      const result = this.attempt(door, true);
      if (result !== NOT_YET) return result;
      throw this.giveUp(timeout);
    }
    // A thread that must not block asks at once whether the holder is alive: it may have nothing to
    // wait for.
    const result = this.#mayBlock ? NOT_YET : this.attempt(door, true);
    if (result === NOT_YET) this.assertMayBlock(door);
    this.#contended++;
    if (result !== NOT_YET) return result;
    const observer = this.#getObserver();
    if (observer === null) return this.#waitUntil(door, deadline, timeout);
    return observer.waiting(() => this.#waitUntil(door, deadline, timeout));
  }

  /** Waits in the calling thread, whichever it is and however long it takes. */
  waitAnyway(door: Door): number {
    return this.#waitUntil(door, Infinity, undefined);
  }

  /**
   * Waits in the event loop, which stays alive. Requests of this object are served in their order.
   * @param take makes what the caller gets of what the door returned
   */
  waitAsync<T>(
    door: Door,
    { timeout, signal }: AsyncLockOptions,
    take: (result: number) => T,
  ): Promise<T> {
    this.#contended++;
    this.#parked++;
    return new Promise((resolve, reject) => {
      const request: Request = {
        door,
        grant: (result) => {
          resolve(take(result));
        },
        fail: reject,
        forget: nothing,
        previous: null,
        next: null,
      };
      this.#requests.append(request);
      if (timeout !== undefined || signal !== undefined) this.#limit(request, timeout, signal);
      // Who is not the first waits for those before.
      if (this.#requests.first === request) this.#serve(true);
    });
  }

  /** Whether requests of this object wait in the event loop. */
  get hasRequests(): boolean {
    return this.#requests.first !== null;
  }

  /**
   * Tells those who wait that the lock was released. Outside of every section: it makes system
   * calls.
   */
  release(): void {
    const observer = this.#getObserver();
    if (observer === null) this.#passOn();
    else {
      observer.releasing(() => {
        this.#passOn();
      });
    }
  }

  /**
   * Calls one who waits in its thread, and all who wait in their event loops; nobody when one is on
   * its way who was called before: its release will call.
   */
  callNext(): void {
    const words = this.#words;
    // Those who spin need no call.
    if (this.#rules.then === 'spin') {
      if (hasWaiters(words)) this.ring();
      return;
    }
    if (!isCallDue(words) || !this.#rules.showWaiters(words)) return;
    const word = markCalled(words);
    if (word < 0) return;
    if (this.#call(word, 1) === 0) {
      const outside = callsOutside(words, word);
      if (outside >= 0) {
        call(words, outside);
        this.#wake(outside, 1);
      }
    }
    this.ring();
  }

  /** Wakes those who wait in their event loops. */
  ring(): void {
    const words = this.#words;
    if (!isListening(words)) return;
    answerListeners(words);
    ring(words);
    const paused = this.#attachment.pause();
    wakeEventLoops(words, BELL);
    if (paused) this.#attachment.resume();
  }

  /** Sleeps on a word of the lock's own, without a request of an outer section. */
  sleepOn(word: number, expected: number, ms: number): Wake {
    const paused = this.#attachment.pause();
    const wake = this.#sleeping.sleep(this.#bed, word, expected, Math.min(ms, POLL));
    if (paused) this.#attachment.resume();
    return wake;
  }

  /** Wakes the thread that sleeps on a word of the lock's own, which has changed. */
  wakeOn(word: number): void {
    this.#wake(word, MOST_WAITERS);
  }

  /** Notes that the lock was taken over from a dead holder. */
  noteAbandoned(): void {
    this.#abandoned++;
    publishLater(LOCK_ABANDONED, this.#message());
  }

  /** Notes that the time of a wait is over. @returns what to throw */
  giveUp(timeout: number | undefined): Error {
    this.#noteGivenUp();
    return timedOut(this.#handle.lock, timeout);
  }

  /** @throws {RseqSliceError} `ERR_RSEQ_WOULD_BLOCK`. */
  assertMayBlock(door: Door): void {
    if (this.#mayBlock) return;
    const why = `The ${this.#handle.lock} is not available at once, and waiting for it`;
    refuseToBlock(why, this.#rules.otherWays(door));
  }

  stats(): LockStats {
    return {
      contended: this.#contended,
      parked: this.#parked,
      called: this.#called,
      abandoned: this.#abandoned,
      gaveUp: this.#gaveUp,
    };
  }

  #passOn(): void {
    if (!this.#isAlone()) {
      this.callNext();
      return;
    }
    // Not at once: the lock is free as long as this thread has something else to do.
    this.#serveLater();
  }

  #waitUntil(door: Door, deadline: number, timeout: number | undefined): number {
    const early = this.#lookOn(door, null, deadline);
    if (early !== NOT_YET) return early;
    const waiter = new Waiter(this.#words, false, this.#callAll);
    const spins = this.#rules.then === 'spin';
    let hasSlept = false;
    for (;;) {
      const result = waiter.look(door);
      if (result >= 0) return this.#arrived(result, door);
      const left = leftUntil(deadline);
      if (left <= 0) {
        if (waiter.isLate) {
          this.#departed(waiter, door.cancel());
          throw this.giveUp(timeout);
        }
        // The last look asks after the dead.
        waiter.isLate = true;
        continue;
      }
      if (!hasSlept && !spins) this.#parked++;
      hasSlept = true;
      hurryTurn(this.#words);
      waiter.slept(spins ? this.#yield() : this.#sleepIn(waiter, door, left));
      if (!spins && waiter.isLate) continue;
      // It was called: as long as it looks on, nobody else is.
      const found = this.#lookOn(door, waiter, deadline);
      if (found !== NOT_YET) return this.#arrived(found, door);
    }
  }

  /**
   * Looks at the lock for a while, and takes it when it is free.
   * @param waiter null: it has not lined up
   */
  #lookOn(door: Door, waiter: Waiter | null, deadline: number): number {
    for (const looking = new Looking(deadline); looking.goesOn();) {
      if (!door.isOpen()) continue;
      const result = waiter === null ? this.attempt(door, false) : waiter.tryAgain(door);
      if (result !== NOT_YET) return result;
    }
    return NOT_YET;
  }

  #sleepIn(waiter: Waiter, door: Door, left: number): Wake {
    const most = waiter.isOutside || door.isKeptByEventLoop() ? EVENT_LOOP_LEASE : POLL;
    return this.sleepOn(waiter.word, waiter.calls, Math.min(left, most));
  }

  /** A waiter is in, and has left the line. */
  #arrived(result: number, door: Door): number {
    if (door.admitsMore()) this.callNext();
    return result;
  }

  /** A waiter has given up: what it was called for is for the next. */
  #departed(waiter: Waiter, letsOthersIn: boolean): void {
    waiter.giveUp();
    this.#rules.unreserve(this.#words);
    if (hasWaiters(this.#words) || letsOthersIn) this.callNext();
  }

  #getObserver(): LockObserver | null {
    if (this.#observer === undefined) {
      const thread = this.#attachment.present;
      if (thread === null) return null;
      const kind = LOCK_KINDS.indexOf(this.#handle.lock);
      this.#observer = observerOf(thread)?.lock(kind, this.#words, RECORDED_AS) ?? null;
    }
    return this.#observer;
  }

  #openIfStuck(): boolean {
    if (!openIfStuck(this.#words, sharedNow())) return false;
    this.#callAll();
    return true;
  }

  /**
   * After the gate was opened by force. Those who were inside are counted no more, and asleep
   * perhaps: a release would pass them over until they look for themselves. Those who were outside
   * may find room for more than one of them.
   */
  readonly #callAll = (): void => {
    this.#call(callsOf(0), MOST_WAITERS);
    this.#call(callsOf(1), MOST_WAITERS);
    this.ring();
  };

  /** @returns how many it woke */
  #call(word: number, count: number): number {
    this.#called++;
    call(this.#words, word);
    return this.#wake(word, count);
  }

  /** Without a request of an outer section, as a sleep is. @returns how many it woke */
  #wake(word: number, count: number): number {
    const paused = this.#attachment.pause();
    const woken = this.#sleeping.wake(this.#bed, word, count);
    if (paused) this.#attachment.resume();
    return woken;
  }

  /** Lets another thread of this CPU run, the holder maybe. */
  #yield(): Wake {
    const paused = this.#attachment.pause();
    this.#sleeping.yield();
    if (paused) this.#attachment.resume();
    return 'timed out';
  }

  #noteGivenUp(): void {
    this.#gaveUp++;
    publishLater(LOCK_TIMEOUT, this.#message());
  }

  #message(): LockMessage {
    const { lock, buffer, byteOffset } = this.#handle;
    return { kind: lock, buffer, byteOffset };
  }

  // ---- requests in the event loop ----

  /** Whether all who wait are requests of this object: then there is nobody to wake. */
  #isAlone(): boolean {
    return this.#waiter?.isInLine === true && countWaiters(this.#words) === 1;
  }

  #serveLater(): void {
    if (this.#isServing) return;
    this.#isServing = true;
    queueMicrotask(this.#look);
  }

  /** One property, for microtasks and the bell. */
  readonly #look = (): void => {
    this.#isServing = false;
    this.#serve(false);
  };

  /** Serves requests as long as the lock lets them in, then sleeps if there are more. */
  #serve(isLate: boolean): void {
    const words = this.#words;
    for (let request = this.#requests.first; request !== null; request = this.#requests.first) {
      let result: number;
      let bell: number;
      try {
        this.#waiter ??= new Waiter(words, true, this.#callAll);
        this.#waiter.isLate = isLate;
        bell = readBell(words);
        listen(words);
        result = this.#waiter.look(request.door);
      } catch (error) {
        // More threads wait than can be counted, say.
        this.#requests.remove(request);
        this.#leave(request.door.cancel());
        request.fail(error);
        continue;
      }
      if (result < 0) {
        if (this.#sleep.sleep(bell)) return;
        continue;
      }
      this.#waiter = null;
      this.#arrived(result, request.door);
      this.#requests.remove(request);
      request.grant(result);
    }
  }

  #limit(request: Request, timeout: number | undefined, signal: AbortSignal | undefined): void {
    const giveUp = (reason: unknown): void => {
      this.#noteGivenUp();
      this.#withdraw(request);
      request.fail(reason);
    };
    const stopTimeout = startTimeout(timeout, () => {
      giveUp(timedOut(this.#handle.lock, timeout));
    });
    const stopListening = onAbort(signal, giveUp);
    request.forget = () => {
      stopTimeout();
      stopListening();
    };
  }

  /**
   * Takes out a request that is not served. The line is left at once: its event loop may have other
   * things to do.
   */
  #withdraw(request: Request): void {
    const wasFirst = this.#requests.first === request;
    this.#requests.remove(request);
    if (!wasFirst) return;
    const letsOthersIn = request.door.cancel();
    if (this.#requests.first === null) {
      this.#leave(letsOthersIn);
      return;
    }
    if (letsOthersIn) this.callNext();
    // What the first one could not have, the next one may: when this thread is done with what it
    // does, see `release`.
    this.#serveLater();
  }

  #leave(letsOthersIn: boolean): void {
    const waiter = this.#waiter;
    this.#waiter = null;
    if (waiter !== null) this.#departed(waiter, letsOthersIn);
  }
}
