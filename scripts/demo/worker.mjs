// One worker of the demonstration: books transfers in the shared records until it is told to stop, with a section around
// each try for the lock, and reports what it counted.

import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { attach } from '../../dist/index.js';
import { ACCOUNTS, Ledger } from './ledger.mjs';

/** @typedef {{ buffer: SharedArrayBuffer, progress: SharedArrayBuffer, index: number, backend: 'auto' | 'simulated' }} Job */

/**
 * @typedef {object} Report
 * @property {string} backend
 * @property {string} registration
 * @property {string} flavour
 * @property {import('../../dist/index.js').Stats} stats
 * @property {number} transfers
 * @property {number} torn
 * @property {number} seconds
 */

/** The first word of the progress tells to stop; the others are how many transfers each worker has made. */
export const STOP = 0;
/** The first message, before the first section; the report is the second and last. */
export const STARTED = 'started';
const BATCH = 64;

/** @param {Job} job @returns {Report} */
function run({ buffer, progress, index, backend }) {
  const thread = attach({ backend });
  const ledger = new Ledger(buffer);
  const shared = new Int32Array(progress);
  let random = (index + 1) * 0x9e3779b1;
  let transfers = 0;
  parentPort?.postMessage(STARTED);
  const started = performance.now();
  while (Atomics.load(shared, STOP) === 0) {
    for (let i = 0; i < BATCH; ) {
      random ^= random << 13;
      random ^= random >>> 17;
      random ^= random << 5;
      const from = random & (ACCOUNTS - 1);
      const to = (from + 1 + ((random >>> 8) % (ACCOUNTS - 1))) & (ACCOUNTS - 1);
      // The request comes before the lock: else the thread may be preempted between the two.
      thread.enter();
      const locked = ledger.tryLock();
      if (locked) {
        ledger.transfer(from, to, (random >>> 16) & 0xff);
        ledger.unlock();
      }
      thread.leave();
      if (locked) i++;
      else ledger.waitForLock();
    }
    transfers += BATCH;
    Atomics.store(shared, STOP + 1 + index, transfers);
  }
  const seconds = (performance.now() - started) / 1000;
  const { registration, flavour } = thread;
  return { backend: thread.backend, registration, flavour, stats: thread.stats(), transfers, torn: ledger.torn, seconds };
}

// Imported by main.mjs too, for what the two agree on.
if (!isMainThread) parentPort?.postMessage(run(workerData));
