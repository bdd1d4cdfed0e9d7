// SPDX-License-Identifier: MIT
// Sections of a given length, beside a noisy neighbour on each CPU, for some seconds; what this
// thread counted and what the kernel counted meanwhile. Arguments: length in us, seconds,
// controlWord, workers on each CPU (0: the main thread on the first).
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { attach } from 'rseq-slice';
import {
  cpus,
  kernelStats,
  observer,
  report,
  roundsFor,
  spin,
  startNeighbour,
  statsSince,
  sumStats,
} from './support.mjs';

/** ms; how long a thread waits for its first yield when its time is over. */
const PATIENCE = 60_000;

/** @typedef {{ rounds: number, seconds: number, controlWord: ControlWord, cpu: number }} Job */
/** @typedef {NonNullable<import('rseq-slice').AttachOptions['controlWord']>} ControlWord */

/** @param {Job} job */
function runSections({ cpu, rounds, seconds, controlWord }) {
  observer.pinTo(cpu);
  const thread = attach({ host: 'linux', controlWord });
  const { host, registration, abiVersion } = thread;
  const work = () => spin(rounds);
  const end = performance.now() + seconds * 1000;
  const isDone = () => {
    const left = end - performance.now();
    // A worker that hardly had the CPU meanwhile goes on until it was granted something.
    return left < (thread.stats().yielded > 0 ? 0 : -PATIENCE);
  };
  // Looked at outside of the sections, and seldom.
  while (!isDone()) for (let i = 0; i < 50; i++) thread.critical(work);
  thread.detach();
  return { host, registration, abiVersion, stats: thread.stats() };
}

if (isMainThread) {
  const [length, seconds, controlWord, workers] = process.argv.slice(2);
  const rounds = roundsFor(Number(length));
  const neighbours = await Promise.all(
    Array.from({ length: Number(workers) === 0 ? 1 : cpus }, (_, cpu) => startNeighbour(cpu)),
  );
  const before = kernelStats();
  const job = {
    rounds,
    seconds: Number(seconds),
    controlWord: /** @type {ControlWord} */ (controlWord),
  };
  /** @type {ReturnType<typeof runSections>[]} */
  const runs =
    Number(workers) === 0
      ? [runSections({ ...job, cpu: 0 })]
      : await Promise.all(
          Array.from({ length: Number(workers) * cpus }, (_, index) => {
            const worker = new Worker(new URL(import.meta.url), {
              workerData: { ...job, cpu: index % cpus },
            });
            return new Promise((resolve, reject) => {
              worker.once('message', resolve);
              worker.once('error', reject);
            });
          }),
        );
  await Promise.all(neighbours.map((neighbour) => neighbour.stop()));
  report({
    rounds,
    runs,
    stats: sumStats(runs.map((run) => run.stats)),
    kernel: statsSince(before),
  });
} else {
  parentPort?.postMessage(runSections(workerData));
}
