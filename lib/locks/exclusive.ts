/**
 * A lock that one thread at a time can have: the way in and out that `Mutex` and
 * `SpinLock` share, with a section around the holder. They differ in what a
 * waiter does between two looks at the lock.
 *
 * The section begins before the lock is taken and ends after it is free. A
 * waiter is called only then: a system call inside an extension gives the CPU up
 * before it does its work. Nor is a request carried into a sleep.
 *
 * The hot path is two compare-and-swaps and a section, as long as nobody waits:
 * V8 of Node 20 calls a function for every `Atomics`, so there is no third.
 */
import { attach } from '../attach.ts';
import { LOCK_ABANDONED, LOCK_TIMEOUT, publishLater } from '../channels.ts';
import type { LockMessage } from '../channels.ts';
import { RseqSliceError } from '../errors.ts';
import { refusePromise } from '../thread.ts';
import type { Thread } from '../thread.ts';
import { currentAgent } from './agents.ts';
import type { Agent } from './agents.ts';
import { place } from './layout.ts';
import type { LockHandle, LockKind } from './layout.ts';
import { checkOptions, deadlineOf, MAIN_THREAD, refuseToBlock, timedOut } from './options.ts';
import type { AsyncLockOptions, LockOptions, PlacementOptions } from './options.ts';
import { createParking, POLL, sleepAsync } from './parking.ts';
import type { Bed, Parking, Wake } from './parking.ts';
import { recordLock } from './recording.ts';
import type { LockRecording } from './recording.ts';
import { Requests } from './requests.ts';
import { LockToken } from './token.ts';
import type { Owner } from './token.ts';
import {
  call,
  chooseNext,
  ENGINE_SLEEPERS,
  hasWaiters,
  holderOf,
  isHeld,
  markCalled,
  overtakingBound,
  releaseFast,
  releaseTo,
  showWaiters,
  tryTake,
  TURNSTILE_WORDS,
  unreserve,
} from './turnstile.ts';
import { Look, Waiter } from './waiter.ts';

/** What this object has seen in this thread. The way in that meets nobody counts nothing. */
export interface LockStats {
  /** How often the lock was not to be had at once. */
  readonly contended: number;
  /** How often a waiter went to sleep, at least once, until it had the lock or gave up. */
  readonly parked: number;
  /** How often others were called. */
  readonly called: number;
  /** How often it was taken over from a holder that died. */
  readonly abandoned: number;
  /** How often waiting ended without it. */
  readonly gaveUp: number;
}

// Constants of this module, for the reason given in `control-word.ts`.
const STATE = 1;
const FREE = 0;
const NO_OPTIONS: LockOptions = {};

/** How a lock was taken. */
const IN_SECTION = 1;
const WITHOUT_SECTION = 0;

export abstract class ExclusiveLock implements Owner {
  /** @internal What messages call it: a lock may be part of another one. */
  readonly name: string;
  /** Plain data that names this lock in another thread. */
  readonly handle: LockHandle;
  /** Written once each, see `Thread.word`. */
  protected declare readonly words: Int32Array;
  protected declare readonly thread: Thread;
  private declare readonly id: number;
  private declare readonly mayBlock: boolean;
  private declare readonly limit: number;
  protected readonly parking: Parking;
  protected readonly bed: Bed;
  protected contended = 0;
  protected parked = 0;
  protected called = 0;
  readonly #agent: Agent;
  readonly #requests: Requests;
  /** null: the thread is not recorded. */
  readonly #recording: LockRecording | null;
  #abandoned = 0;
  #gaveUp = 0;

  protected constructor(kind: LockKind, limit: number, buffer: SharedArrayBuffer | undefined, byteOffset: number, options: PlacementOptions & { readonly name?: string }) {
    checkOptions(kind, options);
    const { words, handle } = place(kind, TURNSTILE_WORDS, buffer, byteOffset);
    this.handle = handle;
    this.name = options.name ?? kind;
    this.#agent = currentAgent();
    this.words = words;
    this.thread = options.thread ?? attach();
    this.id = this.#agent.id;
    this.mayBlock = !MAIN_THREAD || options.blockMainThread === true;
    this.limit = limit;
    this.parking = createParking();
    this.bed = { words, sleepers: ENGINE_SLEEPERS };
    this.#requests = new Requests(() => this.#serve());
    this.#recording = recordLock(this.thread, this.name, words);
  }

  /**
   * Takes the lock, waiting for it. The section around the holder ends with the token.
   * @throws {RseqSliceError} `ERR_RSEQ_TIMEOUT`; `ERR_RSEQ_RECURSIVE_LOCK` when this thread holds it;
   * `ERR_RSEQ_WOULD_BLOCK` in the main thread, unless the lock was made with `blockMainThread`.
   */
  lock(options: LockOptions = NO_OPTIONS): LockToken {
    return new LockToken(this, IN_SECTION, this.acquire(options));
  }

