// SPDX-License-Identifier: MIT
/**
 * A lock for one writer or many readers: what is in an `RwLock`. Each reader has a place of its
 * own, so readers do not fight for one word, and a dead one is found. A writer first claims the
 * lock, which keeps new readers out, and writes when those who were in have left. Whoever cannot
 * get in waits in one line, readers and writers.
 */
import { RseqSliceError } from '../../errors.ts';
import { Attachment } from './attachment.ts';
import { leftUntil, sharedNow, since } from '../../clock.ts';
import { FIRST, lengthOf, LINE_WORDS, MOST_READERS, place, READER_LINES } from './layout.ts';
import type { LockHandle } from './layout.ts';
import { agentOf } from './liveness.ts';
import type { Agent } from '../../host/port.ts';
import { checkAsyncOptions, checkOptions, deadlineOf } from '../options.ts';
import type { AsyncLockOptions, LockOptions, PlacementOptions, Ways } from '../options.ts';
import { Looking } from './pause.ts';
import { describeLock, refuseCopies } from './posting.ts';
import { runWith, runWithAsync } from './run-with.ts';
import { Slots } from './slots.ts';
import type { Row } from './slots.ts';
import { nullIfLate } from './tries.ts';
import type { Hold } from '../token.ts';
import { createToken } from '../token.ts';
import type { LockToken, Owner } from '../token.ts';
import { chooseNext, EVENT_LOOP_LEASE, hasWaiters, OWN, STATE, TURNS } from './turnstile.ts';
import { AGAIN, NOT_YET } from './waiter.ts';
import type { Door } from './waiter.ts';
import { Waiting } from './waiting.ts';
import type { LockStats } from './stats.ts';
import {
  claimWriting,
  clearWriter,
  confirmWriting,
  DRAIN,
  isClaimed,
  isClaimedByEventLoop,
  isWritten,
  leaveTorn,
  listenForReaders,
  stopListening,
  tellOfReader,
  TORN,
  withdrawClaim,
  writerOf,
} from './writer.ts';

const ROW: Row = {
  places: MOST_READERS,
  lines: READER_LINES,
  // The last word of the first line, where no place is.
  count: FIRST + LINE_WORDS - 1,
};
const NO_OPTIONS: LockOptions = {};
const READING: Ways = { tries: 'tryReadLock()', waits: 'withReadLockAsync()' };
const WRITING: Ways = { tries: 'tryWriteLock()', waits: 'withWriteLockAsync()' };

/** When an event loop claimed the lock last, or a reader left after that. */
const CLAIMED_SINCE = OWN + 1;

/** What a token's number says beside a reader's place. */
const IN_SECTION = 1;
const WITHOUT_SECTION = 0;
/** In the place of a place. */
const WRITER = 0;
/** Beside the place in what the doors return. */
const ABANDONED = 1;

/** Its methods are those of `RwLock`, which tells what they do. */
export class ReadWriteEngine implements Owner {
  readonly handle: LockHandle;
  readonly #words: Int32Array;
  readonly #agent: Agent;
  readonly #attachment: Attachment;
  readonly #slots: Slots;
  readonly #waiting: Waiting;
  readonly #shared: Shared;
  readonly #readDoor: ReadDoor;
  readonly #readAsyncDoor: ReadDoor;
  readonly #writeDoor: WriteDoor;

