// SPDX-License-Identifier: MIT
// Threads that want a lock all the time. Prints how often it was reserved for those who waited, the
// most often that this was so while one of them waited, counted from when it had lined up, and the
// bound on that. Arguments: the kind, the number of threads, ms at most, and how many waits are
// enough.
import { Worker, isMainThread, workerData } from 'node:worker_threads';
import { Mutex, SpinLock } from 'rseq-slice';

/**
 * A word for each, and for all: acquisitions, turns, the most of them in one wait, waits, and how
 * often it was taken by one who had not lined up while it was reserved.
 */
const [COUNT, TURNS, MOST, WAITS, BARGED] = [0, 1, 2, 3, 4];

/** @type {Readonly<Record<string, typeof Mutex | typeof SpinLock>>} */
const LOCKS = { Mutex, SpinLock };
const [STATE, QUEUE] = [1, 2];
const AWAITED = 1 << 30;
const GATE = 1 << 21;
/** What one more who waits adds to the word that counts them, inside and outside. */
const ARRIVALS = [1, 1 << 10];
/** ms that it is held: longer than a waiter looks at it before it lines up. */
const HOLD = 0.05;
const LOCK_WORDS = Mutex.byteLength / 4;

/** @param {string} kind */
function classOf(kind) {
  const Lock = LOCKS[kind];
  if (Lock === undefined) throw new Error(`There is no kind '${kind}'.`);
  return Lock;
}

/**
 * @typedef {object} Job
 * @property {string} kind
 * @property {import('rseq-slice').LockHandle} handle
 * @property {Int32Array} words
 * @property {number} ms
 * @property {number} enough
 *
 * @param {Job} job
 */
function work({ kind, handle, words, ms, enough }) {
  const none = -1;
  let lined = none;
  const lock = classOf(kind).from(handle);
  // From when it has lined up, which changes the word that counts who waits, and the holder's word
  // shows that. One that had no CPU for long may have to line up again: then from there.
  const { compareExchange, load } = Atomics;
  let hasArrived = false;
  const note = (/** @type {boolean} */ isShown) => {
    if (hasArrived && isShown && lined === none) lined = load(words, TURNS);
  };
  Object.assign(Atomics, {
    /**
     * @param {Int32Array} array
     * @param {number} index
     * @param {number} expected
     * @param {number} value
     */
    compareExchange(array, index, expected, value) {
      const found = compareExchange(array, index, expected, value);
      if (array.length !== LOCK_WORDS || found !== expected) return found;
      if (index === QUEUE && ARRIVALS.includes(value - expected)) {
        hasArrived = true;
        lined = none;
      }
      if (index === QUEUE && (value & ~expected & GATE) !== 0) Atomics.add(words, TURNS, 1);
      // Only a holder closes the gate, so it is what it was when the lock was taken.
      if (index === STATE && expected <= 0 && value > 0 && !hasArrived)
        Atomics.add(words, BARGED, (load(array, QUEUE) & GATE) === 0 ? 0 : 1);
      if (index === STATE) note(expected > 0 && value === (expected | AWAITED));
      return found;
    },
    /** @param {Int32Array} array @param {number} index */
    load(array, index) {
      const value = load(array, index);
      if (index === STATE && array.length === LOCK_WORDS)
        note(value > 0 && (value & AWAITED) !== 0);
      return value;
    },
  });
  let most = 0;
  const end = performance.now() + ms;
  for (
    let i = 0;
    (i & 63) !== 0 || (performance.now() < end && Atomics.load(words, WAITS) < enough);
    i++
  ) {
    lined = none;
    hasArrived = false;
    lock.enter();
    const until = performance.now() + HOLD;
    if (lined !== none) {
      Atomics.add(words, WAITS, 1);
      most = Math.max(most, Atomics.load(words, TURNS) - lined);
    }
    Atomics.store(words, COUNT, Atomics.load(words, COUNT) + 1);
    while (performance.now() < until);
    lock.leave();
  }
  for (let seen = Atomics.load(words, MOST); most > seen;)
    seen = Atomics.compareExchange(words, MOST, seen, most);
}

if (isMainThread) {
  const [, , kind = '', threads, ms, enough] = process.argv;
  const lock = new (classOf(kind))();
  const words = new Int32Array(new SharedArrayBuffer(20));
  const data = { kind, handle: lock.handle, words, ms: Number(ms), enough: Number(enough) };
  const all = Array.from(
    { length: Number(threads) },
    () => new Worker(new URL(import.meta.url), { workerData: data }),
  );
  const exitCodes = await Promise.all(
    all.map((worker) => new Promise((resolve) => worker.once('exit', resolve))),
  );
  console.log(
    JSON.stringify({
      exitCodes,
      acquisitions: words[COUNT],
      turns: words[TURNS],
      barged: words[BARGED],
      most: words[MOST],
      waits: words[WAITS],
      // And one that is counted only after the next one has lined up.
      bound: 2 * (Number(threads) - 1) + 1,
    }),
  );
} else work(workerData);
