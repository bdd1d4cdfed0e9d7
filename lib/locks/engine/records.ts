// SPDX-License-Identifier: MIT
/**
 * Records of bytes on their way through a ring: what is in a `Queue`. Each end of the ring is a
 * door with a line in front of it; to get in is to have pushed, or popped. The words are in
 * `ring.ts`.
 *
 * Whoever pushes or pops has that end for a copy, in a section. Those who wait are called when it
 * is over: by each record one who pops, by each that was taken out one who pushes.
 */
import { availableParallelism } from 'node:os';
import { sharedNow } from '../../clock.ts';
import { RseqSliceError } from '../../errors.ts';
import type { Agent } from '../../host/port.ts';
import { invalid } from '../../options.ts';
import type { QueueOptions, Ways } from '../options.ts';
import { Attachment } from './attachment.ts';
import { lengthOf, MOST_QUEUE_WORDS, place } from './layout.ts';
import type { LockHandle } from './layout.ts';
import { agentOf } from './liveness.ts';
import {
  close,
  commitPop,
  commitPush,
  countRecords,
  giveEnd,
  holderOf,
  isClosed,
  placeWords,
  POPPERS,
  readHead,
  readTail,
  recordAt,
  RECORDS,
  tailPosition,
  takeEnd,
} from './ring.ts';
import { chooseNext, hasWaiters, OWN, TURNS, TURNSTILE_WORDS } from './turnstile.ts';
import { AGAIN, NOT_YET } from './waiter.ts';
import type { Door } from './waiter.ts';
import { Waiting } from './waiting.ts';

/** Looks at an end that another thread has: one copy may be long, and with one CPU none helps. */
const SPINS = availableParallelism() > 1 ? 100 : 0;
/** Has an end: see `ring.ts`. */
const NOBODY = 0;
const WORD_BYTES = Int32Array.BYTES_PER_ELEMENT;

/** What the doors return: even, since nobody's hold is taken over with them. */
const DONE = 0;
/** Nothing was done: the queue is closed. */
export const SHUT = 2;
/** What no door returns: the end is another's. */
const LOST = -100;
const THROWN = -101;

/** The engine's own: a class that extends Uint8Array may say something else. */
const LENGTH = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  'length',
) as { readonly get: (this: Uint8Array) => number };

/** How many bytes a record has. */
export const recordLength = (record: Uint8Array): number => LENGTH.get.call(record);

/**
 * Words that a queue takes.
 * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION` when they are more than it can have.
 */
export function wordsFor({
  capacity,
  recordBytes,
}: Pick<QueueOptions, 'capacity' | 'recordBytes'>): number {
  const words = RECORDS + capacity * placeWords(recordBytes);
  if (words > MOST_QUEUE_WORDS)
    throw invalid(
      `A Queue for ${capacity} records of ${recordBytes} bytes takes ${words * WORD_BYTES} bytes, and can have ${MOST_QUEUE_WORDS * WORD_BYTES}.`,
    );
  return lengthOf('Queue', words);
}

/** The memory of one queue, as a thread sees it. */
export class Ring {
  readonly handle: LockHandle;
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  readonly capacity: number;
  readonly recordBytes: number;
  readonly stride: number;
  readonly attachment: Attachment;
  readonly agent: Agent;

  constructor(options: QueueOptions) {
    const { capacity, recordBytes } = options;
    this.stride = placeWords(recordBytes);
    const { words, handle } = place('Queue', wordsFor(options), options);
    const length = RECORDS + capacity * this.stride;
    const known = Atomics.compareExchange(words, OWN, 0, length);
    const record = Atomics.compareExchange(words, OWN + 1, 0, recordBytes);
    if ((known !== 0 && known !== length) || (record !== 0 && record !== recordBytes))
      throw invalid(
        `The Queue at byte ${handle.byteOffset} of this buffer has another capacity or other recordBytes than ${capacity} and ${recordBytes}.`,
      );
    this.handle = handle;
    this.words = words;
    this.bytes = new Uint8Array(handle.buffer, handle.byteOffset, length * WORD_BYTES);
    this.capacity = capacity;
    this.recordBytes = recordBytes;
    this.attachment = new Attachment(options.thread);
    this.agent = agentOf(this.attachment);
  }

  get length(): number {
    return countRecords(readTail(this.words), readHead(this.words), this.capacity);
  }
}

