// SPDX-License-Identifier: MIT
// Locks from npm, for comparison. None is a dependency: what is not installed is skipped. They were
// found by a survey of the registry for mutexes over a SharedArrayBuffer; each is called as its own
// documentation says.

import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createQueueMemory, EXCLUSIVE } from '../../../packages/tools/dist/bench/locks/kinds.js';
import { createQueue } from '../../../packages/tools/dist/bench/locks/queue.js';

/** @typedef {import('../../../packages/tools/lib/bench/locks/kinds.ts').Kind} Kind */
/** @typedef {(name: string) => Promise<any>} Find imports an optional package, or rejects */

/**
 * @param {string | null} folder whose node_modules are looked through after the checkout's
 * @returns {Find}
 */
export function packageFinder(folder) {
  return async (name) => {
    // Some of them are written for browsers, and read this when they are loaded. Node has it since
    // version 21.
    const scope = /** @type {{ navigator?: unknown }} */ (globalThis);
    scope.navigator ??= { hardwareConcurrency: availableParallelism() };
    try {
      return await import(name);
    } catch (error) {
      if (
        folder === null ||
        /** @type {NodeJS.ErrnoException} */ (error).code !== 'ERR_MODULE_NOT_FOUND'
      )
        throw error;
    }
    return import(pathToFileURL(createRequire(join(folder, 'package.json')).resolve(name)).href);
  };
}

/** @param {Find} find @param {string} name @returns {Kind['missing']} */
const unless = (find, name) => async () => {
  try {
    await find(name);
    return null;
  } catch (error) {
    const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
    return code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND'
      ? `the package ${name} is not installed`
      : `${name} does not load: ${message}`;
  }
};

/** @type {Pick<Kind, 'runner' | 'slices' | 'attaches' | 'ours' | 'job' | 'baseline'>} */
const plain = {
  runner: 'workers',
  slices: false,
  attaches: false,
  ours: false,
  job: EXCLUSIVE,
  baseline: null,
};

/** @param {Find} find @param {unknown} buffer */
const multithreadingMutex = async (find, buffer) =>
  new (await find('multithreading')).Mutex(undefined, buffer);

/** What it gives for a lock has one way to end. @param {unknown} guard */
const dispose = (guard) => /** @type {{ dispose(): void }} */ (guard).dispose();

/** @param {Find} find @param {number} percent of sections that read @returns {Kind} */
const multithreadingReaders = (find, percent) => ({
  ...plain,
  name: `multithreading-rw-${percent}`,
  what: 'RwLock of multithreading',
  job: `reads-${percent}`,
  missing: unless(find, 'multithreading'),
  create: () => new SharedArrayBuffer(4),
  async open(buffer) {
    const lock = new (await find('multithreading')).RwLock(undefined, buffer);
    return {
      read: { lock: () => lock.blockingRead(), unlock: dispose },
      write: { lock: () => lock.blockingWrite(), unlock: dispose },
    };
  },
});

/** @param {Find} find @param {number} permits @returns {Kind} */
const multithreadingSemaphore = (find, permits) => ({
  ...plain,
  name: `multithreading-semaphore-${permits}`,
  what: 'Semaphore of multithreading',
  job: `permits-${permits}`,
  missing: unless(find, 'multithreading'),
  create: () => {
    const buffer = new SharedArrayBuffer(8);
    new Int32Array(buffer)[0] = permits;
    return buffer;
  },
  async open(buffer) {
    const semaphore = new (await find('multithreading')).Semaphore(permits, buffer);
    return { lock: () => semaphore.blockingAcquire(), unlock: dispose };
  },
});

/** @param {Find} find @returns {Kind} */
const multithreadingQueue = (find) => ({
  ...plain,
  name: 'multithreading-queue',
  what: 'the same queue over Mutex and Condvar of multithreading',
  job: 'queue',
  missing: unless(find, 'multithreading'),
  create: () => createQueueMemory(4),
  async open(shared) {
    const { Condvar, Mutex } = await find('multithreading');
    const parts =
      /** @type {import('../../../packages/tools/lib/bench/locks/kinds.ts').QueueMemory} */ (
        shared
      );
    const mutex = new Mutex(undefined, parts.lock);
    const [value, room] = [new Condvar(parts.value), new Condvar(parts.room)];
    return createQueue(parts.ring, {
      lock: () => mutex.blockingLock(),
      unlock: dispose,
      waitForValue: (guard) => {
        value.blockingWait(guard);
        return guard;
      },
      waitForRoom: (guard) => {
        room.blockingWait(guard);
        return guard;
      },
      tellOfValue: (count) => (count === 1 ? value.notifyOne() : value.notifyAll()),
      tellOfRoom: (count) => (count === 1 ? room.notifyOne() : room.notifyAll()),
    });
  },
});

/** @param {Find} find @returns {readonly Kind[]} */
export const packageKinds = (find) => [
  ...[100, 95, 50].map((percent) => multithreadingReaders(find, percent)),
  ...[1, 2, 4].map((permits) => multithreadingSemaphore(find, permits)),
  multithreadingQueue(find),
  {
    ...plain,
    name: 'multithreading',
    what: 'blockingLock() of multithreading',
    missing: unless(find, 'multithreading'),
    create: () => new SharedArrayBuffer(4),
    async open(buffer) {
      const mutex = await multithreadingMutex(find, buffer);
      return {
        lock: () => mutex.blockingLock(),
        unlock: (guard) => /** @type {{ dispose(): void }} */ (guard).dispose(),
      };
    },
  },
  {
    ...plain,
    name: 'multithreading-async',
    what: 'lock() of multithreading, a promise',
    missing: unless(find, 'multithreading'),
    create: () => new SharedArrayBuffer(4),
    async open(buffer) {
      const mutex = await multithreadingMutex(find, buffer);
      return {
        async run(section) {
          const guard = await mutex.lock();
          section();
          guard.dispose();
        },
      };
    },
  },
  {
    ...plain,
    name: 'asymmetric-io-mutex',
    what: 'exclusive lock of asymmetric-io-mutex, a promise',
    missing: unless(find, 'asymmetric-io-mutex'),
    create: () => new SharedArrayBuffer(64),
    async open(buffer) {
      const { IOMutex } = await find('asymmetric-io-mutex');
      const meta = { fields: [], length: 0, position: -1 };
      const mutex = new IOMutex(null, null, { buffer, bufferStart: 0, data: null, meta });
      return {
        async run(section) {
          // With its default number of tries it gives up under contention.
          if (!(await mutex.lock('i', 'w', Infinity)))
            throw new Error('asymmetric-io-mutex gave no lock.');
          section();
          mutex.unlock('i', 'w');
        },
      };
    },
  },
];

/** @param {Find} find @returns {Kind} */
export const asyncMutexTasks = (find) => ({
  ...plain,
  name: 'async-mutex',
  what: 'async-mutex between tasks of one thread, which never run at once',
  runner: 'tasks',
  missing: unless(find, 'async-mutex'),
  create: () => null,
  async open() {
    const mutex = new (await find('async-mutex')).Mutex();
    return { run: (section) => mutex.runExclusive(section) };
  },
});
