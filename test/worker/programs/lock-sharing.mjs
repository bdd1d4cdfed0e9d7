// SPDX-License-Identifier: MIT
// What is not exclusive: readers beside each other and never beside a writer, permits, and a queue
// with two conditions. Argument: which. Prints what was seen.
import { Worker, isMainThread, workerData } from 'node:worker_threads';
import { Condition, Mutex, RwLock, Semaphore } from 'rseq-slice';

const options = { blockMainThread: true };

/**
 * One of the things that are tried, with locks and words that its workers share.
 * @typedef {ReturnType<typeof create>} Handles
 * @typedef {object} Part
 * @property {(handles: Handles, words: Int32Array, index: number) => void} run
 * @property {(words: Int32Array, handles: Handles) => object} report
 */

function create() {
  return {
    lock: new RwLock().handle,
    semaphore: new Semaphore({ permits: 2 }).handle,
    mutex: new Mutex().handle,
    filled: new Condition().handle,
    emptied: new Condition().handle,
  };
}

/**
 * Not as an atomic operation: locks are there for that.
 * @param {Int32Array} words
 * @param {number} at
 */
function add(words, at, by = 1) {
  words[at] = (words[at] ?? 0) + by;
}

/** @type {Readonly<Record<string, Part>>} */
const PARTS = {
  readers: {
    run: ({ lock }, words, index) => {
      const rw = RwLock.from(lock, options);
      for (let i = 0; i < 3000; i++) {
        if ((i + index) % 4 === 0) {
          rw.withWriteLock(() => {
            add(words, 0);
            if (Atomics.load(words, 2) !== 0) Atomics.add(words, 3, 1);
            add(words, 1);
          });
        } else {
          rw.withReadLock(() => {
            Atomics.add(words, 2, 1);
            if (words[0] !== words[1]) Atomics.add(words, 3, 1);
            Atomics.sub(words, 2, 1);
          });
        }
      }
    },
    report: (words) => ({ written: words[0], same: words[0] === words[1], wrong: words[3] }),
  },
  permits: {
    run: ({ semaphore }, words) => {
      const permits = Semaphore.from(semaphore, options);
      for (let i = 0; i < 3000; i++) {
        const token = permits.acquire();
        const inside = Atomics.add(words, 0, 1) + 1;
        for (let most = Atomics.load(words, 1); inside > most;)
          most = Atomics.compareExchange(words, 1, most, inside);
        if (inside > 2) Atomics.add(words, 3, 1);
        Atomics.sub(words, 0, 1);
        Atomics.add(words, 2, 1);
        token.unlock();
      }
    },
    report: (words, { semaphore }) => ({
      rounds: words[2],
      wrong: words[3],
      available: Semaphore.from(semaphore).available,
    }),
  },
  queue: {
    run: ({ mutex, filled, emptied }, words, index) => {
      const [lock, isFilled, isEmptied] = [
        Mutex.from(mutex, options),
        Condition.from(filled, options),
        Condition.from(emptied, options),
      ];
      const isProducer = index % 2 === 0;
      for (let i = 0; i < 1500; i++) {
        const token = lock.lock();
        // Room for three.
        while (isProducer ? words[0] === 3 : words[0] === 0)
          (isProducer ? isEmptied : isFilled).wait(token);
        add(words, 0, isProducer ? 1 : -1);
        add(words, isProducer ? 1 : 2);
        const [left = 0] = words;
        if (left < 0 || left > 3) add(words, 3);
        token.unlock();
        (isProducer ? isFilled : isEmptied).notify();
      }
    },
    report: (words) => ({
      left: words[0],
      produced: words[1],
      consumed: words[2],
      wrong: words[3],
    }),
  },
};

const [, , name = ''] = process.argv;
const part = PARTS[name];
if (part === undefined) throw new Error(`There is no part '${name}'.`);
if (isMainThread) {
  const handles = create();
  const words = new Int32Array(new SharedArrayBuffer(16));
  const workers = [0, 1, 2, 3].map(
    (index) =>
      new Worker(new URL(import.meta.url), {
        argv: [name],
        workerData: { handles, words, index },
      }),
  );
  const exitCodes = await Promise.all(
    workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve))),
  );
  console.log(JSON.stringify({ exitCodes, ...part.report(words, handles) }));
} else {
  const { handles, words, index } = workerData;
  part.run(handles, words, index);
}