/** The capacity and the size of records that a queue in memory was made with. */
export function sizesOf({ buffer, byteOffset }: Pick<LockHandle, 'buffer' | 'byteOffset'>): {
  readonly capacity: number;
  readonly recordBytes: number;
} {
  const words = new Int32Array(buffer, byteOffset, TURNSTILE_WORDS);
  const recordBytes = Atomics.load(words, OWN + 1);
  const capacity = (Atomics.load(words, OWN) - RECORDS) / placeWords(recordBytes);
  return { capacity, recordBytes };
}

/** One end of the ring, and those who wait there. */
export abstract class End {
  readonly waiting: Waiting;
  readonly ring: Ring;
  /** The words of this end's line. */
  readonly line: Int32Array;
  /** Set when both are made. */
  opposite: End | null = null;

  constructor(ring: Ring, begin: number, ways: Ways, blockMainThread: boolean) {
    this.ring = ring;
    this.line = ring.words.subarray(begin, begin + TURNSTILE_WORDS);
    this.waiting = new Waiting(
      this.line,
      ring.attachment,
      ring.handle,
      {
        then: 'sleep',
        showWaiters: () => true,
        unreserve: () => undefined,
        otherWays: () => ways,
      },
      blockMainThread,
    );
  }

  /** Whether something can be done at this end, or will never be. */
  abstract isReady(): boolean;

  /** Calls one of those who wait here, if there is something to be done. */
  callNext(): void {
    if (!hasWaiters(this.line) || !this.isReady()) return;
    chooseNext(this.line, TURNS, sharedNow);
    this.waiting.release();
  }
}

/** One way in at an end. */
abstract class EndDoor implements Door {
  readonly #end: End;
  /** null: no section. */
  readonly #attachment: Attachment | null;

  /** @param isBlocking whether its section is entered before the end is taken */
  constructor(end: End, isBlocking: boolean) {
    this.#end = end;
    this.#attachment = isBlocking ? end.ring.attachment : null;
  }

  /**
   * Does what there is to do, with the end taken.
   * @returns {@link DONE}; {@link SHUT}; {@link NOT_YET}: there is no room, or no record
   */
  protected abstract act(): number;
  /** Whether the queue is closed for this end. */
  protected abstract isShut(): boolean;
  /** With the end given back. */
  protected abstract finish(): void;

  attempt(isLinedUp: boolean, mayTake: boolean, isLate: boolean): number {
    const { line, ring } = this.#end;
    if (mayTake) {
      const result = this.#act(NOBODY, isLinedUp);
      if (result !== LOST) return result;
    }
    if (this.isShut()) return SHUT;
    let holder = holderOf(line);
    // It is for a copy only.
    for (let looks = 0; holder !== NOBODY && looks < SPINS; looks++) holder = holderOf(line);
    if (holder === NOBODY) return mayTake ? AGAIN : NOT_YET;
    // When one has died with it, so may have those inside: it is anybody's.
    if (!isLate || !ring.agent.hasEnded(holder)) return NOT_YET;
    const result = this.#act(holder, isLinedUp);
    return result === LOST ? AGAIN : result;
  }

