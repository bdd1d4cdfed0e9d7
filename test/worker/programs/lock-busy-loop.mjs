// SPDX-License-Identifier: MIT
// Event loops that wait for a lock, or have just given up, and compute instead of coming round.
// Argument: the kind. Prints how long a worker waited for a lock that nobody held, and how many
// waits were long while this thread gave up and computed.
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { RwLock, Semaphore } from 'rseq-slice';
import { kindOf, nextMessage } from './lock-kinds.mjs';

const BUSY = 1500;
const LONG = 150;
const compute = (/** @type {number} */ ms) => {
  for (const end = performance.now() + ms; performance.now() < end;);
};

/**
 * How a lock is filled, waited for, and taken by a worker.
 * @typedef {object} Opened
 * @property {() => (LockToken | null)[]} all
 * @property {(how?: import('rseq-slice').AsyncLockOptions) => Promise<LockToken>} wait
 * @property {() => LockToken} take
 *
 * @typedef {object} Kind
 * @property {() => LockHandle} create
 * @property {(handle: LockHandle) => Opened} open
 *
 * @typedef {import('rseq-slice').LockHandle} LockHandle
 * @typedef {import('rseq-slice').LockToken} LockToken
 */

/**
 * Locks with several holders, where one event loop could be in the way of all.
 * @type {Readonly<Record<string, Kind>>}
 */
const MANY = {
  'Semaphore of 4': {
    create: () => new Semaphore({ permits: 4 }).handle,
    open(handle) {
      const lock = Semaphore.from(handle);
      return {
        all: () => [1, 2, 3, 4].map(() => lock.tryAcquire()),
        wait: () => lock.acquireAsync(),
        take: () => lock.acquire(),
      };
    },
  },
  'RwLock, read': {
    create: () => new RwLock().handle,
    open(handle) {
      const lock = RwLock.from(handle);
      return {
        all: () => [lock.tryReadLock()],
        wait: () => lock.writeLockAsync(),
        take: () => lock.readLock(),
      };
    },
  },
};

/** @param {string} kind that one holds alone @returns {Kind} */
function alone(kind) {
  const { create, open } = kindOf(kind);
  return {
    create,
    open(handle) {
      const lock = open(handle);
      return { all: () => [lock.tryTake()], wait: lock.takeAsync, take: lock.take };
    },
  };
}

if (!isMainThread) {
  const { kind, handle } = workerData;
  /** @type {Int32Array} */
  const control = workerData.control;
  const opener = MANY[kind] ?? alone(kind);
  const open = () => opener.open(handle).take();
  parentPort?.postMessage('ready');
  Atomics.wait(control, 0, 0);
  const started = performance.now();
  open().unlock();
  parentPort?.postMessage(performance.now() - started);
  let long = 0;
  for (let i = 0; Atomics.load(control, 0) === 1; i++) {
    const from = performance.now();
    const token = open();
    if (performance.now() - from > LONG) long++;
    for (let spin = 0; spin < 2000; spin++) Atomics.load(control, 0);
    token.unlock();
  }
  parentPort?.postMessage(long);
} else {
  const [, , kind = ''] = process.argv;
  const { create, open } = MANY[kind] ?? alone(kind);
  const handle = create();
  const lock = open(handle);
  const held = lock.all();
  const control = new Int32Array(new SharedArrayBuffer(4));
  const start = () =>
    new Worker(new URL(import.meta.url), { workerData: { kind, handle, control } });
  const worker = start();
  await nextMessage(worker);
  const took = nextMessage(worker);
  const pending = lock.wait();
  await new Promise((resolve) => setTimeout(resolve, 50));
  for (const token of held) token?.unlock();
  Atomics.store(control, 0, 1);
  Atomics.notify(control, 0);
  compute(BUSY);
  (await pending).unlock();
  const waited = await took;
  let gaveUp = 0;
  if (MANY[kind] === undefined) {
    for (let i = 0; i < 6; i++) {
      await lock.wait({ timeout: 0.01 }).then(
        (token) => token.unlock(),
        () => gaveUp++,
      );
      compute(300);
    }
  }
  const long = nextMessage(worker);
  Atomics.store(control, 0, 2);
  console.log(JSON.stringify({ waited, gaveUp, long: await long }));
}
