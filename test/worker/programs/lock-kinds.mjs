// SPDX-License-Identifier: MIT
// Every way to hold a lock alone, under one face, for the programs beside this one.
import { Mutex, RwLock, Semaphore, SpinLock } from '../../../dist/index.js';

const options = { blockMainThread: true };
const exclusive = (Lock) => ({
  create: () => new Lock(options).handle,
  open: (handle) => {
    const lock = Lock.from(handle, options);
    return {
      take: (how) => lock.lock(how),
      tryTake: () => lock.tryLock(),
      takeAsync: (how) => lock.lockAsync(how),
      run: (f) => lock.withLock(f),
      lock,
    };
  },
});

export const KINDS = {
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
        lock,
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
        lock,
      };
    },
  },
};

/** The next message of a worker, or an error when it ends before. */
export function nextMessage(worker) {
  return new Promise((resolve, reject) => {
    const onExit = (code) => reject(new Error(`a worker ended with ${code}`));
    worker.once('exit', onExit);
    worker.once('message', (message) => {
      worker.off('exit', onExit);
      resolve(message);
    });
  });
}
