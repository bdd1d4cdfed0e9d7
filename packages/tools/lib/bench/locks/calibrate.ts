// SPDX-License-Identifier: MIT
/**
 * How much work fits into a microsecond here, found out once a run by a worker that
 * does nothing else. All locks then do the same number of units, with slices and
 * without, whatever the machine's speed is at that moment.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { now } from './clock.ts';
import { workloadOf } from './workloads.ts';

/** ns; much shorter than a time slice, so that most batches are not interrupted. */
const BATCH = 500_000;
const BATCHES = 50;

interface Job {
  readonly calibrate: readonly string[];
}

interface Report {
  readonly units: readonly (readonly [string, number])[];
  readonly clock: number;
}

/** @returns units of a workload in a microsecond */
function calibrate(name: string): number {
  const workload = workloadOf(name);
  const words = new Int32Array(
    new SharedArrayBuffer(workload.words * Int32Array.BYTES_PER_ELEMENT),
  );
  workload.prepare(words);
  const actor = workload.open(words, 0);
  const time = (units: number): number => {
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

/** @returns ns that one reading of the clock takes */
function calibrateClock(): number {
  const reads = 1000;
  const times = Array.from({ length: 2 * BATCHES }, () => {
    const started = now();
    let last = started;
    for (let i = 0; i < reads; i++) last = now();
    return (last - started) / reads;
  });
  return Math.min(...times);
}

export interface Speed {
  /** In a microsecond, of each workload. */
  readonly units: ReadonlyMap<string, number>;
  /** ns to read the clock. */
  readonly clock: number;
}

export function measureSpeed(workloads: readonly string[]): Promise<Speed> {
  const job: Job = { calibrate: [...new Set(workloads)] };
  const worker = new Worker(new URL('calibrate.js', import.meta.url), { workerData: job });
  return new Promise((resolve, reject) => {
    worker.once('message', ({ units, clock }: Report) => {
      resolve({ units: new Map(units), clock });
    });
    worker.once('error', reject);
  });
}

// Imported by who measures too, for the function above.
if (!isMainThread && (workerData as Partial<Job> | null)?.calibrate !== undefined) {
  const units = (workerData as Job).calibrate.map((name) => [name, calibrate(name)] as const);
  const report: Report = { units, clock: calibrateClock() };
  parentPort?.postMessage(report);
}
