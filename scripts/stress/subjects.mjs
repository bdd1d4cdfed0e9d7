// SPDX-License-Identifier: MIT
// The locks under test, each with what it guards, and behind one face whatever its kind: ways to
// take it for one holder or for several.

import { countWaiters, isGateClosed, turnsBound } from '../../dist/locks/engine/turnstile.js';
import { Guarded, GUARDED_WORDS } from './guarded.mjs';
import { Series } from './series.mjs';

const PERMITS = 3;
/**
 * How many of the workers are the parties of a barrier: most, so that they wait for each other
 * while some die. The dead are looked for at that many places at a time.
 */
const SHARE = 0.6;
const MOST_PARTIES = 16;
/** ms from one turn of those who wait to the next, of a SpinLock and of the others. */
const SPIN_TURN = 50;
const TURN = 5;
/**
 * ms that a turn may take: it comes with a release, work inside takes 2 ms at most, and a thread
 * may have to wait for a CPU for many times as long.
 */
const LATE = 60;

/** A copy of the package. @typedef {typeof import('rseq-slice')} Library */
/** @typedef {import('rseq-slice').Condition} Condition */
/** @typedef {import('rseq-slice').Mutex} Mutex */
/** @typedef {import('rseq-slice').RwLock} RwLock */
/** @typedef {import('rseq-slice').Semaphore} Semaphore */
/** @typedef {import('rseq-slice').SpinLock} SpinLock */

/**
 * One way to hold a lock.
 * @typedef {object} Face
 * @property {'write' | 'read' | 'none'} access to the guarded words
 * @property {(options?: object) => import('rseq-slice').LockToken} lock
 * @property {() => import('rseq-slice').LockToken | null} tryLock
 * @property {(options?: object) => Promise<import('rseq-slice').LockToken>} lockAsync
 * @property {(run: (hold: import('rseq-slice').Hold) => void, options?: object) => void} withLock
 * @property
 * {(run: (token: import('rseq-slice').LockToken) => Promise<void>, options?: object) =>
 *   Promise<void>}
 * withLockAsync
 * @property {Mutex | SpinLock | null} bare has enter() and leave()
 */

/**
 * @typedef {object} Subject
 * @property {string} kind
 * @property {readonly Face[]} faces
 * @property {Condition | null} condition
 * @property {import('rseq-slice').Barrier | null} barrier
 * @property {Series | null} series of queues
 * @property {Guarded} guarded
 * @property {number | 'rw'} permits
 * @property {(threads: number) => number | null} longest ms that one may wait in which nobody dies
 * or comes late; null: it is not said
 * @property {object} handles
 * @property {readonly Int32Array[]} words of the lock, and of the condition
 */

/** @param {Mutex | SpinLock} lock @returns {Face} */
const exclusive = (lock) => ({
  access: 'write',
  lock: (options) => lock.lock(options),
  tryLock: () => lock.tryLock(),
  lockAsync: (options) => lock.lockAsync(options),
  withLock: (run, options) => lock.withLock(run, options),
  withLockAsync: (run, options) => lock.withLockAsync(run, options),
  bare: lock,
});

/** @param {RwLock} lock @returns {Face} */
const reading = (lock) => ({
  access: 'read',
  lock: (options) => lock.readLock(options),
  tryLock: () => lock.tryReadLock(),
  lockAsync: (options) => lock.readLockAsync(options),
  withLock: (run, options) => lock.withReadLock(run, options),
  withLockAsync: (run, options) => lock.withReadLockAsync(run, options),
  bare: null,
});

/** @param {RwLock} lock @returns {Face} */
const writing = (lock) => ({
  access: 'write',
  lock: (options) => lock.writeLock(options),
  tryLock: () => lock.tryWriteLock(),
  lockAsync: (options) => lock.writeLockAsync(options),
  withLock: (run, options) => lock.withWriteLock(run, options),
  withLockAsync: (run, options) => lock.withWriteLockAsync(run, options),
  bare: null,
});

/** @param {Semaphore} lock @returns {Face} */
const permit = (lock) => ({
  access: 'none',
  lock: (options) => lock.acquire(options),
  tryLock: () => lock.tryAcquire(),
  lockAsync: (options) => lock.acquireAsync(options),
  withLock: (run, options) => lock.withPermit(run, options),
  withLockAsync: (run, options) => lock.withPermitAsync(run, options),
  bare: null,
});

/**
 * @param {Library} library
 * @param {string} kind
 * @param {any} handles
 * @returns {{ lock: any, condition: Condition | null, faces: Face[], permits: number | 'rw',
 *   longest: (threads: number) => number | null }}
 */
