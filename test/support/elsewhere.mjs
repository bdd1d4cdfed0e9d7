// SPDX-License-Identifier: MIT
// What a developer has on a system that is not Linux: the package imports, tells why there are no
// slices, and all of it works on the simulated kernel, between threads too. Run by itself, with
// dist/ built.
import assert from 'node:assert/strict';
import { Worker, isMainThread, workerData } from 'node:worker_threads';
import { Mutex, Outcome, attach, probe } from 'rseq-slice';

const WORKERS = 2;
const ROUNDS = 10_000;

if (isMainThread) {
  const { slices, addon } = probe();
  assert.deepEqual(
    [slices.available, slices.reason, addon.state],
    [false, 'not-linux', 'not-linux'],
  );
  assert.throws(() => attach({ host: 'linux' }), { code: 'ERR_RSEQ_UNAVAILABLE' });
  const thread = attach();
  assert.equal(thread.host, 'simulated');
  thread.enter();
  assert.equal(thread.leave(), Outcome.Undisturbed);

  const data = { lock: new Mutex().handle, count: new Int32Array(new SharedArrayBuffer(4)) };
  const ends = Array.from({ length: WORKERS }, () => {
    const worker = new Worker(new URL(import.meta.url), { workerData: data });
    return new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
  });
  assert.deepEqual(
    await Promise.all(ends),
    Array.from({ length: WORKERS }, () => 0),
  );
  assert.equal(data.count[0], WORKERS * ROUNDS);
  console.log(`${process.platform}: ${slices.explanation}`);
} else {
  const { lock, count } = workerData;
  const mutex = Mutex.from(lock);
  for (let i = 0; i < ROUNDS; i++) mutex.withLock(() => count[0]++);
}
