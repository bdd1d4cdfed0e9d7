// SPDX-License-Identifier: MIT
/**
 * Where locks live: a piece of a SharedArrayBuffer that begins with a word
 * telling what kind of lock it is, so that a wrong offset or another kind is an
 * error and not a lock that lets everybody in. Also what is posted to another
 * thread.
 */
import { types } from 'node:util';
import { checkRoom, checkValue, describeValue, invalid, withArticle } from '../../options.ts';
import type { Check } from '../../options.ts';
import { OWN, TURNSTILE_WORDS } from './turnstile.ts';

/** What `postMessage` and `workerData` take: plain data that names a lock. */
export interface LockHandle {
  /** The class that it belongs to. */
  readonly lock: LockKind;
  /** The memory that the lock lives in. */
  readonly buffer: SharedArrayBuffer;
  /** Bytes from the buffer's begin. */
  readonly byteOffset: number;
}

/** The class that a lock in memory belongs to. */
export type LockKind =
  'Mutex' | 'SpinLock' | 'RwLock' | 'Semaphore' | 'Condition' | 'Barrier' | 'Queue';
/** The classes of locks, in the order of their numbers in memory. */
export const LOCK_KINDS: readonly LockKind[] = [
  'Mutex',
  'SpinLock',
  'RwLock',
  'Semaphore',
  'Condition',
  'Barrier',
  'Queue',
];

/** 'rs' and the version of the layout in the upper bytes, the kind in the lowest. */
const MAGIC = 0x72_73_03_00;
const KIND_WORD = 0;
const WORD_BYTES = Int32Array.BYTES_PER_ELEMENT;

/** How many permits a semaphore can have. */
export const MOST_PERMITS = 1024;
/** A queue's without records; see `ring.ts`. */
const LEAST_QUEUE_WORDS: number = 4 * TURNSTILE_WORDS;
/** The longest queue: 16 MiB. */
export const MOST_QUEUE_WORDS: number = 1 << 22;
/** How many a barrier can wait for. */
export const MOST_PARTIES = 255;
/** How many can read at a time; more wait. */
export const MOST_READERS = 48;
/** Cache lines that their places lie on: readers on different CPUs write to different ones. */
export const READER_LINES = 16;
/** Words of a cache line, on all processors that there are slices on. */
export const LINE_WORDS = 16;
/** Index of the first place of those that have a place for each holder. */
export const FIRST: number = TURNSTILE_WORDS;
/** Index of the first of a condition's places, where threads are known that wait for it. */
export const CONDITION_HEAD = 8;
/**
 * How many threads a condition can know. Those beyond wait like the others, but are not missed when
 * they die.
 */
export const CONDITION_PLACES = 60;
/** Words of such a place. */
export const PLACE_WORDS = 2;

/**
 * Words that a lock takes.
 * @param own what is in its word `OWN`: the number of a semaphore's permits, of a barrier's
 * parties, of a queue's words
 */
export function lengthOf(kind: LockKind, own = 0): number {
  switch (kind) {
    case 'RwLock':
      return FIRST + READER_LINES * LINE_WORDS;
    case 'Semaphore':
    case 'Barrier':
      return FIRST + own;
    case 'Queue':
      return Math.max(own, LEAST_QUEUE_WORDS);
    case 'Condition':
      return CONDITION_HEAD + CONDITION_PLACES * PLACE_WORDS;
    default:
      return TURNSTILE_WORDS;
  }
}

export const BUFFER: Check = {
  accepts: 'a SharedArrayBuffer: other threads could not see anything else',
  isGood: (value) => types.isSharedArrayBuffer(value),
};
export const BYTE_OFFSET: Check = {
  accepts: `a multiple of ${WORD_BYTES} from 0 on`,
  isGood: (value) =>
    Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) % WORD_BYTES === 0,
};

const LONGEST: number = lengthOf('Semaphore', MOST_PERMITS);

/** A lock in memory. */
export interface Placed {
  readonly words: Int32Array;
  readonly handle: LockHandle;
}

/**
 * Finds a lock in memory, or makes a fresh one of memory that is all zero and
 * within no other lock. Memory that is neither is left as it is.
 * @param wordCount how many words it takes
 * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION` when the lock does not fit, or something else
 * is there.
 */
