// SPDX-License-Identifier: MIT
// Event loops that wait for a lock, or have just given up, and compute instead of coming round.
// Argument: the kind. Prints how long a worker waited for a lock that nobody held, and how many
// waits were long while this thread gave up and computed.
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { RwLock, Semaphore } from '../../../dist/index.js';
import { KINDS, nextMessage } from './lock-kinds.mjs';

const BUSY = 1500;
const LONG = 150;
const compute = (ms) => {
  for (const end = performance.now() + ms; performance.now() < end;);
};

/** Locks with several holders, where one event loop could be in the way of all. */
const MANY = {
  'Semaphore of 4': {
    create: () => new Semaphore({ permits: 4 }),
    all: (lock) => [1, 2, 3, 4].map(() => lock.tryAcquire()),
    wait: (lock) => lock.acquireAsync(),
    take: (handle) => Semaphore.from(handle).acquire(),
  },
  'RwLock, read': {
    create: () => new RwLock(),
    all: (lock) => [lock.tryReadLock()],
    wait: (lock) => lock.writeLockAsync(),
    take: (handle) => RwLock.from(handle).readLock(),
  },
};

if (!isMainThread) {
  const { kind, handle, control } = workerData;
  const open = () =>
    MANY[kind] === undefined ? KINDS[kind].open(handle).take() : MANY[kind].take(handle);
  parentPort.postMessage('ready');
  Atomics.wait(control, 0, 0);
  const started = performance.now();
  open().unlock();
  parentPort.postMessage(performance.now() - started);
  let long = 0;
  for (let i = 0; Atomics.load(control, 0) === 1; i++) {
    const from = performance.now();
    const token = open();
    if (performance.now() - from > LONG) long++;
    for (let spin = 0; spin < 2000; spin++) Atomics.load(control, 0);
    token.unlock();
  }
  parentPort.postMessage(long);
} else {
  const [, , kind] = process.argv;
  const { create, all, wait } = MANY[kind] ?? {
    create: () => KINDS[kind].open(KINDS[kind].create()),
    all: (lock) => [lock.tryTake()],
    wait: (lock, how) => lock.takeAsync(how),
  };
  const made = create();
  const lock = made.lock ?? made;
  const held = all(made);
  const control = new Int32Array(new SharedArrayBuffer(4));
  const start = () =>
    new Worker(new URL(import.meta.url), { workerData: { kind, handle: lock.handle, control } });
  const worker = start();
  await nextMessage(worker);
  const took = nextMessage(worker);
  const pending = wait(made);
  await new Promise((resolve) => setTimeout(resolve, 50));
  for (const token of held) token.unlock();
  Atomics.store(control, 0, 1);
  Atomics.notify(control, 0);
  compute(BUSY);
  (await pending).unlock();
  const waited = await took;
  let gaveUp = 0;
  if (MANY[kind] === undefined) {
    for (let i = 0; i < 6; i++) {
      await wait(made, { timeout: 0.01 }).then(
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
