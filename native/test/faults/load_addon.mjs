// SPDX-License-Identifier: MIT
// Loads the addon with mistakes in it and makes one of them in two workers at once: `load_addon.mjs
// ADDON NUMBER`, a number of enum fault.

import { createRequire } from 'node:module';
import { Worker, isMainThread, workerData } from 'node:worker_threads';

if (isMainThread) {
  const [path, fault] = process.argv.slice(2);
  const gate = new Int32Array(new SharedArrayBuffer(4));
  for (let i = 0; i < 2; i++)
    new Worker(new URL(import.meta.url), { workerData: { path, fault: Number(fault), gate } });
} else {
  const { path, fault, gate } = workerData;
  const { futexWake } = createRequire(import.meta.url)(path);
  const words = new Int32Array(new SharedArrayBuffer(4));
  Atomics.add(gate, 0, 1);
  // Not Atomics.wait: its lock would order what the two do, and to a sanitizer that is no race.
  while (Atomics.load(gate, 0) < 2);
  // On a busy machine one may be done before the other gets a CPU, unless both go on for some time.
  const end = performance.now() + 200;
  do futexWake(words, 0, fault);
  while (performance.now() < end);
}
