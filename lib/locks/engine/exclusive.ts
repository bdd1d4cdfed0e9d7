// SPDX-License-Identifier: MIT
/**
 * A lock that one thread at a time can have: what is in a `Mutex` and in a
 * `SpinLock`, with a section around the holder. They differ in what a waiter
 * does between two looks at the lock.
 *
 * The section begins before the lock is taken and ends after it is free. A
 * waiter is called only then: a system call inside an extension gives the CPU up
 * before it does its work. Nor is a request carried into a sleep.
 *
 * The hot path is two compare-and-swaps and a section, as long as nobody waits:
 * V8 of Node 20 calls a function for every `Atomics`, so there is no third.
 */
import { RseqSliceError } from '../../errors.ts';
import { Outcome, refusePromise } from '../../sections/thread.ts';
import { Attachment } from './attachment.ts';
import { sharedNow } from '../../clock.ts';
import { place } from './layout.ts';
import type { LockHandle } from './layout.ts';
import { agentOf } from './liveness.ts';
import type { Agent } from '../../host/port.ts';
import { checkAsyncOptions, checkOptions } from '../options.ts';
import type { AsyncLockOptions, LockOptions, PlacementOptions, Ways } from '../options.ts';
import type { Hold } from '../token.ts';
import { createToken, resume, whatOf } from '../token.ts';
import type { LockToken, Owner } from '../token.ts';
import { describeLock, refuseCopies } from './posting.ts';
import { holdOf } from './run-with.ts';
import { nullIfLate } from './tries.ts';
import {
  awaitHolder,
  chooseNext,
  FOUND_DEAD,
  HOLD,
  holderOf,
  HOLDS,
  isGateClosed,
  isHeld,
  releaseFast,
  releaseTo,
  RESERVED,
  showWaiters,
  take,
  TURNSTILE_WORDS,
  unreserve,
  unwant,
  WANTED,
} from './turnstile.ts';
import type { TurnRules } from './turnstile.ts';
import { AGAIN, NOT_YET } from './waiter.ts';
import type { Door } from './waiter.ts';
import { Waiting } from './waiting.ts';
import type { LockStats } from './stats.ts';

// Constants of this module, for the reason given in `control-word.ts`.
const STATE = 1;
const FREE = 0;
const HELD_THROUGH = 12;
const NO_TOKEN = 0;
const UNDISTURBED = Outcome.Undisturbed;
const SOUND: Hold = holdOf(false);
const FROM_DEAD: Hold = holdOf(true);
const NO_OPTIONS: LockOptions = {};

/** How a lock was taken, beside the number of the token's hold. */
const IN_SECTION = 1;
const WITHOUT_SECTION = 0;
/** Numbers of holds, which are counted in a word of the lock. */
const HOLD_NUMBERS = 0x1fff_ffff;

/** What the doors return. */
const TAKEN = 0;
const ABANDONED = 1;

const WAYS: Ways = { tries: 'tryLock()', waits: 'lockAsync() or withLockAsync()' };

/** What sets the kinds apart. */
export interface ExclusiveRules {
  /** When those who wait go first. */
  readonly turns: TurnRules;
  /** What a waiter does that has looked for long enough. */
  readonly then: 'sleep' | 'spin';
}

/** Its methods are those of `Mutex` and `SpinLock`, which tell what they do. */
export class ExclusiveEngine implements Owner {
  /** Plain data that names this lock in another thread. */
  readonly handle: LockHandle;
  /** Written once each, see `Thread.word`. */
  declare private readonly words: Int32Array;
  declare private readonly attachment: Attachment;
  declare private readonly id: number;
  readonly #rules: ExclusiveRules;
  readonly #waiting: Waiting;
  /** In a section, and for those who wait in the event loop in none. */
  readonly #door: ExclusiveDoor;
  readonly #asyncDoor: ExclusiveDoor;

