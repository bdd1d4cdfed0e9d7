// SPDX-License-Identifier: MIT
// A worker in long sections whose CPU the main thread changes all the time: whether the area's CPU
// is the one it is on, how often it changed inside a section, and what was counted. The argument is
// the seconds.
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { attach } from 'rseq-slice';
import {
  cpus,
  describePlace,
  kernelStats,
  observer,
  report,
  roundsFor,
  spin,
  statsSince,
} from './support.mjs';

/**
 * Looks at the area and asks libc, until the thread was not switched out, and so not moved, in
 * between.
 * @param {import('rseq-slice').Thread} thread
 */
function isWrong(thread) {
  for (;;) {
    const before = observer.getSwitches();
    const isOther = thread.cpu() !== observer.getCpu();
    if (observer.getSwitches() === before) return isOther;
  }
}

if (isMainThread) {
  const seconds = Number(process.argv[2]);
  const before = kernelStats();
  const stop = new SharedArrayBuffer(4);
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { stop, rounds: roundsFor(500) },
  });
  /** @type {number} */
  const tid = await new Promise((resolve) => worker.once('message', resolve));
  /** @type {Promise<object>} */
  const result = new Promise((resolve) => worker.once('message', resolve));
  const end = performance.now() + seconds * 1000;
  const pause = new Int32Array(new SharedArrayBuffer(4));
  let failed = 0;
  for (let i = 0; performance.now() < end; i++) {
    if (observer.pinTo(i % cpus, tid) !== 0) failed++;
    Atomics.wait(pause, 0, 0, 2);
  }
  Atomics.store(new Int32Array(stop), 0, 1);
  report({ ...(await result), failed, kernel: statsSince(before) });
} else {
  const thread = attach({ host: 'linux' });
  const stop = new Int32Array(workerData.stop);
  const place = describePlace(thread);
  parentPort?.postMessage(observer.getTid());
  const [wasOn, concurrencyIds] = [new Set([0]), new Set([0])];
  let [done, moved, wrong] = [0, 0, 0];
  while (Atomics.load(stop, 0) === 0) {
    thread.enter();
    const from = thread.cpu();
    spin(workerData.rounds);
    const to = thread.cpu();
    concurrencyIds.add(thread.concurrencyId());
    thread.leave();
    done++;
    if (from !== to) moved++;
    wasOn.add(from).add(to);
    if (isWrong(thread)) wrong++;
  }
  thread.detach();
  const sorted = (/** @type {ReadonlySet<number>} */ set) => [...set].sort((a, b) => a - b);
  const found = {
    place,
    done,
    moved,
    wrong,
    wasOn: sorted(wasOn),
    concurrencyIds: sorted(concurrencyIds),
    stats: thread.stats(),
  };
  parentPort?.postMessage({ ...found, atEnd: observer.getRegistration() });
}