  constructor(options: PlacementOptions) {
    // A token leads here, and would be copied with it.
    refuseCopies(this, 'RwLock');
    const { words, handle } = place('RwLock', lengthOf('RwLock'), options);
    this.handle = handle;
    this.#words = words;
    this.#attachment = new Attachment(options.thread);
    this.#agent = agentOf(this.#attachment);
    this.#slots = new Slots(words, this.#agent, ROW);
    this.#waiting = new Waiting(
      words,
      this.#attachment,
      handle,
      {
        then: 'sleep',
        showWaiters: () => true,
        unreserve: () => undefined,
        otherWays: (door) => (door === this.#writeDoor ? WRITING : READING),
      },
      options.blockMainThread === true,
    );
    this.#shared = {
      words,
      agent: this.#agent,
      slots: this.#slots,
      tellWriter: this.#tellWriter,
      noteAbandoned: () => {
        this.#waiting.noteAbandoned();
      },
    };
    this.#readDoor = new ReadDoor(this.#shared, this.#attachment);
    this.#readAsyncDoor = new ReadDoor(this.#shared, null);
    this.#writeDoor = new WriteDoor(this.#shared, false);
  }

  readLock(options?: LockOptions): LockToken {
    return this.#token(this.#read(options), IN_SECTION);
  }

  tryReadLock(options: LockOptions = NO_OPTIONS): LockToken | null {
    if (options !== NO_OPTIONS) {
      checkOptions('RwLock', options);
      if (options.timeout !== undefined) return nullIfLate(() => this.readLock(options));
    }
    const result = this.#waiting.attempt(this.#readDoor, true);
    return result === NOT_YET ? null : this.#token(result, IN_SECTION);
  }

  async readLockAsync(options: AsyncLockOptions = NO_OPTIONS): Promise<LockToken> {
    if (options !== NO_OPTIONS) checkAsyncOptions('RwLock', options);
    options.signal?.throwIfAborted();
    if (!this.#waiting.hasRequests) {
      const result = this.#waiting.attempt(this.#readAsyncDoor, false);
      if (result !== NOT_YET) return this.#token(result, WITHOUT_SECTION);
    }
    return this.#waiting.waitAsync(this.#readAsyncDoor, options, (result) =>
      this.#token(result, WITHOUT_SECTION),
    );
  }

  writeLock(options?: LockOptions): LockToken {
    return this.#token(this.#write(options), IN_SECTION);
  }

  tryWriteLock(options: LockOptions = NO_OPTIONS): LockToken | null {
    if (options !== NO_OPTIONS) {
      checkOptions('RwLock', options);
      if (options.timeout !== undefined) return nullIfLate(() => this.writeLock(options));
    }
    const result = this.#tryWrite(true);
    return result === NOT_YET ? null : this.#token(result, IN_SECTION);
  }

  async writeLockAsync(options: AsyncLockOptions = NO_OPTIONS): Promise<LockToken> {
    if (options !== NO_OPTIONS) checkAsyncOptions('RwLock', options);
    options.signal?.throwIfAborted();
    // A door per request: it remembers whether it has claimed the lock.
    const door = new WriteDoor(this.#shared, true);
    if (!this.#waiting.hasRequests) {
      const result = this.#waiting.attempt(door, false);
      if (result !== NOT_YET) return this.#token(result, WITHOUT_SECTION);
    }
    return this.#waiting.waitAsync(door, options, (result) => this.#token(result, WITHOUT_SECTION));
  }

  withReadLock<T>(
    run: (hold: Hold) => T extends PromiseLike<unknown> ? never : T,
    options?: LockOptions,
  ): T {
    return this.#runWith(this.#read(options), run, 'withReadLock');
  }

  withWriteLock<T>(
    run: (hold: Hold) => T extends PromiseLike<unknown> ? never : T,
    options?: LockOptions,
  ): T {
    return this.#runWith(this.#write(options), run, 'withWriteLock');
  }

  async withReadLockAsync<T>(
    run: (token: LockToken) => T | PromiseLike<T>,
    options?: AsyncLockOptions,
  ): Promise<T> {
    return runWithAsync(await this.readLockAsync(options), run);
  }

  async withWriteLockAsync<T>(
    run: (token: LockToken) => T | PromiseLike<T>,
    options?: AsyncLockOptions,
  ): Promise<T> {
    return runWithAsync(await this.writeLockAsync(options), run);
  }

  stats(): LockStats {
    return this.#waiting.stats();
  }

  /** A token's way back. */
  giveBack(what: number): void {
    const place = what >> 1;
    if (place === WRITER) clearWriter(this.#words);
    else this.#slots.clear(place);
    if ((what & IN_SECTION) !== 0) this.#attachment.thread.leave();
    // Nobody else can get in when a writer has claimed it.
    if (place === WRITER || !this.#tellWriter()) this.#passOn();
  }

  /** A line about the lock, for people. */
  describe(): string {
    const state = Atomics.load(this.#words, STATE);
    const readers = this.#slots.count();
    return describeLock(
      this.handle,
      isWritten(state) && !isClaimed(state)
        ? 'written'
        : readers > 0
          ? `read by ${readers}`
          : 'free',
    );
  }

  #read(options: LockOptions = NO_OPTIONS): number {
    if (options !== NO_OPTIONS) checkOptions('RwLock', options);
    const result = this.#waiting.attempt(this.#readDoor, false);
    if (result !== NOT_YET) return result;
    if (options.timeout !== 0) this.#refuseRecursion();
    return this.#waiting.wait(this.#readDoor, options);
  }

  #write(options: LockOptions = NO_OPTIONS): number {
    if (options !== NO_OPTIONS) checkOptions('RwLock', options);
    const deadline = deadlineOf(options.timeout);
    this.#awaitGap(deadline);
    let claimed = this.#waiting.attempt(this.#writeDoor, false);
    for (;;) {
      if (claimed === NOT_YET) {
        if (options.timeout !== 0) this.#refuseRecursion();
        this.#waiting.wait(this.#writeDoor, options, deadline);
      }
      const result = this.#drain(options, deadline);
      if (result !== NOT_YET) return result;
      claimed = NOT_YET;
    }
  }

  /**
   * Lets readers go on for a while until none is in: a claim keeps those out who come, and one that
   * is in may have lost its CPU.
   */
  #awaitGap(deadline: number): void {
    if (this.#slots.looksEmpty()) return;
    for (const looking = new Looking(deadline); looking.goesOn();)
      if (this.#slots.looksEmpty()) return;
  }

  #passOn(): void {
    if (!hasWaiters(this.#words)) return;
    chooseNext(this.#words, TURNS, sharedNow);
    this.#waiting.release();
  }

  /**
   * A reader has left: a writer that has claimed the lock is woken.
   * @returns whether there is one
   */
  readonly #tellWriter = (): boolean => {
    const words = this.#words;
    if (!isClaimed(Atomics.load(words, STATE))) return false;
    Atomics.store(words, CLAIMED_SINCE, sharedNow());
    // Both: the claim may be a thread's or an event loop's by now.
    if (tellOfReader(words)) this.#waiting.wakeOn(DRAIN);
    this.#waiting.ring();
    return true;
  };

  /** Claims the lock and takes it if nobody reads; else leaves it as it was. */
  #tryWrite(isLate: boolean): number {
    const door = this.#writeDoor;
    const claimed = this.#waiting.attempt(door, isLate);
    if (claimed === NOT_YET) return NOT_YET;
    const result = this.#confirm(isLate);
    if (result >= 0) return result;
    if (door.cancel()) this.#waiting.callNext();
    return NOT_YET;
  }

  /** As {@link WriteDoor.confirm}, in a section if it is taken. */
  #confirm(isLate: boolean): number {
    this.#attachment.thread.enter();
    const result = this.#writeDoor.confirm(isLate);
    if (result < 0) this.#attachment.thread.retract();
    return result;
  }

  /**
   * Waits until those who read have left.
   * @returns {@link NOT_YET}: the claim was lost, so line up again
   */
  #drain({ timeout }: LockOptions, deadline: number): number {
    let result = this.#confirm(true);
    if (result === NOT_YET) {
      try {
        if (timeout !== 0) {
          this.#refuseRecursion();
          this.#waiting.assertMayBlock(this.#writeDoor);
        }
        result = this.#lookOn(deadline);
        if (result === NOT_YET) result = this.#sleepUntilConfirmed(deadline);
        if (result === NOT_YET) throw this.#waiting.giveUp(timeout);
      } catch (error) {
        if (this.#writeDoor.cancel()) this.#waiting.callNext();
        throw error;
      }
    }
    return result === AGAIN ? NOT_YET : result;
  }

  /** Looks for a while whether those who read have left. */
  #lookOn(deadline: number): number {
    for (const looking = new Looking(deadline); looking.goesOn();) {
      const result = this.#slots.isEmpty() ? this.#confirm(false) : NOT_YET;
      if (result !== NOT_YET) return result;
    }
    return NOT_YET;
  }

  /** Sleeps until those who read have left, or the time is over. */
  #sleepUntilConfirmed(deadline: number): number {
    const words = this.#words;
    for (let isLate = false; ;) {
      const seen = listenForReaders(words);
      const result = this.#confirm(isLate);
      const left = leftUntil(deadline);
      if (result !== NOT_YET || left <= 0) {
        stopListening(words);
        return result;
      }
      isLate = this.#waiting.sleepOn(DRAIN, seen, left) === 'timed out';
    }
  }

  /** @param result a reader's place or {@link WRITER}, twice, and {@link ABANDONED} */
  #token(result: number, section: number): LockToken {
    return createToken(this, (result & ~1) + section, (result & 1) === ABANDONED);
  }

  #runWith<T>(result: number, run: (hold: Hold) => T, caller: string): T {
    const what = (result & ~1) + IN_SECTION;
    return runWith(this, what, (result & 1) === ABANDONED, run, caller);
  }

  #refuseRecursion(): void {
    const state = Atomics.load(this.#words, STATE);
    // What an event loop has claimed is no hold, and goes by.
    const isWriting = !isClaimed(state) && writerOf(state) === this.#agent.id;
    if (!isWriting && this.#slots.countOwn() === 0) return;
    throw new RseqSliceError(
      'ERR_RSEQ_RECURSIVE_LOCK',
      'This thread already holds the RwLock and would wait for itself.',
    );
  }
}