export function place(
  kind: LockKind,
  wordCount: number,
  { buffer, byteOffset = 0 }: Partial<Pick<LockHandle, 'buffer' | 'byteOffset'>>,
): Placed {
  const size = wordCount * WORD_BYTES;
  const memory = buffer ?? new SharedArrayBuffer(size);
  checkRoom(kind, memory, byteOffset, size);
  const words = new Int32Array(memory, byteOffset, wordCount);
  const mark = markOf(kind);
  if (Atomics.load(words, KIND_WORD) === 0) {
    const reason = whyNotFresh(memory, byteOffset, words);
    // Another thread may have made the same lock meanwhile.
    if (reason !== null && Atomics.load(words, KIND_WORD) !== mark)
      throw invalid(
        `${withArticle(kind, 'A')} does not fit at byte ${byteOffset} of this buffer: ${reason}`,
      );
    Atomics.compareExchange(words, KIND_WORD, 0, mark);
  }
  const found = Atomics.load(words, KIND_WORD);
  if (found !== mark)
    throw invalid(
      `There is no ${kind} at byte ${byteOffset} of this buffer but ${nameOf(found)}: a lock begins in memory that is all zero.`,
    );
  return { words, handle: { lock: kind, buffer: memory, byteOffset } };
}

const markOf = (kind: LockKind): number => MAGIC | (LOCK_KINDS.indexOf(kind) + 1);

const kindOf = (word: number): LockKind | undefined =>
  (word & ~0xff) === MAGIC ? LOCK_KINDS[(word & 0xff) - 1] : undefined;

function nameOf(word: number): string {
  const kind = kindOf(word);
  if (kind !== undefined) return withArticle(kind);
  return word === 0 ? 'memory that no lock has used' : 'other data';
}

/** Why memory whose first word is zero is no place for a new lock, a sentence; null: it is. */
function whyNotFresh(
  memory: SharedArrayBuffer,
  byteOffset: number,
  words: Int32Array,
): string | null {
  const data = words.findIndex((_, index) => Atomics.load(words, index) !== 0);
  if (data >= 0)
    return `there is other data at byte ${byteOffset + data * WORD_BYTES}. A lock begins in memory that is all zero.`;
  // Locks that begin before it may reach into it.
  const all = new Int32Array(memory, 0, byteOffset / WORD_BYTES);
  for (let index = all.length - 1; index >= Math.max(0, all.length - LONGEST); index--) {
    const kind = kindOf(Atomics.load(all, index));
    if (kind === undefined) continue;
    const length = lengthOf(kind, Atomics.load(all, Math.min(index + OWN, all.length - 1)));
    if (index + length > all.length) return describeOverlap(kind, index, length);
  }
  // A queue may begin far before it; this search is the engine's own, and fast.
  const mark = markOf('Queue');
  for (let index = all.lastIndexOf(mark); index >= 0; index = all.lastIndexOf(mark, index - 1)) {
    const length = lengthOf('Queue', Atomics.load(all, Math.min(index + OWN, all.length - 1)));
    if (length <= MOST_QUEUE_WORDS && index + length > all.length)
      return describeOverlap('Queue', index, length);
    if (index === 0) break;
  }
  return null;
}

const describeOverlap = (kind: LockKind, index: number, length: number): string =>
  `it would lie in the ${kind} at byte ${index * WORD_BYTES}, which takes ${length * WORD_BYTES} bytes.`;

/**
 * Checks what came from another thread, and that the lock is there. Nothing is changed.
 * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION` when it names no such lock.
 */
export function openHandle(kind: LockKind, handle: unknown): LockHandle {
  const caller = `${kind}.from()`;
  const given = (
    typeof handle === 'object' && handle !== null ? handle : {}
  ) as Partial<LockHandle>;
  if (given.lock !== kind)
    throw invalid(
      `${caller} takes the handle of ${withArticle(kind)}, not ${describeHandle(handle, given.lock)}.`,
    );
  const { buffer, byteOffset } = given as LockHandle;
  checkValue(caller, 'buffer of the handle', buffer, BUFFER);
  checkValue(caller, 'byteOffset of the handle', byteOffset, BYTE_OFFSET);
  checkRoom(kind, buffer, byteOffset, TURNSTILE_WORDS * WORD_BYTES);
  const words = new Int32Array(buffer, byteOffset, TURNSTILE_WORDS);
  const found = Atomics.load(words, KIND_WORD);
  if (found !== markOf(kind))
    throw invalid(
      `There is no ${kind} at byte ${byteOffset} of this buffer but ${nameOf(found)}: ${caller} takes the handle of one that was made.`,
    );
  return { lock: kind, buffer, byteOffset };
}

/** @param lock what the value has under that name: a Mutex has a method there */
function describeHandle(handle: unknown, lock: unknown): string {
  const kind = LOCK_KINDS.find((known) => known === lock);
  return kind === undefined ? describeValue(handle) : `that of ${withArticle(kind)}`;
}
