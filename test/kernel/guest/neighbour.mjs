// SPDX-License-Identifier: MIT
// The noisy neighbour of support.mjs: a worker that wakes often and keeps its CPU a little while.
import { parentPort, workerData } from 'node:worker_threads';
import { observer, spin } from './support.mjs';

observer.pinTo(workerData.cpu);
parentPort?.postMessage('ready');
const stop = new Int32Array(workerData.stop);
while (Atomics.load(stop, 0) === 0) {
  Atomics.wait(stop, 0, 0, 0.5);
  spin(2_000);
}