  constructor(kind: 'Mutex' | 'SpinLock', rules: ExclusiveRules, options: PlacementOptions) {
    // A token leads here, and would be copied with it.
    refuseCopies(this, kind);
    const { words, handle } = place(kind, TURNSTILE_WORDS, options);
    this.handle = handle;
    this.words = words;
    this.attachment = new Attachment(options.thread);
    const agent = agentOf(this.attachment);
    this.id = agent.id;
    this.#rules = rules;
    this.#waiting = new Waiting(
      words,
      this.attachment,
      handle,
      { then: rules.then, showWaiters, unreserve, otherWays: () => WAYS },
      options.blockMainThread === true,
    );
    this.#door = new ExclusiveDoor(words, agent, this.attachment);
    this.#asyncDoor = new ExclusiveDoor(words, agent, null);
  }

  lock(options: LockOptions = NO_OPTIONS): LockToken {
    return this.#token(IN_SECTION, this.take(options));
  }

  /** As `enter()`. @returns whether the one who held the lock before died with it */
  take(options: LockOptions = NO_OPTIONS): boolean {
    if (options !== NO_OPTIONS) checkOptions(this.handle.lock, options);
    this.attachment.thread.enter();
    const found = Atomics.compareExchange(this.words, STATE, FREE, this.id);
    return found === FREE ? false : this.#takeSlowly(found, options);
  }

  /** Whether this thread holds the lock, and took it from one who had died with it. */
  get abandoned(): boolean {
    const { words } = this;
    return (words[HOLD] ?? 0) < 0 && holderOf(Atomics.load(words, STATE)) === this.id;
  }

  leave(): Outcome {
    if (
      this.words[HELD_THROUGH] === NO_TOKEN &&
      Atomics.compareExchange(this.words, STATE, this.id, FREE) === this.id
    )
      return this.attachment.thread.leave();
    return this.#leaveSlowly();
  }

  tryLock(options: LockOptions = NO_OPTIONS): LockToken | null {
    if (options !== NO_OPTIONS) {
      checkOptions(this.handle.lock, options);
      if (options.timeout !== undefined) return nullIfLate(() => this.lock(options));
    }
    this.attachment.thread.enter();
    const found = Atomics.compareExchange(this.words, STATE, FREE, this.id);
    if (found === FREE || this.#takeWanted(found)) return this.#token(IN_SECTION, false);
    this.attachment.thread.retract();
    const result = this.#waiting.attempt(this.#door, true);
    return result === NOT_YET ? null : this.#token(IN_SECTION, this.#wasAbandoned(result));
  }

  withLock<T>(
    run: (hold: Hold) => T extends PromiseLike<unknown> ? never : T,
    options: LockOptions = NO_OPTIONS,
  ): T {
    let result: T;
    const abandoned = this.take(options);
    try {
      result = run(abandoned ? FROM_DEAD : SOUND);
    } finally {
      this.leave();
    }
    if (typeof result === 'object' && result !== null && 'then' in result)
      refusePromise(result, 'withLock', 'Use withLockAsync().');
    return result;
  }

  async lockAsync(options: AsyncLockOptions = NO_OPTIONS): Promise<LockToken> {
    if (options !== NO_OPTIONS) checkAsyncOptions(this.handle.lock, options);
    options.signal?.throwIfAborted();
    if (!this.#waiting.hasRequests) {
      const result = this.#waiting.attempt(this.#asyncDoor, false);
      if (result >= 0) return this.#token(WITHOUT_SECTION, this.#wasAbandoned(result));
    }
    return this.#waiting.waitAsync(this.#asyncDoor, options, (result) =>
      this.#token(WITHOUT_SECTION, this.#wasAbandoned(result)),
    );
  }

  async withLockAsync<T>(
    run: (token: LockToken) => T | PromiseLike<T>,
    options: AsyncLockOptions = NO_OPTIONS,
  ): Promise<T> {
    const token = await this.lockAsync(options);
    try {
      return await run(token);
    } finally {
      token.unlock();
    }
  }

  stats(): LockStats {
    return this.#waiting.stats();
  }

  /** Takes the lock for a token that had it before, wherever that is and however long it takes. */
  takeAgain(token: LockToken): void {
    const section = whatOf(token) & IN_SECTION;
    // Whose token is in no section needs none, nor a thread that may not be had.
    const door = section === IN_SECTION ? this.#door : this.#asyncDoor;
    let result = this.#waiting.attempt(door, false);
    if (result === NOT_YET) result = this.#waiting.waitAnyway(door);
    this.#resume(token, section, result);
  }

  /**
   * The same in the event loop, in no section. The token holds the lock from the moment
   * it is there, so that nobody else is to be told how it was found.
   * @param unlocked ends that, and rejects
   */
  async takeAgainAsync(token: LockToken, unlocked: AbortSignal): Promise<void> {
    const goOn = (result: number): void => {
      this.#resume(token, WITHOUT_SECTION, result);
    };
    const result = this.#waiting.hasRequests
      ? NOT_YET
      : this.#waiting.attempt(this.#asyncDoor, false);
    if (result === NOT_YET)
      await this.#waiting.waitAsync(this.#asyncDoor, { signal: unlocked }, goOn);
    else goOn(result);
  }

  /** A token's way back. */
  giveBack(what: number): void {
    const hold = what >> 1;
    const section = what & IN_SECTION;
    const { words } = this;
    // No two holds of a lock have the same number, so this one is ours.
    if (words[HELD_THROUGH] !== hold) this.#refuseRelease(hold);
    words[HELD_THROUGH] = NO_TOKEN;
    if (!releaseFast(words, this.id)) this.#passOn(section);
    else if (section === IN_SECTION) this.attachment.thread.leave();
  }

  /** A line about the lock, for people. */
  describe(): string {
    return describeLock(this.handle, this.#describeHolder());
  }

  /** Takes a lock that is free, though others wait, in the section that was entered for it. */
  #takeWanted(found: number): boolean {
    return found === WANTED && take(this.words, WANTED, this.id, false);
  }

  #takeSlowly(found: number, options: LockOptions): boolean {
    if (this.#takeWanted(found)) return false;
    this.attachment.thread.retract();
    if (options.timeout !== 0 && holderOf(Atomics.load(this.words, STATE)) === this.id) {
      throw new RseqSliceError(
        'ERR_RSEQ_RECURSIVE_LOCK',
        `This thread already holds the ${this.handle.lock} and would wait for itself.`,
      );
    }
    // Free, and others wait: whoever comes may still take it, while the gate is open.
    let result = this.#waiting.attempt(this.#door, false);
    if (result === NOT_YET) result = this.#waiting.wait(this.#door, options);
    return this.#wasAbandoned(result);
  }

  #wasAbandoned(result: number): boolean {
    if (result !== ABANDONED) return false;
    this.#waiting.noteAbandoned();
    return true;
  }

  #resume(token: LockToken, section: number, result: number): void {
    const abandoned = this.#wasAbandoned(result);
    resume(token, this, this.#hold(section, abandoned), abandoned);
  }

  #token(section: number, abandoned: boolean): LockToken {
    return createToken(this, this.#hold(section, abandoned), abandoned);
  }

  /**
   * Marks the lock, which this thread holds, as held through a token.
   * @returns what that token gives back
   */
  #hold(section: number, abandoned: boolean): number {
    const { words } = this;
    const number = ((words[HOLDS] ?? 0) & HOLD_NUMBERS) + 1;
    const hold = abandoned ? -number : number;
    words[HOLDS] = number & HOLD_NUMBERS;
    words[HOLD] = hold;
    return hold * 2 + section;
  }

  #leaveSlowly(): Outcome {
    const { words } = this;
    const state = Atomics.load(words, STATE);
    const hold = words[HOLD];
    const isBare = hold === NO_TOKEN || hold === FOUND_DEAD;
    if (!isBare || !isHeld(state) || holderOf(state) !== this.id) this.#refuseRelease(NO_TOKEN);
    // Before it is free: the next one was not told of anybody's death.
    words[HOLD] = NO_TOKEN;
    return hold === FOUND_DEAD && releaseFast(words, this.id)
      ? this.attachment.thread.leave()
      : this.#passOn(IN_SECTION);
  }

  #refuseRelease(hold: number): never {
    const { lock } = this.handle;
    const isOurs = holderOf(Atomics.load(this.words, STATE)) === this.id;
    const why = !isOurs
      ? `This thread does not hold the ${lock}, and cannot release it.`
      : hold === NO_TOKEN
        ? `The ${lock} is held through a token: call the token's unlock(); leave() is for what enter() took.`
        : `The ${lock} is no longer held through this token.`;
    throw new RseqSliceError('ERR_RSEQ_NOT_LOCKED', why);
  }

  #passOn(section: number): Outcome {
    const { words } = this;
    const next = chooseNext(words, this.#rules.turns, sharedNow);
    releaseTo(words, next);
    const outcome = section === IN_SECTION ? this.attachment.thread.leave() : UNDISTURBED;
    if (next === WANTED) unwant(words);
    // Also those who lined up before the lock was free, and after that was decided.
    this.#waiting.release();
    return outcome;
  }

  #describeHolder(): string {
    const state = Atomics.load(this.words, STATE);
    if (!isHeld(state)) return 'free';
    return holderOf(state) === this.id ? 'held by this thread' : 'held by another thread';
  }
}