  /**
   * The same without a token, for code that counts nanoseconds: it allocates nothing. Every `acquire` needs its
   * {@link release}, in a `finally`.
   * @returns whether the one who held the lock before died with it.
   */
  acquire(options: LockOptions = NO_OPTIONS): boolean {
    if (!this.mayBlock) refuseToBlock(this.name);
    this.thread.enter();
    if (Atomics.compareExchange(this.words, STATE, FREE, this.id) === FREE) return false;
    this.thread.leave();
    return this.#acquireSlowly(options);
  }

  /**
   * Releases what {@link acquire} took, and leaves its section.
   * @throws {RseqSliceError} `ERR_RSEQ_NOT_LOCKED` when this thread does not hold the lock.
   */
  release(): void {
    if (Atomics.compareExchange(this.words, STATE, this.id, FREE) === this.id) this.thread.leave();
    else this.#releaseSlowly(IN_SECTION);
  }

  /** Takes the lock if it is to be had at once; null: it is not. Never waits, nor refuses. */
  tryLock(): LockToken | null {
    return this.tryEnter() ? new LockToken(this, IN_SECTION, false) : null;
  }

  /** Runs a synchronous function with the lock held and returns its result. What it throws is thrown on, the lock released. */
  withLock<T>(run: () => T extends PromiseLike<unknown> ? never : T, options: LockOptions = NO_OPTIONS): T {
    let result: T;
    this.acquire(options);
    try {
      result = run();
    } finally {
      this.release();
    }
    if (typeof result === 'object' && result !== null && 'then' in result) refusePromise(result, 'withLock', 'Use withLockAsync().');
    return result;
  }

