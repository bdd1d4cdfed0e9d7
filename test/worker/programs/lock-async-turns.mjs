// SPDX-License-Identifier: MIT
// Requests that wait in an event loop while two threads want the same lock all the time and keep it
// for long. Prints for each request how often others had the lock while it waited. Arguments: the
// kind, and how many times each of three tasks is to have it.
import { Worker, isMainThread, workerData } from 'node:worker_threads';
import { Mutex, RwLock, Semaphore, SpinLock } from 'rseq-slice';

const TASKS = 3;
/** ms that each thread keeps the lock. */
const HOLDS = [10, 20];
/** Holds of others after which a request is not to be expected to be served at all. */
const GIVE_UP = 200;
/** Words that all share: how often the lock was had; whether the threads are to stop. */
const [COUNT, STOP] = [0, 1];

/**
 * @typedef {object} Kind
 * @property {any} Lock
 * @property {() => any} create
 * @property {(lock: any) => import('rseq-slice').LockToken} take
 * @property {(lock: any, signal: AbortSignal) => Promise<import('rseq-slice').LockToken>} ask
 */
/** @type {Readonly<Record<string, Kind>>} */
const KINDS = {
  Mutex: {
    Lock: Mutex,
    create: () => new Mutex(),
    take: (lock) => lock.lock(),
    ask: (lock, signal) => lock.lockAsync({ signal }),
  },
  SpinLock: {
    Lock: SpinLock,
    create: () => new SpinLock(),
    take: (lock) => lock.lock(),
    ask: (lock, signal) => lock.lockAsync({ signal }),
  },
  'RwLock, written': {
    Lock: RwLock,
    create: () => new RwLock(),
    take: (lock) => lock.writeLock(),
    ask: (lock, signal) => lock.writeLockAsync({ signal }),
  },
  Semaphore: {
    Lock: Semaphore,
    create: () => new Semaphore({ permits: 1 }),
    take: (lock) => lock.acquire(),
    ask: (lock, signal) => lock.acquireAsync({ signal }),
  },
};

/** @param {string} name */
function kindOf(name) {
  const kind = KINDS[name];
  if (kind === undefined) throw new Error(`There is no kind '${name}'.`);
  return kind;
}

/** @param {{ name: string, handle: any, words: Int32Array, hold: number }} job */
function hog({ name, handle, words, hold }) {
  const { Lock, take } = kindOf(name);
  const lock = Lock.from(handle);
  while (Atomics.load(words, STOP) === 0) {
    const token = take(lock);
    Atomics.add(words, COUNT, 1);
    const until = performance.now() + hold;
    while (performance.now() < until);
    token.unlock();
  }
}

/** @param {string} name @param {number} rounds */
async function run(name, rounds) {
  const { create, ask } = kindOf(name);
  const lock = create();
  const words = new Int32Array(new SharedArrayBuffer(8));
  const exits = HOLDS.map((hold) => {
    const workerData = { name, handle: lock.handle, words, hold };
    const worker = new Worker(new URL(import.meta.url), { workerData });
    return new Promise((resolve) => worker.once('exit', resolve));
  });
  while (Atomics.load(words, COUNT) < 2 * HOLDS.length)
    await new Promise((resolve) => setTimeout(resolve, 1));
  /** @type {number[]} */
  const others = [];
  const controller = new AbortController();
  /** @type {Set<{ readonly began: number }>} */
  const waiting = new Set();
  const watch = setInterval(() => {
    for (const { began } of waiting)
      if (Atomics.load(words, COUNT) - began > GIVE_UP) controller.abort();
  }, 10);
  const task = async () => {
    for (let round = 0; round < rounds && !controller.signal.aborted; round++) {
      const began = Atomics.load(words, COUNT);
      const wait = { began };
      waiting.add(wait);
      try {
        const token = await ask(lock, controller.signal);
        others.push(Atomics.load(words, COUNT) - began);
        Atomics.add(words, COUNT, 1);
        token.unlock();
      } catch {
        others.push(Atomics.load(words, COUNT) - began);
      }
      waiting.delete(wait);
    }
  };
  await Promise.all(Array.from({ length: TASKS }, task));
  clearInterval(watch);
  Atomics.store(words, STOP, 1);
  console.log(
    JSON.stringify({ exitCodes: await Promise.all(exits), others, parties: TASKS + HOLDS.length }),
  );
}

if (isMainThread) {
  const [, , name = '', rounds] = process.argv;
  await run(name, Number(rounds));
} else hog(workerData);