  /** @param seen whose the end is: nobody's, or of one who has ended */
  #act(seen: number, isLinedUp: boolean): number {
    const end = this.#end;
    let isTaken = false;
    let result = THROWN;
    this.#attachment?.thread.enter();
    try {
      isTaken = takeEnd(end.line, seen, end.ring.agent.id);
      result = isTaken ? this.act() : LOST;
    } finally {
      // Also where a call fails near the end of the stack: others wait for the end.
      if (isTaken) giveEnd(end.line);
      if (result === DONE) this.#attachment?.thread.leave();
      else this.#attachment?.thread.retract();
      if (isTaken && result === THROWN) end.callNext();
    }
    if (result === LOST) return LOST;
    if (seen !== NOBODY) end.waiting.noteAbandoned();
    // Someone may have been called while this thread had the end, and sleep again. Who leaves the
    // line calls anyway; who has found nothing may find the gate closed when it looks again.
    if (result === NOT_YET && !end.isReady()) return NOT_YET;
    if (!isLinedUp || result === NOT_YET) end.callNext();
    if (result === NOT_YET) return AGAIN;
    if (result !== DONE) return result;
    this.finish();
    end.opposite?.callNext();
    return DONE;
  }

  isOpen(): boolean {
    return holderOf(this.#end.line) === 0 && this.#end.isReady();
  }

  isKeptByEventLoop(): boolean {
    return false;
  }

  admitsMore(): boolean {
    return hasWaiters(this.#end.line) && this.#end.isReady();
  }

  cancel(): boolean {
    return false;
  }
}

export class PushEnd extends End {
  constructor(ring: Ring, blockMainThread: boolean) {
    super(ring, 0, { tries: 'tryPush()', waits: 'pushAsync()' }, blockMainThread);
  }

  isReady(): boolean {
    const { words, capacity } = this.ring;
    const tail = readTail(words);
    return isClosed(tail) || countRecords(tail, readHead(words), capacity) < capacity;
  }

  /** For each request of an event loop one, and for those who push in the thread one. */
  door(isBlocking: boolean): PushDoor {
    return new PushDoor(this, isBlocking);
  }
}

export class PushDoor extends EndDoor {
  /** What is pushed. */
  record: Uint8Array = NOTHING;
  readonly #ring: Ring;

  constructor(end: PushEnd, isBlocking: boolean) {
    super(end, isBlocking);
    this.#ring = end.ring;
  }

  protected act(): number {
    const { words, bytes, capacity, stride } = this.#ring;
    const tail = readTail(words);
    if (isClosed(tail)) return SHUT;
    if (countRecords(tail, readHead(words), capacity) === capacity) return NOT_YET;
    const at = RECORDS + recordAt(tailPosition(tail), capacity) * stride;
    const { record } = this;
    words[at] = recordLength(record);
    bytes.set(record, (at + 1) * WORD_BYTES);
    return commitPush(words, tail, capacity) ? DONE : SHUT;
  }

  protected isShut(): boolean {
    return isClosed(readTail(this.#ring.words));
  }

  protected finish(): void {
    this.record = NOTHING;
  }
}

export class PopEnd extends End {
  /**
   * A record that was copied out: nothing is allocated while others wait for the end. In words,
   * since that needs no view of the ring.
   */
  readonly copy: Int32Array;

  constructor(ring: Ring, blockMainThread: boolean) {
    super(ring, POPPERS, { tries: 'tryPop()', waits: 'popAsync() or for await' }, blockMainThread);
    this.copy = new Int32Array(ring.stride - 1);
  }

  isReady(): boolean {
    const { words, capacity } = this.ring;
    const tail = readTail(words);
    return isClosed(tail) || countRecords(tail, readHead(words), capacity) > 0;
  }

  door(isBlocking: boolean): PopDoor {
    return new PopDoor(this, isBlocking);
  }
}

export class PopDoor extends EndDoor {
  /** What was popped. */
  record: Uint8Array<ArrayBuffer> = NOTHING;
  readonly #ring: Ring;
  readonly #copy: Int32Array;
  #length = 0;

  constructor(end: PopEnd, isBlocking: boolean) {
    super(end, isBlocking);
    this.#ring = end.ring;
    this.#copy = end.copy;
  }

  protected act(): number {
    const { words, capacity, stride } = this.#ring;
    const head = readHead(words);
    const tail = readTail(words);
    if (countRecords(tail, head, capacity) === 0) return isClosed(tail) ? SHUT : NOT_YET;
    const at = RECORDS + recordAt(head, capacity) * stride;
    this.#length = words[at] ?? 0;
    const count = (this.#length + 3) >>> 2;
    if (count <= FEW) for (let i = 0; i < count; i++) this.#copy[i] = words[at + 1 + i] ?? 0;
    else this.#copy.set(words.subarray(at + 1, at + 1 + count));
    commitPop(words, head, capacity);
    return DONE;
  }

  protected isShut(): boolean {
    const { words, capacity } = this.#ring;
    const tail = readTail(words);
    return isClosed(tail) && countRecords(tail, readHead(words), capacity) === 0;
  }

  protected finish(): void {
    this.record = new Uint8Array(this.#copy.buffer).slice(0, this.#length);
  }
}

/** Words that are copied one by one; a view costs as much as that. */
const FEW = 64;
const NOTHING = new Uint8Array(0);

/** Closes a queue, and calls all who wait. */
export function closeQueue(pushers: End, poppers: End): void {
  if (!close(pushers.ring.words)) return;
  for (const end of [pushers, poppers]) end.callNext();
}

export function queueClosed(): RseqSliceError {
  return new RseqSliceError('ERR_RSEQ_CLOSED', 'The Queue is closed: nothing can be pushed.');
}
