// SPDX-License-Identifier: MIT
// What is traced: four workers that take a lock in turns. They post their counters; the main thread
// prints them all, with those of a simulated kernel that grants, and ends as it is told to.
// Arguments: how it ends, and how often each worker takes the lock.
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { Mutex, attach } from 'rseq-slice';
import { SimulatedKernel } from 'rseq-slice/simulated';

const WORKERS = 4;
/** Words: the count, one to spend time with, and how many workers have started. */
const COUNT = 0;
const STARTED = 2;
/** Sections that are granted, and then given back, expired, and scheduled out. */
const GRANTS = { given: 30, late: 5 };

/**
 * What a worker is told.
 * @typedef {object} Job
 * @property {import('rseq-slice').LockHandle} handle
 * @property {SharedArrayBuffer} buffer
 * @property {number} rounds how often it takes the lock
 * @property {boolean} isEndless whether it does not end by itself
 */

/**
 * Takes the lock so often, and holds it long enough for others to want it.
 * @param {Mutex} lock
 * @param {Int32Array} words
 * @param {number} rounds
 */
function work(lock, words, rounds) {
  for (let i = 0; i < rounds; i++) {
    lock.enter();
    for (let spin = 0; spin < 1000; spin++) add(words, COUNT + 1);
    add(words, COUNT);
    lock.leave();
  }
}

/**
 * Not as an atomic operation: the lock is there for that.
 * @param {Int32Array} words
 * @param {number} at
 */
function add(words, at) {
  words[at] = (words[at] ?? 0) + 1;
}

/** @param {Job} job */
function runWorker({ handle, buffer, rounds, isEndless }) {
  const thread = attach({ host: 'simulated' });
  const [lock, words] = [Mutex.from(handle), new Int32Array(buffer)];
  // They begin together, so that they want the lock at the same time.
  Atomics.add(words, STARTED, 1);
  while (Atomics.load(words, STARTED) < WORKERS) Atomics.wait(words, STARTED, -1, 1);
  work(lock, words, rounds);
  if (!isEndless) {
    thread.critical(() => thread.critical(() => {}));
    parentPort?.postMessage(thread.stats());
    return;
  }
  // Nothing comes after this but the end by terminate(), so these are the last counters.
  thread.enter();
  parentPort?.postMessage(thread.stats());
  for (;;);
}

function grants() {
  const cpu = new SimulatedKernel().thread('granted');
  const thread = attach({ host: cpu });
  for (let i = 0; i < GRANTS.given + GRANTS.late; i++) {
    thread.enter();
    cpu.preempt();
    if (i >= GRANTS.given) cpu.expire();
    thread.leave();
  }
  return thread.stats();
}

/** @param {string} ending @param {number} rounds */
async function main(ending, rounds) {
  const { handle } = new Mutex();
  const buffer = new SharedArrayBuffer(12);
  const all = Array.from({ length: WORKERS }, (_, index) => {
    const data = { workerData: { handle, buffer, rounds, isEndless: index === 0 } };
    // One has an environment of its own, with nothing in it.
    const worker = new Worker(new URL(import.meta.url), index === 1 ? { ...data, env: {} } : data);
    return {
      worker,
      stats: new Promise((resolve, reject) =>
        worker.once('message', resolve).once('error', reject),
      ),
      end: new Promise((resolve) => worker.once('exit', resolve)),
    };
  });
  const stats = await Promise.all(all.map((one) => one.stats));
  const [endless, ...others] = all;
  // The end of the process would terminate these, too, as long as they are on their way to their
  // own.
  await Promise.all(others.map((one) => one.end));
  await endless?.worker.terminate();
  console.log(
    JSON.stringify({ count: new Int32Array(buffer)[COUNT], stats: [...stats, grants()] }),
  );
  if (ending.startsWith('SIG')) process.kill(process.pid, ending);
  process.exit(Number(ending));
}

if (isMainThread) await main(process.argv[2] ?? '0', Number(process.argv[3] ?? 3000));
else runWorker(workerData);
