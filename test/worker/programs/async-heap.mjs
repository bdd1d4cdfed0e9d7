// SPDX-License-Identifier: MIT
// Waits in the event loop that go on for many turns, and as many waits one after the other that end
// in each way. Arguments: what waits, and how many. Prints by how many bytes the heap has grown.
// Run with --expose-gc.
const TURN = 1;
const { waitAsync } = Atomics;
const { setInterval: startInterval } = globalThis;
// Turns come fast: whatever the library looks at now and then, it looks at all the time.
Object.assign(Atomics, {
  /** @param {Int32Array} words @param {number} index @param {number} value @param {number} [ms] */
  waitAsync: (words, index, value, ms = TURN) => waitAsync(words, index, value, Math.min(ms, TURN)),
});
Object.assign(globalThis, {
  /** @param {() => void} run @param {number} ms */
  setInterval: (run, ms) => startInterval(run, Math.min(ms, TURN)),
});
const { Condition, Mutex, RwLock, Semaphore, SpinLock } = await import('rseq-slice');

const WAITERS = 50;
const [, , name = '', turns = '1000'] = process.argv;
const TURNS = Number(turns);
const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));
const ignore = () => undefined;

const mutex = new Mutex();
const spin = new SpinLock();
const rw = new RwLock();
const semaphore = new Semaphore({ permits: 1 });
const condition = new Condition();
const other = new Mutex();

/**
 * @typedef {import('rseq-slice').AsyncLockOptions} AsyncLockOptions
 * @typedef {{ unlock(): unknown }} Held
 * @typedef {(how?: AsyncLockOptions) => Promise<unknown>} Wait
 * @typedef {readonly [hold: () => Held | null, wait: Wait]} Way
 */

/** @param {AsyncLockOptions} [how] */
async function waitOn(how) {
  const token = await other.lockAsync();
  try {
    return await condition.waitAsync(token, how);
  } finally {
    token.unlock();
  }
}

/**
 * What is held meanwhile, how it is waited for, and what happens to those who get it.
 * @type {Readonly<Record<string, Way>>}
 */
const WAYS = {
  'Mutex.lockAsync': [
    () => mutex.tryLock(),
    (how) => mutex.lockAsync(how).then((token) => token.unlock()),
  ],
  'Mutex.withLockAsync': [() => mutex.tryLock(), (how) => mutex.withLockAsync(ignore, how)],
  'SpinLock.lockAsync': [
    () => spin.tryLock(),
    (how) => spin.lockAsync(how).then((token) => token.unlock()),
  ],
  'RwLock.readLockAsync': [
    () => rw.tryWriteLock(),
    (how) => rw.readLockAsync(how).then((token) => token.unlock()),
  ],
  'RwLock.withReadLockAsync': [() => rw.tryWriteLock(), (how) => rw.withReadLockAsync(ignore, how)],
  'RwLock.writeLockAsync': [
    () => rw.tryReadLock(),
    (how) => rw.writeLockAsync(how).then((token) => token.unlock()),
  ],
  'RwLock.withWriteLockAsync': [
    () => rw.tryReadLock(),
    (how) => rw.withWriteLockAsync(ignore, how),
  ],
  'Semaphore.acquireAsync': [
    () => semaphore.tryAcquire(),
    (how) => semaphore.acquireAsync(how).then((token) => token.unlock()),
  ],
  'Semaphore.withPermitAsync': [
    () => semaphore.tryAcquire(),
    (how) => semaphore.withPermitAsync(ignore, how),
  ],
  'Condition.waitAsync': [() => ({ unlock: () => condition.notifyAll() }), waitOn],
};

const heap = () => {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
};

/** @param {Way} way */
async function idle([hold, wait]) {
  const held = hold();
  const waits = Array.from({ length: WAITERS }, () => wait());
  await pause(200);
  const before = heap();
  await pause(TURNS * 2 * TURN);
  const grown = heap() - before;
  held?.unlock();
  await Promise.all(waits);
  return grown;
}

/** @param {Way} way */
async function repeated([hold, wait]) {
  const turn = async () => {
    const held = hold();
    const controller = new AbortController();
    const served = wait();
    const late = wait({ timeout: 0.5 }).catch(ignore);
    const aborted = wait({ signal: controller.signal }).catch(ignore);
    controller.abort();
    await Promise.all([late, aborted]);
    held?.unlock();
    await served;
  };
  for (let i = 0; i < 100; i++) await turn();
  const before = heap();
  for (let i = 0; i < TURNS; i++) await turn();
  // What sleeps for nobody any more is forgotten by then.
  await pause(20);
  return heap() - before;
}

const way = WAYS[name];
if (way === undefined) throw new Error(`There is no way '${name}'.`);
console.log(JSON.stringify({ idle: await idle(way), repeated: await repeated(way) }));
