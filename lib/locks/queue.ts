// SPDX-License-Identifier: MIT
/**
 * Small messages between threads without `postMessage`: what a user sees of it.
 * How records get through the ring is in `engine/records.ts`.
 */
import { types } from 'node:util';
import { checkValue } from '../options.ts';
import type { Check } from '../options.ts';
import type { LockHandle } from './engine/layout.ts';
import { describeLock, printAs, refuseCopies } from './engine/posting.ts';
import {
  closeQueue,
  PopEnd,
  PushEnd,
  queueClosed,
  recordLength,
  Ring,
  SHUT,
  sizesOf,
  wordsFor,
} from './engine/records.ts';
import type { PopDoor, PushDoor } from './engine/records.ts';
import { isClosed, readTail } from './engine/ring.ts';
import type { LockStats } from './engine/stats.ts';
import { nullIfLate } from './engine/tries.ts';
import { NOT_YET } from './engine/waiter.ts';
import { CAPACITY, checkAsyncOptions, checkOptions, checkQueue, optionsFor } from './options.ts';
import { RECORD_BYTES } from './options.ts';
import type { AsyncLockOptions, LockOptions, QueueOptions, UseOptions } from './options.ts';

const NO_OPTIONS: LockOptions = {};
const EMPTY = new Uint8Array(0);

/** A Uint8Array whose memory is still there: that of a posted one is not. */
function isRecord(value: unknown): value is Uint8Array {
  if (!types.isUint8Array(value)) return false;
  // Only those without a byte can be such.
  if (recordLength(value) > 0) return true;
  try {
    EMPTY.set(value);
    return true;
  } catch {
    return false;
  }
}

/**
 * A bounded queue of records over shared memory, for any number of threads that push and that pop.
 * A record is a number of bytes: it is copied in and out, and arrives once. Those that a thread
 * pushes in one way, through one object, arrive in their order; a blocking push does not wait for
 * asynchronous ones.
 */
