// SPDX-License-Identifier: MIT
// Workers that add to one StripedCounter and one StripedHistogram, while the main thread reads and
// two others drain. Arguments: how many workers, how many adds each. Prints what came out.
import { once } from 'node:events';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { ids, StripedCounter } from '../../../dist/index.js';

/** Near where LOW carries over, and in pieces that make it do that often. */
const AMOUNTS = [1, 5, 2 ** 24 - 1, 2 ** 24 + 7];

if (!isMainThread) {
  const { counter: handle, role, adds, state } = workerData;
  const counter = StripedCounter.from(handle);
  const words = new Int32Array(state);
  Atomics.add(words, 0, 1);
  Atomics.wait(words, 1, 0);
  if (role === 'add') {
    for (let add = 0; add < adds; add++) counter.add(AMOUNTS[add % AMOUNTS.length]);
    parentPort?.postMessage(ids().source);
  } else {
    let taken = 0;
    let drains = 0;
    while (Atomics.load(words, 2) === 0) {
      const part = counter.drain();
      if (part < 0) throw new Error(`A drain took ${part}.`);
      taken += part;
      drains++;
    }
    parentPort?.postMessage({ taken, drains });
  }
} else {
  const [workers = 8, adds = 100_000] = process.argv.slice(2).map(Number);
  const counter = new StripedCounter();
  const state = new SharedArrayBuffer(16);
  const words = new Int32Array(state);
  const roles = [...Array.from({ length: workers }, () => 'add'), 'drain', 'drain'];
  const crew = roles.map(
    (role) =>
      new Worker(new URL(import.meta.url), {
        workerData: { counter: counter.handle, role, adds, state },
      }),
  );
  const messages = crew.map((worker) => once(worker, 'message'));
  while (Atomics.load(words, 0) < crew.length) await new Promise((done) => setTimeout(done, 5));
  Atomics.store(words, 1, 1);
  Atomics.notify(words, 1);
  let reads = 0;
  let last = 0n;
  let isDone = false;
  const added = Promise.all(messages.slice(0, workers)).then((sources) => {
    isDone = true;
    return sources.flat();
  });
  let isMonotonic = true;
  while (!isDone) {
    for (let round = 0; round < 50; round++, reads++) {
      const sum = counter.sumBigInt();
      if (sum < last) isMonotonic = false;
      last = sum;
    }
    await new Promise((done) => setImmediate(done));
  }
  const sources = await added;
  Atomics.store(words, 2, 1);
  const drains = (await Promise.all(messages.slice(workers))).flat();
  const taken = drains.reduce((sum, each) => sum + each.taken, counter.drain());
  let expected = 0;
  for (let add = 0; add < adds; add++) expected += workers * (AMOUNTS[add % AMOUNTS.length] ?? 0);
  console.log(
    JSON.stringify({
      sources: [...new Set(sources)],
      sum: counter.sum(),
      taken,
      expected,
      isMonotonic,
      reads,
      drains: drains.map((each) => each.drains),
    }),
  );
}
