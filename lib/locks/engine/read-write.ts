// SPDX-License-Identifier: MIT
/**
 * A lock for one writer or many readers: what is in an `RwLock`. Each reader has a place of its
 * own, so readers do not fight for one word, and a dead one is found. A writer first claims the
 * lock, which keeps new readers out, and writes when those who were in have left. Whoever cannot
 * get in waits in one line, readers and writers.
 */
import { RseqSliceError } from '../../errors.ts';
import { Attachment } from './attachment.ts';
import { leftUntil, sharedNow } from '../../clock.ts';
import { FIRST, lengthOf, LINE_WORDS, MOST_READERS, place, READER_LINES } from './layout.ts';
import type { LockHandle } from './layout.ts';
import { agentOf } from './liveness.ts';
import type { Agent } from '../../host/port.ts';
import { checkAsyncOptions, checkOptions, deadlineOf } from '../options.ts';
import type { AsyncLockOptions, LockOptions, PlacementOptions, Ways } from '../options.ts';
import { Looking } from './pause.ts';
import { describeLock, refuseCopies } from './posting.ts';
import { ABANDONED, ReadDoor, WriteDoor } from './read-write-doors.ts';
import type { Shared } from './read-write-doors.ts';
import { runWith, runWithAsync } from './run-with.ts';
import { Slots } from './slots.ts';
import type { Row } from './slots.ts';
import { nullIfLate } from './tries.ts';
import type { Hold } from '../token.ts';
import { createToken } from '../token.ts';
import type { LockToken, Owner } from '../token.ts';
import { chooseNext, hasWaiters, STATE, TURNS } from './turnstile.ts';
import { AGAIN, NOT_YET } from './waiter.ts';
import { Waiting } from './waiting.ts';
import type { LockStats } from './stats.ts';
import {
  CLAIMED_SINCE,
  clearWriter,
  DRAIN,
  isClaimed,
  isWritten,
  listenForReaders,
  stopListening,
  tellOfReader,
  writerOf,
} from './writer.ts';

const ROW: Row = {
  places: MOST_READERS,
  lines: READER_LINES,
  // The last word of the first line, where no place is.
  count: FIRST + LINE_WORDS - 1,
};
const NO_OPTIONS: LockOptions = {};
const READING: Ways = { tries: 'tryReadLock()', waits: 'readLockAsync() or withReadLockAsync()' };
const WRITING: Ways = {
  tries: 'tryWriteLock()',
  waits: 'writeLockAsync() or withWriteLockAsync()',
};

/** What a token's number says beside a reader's place. */
const IN_SECTION = 1;
const WITHOUT_SECTION = 0;
/** In the place of a place. */
const WRITER = 0;

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