export class Queue
  implements Iterable<Uint8Array<ArrayBuffer>>, AsyncIterable<Uint8Array<ArrayBuffer>>
{
  /** Plain data that names this queue in another thread. */
  readonly handle: LockHandle;
  /** How many records it holds. */
  readonly capacity: number;
  /** How many bytes a record may have; it may have fewer. */
  readonly recordBytes: number;
  readonly #ring: Ring;
  readonly #pushers: PushEnd;
  readonly #poppers: PopEnd;
  readonly #pushDoor: PushDoor;
  readonly #popDoor: PopDoor;
  readonly #record: Check;

  static {
    printAs(Queue.prototype, (queue) =>
      describeLock(
        queue.handle,
        `${queue.length} of ${queue.capacity} records${queue.closed ? ', closed' : ''}`,
      ),
    );
  }

  /**
   * Bytes of memory that one takes.
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION` when these are no sizes of a queue, or make
   * one that is too long.
   */
  static byteLength({
    capacity,
    recordBytes,
  }: Pick<QueueOptions, 'capacity' | 'recordBytes'>): number {
    checkValue('Queue.byteLength()', 'capacity', capacity, CAPACITY);
    checkValue('Queue.byteLength()', 'recordBytes', recordBytes, RECORD_BYTES);
    return wordsFor({ capacity, recordBytes }) * Int32Array.BYTES_PER_ELEMENT;
  }

  /**
   * The queue that another thread's `handle` names.
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION` when there is none.
   */
  static from(handle: LockHandle, options?: UseOptions): Queue {
    const placed = optionsFor('Queue', handle, options);
    return new Queue({ ...placed, ...sizesOf(placed) });
  }

  /**
   * A queue in shared memory: one that is there, or a fresh one where memory is zero.
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`, also when something else is there, or a
   * queue of other sizes.
   */
  constructor(options: QueueOptions);
  constructor(options: QueueOptions, ...more: readonly unknown[]) {
    refuseCopies(this, 'Queue');
    checkQueue(options, more);
    const ring = new Ring(options);
    const mayBlock = options.blockMainThread === true;
    this.handle = ring.handle;
    this.capacity = ring.capacity;
    this.recordBytes = ring.recordBytes;
    this.#ring = ring;
    this.#pushers = new PushEnd(ring, mayBlock);
    this.#poppers = new PopEnd(ring, mayBlock);
    this.#pushers.opposite = this.#poppers;
    this.#poppers.opposite = this.#pushers;
    this.#pushDoor = this.#pushers.door(true);
    this.#popDoor = this.#poppers.door(true);
    this.#record = {
      accepts: `a Uint8Array of at most ${ring.recordBytes} bytes`,
      isGood: (value) => isRecord(value) && recordLength(value) <= ring.recordBytes,
    };
  }

  /** How many records are in it at the moment. */
  get length(): number {
    return this.#ring.length;
  }

  /** Whether it is closed. */
  get closed(): boolean {
    return isClosed(readTail(this.#ring.words));
  }

  /**
   * Puts a record at the end, waiting for room.
   * @throws {RseqSliceError} `ERR_RSEQ_CLOSED`, also when it is closed while this waits;
   * `ERR_RSEQ_TIMEOUT`; `ERR_RSEQ_WOULD_BLOCK` when it must wait in the main thread;
   * `ERR_RSEQ_INVALID_OPTION`, also for what is no record, or too long.
   */
  push(record: Uint8Array, options: LockOptions = NO_OPTIONS): void {
    if (options !== NO_OPTIONS) checkOptions('Queue', options);
    const door = this.#load(this.#pushDoor, record, 'push()');
    const { waiting } = this.#pushers;
    let result = waiting.attempt(door, false);
    if (result === NOT_YET) result = waiting.wait(door, options);
    if (result === SHUT) throw queueClosed();
  }

  /**
   * Puts a record at the end if there is room. Without a timeout it never waits, nor refuses; with
   * one it waits as {@link Queue.push}.
   * @returns false: there is none, until the time was over, or {@link Queue.pushAsync} of this
   * object waits for some.
   * @throws {RseqSliceError} as {@link Queue.push}, but no `ERR_RSEQ_TIMEOUT`.
   */
  tryPush(record: Uint8Array, options: LockOptions = NO_OPTIONS): boolean {
    if (options !== NO_OPTIONS) checkOptions('Queue', options);
    if (options.timeout !== undefined && options.timeout > 0)
      return (
        nullIfLate(() => {
          this.push(record, options);
          return true;
        }) ?? false
      );
    const door = this.#load(this.#pushDoor, record, 'tryPush()');
    const { waiting } = this.#pushers;
    const mayTry = !waiting.hasRequests || this.closed;
    const result = mayTry ? waiting.attempt(door, true) : NOT_YET;
    if (result === SHUT) throw queueClosed();
    return result !== NOT_YET;
  }

  /**
   * Puts a record at the end without blocking the thread, which stays alive while it waits. The
   * record is copied at once.
   * @throws {RseqSliceError} rejects as {@link Queue.push} throws, or with the signal's reason:
   * then nothing was pushed.
   */
  async pushAsync(record: Uint8Array, options: AsyncLockOptions = NO_OPTIONS): Promise<void> {
    if (options !== NO_OPTIONS) checkAsyncOptions('Queue', options);
    const { waiting } = this.#pushers;
    const door = this.#load(this.#pushers.door(false), record, 'pushAsync()');
    options.signal?.throwIfAborted();
    let result = waiting.hasRequests ? NOT_YET : waiting.attempt(door, false);
    if (result === NOT_YET) {
      door.record = new Uint8Array(record);
      result = await waiting.waitAsync(door, options, (got) => got);
    }
    if (result === SHUT) throw queueClosed();
  }

  /**
   * Takes the record at the front, waiting for one.
   * @returns null: the queue is closed, and nothing is left in it
   * @throws {RseqSliceError} `ERR_RSEQ_TIMEOUT`; `ERR_RSEQ_WOULD_BLOCK` when it must wait in the
   * main thread; `ERR_RSEQ_INVALID_OPTION`.
   */
  pop(options: LockOptions = NO_OPTIONS): Uint8Array<ArrayBuffer> | null {
    if (options !== NO_OPTIONS) checkOptions('Queue', options);
    const { waiting } = this.#poppers;
    let result = waiting.attempt(this.#popDoor, false);
    if (result === NOT_YET) result = waiting.wait(this.#popDoor, options);
    return result === SHUT ? null : this.#popDoor.record;
  }

  /**
   * Takes the record at the front if there is one. Without a timeout it never waits, nor refuses;
   * with one it waits as {@link Queue.pop}.
   * @returns null: there is none, until the time was over; or the queue is closed, see
   * {@link Queue.closed}
   * @throws {RseqSliceError} as {@link Queue.pop}, but no `ERR_RSEQ_TIMEOUT`.
   */
  tryPop(options: LockOptions = NO_OPTIONS): Uint8Array<ArrayBuffer> | null {
    if (options !== NO_OPTIONS) checkOptions('Queue', options);
    if (options.timeout !== undefined) return nullIfLate(() => this.pop(options));
    const result = this.#poppers.waiting.attempt(this.#popDoor, true);
    return result === NOT_YET || result === SHUT ? null : this.#popDoor.record;
  }

  /**
   * Takes the record at the front without blocking the thread, which stays alive while it waits.
   * @returns null: the queue is closed, and nothing is left in it
   * @throws {RseqSliceError} rejects with `ERR_RSEQ_TIMEOUT`, or with the signal's reason: then no
   * record was taken.
   */
  async popAsync(options: AsyncLockOptions = NO_OPTIONS): Promise<Uint8Array<ArrayBuffer> | null> {
    if (options !== NO_OPTIONS) checkAsyncOptions('Queue', options);
    options.signal?.throwIfAborted();
    const { waiting } = this.#poppers;
    const door = this.#poppers.door(false);
    let result = waiting.hasRequests ? NOT_YET : waiting.attempt(door, false);
    if (result === NOT_YET) result = await waiting.waitAsync(door, options, (got) => got);
    return result === SHUT ? null : door.record;
  }

  /**
   * Lets nothing be pushed any more; what is in the queue can still be popped. Those who wait for
   * room get `ERR_RSEQ_CLOSED`, those who wait for records null. Never blocks.
   */
  close(): void {
    closeQueue(this.#pushers, this.#poppers);
  }

  /** Pops, waiting, until the queue is closed and empty. */
  *[Symbol.iterator](): Generator<Uint8Array<ArrayBuffer>, void, undefined> {
    for (let record = this.pop(); record !== null; record = this.pop()) yield record;
  }

  /** The same without blocking the thread. Nothing is popped before it is asked for. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
    for (let record = await this.popAsync(); record !== null; record = await this.popAsync())
      yield record;
  }

  /**
   * What this object has seen in this thread, of pushing and popping together. Abandoned is what
   * was left half done by one who died, and is not in the queue.
   */
  stats(): LockStats {
    const [pushes, pops] = [this.#pushers.waiting.stats(), this.#poppers.waiting.stats()];
    return {
      contended: pushes.contended + pops.contended,
      parked: pushes.parked + pops.parked,
      called: pushes.called + pops.called,
      abandoned: pushes.abandoned + pops.abandoned,
      gaveUp: pushes.gaveUp + pops.gaveUp,
    };
  }

  #load(door: PushDoor, record: Uint8Array, caller: string): PushDoor {
    checkValue(caller, 'record', record, this.#record);
    door.record = record;
    return door;
  }
}
