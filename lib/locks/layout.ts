/**
 * Where locks live: a piece of a SharedArrayBuffer that begins with a word
 * telling what kind of lock it is, so that a wrong offset or another kind is an
 * error and not a lock that lets everybody in. Also what is posted to another
 * thread.
 */
import { types } from 'node:util';

/** What `postMessage` and `workerData` take: plain data that names a lock. */
export interface LockHandle {
  /** The class that it belongs to. */
  readonly lock: LockKind;
  /** The memory that the lock lives in. */
  readonly buffer: SharedArrayBuffer;
  /** Bytes from the buffer's begin. */
  readonly byteOffset: number;
}

/** The classes of locks, in the order of their numbers in memory. */
export const LOCK_KINDS = ['Mutex', 'SpinLock', 'RwLock', 'Semaphore', 'Condition'] as const;
/** The class that a lock in memory belongs to. */
export type LockKind = (typeof LOCK_KINDS)[number];

/** 'rsl' and a version in the upper bytes; the kind in the lowest. */
const MAGIC = 0x72_73_01_00;
const KIND_WORD = 0;
const WORD_BYTES = Int32Array.BYTES_PER_ELEMENT;

/** Whether a piece of shared memory has been used before. */
export interface Placed {
  readonly words: Int32Array;
  readonly handle: LockHandle;
}

/**
 * Finds a lock in memory, or makes a fresh one of memory that is all zero.
 * @param buffer undefined: a new one, just large enough
 * @throws {TypeError} no SharedArrayBuffer, or something else is there.
 * @throws {RangeError} the offset is no multiple of 4, or the lock does not fit.
 */
export function place(kind: LockKind, wordCount: number, buffer: SharedArrayBuffer | undefined, byteOffset: number): Placed {
  const size = wordCount * WORD_BYTES;
  const memory: unknown = buffer ?? new SharedArrayBuffer(byteOffset + size);
  if (!types.isSharedArrayBuffer(memory)) {
    throw new TypeError(`A ${kind} lives in a SharedArrayBuffer, not in ${describe(memory)}: other threads could not see it.`);
  }
  if (!Number.isInteger(byteOffset) || byteOffset < 0 || byteOffset % WORD_BYTES !== 0) {
    throw new RangeError(`A ${kind} begins at a multiple of ${WORD_BYTES} bytes, not at ${String(byteOffset)}.`);
  }
  if (byteOffset + size > memory.byteLength) {
    throw new RangeError(`A ${kind} takes ${size} bytes; at ${byteOffset} this buffer of ${memory.byteLength} bytes has room for ${Math.max(0, memory.byteLength - byteOffset)}.`);
  }
  const words = new Int32Array(memory, byteOffset, wordCount);
  const mark = MAGIC | (LOCK_KINDS.indexOf(kind) + 1);
  const found = Atomics.compareExchange(words, KIND_WORD, 0, mark);
  if (found !== 0 && found !== mark) {
    const other = (found & ~0xff) === MAGIC ? LOCK_KINDS[(found & 0xff) - 1] : undefined;
    throw new TypeError(
      `There is no ${kind} at byte ${byteOffset} of this buffer but ${other === undefined ? 'other data' : `a ${other}`}: a lock begins in memory that is all zero.`,
    );
  }
  return { words, handle: { lock: kind, buffer: memory, byteOffset } };
}

/**
 * Checks what came from another thread.
 * @throws {TypeError} it names no such lock.
 */
export function checkHandle(kind: LockKind, handle: unknown): LockHandle {
  const given = (typeof handle === 'object' && handle !== null ? handle : {}) as Partial<LockHandle>;
  if (given.lock !== kind || given.byteOffset === undefined || given.buffer === undefined) {
    throw new TypeError(`${kind}.from() takes the handle of a ${kind}, not ${given.lock === undefined ? describe(handle) : `that of a ${given.lock}`}.`);
  }
  return given as LockHandle;
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return typeof value === 'object' ? `an object of ${value.constructor.name}` : `a ${typeof value}`;
}
