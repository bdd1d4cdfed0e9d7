// SPDX-License-Identifier: MIT
// Every way to hold a lock alone, under one face, for the programs beside this one.
import { Mutex, RwLock, Semaphore, SpinLock } from 'rseq-slice';

/**
 * A way to hold a lock alone.
 * @typedef {object} Kind
 * @property {() => LockHandle} create
 * @property {(handle: LockHandle) => Opened} open
 *
 * @typedef {object} Opened
 * @property {(how?: import('rseq-slice').LockOptions) => LockToken} take
 * @property {() => LockToken | null} tryTake
 * @property {(how?: import('rseq-slice').AsyncLockOptions) => Promise<LockToken>} takeAsync
 * @property {(run: () => void) => void} run
 *
 * @typedef {import('rseq-slice').LockHandle} LockHandle
 * @typedef {import('rseq-slice').LockToken} LockToken
 */

const options = { blockMainThread: true };

/** @param {typeof Mutex | typeof SpinLock} Lock @returns {Kind} */
const exclusive = (Lock) => ({
  create: () => new Lock(options).handle,
  open: (handle) => {
    const lock = Lock.from(handle, options);
    return {
      take: (how) => lock.lock(how),
      tryTake: () => lock.tryLock(),
      takeAsync: (how) => lock.lockAsync(how),
      run: (f) => lock.withLock(f),
    };
  },
});

/** @type {Readonly<Record<string, Kind>>} */
const KINDS = {
  Mutex: exclusive(Mutex),
  SpinLock: exclusive(SpinLock),
  'RwLock, written': {
    create: () => new RwLock().handle,
    open: (handle) => {
      const lock = RwLock.from(handle, options);
      return {
        take: (how) => lock.writeLock(how),
        tryTake: () => lock.tryWriteLock(),
        takeAsync: (how) => lock.writeLockAsync(how),
        run: (f) => lock.withWriteLock(f),
      };
    },
  },
  Semaphore: {
    create: () => new Semaphore({ permits: 1 }).handle,
    open: (handle) => {
      const lock = Semaphore.from(handle, options);
      return {
        take: (how) => lock.acquire(how),
        tryTake: () => lock.tryAcquire(),
        takeAsync: (how) => lock.acquireAsync(how),
        run: (f) => lock.withPermit(f),
      };
    },
  },
};

/** @param {string | undefined} name */
export function kindOf(name = '') {
  const kind = KINDS[name];
  if (kind === undefined) throw new Error(`There is no kind '${name}'.`);
  return kind;
}

/**
 * The next message of a worker, or an error when it ends before.
 * @param {import('node:worker_threads').Worker} worker
 * @returns {Promise<any>} what its program says it is
 */
export function nextMessage(worker) {
  return new Promise((resolve, reject) => {
    const onExit = (/** @type {number} */ code) => reject(new Error(`a worker ended with ${code}`));
    worker.once('exit', onExit);
    worker.once('message', (message) => {
      worker.off('exit', onExit);
      resolve(message);
    });
  });
}
