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
import { Mutex, RseqSliceError, RwLock, Semaphore, SpinLock } from 'rseq-slice';
import { nextMessage } from './lock-kinds.mjs';

/**
 * @typedef {import('rseq-slice').LockHandle} LockHandle
 * @typedef {import('rseq-slice').LockToken} LockToken
 * @typedef {() => LockToken | null | Promise<LockToken | null>} Way
 *
 * A lock, with all the ways into it, and one that fails only when it is held.
 * @typedef {object} Opened
 * @property {() => LockToken | null} hold
 * @property {Readonly<Record<string, Way>>} ways
 *
 * @typedef {object} Kind
 * @property {() => LockHandle} create
 * @property {(handle: LockHandle) => Opened} open
 * @property {readonly string[]} holds the methods with which a victim takes it
 */

const LOCKS = { Mutex, SpinLock, RwLock, Semaphore };
const options = { blockMainThread: true };
const PATIENCE = 5000;
const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks again until it is there. @param {() => LockToken | null} take */
async function retry(take) {
  for (const end = performance.now() + PATIENCE; performance.now() < end; await pause(1)) {
    const token = take();
    if (token !== null) return token;
  }
  return null;
}

/** @param {() => LockToken} take a way that throws when it is late */
const orNull = (take) => {
  try {
    return take();
  } catch (error) {
    if (!RseqSliceError.is(error) || error.code !== 'ERR_RSEQ_TIMEOUT') throw error;
    return null;
  }
};

const limit = { timeout: PATIENCE };
/** @param {Mutex | SpinLock} lock @returns {Opened} */
const exclusive = (lock) => ({
  hold: () => lock.tryLock(),
  ways: {
    tryLock: () => retry(() => lock.tryLock()),
    'timeout 0': () => retry(() => orNull(() => lock.lock({ timeout: 0 }))),
    lock: () => orNull(() => lock.lock(limit)),
    lockAsync: () => lock.lockAsync(limit).catch(() => null),
  },
});

/** @type {Readonly<Record<string, Kind>>} */
const KINDS = {
  Mutex: {
    create: () => new Mutex().handle,
    open: (handle) => exclusive(Mutex.from(handle, options)),
    holds: ['lock'],
  },
  SpinLock: {
    create: () => new SpinLock().handle,
    open: (handle) => exclusive(SpinLock.from(handle, options)),
    holds: ['lock'],
  },
  RwLock: {
    create: () => new RwLock().handle,
    open(handle) {
      const lock = RwLock.from(handle, options);
      return {
        hold: () => lock.tryWriteLock(),
        ways: {
          tryReadLock: () => retry(() => lock.tryReadLock()),
          tryWriteLock: () => retry(() => lock.tryWriteLock()),
          'read, timeout 0': () => retry(() => orNull(() => lock.readLock({ timeout: 0 }))),
          'write, timeout 0': () => retry(() => orNull(() => lock.writeLock({ timeout: 0 }))),
          readLock: () => orNull(() => lock.readLock(limit)),
          writeLock: () => orNull(() => lock.writeLock(limit)),
          readLockAsync: () => lock.readLockAsync(limit).catch(() => null),
          writeLockAsync: () => lock.writeLockAsync(limit).catch(() => null),
        },
      };
    },
    holds: ['readLock', 'writeLock'],
  },
  Semaphore: {
    create: () => new Semaphore({ permits: 1 }).handle,
    open(handle) {
      const lock = Semaphore.from(handle, options);
      return {
        hold: () => lock.tryAcquire(),
        ways: {
          tryAcquire: () => retry(() => lock.tryAcquire()),
          'timeout 0': () => retry(() => orNull(() => lock.acquire({ timeout: 0 }))),
          acquire: () => orNull(() => lock.acquire(limit)),
          acquireAsync: () => lock.acquireAsync(limit).catch(() => null),
        },
      };
    },
    holds: ['acquire'],
  },
};

/** What happens before the ways are tried; the lock is free, or its holder dead, afterwards. */
const CASES = ['dead holder', 'dead waiter', 'dead event loop', 'late waiter', 'late event loop'];

if (isMainThread) {
  const [, , name = '', copy = '', flags = '', choice = 'all'] = process.argv;
  const execArgv = flags === '' ? [] : flags.split(',');
  const kind = KINDS[name];
  if (kind === undefined) throw new Error(`There is no kind '${name}'.`);
  const { create, open, holds } = kind;
  const results = [];
  for (const hold of holds) {
    for (const [index, how] of CASES.entries()) {
      const all = Object.keys(open(create()).ways);
      const turn = (index + 2) % all.length;
      for (const way of choice === 'in turns' ? all.slice(turn, turn + 1) : all) {
        const handle = create();
        const lock = open(handle);
        const held = how === 'dead holder' ? null : lock.hold();
        const { port1, port2 } = new MessageChannel();
        const worker = new Worker(new URL(import.meta.url), {
          execArgv,
          workerData: { copy, kind: name, handle, hold, how, port: port2 },
          transferList: [port2],
        });
        await nextMessage(worker);
        // Until it sleeps.
        if (how.startsWith('dead ') && how !== 'dead holder') await pause(80);
        if (how.startsWith('dead')) await worker.terminate();
        held?.unlock();
        const token = (await lock.ways[way]?.()) ?? null;
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
  /** @param {import('rseq-slice').LockOptions} [timeout] */
  const wait = async (timeout) =>
    how.endsWith('event loop') ? lock[`${hold}Async`](timeout) : lock[hold](timeout);
  if (how === 'dead holder') {
    await wait();
    parentPort?.postMessage('holds');
  } else if (how.startsWith('late')) {
    await wait({ timeout: 30 }).catch(() => undefined);
    parentPort?.postMessage('gave up');
  } else {
    parentPort?.postMessage('waits');
    await wait();
  }
  // Computes until it is ended: nobody may depend on its event loop.
  while (receiveMessageOnPort(port) === undefined);
}
