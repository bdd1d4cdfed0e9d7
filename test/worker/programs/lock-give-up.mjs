// SPDX-License-Identifier: MIT
// Workers give up waiting while the lock is released, again and again. Whoever tries it when nobody
// holds it and nobody waits must get it. Arguments: the kind, ms. Prints how often it did not.
import { Worker, isMainThread, workerData } from 'node:worker_threads';
import { RseqSliceError } from 'rseq-slice';
import { kindOf } from './lock-kinds.mjs';

const WORKERS = 3;
const [ROUND, DONE] = [0, 1];

if (isMainThread) {
  const [, , kind, ms] = process.argv;
  const handle = kindOf(kind).create();
  const lock = kindOf(kind).open(handle);
  const control = new Int32Array(new SharedArrayBuffer(8));
  const workers = Array.from(
    { length: WORKERS },
    () => new Worker(new URL(import.meta.url), { workerData: { kind, handle, control } }),
  );
  let rounds = 0;
  let refused = 0;
  for (const end = performance.now() + Number(ms); performance.now() < end; rounds++) {
    const token = lock.tryTake();
    if (token === null) {
      refused++;
      break;
    }
    Atomics.store(control, DONE, 0);
    Atomics.add(control, ROUND, 1);
    Atomics.notify(control, ROUND);
    while (Atomics.load(control, DONE) < WORKERS)
      await Atomics.waitAsync(control, DONE, Atomics.load(control, DONE), 20).value;
    token.unlock();
    // Those who wait until now get it, and are done before the next round begins.
    Atomics.store(control, DONE, 0);
    Atomics.add(control, ROUND, 1);
    Atomics.notify(control, ROUND);
    while (Atomics.load(control, DONE) < WORKERS)
      await Atomics.waitAsync(control, DONE, Atomics.load(control, DONE), 20).value;
  }
  for (const worker of workers) await worker.terminate();
  console.log(JSON.stringify({ refused, enough: rounds > 20 }));
} else {
  const { kind, handle } = workerData;
  /** @type {Int32Array} */
  const control = workerData.control;
  const lock = kindOf(kind).open(handle);
  for (let round = 0; ;) {
    Atomics.wait(control, ROUND, round);
    round = Atomics.load(control, ROUND);
    const isWaiting = (round & 1) === 1;
    if (isWaiting) {
      try {
        lock.take({ timeout: Math.random() * 0.6 }).unlock();
      } catch (error) {
        if (!RseqSliceError.is(error) || error.code !== 'ERR_RSEQ_TIMEOUT') throw error;
      }
    }
    Atomics.add(control, DONE, 1);
    Atomics.notify(control, DONE);
  }
}