class ExclusiveDoor implements Door {
  readonly #words: Int32Array;
  readonly #agent: Agent;
  readonly #attachment: Attachment | null;

  /**
   * @param attachment of the thread whose section is entered before the lock is taken; null: none
   */
  constructor(words: Int32Array, agent: Agent, attachment: Attachment | null) {
    this.#words = words;
    this.#agent = agent;
    this.#attachment = attachment;
  }

  attempt(isLinedUp: boolean, mayTake: boolean, isLate: boolean): number {
    const words = this.#words;
    const state = Atomics.load(words, STATE);
    const isDead = isLate && isHeld(state) && this.#agent.hasEnded(holderOf(state));
    if (isHeld(state) && !isDead) {
      // Only when the holder knows of us may we sleep: its release will call.
      return !isLinedUp || awaitHolder(words, state) ? NOT_YET : AGAIN;
    }
    // When a holder has died, so may have those inside: it is anybody's.
    if (!mayTake && !isDead) return NOT_YET;
    if (!isLinedUp && state === RESERVED && isGateClosed(words)) return NOT_YET;
    this.#attachment?.thread.enter();
    if (!take(words, state, this.#agent.id, isLinedUp)) {
      this.#attachment?.thread.retract();
      return AGAIN;
    }
    if (!isDead) return TAKEN;
    words[HOLD] = FOUND_DEAD;
    return ABANDONED;
  }

  isOpen(): boolean {
    return !isHeld(Atomics.load(this.#words, STATE));
  }

  isKeptByEventLoop(): boolean {
    return false;
  }

  admitsMore(): boolean {
    return false;
  }

  cancel(): boolean {
    return false;
  }
}