/** What the doors of one lock have in common. */
interface Shared {
  readonly words: Int32Array;
  readonly agent: Agent;
  readonly slots: Slots;
  /** Wakes a writer that waits for readers to leave. */
  readonly tellWriter: () => boolean;
  readonly noteAbandoned: () => void;
}

/**
 * Looks at the writer's word for one who wants in.
 * @returns {@link AGAIN} when it was changed, {@link NOT_YET} when a writer is in or has claimed
 * the lock; 0: nobody writes
 */
function lookAtWriter(
  { words, agent, slots, noteAbandoned }: Shared,
  state: number,
  isLate: boolean,
): number {
  if (!isWritten(state)) return 0;
  if (isLate && agent.hasEnded(writerOf(state))) {
    if (isClaimed(state)) withdrawClaim(words, state);
    else if (leaveTorn(words, state)) noteAbandoned();
    return AGAIN;
  }
  // A claim of an event loop that does not come round, while nobody reads, is in nobody's way for
  // long.
  if (
    !isClaimedByEventLoop(state) ||
    since(Atomics.load(words, CLAIMED_SINCE), sharedNow()) <= EVENT_LOOP_LEASE
  )
    return NOT_YET;
  // It would do that itself, if it came round.
  if (isLate) slots.clearDead();
  if (!slots.isEmpty()) return NOT_YET;
  withdrawClaim(words, state);
  return AGAIN;
}

