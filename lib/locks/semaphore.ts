/**
 * A number of permits. It is known which thread has which, so those of a thread
 * that has died are given to the next who want one.
 */
import { attach } from '../attach.ts';
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

const MOST_PERMITS = 1024;
/** What a token's number says beside the place. */
const IN_SECTION = 1;

/** Lets a number of holders in at a time, over shared memory. */
export class Semaphore implements Owner {
  /** Plain data that names this lock in another thread. */
  readonly handle: LockHandle;
  /** How many there are, free or not. */
  readonly permits: number;
  readonly #thread: Thread;
  readonly #mayBlock: boolean;
  readonly #slots: Slots;

  /** Bytes of memory that one with so many permits takes. */
  static byteLength(permits: number): number {
    return slotsWords(permits) * Int32Array.BYTES_PER_ELEMENT;
  }

  /** The semaphore that another thread's `handle` names. */
  static from(handle: LockHandle, options?: PlacementOptions): Semaphore {
    const { buffer, byteOffset } = checkHandle('Semaphore', handle);
    const { words } = place('Semaphore', slotsWords(1), buffer, byteOffset);
    return new Semaphore(Atomics.load(words, OWN), buffer, byteOffset, options);
  }

  /**
   * @param permits from 1 to 1024, the same in every thread
   * @param buffer default: a new one
   * @param byteOffset a multiple of 4
   * @throws {TypeError} not a SharedArrayBuffer, or something else is there.
   * @throws {RangeError} a bad offset, no room, or another number of permits than the semaphore there has.
   */
  constructor(permits: number, buffer?: SharedArrayBuffer, byteOffset = 0, options: PlacementOptions = {}) {
    checkOptions('Semaphore', options);
    if (!Number.isInteger(permits) || permits < 1 || permits > MOST_PERMITS) {
      throw new RangeError(`A Semaphore has from 1 to ${MOST_PERMITS} permits, not ${String(permits)}.`);
    }
    const { words, handle } = place('Semaphore', slotsWords(permits), buffer, byteOffset);
    const found = Atomics.compareExchange(words, OWN, 0, permits);
    if (found !== 0 && found !== permits) throw new RangeError(`The Semaphore at byte ${byteOffset} of this buffer has ${found} permits, not ${permits}.`);
    this.handle = handle;
    this.permits = permits;
    this.#thread = options.thread ?? attach();
    this.#mayBlock = !MAIN_THREAD || options.blockMainThread === true;
    this.#slots = new Slots('Semaphore', words, { ...options, thread: this.#thread }, currentAgent());
  }

  /** How many permits nobody has at the moment. Those of the dead count as taken until somebody wants them. */
  get available(): number {
    return this.permits - this.#slots.count();
  }

  /**
   * Takes a permit, waiting for one. The section around it ends with the token.
   * @throws {RseqSliceError} `ERR_RSEQ_TIMEOUT`; `ERR_RSEQ_WOULD_BLOCK` in the main thread.
   */
  acquire(options: LockOptions = {}): LockToken {
    if (!this.#mayBlock) refuseToBlock('Semaphore');
    const token = this.tryAcquire();
    if (token !== null) return token;
    const { entrance, parking } = this.#slots;
    const { timeout } = options;
    const deadline = deadlineOf(timeout);
    entrance.acquire(options);
    try {
      const { place, abandoned } = waitFor(parking, this.#thread, this.#slots.emptyPlace(), { deadline, timeout });
      // One section inside the other, so that it goes on when the entrance is left.
      this.#thread.enter();
      return new LockToken(this, place * 2 + IN_SECTION, abandoned);
    } finally {
      this.#slots.stopWatching();
      entrance.release();
    }
  }

  /** Takes a permit if one is to be had at once and nobody waits for it; null: it is not. */
  tryAcquire(): LockToken | null {
    this.#thread.enter();
    const place = this.#slots.isEntranceTaken() ? -1 : this.#slots.claim();
    if (place >= 0) return new LockToken(this, place * 2 + IN_SECTION, false);
    this.#thread.leave();
    return null;
  }

  /** Takes a permit without blocking the thread, in no section. */
  async acquireAsync(options: AsyncLockOptions = {}): Promise<LockToken> {
    const { signal, timeout } = options;
    signal?.throwIfAborted();
    const deadline = deadlineOf(timeout);
    const free = this.#slots.isEntranceTaken() ? -1 : this.#slots.claim();
    if (free >= 0) return new LockToken(this, free * 2, false);
    const entered = await this.#slots.entrance.lockAsync(options);
    try {
      const { place, abandoned } = await waitForAsync(this.#slots.emptyPlace(), { deadline, timeout, signal });
      return new LockToken(this, place * 2, abandoned);
    } finally {
      this.#slots.stopWatching();
      entered.unlock();
    }
  }

  /** Runs a synchronous function with a permit. */
  withPermit<T>(run: () => T extends PromiseLike<unknown> ? never : T, options?: LockOptions): T {
    const token = this.acquire(options);
    let result: T;
    try {
      result = run();
    } finally {
      token.unlock();
    }
    if (typeof result === 'object' && result !== null && 'then' in result) refusePromise(result, 'withPermit', 'Use withPermitAsync().');
    return result;
  }

  /** Runs a function with a permit until what it returns has settled. */
  async withPermitAsync<T>(run: (token: LockToken) => T | PromiseLike<T>, options?: AsyncLockOptions): Promise<T> {
    const token = await this.acquireAsync(options);
    try {
      return await run(token);
    } finally {
      token.unlock();
    }
  }

  /** @internal A token's way back. */
  giveBack(what: number): void {
    this.#slots.clear(what >> 1);
    if ((what & IN_SECTION) !== 0) this.#thread.leave();
    this.#slots.tell();
  }
}
