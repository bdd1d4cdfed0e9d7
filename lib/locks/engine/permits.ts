// SPDX-License-Identifier: MIT
/**
 * A number of permits: what is in a `Semaphore`. It is known which thread has
 * which, so those of a thread that has died are given to the next who want one.
 */
import { RseqSliceError } from '../../errors.ts';
import { invalid } from '../../options.ts';
import { Attachment } from './attachment.ts';
import { sharedNow } from '../../clock.ts';
import { lengthOf, place } from './layout.ts';
import type { LockHandle } from './layout.ts';
import { agentOf } from './liveness.ts';
import { checkAsyncOptions, checkOptions } from '../options.ts';
import type { AsyncLockOptions, LockOptions, SemaphoreOptions, Ways } from '../options.ts';
import { describeLock, refuseCopies } from './posting.ts';
import { runWith, runWithAsync } from './run-with.ts';
import { Slots } from './slots.ts';
import { nullIfLate } from './tries.ts';
import type { Hold } from '../token.ts';
import { createToken } from '../token.ts';
import type { LockToken, Owner } from '../token.ts';
import { chooseNext, hasWaiters, OWN, TURNS } from './turnstile.ts';
import { NOT_YET } from './waiter.ts';
import type { Door } from './waiter.ts';
import { Waiting } from './waiting.ts';
import type { LockStats } from './stats.ts';

const NO_OPTIONS: LockOptions = {};
const WAYS: Ways = { tries: 'tryAcquire()', waits: 'acquireAsync() or withPermitAsync()' };

/** What a token's number says beside the place. */
const IN_SECTION = 1;
const WITHOUT_SECTION = 0;

/** Its methods are those of `Semaphore`, which tells what they do. */
export class PermitEngine implements Owner {
  readonly handle: LockHandle;
  /** How many there are, free or not. */
  readonly permits: number;
  readonly #words: Int32Array;
  readonly #attachment: Attachment;
  readonly #slots: Slots;
  readonly #waiting: Waiting;
  readonly #door: PermitDoor;
  readonly #asyncDoor: PermitDoor;