  /**
   * Takes the lock without blocking the thread, which stays alive while it waits. Requests of one thread are served in
   * their order. The holder is in no section: it may be held across an `await`.
   * @throws {RseqSliceError} rejects with `ERR_RSEQ_TIMEOUT`, or with the signal's reason. Both are about waiting only.
   */
  async lockAsync(options: AsyncLockOptions = {}): Promise<LockToken> {
    options.signal?.throwIfAborted();
    const deadline = deadlineOf(options.timeout);
    if (this.#requests.isEmpty() && tryTake(this.words, this.id)) return new LockToken(this, WITHOUT_SECTION, false);
    this.contended++;
    const abandoned = await this.#requests.add(deadline, options.signal, () => timedOut(this.name, options.timeout));
    return new LockToken(this, WITHOUT_SECTION, abandoned);
  }

  /** Runs a function with the lock held until what it returns has settled. */
  async withLockAsync<T>(run: (token: LockToken) => T | PromiseLike<T>, options: AsyncLockOptions = {}): Promise<T> {
    const token = await this.lockAsync(options);
    try {
      return await run(token);
    } finally {
      token.unlock();
    }
  }

  /** What this object has seen in this thread. */
  stats(): LockStats {
    const { contended, parked, called } = this;
    return { contended, parked, called, abandoned: this.#abandoned, gaveUp: this.#gaveUp };
  }

  /**
   * The most often that others can take the lock while a thread waits for it, if so many threads use it. It holds as long
   * as no waiter of an earlier turn is stalled for a quarter of a second.
   */
  overtakingBound(threads: number): number {
    return overtakingBound(this.limit, threads);
  }

  /** @internal Takes the lock for a token that had it before, wherever that is and however long it takes. */
  takeAgain(what: number): boolean {
    this.thread.enter();
    if (tryTake(this.words, this.id)) {
      if (what !== IN_SECTION) this.thread.leave();
      return false;
    }
    this.thread.leave();
    const abandoned = this.#acquireSlowly(NO_OPTIONS);
    if (what !== IN_SECTION) this.thread.leave();
    return abandoned;
  }

  /** @internal The same in the event loop, in no section. */
  async takeAgainAsync(): Promise<boolean> {
    return tryTake(this.words, this.id) ? false : this.#requests.add(Infinity, undefined, () => timedOut(this.name, Infinity));
  }

  /** @internal For those who build on this lock. */
  get turnstile(): Int32Array {
    return this.words;
  }

  /** @internal A token's way back. */
  giveBack(what: number): void {
    if (what === IN_SECTION) this.release();
    else if (!releaseFast(this.words, this.id)) this.#releaseSlowly(what);
  }

  /** What a waiter does between two looks, for at most `ms`. */
  protected abstract rest(waiter: Waiter, ms: number): Wake;

  /** Tries for a while without lining up. Whether it has the lock then, in a section. */
  protected abstract spin(): boolean;

  /** Takes the lock if it is free, in a section. */
  protected tryEnter(): boolean {
    this.thread.enter();
    if (tryTake(this.words, this.id)) return true;
    this.thread.leave();
    return false;
  }

  /** Looks at the lock so often, and takes it when it is free. Whether it has it then, in a section. */
  protected spinFor(looks: number): boolean {
    for (let i = 0; i < looks; i++) {
      if (!isHeld(Atomics.load(this.words, STATE)) && this.tryEnter()) return true;
    }
    return false;
  }

  /** Calls one who waits, unless the lock is held, whose holder will, or one is called already. */
  protected callNext(): void {
    if (!showWaiters(this.words)) return;
    const word = markCalled(this.words);
    if (word < 0) return;
    this.called++;
    call(this.words, word);
    this.parking.wake(this.bed, word, 1);
  }

  /** Called when a waiter that took the lock has opened the gate for those outside. */
  protected abstract gateOpened(): void;

  /** Sleeps, without a request of an outer section. */
  protected sleep(waiter: Waiter, ms: number): Wake {
    const paused = this.thread.pause();
    const wake = this.parking.sleep(this.bed, waiter.word, waiter.calls, ms);
    if (paused) this.thread.resume();
    return wake;
  }

  #acquireSlowly({ timeout }: LockOptions): boolean {
    const deadline = deadlineOf(timeout);
    if (holderOf(Atomics.load(this.words, STATE)) === this.id) {
      throw new RseqSliceError('ERR_RSEQ_RECURSIVE_LOCK', `This thread holds the ${this.name} already, and would wait for itself.`);
    }
    // Free, and others wait: whoever comes may still take it, while the gate is open.
    if (this.tryEnter()) return false;
    this.contended++;
    if (this.#recording === null) return this.#wait(deadline, timeout);
    return this.#recording.waiting(() => this.#wait(deadline, timeout));
  }

  #wait(deadline: number, timeout: number | undefined): boolean {
    if (this.spin()) return false;
    const waiter = new Waiter(this.words, this.#agent);
    for (;;) {
      const look = waiter.look(this.thread);
      if (look !== Look.NotYet) return this.#arrived(waiter, look);
      const left = deadline === Infinity ? Infinity : deadline - performance.now();
      if (left <= 0) {
        this.#leaveLine(waiter);
        throw timedOut(this.name, timeout);
      }
      waiter.slept(this.rest(waiter, left));
    }
  }

  #releaseSlowly(what: number): void {
    const { words } = this;
    const state = Atomics.load(words, STATE);
    if (!isHeld(state) || holderOf(state) !== this.id) {
      throw new RseqSliceError('ERR_RSEQ_NOT_LOCKED', `This thread does not hold the ${this.name}, and cannot release it.`);
    }
    if (this.#recording === null) this.#passOn(what);
    else {
      this.#recording.releasing(() => {
        this.#passOn(what);
      });
    }
  }

  #passOn(what: number): void {
    const { words } = this;
    releaseTo(words, chooseNext(words, this.limit));
    if (what === IN_SECTION) this.thread.leave();
    // Also those who lined up before the lock was free, and after that was decided.
    if (hasWaiters(words)) this.callNext();
  }

  #arrived(waiter: Waiter, look: Look): boolean {
    if (waiter.openedGate) this.gateOpened();
    if (look !== Look.Abandoned) return false;
    this.#abandoned++;
    publishLater(LOCK_ABANDONED, this.#message());
    return true;
  }

  #leaveLine(waiter: Waiter): void {
    this.#gaveUp++;
    publishLater(LOCK_TIMEOUT, this.#message());
    if (waiter.giveUp()) this.gateOpened();
    unreserve(this.words);
    if (hasWaiters(this.words)) this.callNext();
  }

  #message(): LockMessage {
    const { buffer, byteOffset } = this.handle;
    return { kind: this.name, buffer, byteOffset };
  }

  /** Waits in the event loop for as long as there are requests of this thread. */
  async #serve(): Promise<void> {
    while (!this.#requests.isEmpty()) {
      const waiter = new Waiter(this.words, this.#agent);
      let look = waiter.look(null);
      let slept = false;
      while (look === Look.NotYet) {
        if (!slept) this.parked++;
        slept = true;
        waiter.slept(await sleepAsync(this.bed, waiter.word, waiter.calls, POLL));
        // All of them may have given up meanwhile. What called us is passed on.
        if (this.#requests.isEmpty()) {
          this.#leaveLine(waiter);
          return;
        }
        look = waiter.look(null);
      }
      this.#requests.grant(this.#arrived(waiter, look));
    }
  }
}
