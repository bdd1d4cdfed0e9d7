/**
 * A lock for one writer or many readers. Each reader has a place of its own, so
 * readers do not fight for one word, and a dead one is found. A writer keeps the
 * entrance for as long as it writes: readers who come meanwhile line up there
 * with other writers, and all are served in the entrance's turn.
 */
import { attach } from '../attach.ts';
import { RseqSliceError } from '../errors.ts';
import { refusePromise } from '../thread.ts';
import type { Thread } from '../thread.ts';
import { currentAgent } from './agents.ts';
import { checkHandle, place } from './layout.ts';
import type { LockHandle } from './layout.ts';
import { checkOptions, deadlineOf, MAIN_THREAD, refuseToBlock } from './options.ts';
import type { AsyncLockOptions, LockOptions, PlacementOptions } from './options.ts';
import { waitFor, waitForAsync } from './patience.ts';
import { OWN, Slots, slotsWords } from './slots.ts';
import { LockToken } from './token.ts';
import type { Owner } from './token.ts';

/** How many read at a time; more wait. */
const MOST_READERS = 48;
const WORDS = slotsWords(MOST_READERS);

/** What a token's number says beside a reader's place. */
const IN_SECTION = 1;
/** In the place of a place. */
const WRITER = 0;

// What `OWN` says; nothing when it is 0.
/** A writer is in, or waits at the entrance for the readers to leave. */
const WRITING = 1;
/** A writer died, and nobody who could be told has had the lock since. */
const TORN = 2;

/** Many readers or one writer at a time, over shared memory. */
export class RwLock implements Owner {
  /** Bytes of memory that one takes. */
  static readonly byteLength: number = WORDS * Int32Array.BYTES_PER_ELEMENT;
  /** How many can read at a time. */
  static readonly maxReaders: number = MOST_READERS;

  /** Plain data that names this lock in another thread. */
  readonly handle: LockHandle;
  readonly #words: Int32Array;
  readonly #thread: Thread;
  readonly #mayBlock: boolean;
  readonly #slots: Slots;
  /** Tokens of readers that this object has given out. */
  #reading = 0;

  /** The lock that another thread's `handle` names. */
  static from(handle: LockHandle, options?: PlacementOptions): RwLock {
    const { buffer, byteOffset } = checkHandle('RwLock', handle);
    return new RwLock(buffer, byteOffset, options);
  }

  /**
   * @param buffer default: a new one
   * @param byteOffset a multiple of 4
   * @throws {TypeError} not a SharedArrayBuffer, or something else is there.
   * @throws {RangeError} a bad offset, or no room.
   */
  constructor(buffer?: SharedArrayBuffer, byteOffset = 0, options: PlacementOptions = {}) {
    checkOptions('RwLock', options);
    const { words, handle } = place('RwLock', WORDS, buffer, byteOffset);
    this.handle = handle;
    this.#words = words;
    this.#thread = options.thread ?? attach();
    this.#mayBlock = !MAIN_THREAD || options.blockMainThread === true;
    this.#slots = new Slots('RwLock', words, { ...options, thread: this.#thread }, currentAgent());
  }