  constructor(options: SemaphoreOptions) {
    // A token leads here, and would be copied with it.
    refuseCopies(this, 'Semaphore');
    const { permits } = options;
    const { words, handle } = place('Semaphore', lengthOf('Semaphore', permits), options);
    const found = Atomics.compareExchange(words, OWN, 0, permits);
    if (found !== 0 && found !== permits)
      throw invalid(
        `The Semaphore at byte ${handle.byteOffset} of this buffer has ${found} permits, not ${permits}.`,
      );
    this.handle = handle;
    this.permits = permits;
    this.#words = words;
    this.#attachment = new Attachment(options.thread);
    this.#slots = new Slots(words, agentOf(this.#attachment), {
      places: permits,
      lines: 1,
      count: -1,
    });
    this.#waiting = new Waiting(
      words,
      this.#attachment,
      handle,
      {
        then: 'sleep',
        showWaiters: () => true,
        unreserve: () => undefined,
        otherWays: () => WAYS,
      },
      options.blockMainThread === true,
    );
    this.#door = new PermitDoor(words, this.#slots, this.#attachment);
    this.#asyncDoor = new PermitDoor(words, this.#slots, null);
  }

  get available(): number {
    return this.permits - this.#slots.count();
  }

  acquire(options?: LockOptions): LockToken {
    return this.#token(this.#take(options), IN_SECTION);
  }

  tryAcquire(options: LockOptions = NO_OPTIONS): LockToken | null {
    if (options !== NO_OPTIONS) {
      checkOptions('Semaphore', options);
      if (options.timeout !== undefined) return nullIfLate(() => this.acquire(options));
    }
    const result = this.#waiting.attempt(this.#door, true);
    return result === NOT_YET ? null : this.#token(result, IN_SECTION);
  }

  async acquireAsync(options: AsyncLockOptions = NO_OPTIONS): Promise<LockToken> {
    if (options !== NO_OPTIONS) checkAsyncOptions('Semaphore', options);
    options.signal?.throwIfAborted();
    if (!this.#waiting.hasRequests) {
      const result = this.#waiting.attempt(this.#asyncDoor, false);
      if (result !== NOT_YET) return this.#token(result, WITHOUT_SECTION);
    }
    return this.#waiting.waitAsync(this.#asyncDoor, options, (result) =>
      this.#token(result, WITHOUT_SECTION),
    );
  }

  withPermit<T>(
    run: (hold: Hold) => T extends PromiseLike<unknown> ? never : T,
    options?: LockOptions,
  ): T {
    const result = this.#take(options);
    return runWith(this, whatOf(result, IN_SECTION), this.#wasAbandoned(result), run, 'withPermit');
  }

  async withPermitAsync<T>(
    run: (token: LockToken) => T | PromiseLike<T>,
    options?: AsyncLockOptions,
  ): Promise<T> {
    return runWithAsync(await this.acquireAsync(options), run);
  }

  stats(): LockStats {
    return this.#waiting.stats();
  }

  /** A token's way back. */
  giveBack(what: number): void {
    this.#slots.clear(what >> 1);
    if ((what & IN_SECTION) !== 0) this.#attachment.thread.leave();
    if (!hasWaiters(this.#words)) return;
    chooseNext(this.#words, TURNS, sharedNow);
    this.#waiting.release();
  }

  /** A line about the semaphore, for people. */
  describe(): string {
    return describeLock(this.handle, `${this.available} of ${this.permits} permits available`);
  }

  #take(options: LockOptions = NO_OPTIONS): number {
    if (options !== NO_OPTIONS) checkOptions('Semaphore', options);
    const result = this.#waiting.attempt(this.#door, false);
    if (result !== NOT_YET) return result;
    if (options.timeout !== 0 && this.#slots.countOwn() === this.permits) {
      throw new RseqSliceError(
        'ERR_RSEQ_RECURSIVE_LOCK',
        'This thread holds all permits of the Semaphore and would wait for itself.',
      );
    }
    return this.#waiting.wait(this.#door, options);
  }

  #token(result: number, section: number): LockToken {
    return createToken(this, whatOf(result, section), this.#wasAbandoned(result));
  }

  #wasAbandoned(result: number): boolean {
    if ((result & 1) !== ABANDONED) return false;
    this.#waiting.noteAbandoned();
    return true;
  }
}

/** What is given back: a place, and whether a section is left with it. */
const whatOf = (result: number, section: number): number => (result & ~1) + section;

/** Beside the place in what the doors return. */
const ABANDONED = 1;

class PermitDoor implements Door {
  readonly #words: Int32Array;
  readonly #slots: Slots;
  readonly #attachment: Attachment | null;

  /**
   * @param attachment of the thread whose section is entered before a permit is taken; null: none
   */
  constructor(words: Int32Array, slots: Slots, attachment: Attachment | null) {
    this.#words = words;
    this.#slots = slots;
    this.#attachment = attachment;
  }

  attempt(_isLinedUp: boolean, mayTake: boolean, isLate: boolean): number {
    if (!mayTake && !isLate) return NOT_YET;
    this.#attachment?.thread.enter();
    const free = mayTake ? this.#slots.claim() : -1;
    if (free >= 0) return free * 2;
    const inherited = isLate ? this.#slots.inherit() : -1;
    if (inherited >= 0) return inherited * 2 + ABANDONED;
    this.#attachment?.thread.retract();
    return NOT_YET;
  }

  isOpen(): boolean {
    return this.#slots.hasRoom();
  }

  isKeptByEventLoop(): boolean {
    return false;
  }

  admitsMore(): boolean {
    return hasWaiters(this.#words) && this.#slots.hasRoom();
  }

  cancel(): boolean {
    return false;
  }
}
