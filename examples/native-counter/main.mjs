// SPDX-License-Identifier: MIT
// Threads of C and workers of JavaScript count in one StripedCounter, and JavaScript reads the sum.
// Ends with 1 if anything is missing.
import { createRequire } from 'node:module';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { StripedCounter } from 'rseq-slice';
import { api } from 'rseq-slice/native';

const ADDS = 100_000;
const WORKERS = 2;
const THREADS = 4;

if (isMainThread) {
  const counter = new StripedCounter();
  const workers = Array.from(
    { length: WORKERS },
    () => new Worker(new URL(import.meta.url), { workerData: counter.handle }),
  );
  const ends = workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve)));
  /**
   * @typedef {(api: unknown, memory: Uint8Array, threads: number, adds: number) => boolean} Count
   * @type {{ countInThreads: Count }}
   */
  const addon = createRequire(import.meta.url)('./build/Release/counter.node');
  const { buffer, byteOffset } = counter.handle;
  const memory = new Uint8Array(buffer, byteOffset);
  const restartable = addon.countInThreads(api, memory, THREADS, ADDS);
  await Promise.all(ends);
  const expected = (WORKERS + THREADS) * ADDS;
  console.log(JSON.stringify({ sum: counter.sum(), expected, restartable }));
  if (counter.sum() !== expected) process.exitCode = 1;
} else {
  const counter = StripedCounter.from(workerData);
  for (let i = 0; i < ADDS; i++) counter.add();
}
