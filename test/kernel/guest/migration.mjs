// A worker in long sections whose CPU the main thread changes all the time:
// whether the area's CPU is the one it is on, how often it changed inside a
// section, and what was counted. The argument is the seconds.
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { attach } from '../../../dist/index.js';
import { kernelStats, observer, report, roundsFor, spin, statsSince } from './support.mjs';

/** Between two looks at the area a migration can come, not between three pairs running. */
function isWrong(thread) {
  for (let i = 0; i < 3; i++) if (thread.cpu() === observer.getCpu()) return false;
  return true;
}

if (isMainThread) {
  const seconds = Number(process.argv[2]);
  const before = kernelStats();
  const stop = new SharedArrayBuffer(4);
  const worker = new Worker(new URL(import.meta.url), { workerData: { stop, rounds: roundsFor(500) } });
  const tid = await new Promise((resolve) => worker.once('message', resolve));
  const result = new Promise((resolve) => worker.once('message', resolve));
  const end = performance.now() + seconds * 1000;
  const pause = new Int32Array(new SharedArrayBuffer(4));
  let failed = 0;
  for (let i = 0; performance.now() < end; i++) {
    if (observer.pinTo(i % 2, tid) !== 0) failed++;
    Atomics.wait(pause, 0, 0, 2);
  }
  Atomics.store(new Int32Array(stop), 0, 1);
  report({ ...(await result), failed, kernel: statsSince(before) });
} else {
  const thread = attach({ backend: 'linux' });
  const stop = new Int32Array(workerData.stop);
  parentPort.postMessage(observer.getTid());
  const cpus = new Set();
  const concurrencyIds = new Set();
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
    cpus.add(from).add(to);
    if (isWrong(thread)) wrong++;
  }
  thread.detach();
  const found = { done, moved, wrong, cpus: [...cpus].sort(), concurrencyIds: [...concurrencyIds].sort(), stats: thread.stats() };
  parentPort.postMessage({ ...found, atEnd: observer.getRegistration() });
}
