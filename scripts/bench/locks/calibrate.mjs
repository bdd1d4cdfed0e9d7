// How much work fits into a microsecond here, found out once a run by a worker that does nothing else. All locks then do
// the same number of units, with slices and without, whatever the machine's speed is at that moment.

import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { now } from './clock.mjs';
import { workloadOf } from './workloads.mjs';

/** ns; much shorter than a time slice, so that most batches are not interrupted. */
const BATCH = 500_000;
const BATCHES = 50;

/** @param {string} name of a workload @returns {number} units in a microsecond */
function calibrate(name) {
  const workload = workloadOf(name);
  const words = new Int32Array(new SharedArrayBuffer(workload.words * Int32Array.BYTES_PER_ELEMENT));
  workload.prepare(words);
  const actor = workload.open(words, 0);
  const time = (/** @type {number} */ units) => {
    const started = now();
    actor.work(units);
    return Math.max(1, now() - started);
  };
  let units = 100;
  // Until it is compiled, and thrown away, and compiled again.
  for (let calls = 0, spent = 0; calls < 50 || spent < 50 * BATCH; calls++) {
    const took = time(units);
    spent += took;
    units = Math.max(100, Math.round((units * BATCH) / took));
  }
  // The best of many: whatever disturbs one only makes it longer.
  return (units * 1000) / Math.min(...Array.from({ length: BATCHES }, () => time(units)));
}

/** @returns {number} ns that one reading of the clock takes */
function calibrateClock() {
  const reads = 1000;
  const times = Array.from({ length: 2 * BATCHES }, () => {
    const started = now();
    let last = started;
    for (let i = 0; i < reads; i++) last = now();
    return (last - started) / reads;
  });
  return Math.min(...times);
}

/**
 * @param {readonly string[]} workloads
 * @returns {Promise<{ units: Map<string, number>, clock: number }>} units in a microsecond of each, and ns to read the clock
 */
export function measureSpeed(workloads) {
  const worker = new Worker(new URL(import.meta.url), { workerData: { calibrate: [...new Set(workloads)] } });
  return new Promise((resolve, reject) => {
    worker.once('message', ({ units, clock }) => resolve({ units: new Map(units), clock }));
    worker.once('error', reject);
  });
}

// Imported by main.mjs too, for the function above.
if (!isMainThread && workerData?.calibrate !== undefined) {
  const units = workerData.calibrate.map((/** @type {string} */ name) => [name, calibrate(name)]);
  parentPort?.postMessage({ units, clock: calibrateClock() });
}