function open({ Condition, Mutex, RwLock, Semaphore, SpinLock }, kind, handles) {
  const longestOf = (/** @type {number} */ every) => (/** @type {number} */ threads) =>
    turnsBound(threads) * (every + LATE);
  if (kind === 'spin') {
    const lock = handles === null ? new SpinLock() : SpinLock.from(handles.lock);
    return {
      lock,
      condition: null,
      faces: [exclusive(lock)],
      permits: 1,
      longest: longestOf(SPIN_TURN),
    };
  }
  if (kind === 'rw') {
    const lock = handles === null ? new RwLock() : RwLock.from(handles.lock);
    return {
      lock,
      condition: null,
      faces: [reading(lock), writing(lock)],
      permits: 'rw',
      longest: () => null,
    };
  }
  if (kind === 'semaphore') {
    const lock =
      handles === null ? new Semaphore({ permits: PERMITS }) : Semaphore.from(handles.lock);
    return {
      lock,
      condition: null,
      faces: [permit(lock)],
      permits: PERMITS,
      longest: longestOf(TURN),
    };
  }
  const lock = handles === null ? new Mutex() : Mutex.from(handles.lock);
  const condition =
    kind === 'condition'
      ? handles === null
        ? new Condition()
        : Condition.from(handles.condition)
      : null;
  return { lock, condition, faces: [exclusive(lock)], permits: 1, longest: longestOf(TURN) };
}

/**
 * A lock of some kind: a fresh one, or that of another thread.
 * @param {Library} library
 * @param {string} kind
 * @param {any} [from] `handles` of that one
 * @param {number} [workers] how many there will be, for a fresh one
 * @returns {Subject}
 */
export function subjectOf(library, kind, from = null, workers = 2) {
  library.attach();
  if (kind === 'barrier' || kind === 'queue') return gatheringOf(library, kind, from, workers);
  const { lock, condition, ...rest } = open(library, kind, from);
  const guarded =
    from?.guarded ?? new SharedArrayBuffer(GUARDED_WORDS * Int32Array.BYTES_PER_ELEMENT);
  return {
    ...rest,
    kind,
    condition,
    barrier: null,
    series: null,
    guarded: new Guarded(new Int32Array(guarded)),
    handles: { lock: lock.handle, condition: condition?.handle, guarded },
    words: [lock, ...(condition === null ? [] : [condition])].map(
      ({ handle }) => new Int32Array(handle.buffer, handle.byteOffset),
    ),
  };
}

/**
 * A barrier, or queues: nobody holds them.
 * @param {Library} library
 * @param {'barrier' | 'queue'} kind
 * @param {any} from `handles`
 * @param {number} workers
 * @returns {Subject}
 */
function gatheringOf(library, kind, from, workers) {
  const { Barrier } = library;
  const barrier =
    kind === 'queue'
      ? null
      : from === null
        ? new Barrier({ parties: Math.min(MOST_PARTIES, Math.max(2, Math.round(SHARE * workers))) })
        : Barrier.from(from.barrier);
  const series = kind === 'queue' ? new Series(library, from?.series ?? null) : null;
  const { handle } = barrier ?? {};
  return {
    kind,
    faces: [],
    condition: null,
    barrier,
    series,
    guarded: new Guarded(new Int32Array(GUARDED_WORDS)),
    permits: 0,
    longest: () => null,
    handles: { barrier: handle, series: series?.handles },
    words:
      handle === undefined
        ? []
        : [
            new Int32Array(
              handle.buffer,
              handle.byteOffset,
              Barrier.byteLength(barrier?.parties ?? 1) / Int32Array.BYTES_PER_ELEMENT,
            ),
          ],
  };
}

/** Whether the lock is kept for those who lined up in time. @param {Subject} subject */
export function isReserved({ words: [words] }) {
  return words !== undefined && isGateClosed(words);
}

/** Whether nobody is counted as waiting, the dead neither. @param {Subject} subject */
export function isLineEmpty({ words: [words] }) {
  return words !== undefined && countWaiters(words) === 0;
}

/** The words as they are, for whoever looks for a cause. @param {Subject} subject */
export function describeWords({ kind, words, series }) {
  if (series !== null)
    return `queue ${series.current(false)}: ${hexadecimal(series.wordsOf(series.current(false)))}`;
  return `${kind}: ${words.map(hexadecimal).join(', condition: ')}`;
}

/** @param {Int32Array} words */
export function hexadecimal(words) {
  return Array.from(words, (word) => (word >>> 0).toString(16))
    .join(' ')
    .replace(/( 0)+$/, ' 0…');
}

/**
 * The same of a queue's line.
 * @param {Series} series @param {number} which @param {boolean} isPush
 */
export function isLineReserved(series, which, isPush) {
  return isGateClosed(series.line(which, isPush));
}

/**
 * The same of a queue's line.
 * @param {Series} series @param {number} which @param {boolean} isPush
 */
export function isQueueLineEmpty(series, which, isPush) {
  return countWaiters(series.line(which, isPush)) === 0;
}