  /**
   * Takes the lock for reading, waiting for it. `abandoned` tells that a writer died with it.
   * @throws {RseqSliceError} `ERR_RSEQ_TIMEOUT`; `ERR_RSEQ_RECURSIVE_LOCK` when this thread has the lock in any way;
   * `ERR_RSEQ_WOULD_BLOCK` in the main thread.
   */
  readLock(options: LockOptions = {}): LockToken {
    this.#assertMayWait();
    const token = this.tryReadLock();
    if (token !== null) return token;
    const { entrance, parking } = this.#slots;
    const { timeout } = options;
    const deadline = deadlineOf(timeout);
    entrance.acquire(options);
    try {
      this.#assertNoReader();
      const { place } = waitFor(parking, this.#thread, this.#slots.emptyPlace(), { deadline, timeout });
      this.#thread.enter();
      return this.#reader(place * 2 + IN_SECTION, this.#setOwn(0));
    } finally {
      this.#slots.stopWatching();
      entrance.release();
    }
  }

  /** Takes it for reading if that is possible at once; null: it is not. */
  tryReadLock(): LockToken | null {
    this.#thread.enter();
    const place = this.#tryRead();
    if (place >= 0) return this.#reader(place * 2 + IN_SECTION, false);
    this.#thread.leave();
    return null;
  }

  /** Takes it for reading without blocking the thread, in no section. */
  async readLockAsync(options: AsyncLockOptions = {}): Promise<LockToken> {
    const { signal, timeout } = options;
    signal?.throwIfAborted();
    const deadline = deadlineOf(timeout);
    const free = this.#tryRead();
    if (free >= 0) return this.#reader(free * 2, false);
    const entered = await this.#slots.entrance.lockAsync(options);
    try {
      const { place } = await waitForAsync(this.#slots.emptyPlace(), { deadline, timeout, signal });
      return this.#reader(place * 2, this.#setOwn(0));
    } finally {
      this.#slots.stopWatching();
      entered.unlock();
    }
  }

  /**
   * Takes the lock for writing, waiting for it.
   * @throws {RseqSliceError} as {@link readLock}.
   */
  writeLock(options: LockOptions = {}): LockToken {
    this.#assertMayWait();
    const { entrance, parking } = this.#slots;
    const { timeout } = options;
    const deadline = deadlineOf(timeout);
    entrance.acquire(options);
    const abandoned = this.#setOwn(WRITING);
    try {
      this.#assertNoReader();
      waitFor(parking, this.#thread, this.#slots.allEmpty(), { deadline, timeout });
    } catch (error) {
      this.#giveUpWriting(abandoned);
      entrance.release();
      throw error;
    }
    this.#slots.stopWatching();
    return new LockToken(this, WRITER + IN_SECTION, abandoned);
  }

  /** Takes it for writing if that is possible at once; null: it is not. */
  tryWriteLock(): LockToken | null {
    const entered = this.#slots.entrance.tryLock();
    if (entered === null) return null;
    const abandoned = this.#setOwn(WRITING);
    if (this.#slots.allEmpty().look(true) !== null) {
      this.#slots.stopWatching();
      return new LockToken(this, WRITER + IN_SECTION, abandoned);
    }
    this.#giveUpWriting(abandoned);
    entered.unlock();
    return null;
  }

  /** Takes it for writing without blocking the thread, in no section. */
  async writeLockAsync(options: AsyncLockOptions = {}): Promise<LockToken> {
    const { signal, timeout } = options;
    const deadline = deadlineOf(timeout);
    const entered = await this.#slots.entrance.lockAsync(options);
    const abandoned = this.#setOwn(WRITING);
    try {
      await waitForAsync(this.#slots.allEmpty(), { deadline, timeout, signal });
    } catch (error) {
      this.#giveUpWriting(abandoned);
      entered.unlock();
      throw error;
    }
    this.#slots.stopWatching();
    return new LockToken(this, WRITER, abandoned);
  }

  /** Runs a synchronous function with the lock held for reading. */
  withReadLock<T>(run: () => T extends PromiseLike<unknown> ? never : T, options?: LockOptions): T {
    return runWith(this.readLock(options), run, 'withReadLock');
  }

  /** Runs a synchronous function with the lock held for writing. */
  withWriteLock<T>(run: () => T extends PromiseLike<unknown> ? never : T, options?: LockOptions): T {
    return runWith(this.writeLock(options), run, 'withWriteLock');
  }

  /** Runs a function with the lock held for reading until what it returns has settled. */
  async withReadLockAsync<T>(run: (token: LockToken) => T | PromiseLike<T>, options?: AsyncLockOptions): Promise<T> {
    return runWithAsync(await this.readLockAsync(options), run);
  }

  /** Runs a function with the lock held for writing until what it returns has settled. */
  async withWriteLockAsync<T>(run: (token: LockToken) => T | PromiseLike<T>, options?: AsyncLockOptions): Promise<T> {
    return runWithAsync(await this.writeLockAsync(options), run);
  }

  /** @internal A token's way back. */
  giveBack(what: number): void {
    const isInSection = (what & IN_SECTION) !== 0;
    const place = what >> 1;
    if (place === WRITER) {
      Atomics.store(this.#words, OWN, 0);
      this.#slots.entrance.giveBack(what);
      return;
    }
    this.#reading--;
    this.#slots.clear(place);
    if (isInSection) this.#thread.leave();
    this.#slots.tell();
  }

  /** @returns the place; -1: not possible now. */
  #tryRead(): number {
    if (Atomics.load(this.#words, OWN) !== 0) return -1;
    const place = this.#slots.claim();
    // A writer that came meanwhile has seen our place, or we see it here.
    if (place < 0 || Atomics.load(this.#words, OWN) === 0) return place;
    this.#slots.clear(place);
    this.#slots.tell();
    return -1;
  }

  #reader(what: number, abandoned: boolean): LockToken {
    this.#reading++;
    return new LockToken(this, what, abandoned);
  }

  /**
   * Whoever has the entrance says what is so from now on. Nobody else writes meanwhile, so what still says otherwise is a
   * writer that died.
   * @returns whether there was one.
   */
  #setOwn(value: number): boolean {
    return Atomics.exchange(this.#words, OWN, value) !== 0;
  }

  #giveUpWriting(abandoned: boolean): void {
    this.#slots.stopWatching();
    Atomics.store(this.#words, OWN, abandoned ? TORN : 0);
  }

  #assertMayWait(): void {
    if (!this.#mayBlock) refuseToBlock('RwLock');
    if (this.#reading > 0) refuseRecursion();
  }

  /** This thread may also have it through another object. */
  #assertNoReader(): void {
    if (this.#slots.hasOwn()) refuseRecursion();
  }
}

function refuseRecursion(): never {
  throw new RseqSliceError(
    'ERR_RSEQ_RECURSIVE_LOCK',
    'This thread has the RwLock for reading already: a writer that waits for that would make it wait for itself.',
  );
}

function runWith<T>(token: LockToken, run: () => T, caller: string): T {
  let result: T;
  try {
    result = run();
  } finally {
    token.unlock();
  }
  if (typeof result === 'object' && result !== null && 'then' in result) refusePromise(result, caller, `Use ${caller}Async().`);
  return result;
}

async function runWithAsync<T>(token: LockToken, run: (token: LockToken) => T | PromiseLike<T>): Promise<T> {
  try {
    return await run(token);
  } finally {
    token.unlock();
  }
}
