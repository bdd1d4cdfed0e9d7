// SPDX-License-Identifier: MIT
// Every way into a lock after its holder or a waiter has died, or a waiter has given up. Arguments:
// the kind; the index.js of the copy that the victim uses, '' for this one; flags of the victim's
// Node, by commas; 'in turns' for one way a case instead of all. Prints what each way got.
import { pathToFileURL } from 'node:url';
import {
  MessageChannel,
  Worker,
  isMainThread,
  parentPort,
  receiveMessageOnPort,
  workerData,
} from 'node:worker_threads';
import { Mutex, RwLock, Semaphore, SpinLock } from '../../../dist/index.js';
import { nextMessage } from './lock-kinds.mjs';

const LOCKS = { Mutex, SpinLock, RwLock, Semaphore };
const options = { blockMainThread: true };
const PATIENCE = 5000;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks again until it is there. */
async function retry(take) {
  for (const end = performance.now() + PATIENCE; performance.now() < end; await pause(1)) {
    const token = take();
    if (token !== null) return token;
  }
  return null;
}

/** @param take a way that throws when it is late */
const orNull = (take) => {
  try {
    return take();
  } catch (error) {
    if (error.code !== 'ERR_RSEQ_TIMEOUT') throw error;
    return null;
  }
};

const limit = { timeout: PATIENCE };
const exclusive = (lock) => ({
  tryLock: () => retry(() => lock.tryLock()),
  'timeout 0': () => retry(() => orNull(() => lock.lock({ timeout: 0 }))),
  lock: () => orNull(() => lock.lock(limit)),
  lockAsync: () => lock.lockAsync(limit).catch(() => null),
});

const KINDS = {
  Mutex: { create: () => new Mutex(), ways: exclusive, holds: ['lock'] },
  SpinLock: { create: () => new SpinLock(), ways: exclusive, holds: ['lock'] },
  RwLock: {
    create: () => new RwLock(),
    ways: (lock) => ({
      tryReadLock: () => retry(() => lock.tryReadLock()),
      tryWriteLock: () => retry(() => lock.tryWriteLock()),
      'read, timeout 0': () => retry(() => orNull(() => lock.readLock({ timeout: 0 }))),
      'write, timeout 0': () => retry(() => orNull(() => lock.writeLock({ timeout: 0 }))),
      readLock: () => orNull(() => lock.readLock(limit)),
      writeLock: () => orNull(() => lock.writeLock(limit)),
      readLockAsync: () => lock.readLockAsync(limit).catch(() => null),
      writeLockAsync: () => lock.writeLockAsync(limit).catch(() => null),
    }),
    holds: ['readLock', 'writeLock'],
  },
  Semaphore: {
    create: () => new Semaphore({ permits: 1 }),
    ways: (lock) => ({
      tryAcquire: () => retry(() => lock.tryAcquire()),
      'timeout 0': () => retry(() => orNull(() => lock.acquire({ timeout: 0 }))),
      acquire: () => orNull(() => lock.acquire(limit)),
      acquireAsync: () => lock.acquireAsync(limit).catch(() => null),
    }),
    holds: ['acquire'],
  },
};

/** What happens before the ways are tried; the lock is free, or its holder dead, afterwards. */
const CASES = ['dead holder', 'dead waiter', 'dead event loop', 'late waiter', 'late event loop'];

if (isMainThread) {
  const [, , kind, copy = '', flags = '', choice = 'all'] = process.argv;
  const execArgv = flags === '' ? [] : flags.split(',');
  const { create, ways, holds } = KINDS[kind];
  const results = [];
  for (const hold of holds) {
    for (const [index, how] of CASES.entries()) {
      const names = Object.keys(ways(create()));
      for (const way of choice === 'in turns' ? [names[(index + 2) % names.length]] : names) {
        const { handle } = create();
        const lock = LOCKS[kind].from(handle, options);
        const held =
          how === 'dead holder'
            ? null
            : (lock.tryLock ?? lock.tryWriteLock ?? lock.tryAcquire).call(lock);
        const { port1, port2 } = new MessageChannel();
        const worker = new Worker(new URL(import.meta.url), {
          execArgv,
          workerData: { copy, kind, handle, hold, how, port: port2 },
          transferList: [port2],
        });
        await nextMessage(worker);
        // Until it sleeps.
        if (how.startsWith('dead ') && how !== 'dead holder') await pause(80);
        if (how.startsWith('dead')) await worker.terminate();
        held?.unlock();
        const token = await ways(lock)[way]();
        results.push({
          hold,
          how,
          way,
          got: token === null ? 'nothing' : token.abandoned ? 'abandoned' : 'free',
        });
        token?.unlock();
        port1.close();
        await worker.terminate();
      }
    }
  }
  console.log(JSON.stringify(results));
} else {
  const { copy, kind, handle, hold, how, port } = workerData;
  const library = copy === '' ? LOCKS : await import(pathToFileURL(copy).href);
  const lock = library[kind].from(handle);
  const wait = async (timeout) =>
    how.endsWith('event loop') ? lock[`${hold}Async`](timeout) : lock[hold](timeout);
  if (how === 'dead holder') {
    await wait();
    parentPort.postMessage('holds');
  } else if (how.startsWith('late')) {
    await wait({ timeout: 30 }).catch(() => undefined);
    parentPort.postMessage('gave up');
  } else {
    parentPort.postMessage('waits');
    await wait();
  }
  // Computes until it is ended: nobody may depend on its event loop.
  while (receiveMessageOnPort(port) === undefined);
}