class ReadDoor implements Door {
  readonly #shared: Shared;
  readonly #attachment: Attachment | null;

  /**
   * @param attachment of the thread whose section is entered before the lock is taken; null: none
   */
  constructor(shared: Shared, attachment: Attachment | null) {
    this.#shared = shared;
    this.#attachment = attachment;
  }

  attempt(_isLinedUp: boolean, mayTake: boolean, isLate: boolean): number {
    const { words, slots, tellWriter } = this.#shared;
    const writer = lookAtWriter(this.#shared, Atomics.load(words, STATE), isLate);
    if (writer !== 0) return writer;
    if (!mayTake) return NOT_YET;
    this.#attachment?.thread.enter();
    const place = slots.claim();
    if (place < 0) {
      this.#attachment?.thread.retract();
      return isLate && slots.clearDead() ? AGAIN : NOT_YET;
    }
    const state = Atomics.load(words, STATE);
    if (!isWritten(state)) return place * 2 + (state === TORN ? ABANDONED : 0);
    // A writer that came meanwhile has seen our place, or we see its claim here.
    slots.clear(place);
    this.#attachment?.thread.retract();
    tellWriter();
    return AGAIN;
  }

  isOpen(): boolean {
    return !isWritten(Atomics.load(this.#shared.words, STATE)) && this.#shared.slots.hasRoom();
  }

  isKeptByEventLoop(): boolean {
    return isClaimedByEventLoop(Atomics.load(this.#shared.words, STATE));
  }

  admitsMore(): boolean {
    return hasWaiters(this.#shared.words) && this.isOpen();
  }

  cancel(): boolean {
    return false;
  }
}

/** Lets a thread claim the lock; an event loop, which sleeps at the door only, also take it. */
class WriteDoor implements Door {
  readonly #shared: Shared;
  readonly #isEventLoop: boolean;
  /** The word that this door has put there; 0: it has not claimed the lock. */
  #claim = 0;

  constructor(shared: Shared, isEventLoop: boolean) {
    this.#shared = shared;
    this.#isEventLoop = isEventLoop;
  }

  attempt(_isLinedUp: boolean, mayTake: boolean, isLate: boolean): number {
    if (this.#claim === 0) {
      const { words, agent } = this.#shared;
      const state = Atomics.load(words, STATE);
      const writer = lookAtWriter(this.#shared, state, isLate);
      if (writer !== 0) return writer;
      if (!mayTake) return NOT_YET;
      this.#claim = claimWriting(words, state, agent.id, this.#isEventLoop);
      if (this.#claim === 0) return AGAIN;
      if (this.#isEventLoop) Atomics.store(words, CLAIMED_SINCE, sharedNow());
    }
    return this.#isEventLoop ? this.confirm(isLate) : 0;
  }

  /**
   * Takes the lock that was claimed.
   * @returns whether a writer has died with it; {@link NOT_YET}: others read; {@link AGAIN}: the
   * claim was lost
   */
  confirm(isLate: boolean): number {
    const { words, slots } = this.#shared;
    const claim = this.#claim;
    if (Atomics.load(words, STATE) === claim) {
      if (isLate) slots.clearDead();
      if (!slots.isEmpty()) return NOT_YET;
    }
    this.#claim = 0;
    return confirmWriting(words, claim) ? (claim < 0 ? ABANDONED : 0) : AGAIN;
  }

  isOpen(): boolean {
    return !isWritten(Atomics.load(this.#shared.words, STATE));
  }

  isKeptByEventLoop(): boolean {
    return this.#claim === 0 && isClaimedByEventLoop(Atomics.load(this.#shared.words, STATE));
  }

  admitsMore(): boolean {
    return false;
  }

  cancel(): boolean {
    const claim = this.#claim;
    this.#claim = 0;
    return claim !== 0 && withdrawClaim(this.#shared.words, claim);
  }
}
