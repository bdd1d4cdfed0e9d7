// SPDX-License-Identifier: MIT
// A token is unlocked while its wait on a condition waits for the lock, whose holder then dies: who
// takes the lock next must be told. Prints how the wait ended, and whether the next one was told.

import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { Condition, Mutex } from 'rseq-slice';

/** ms that a worker holds the lock before it dies, and until the token is unlocked. */
const HELD = 600;
const UNLOCKED = 200;

if (isMainThread) {
  const mutex = new Mutex();
  const condition = new Condition();
  const token = await mutex.lockAsync();
  const wait = condition.waitAsync(token).then(
    () => 'resolved',
    (error) => error.code,
  );
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { mutex: mutex.handle, condition: condition.handle },
  });
  await new Promise((resolve) => worker.once('message', resolve));
  await new Promise((resolve) => setTimeout(resolve, UNLOCKED));
  token.unlock();
  const ended = await wait;
  const next = await mutex.lockAsync();
  console.log(JSON.stringify({ wait: ended, abandoned: next.abandoned }));
  next.unlock();
} else {
  const { parentPort } = await import('node:worker_threads');
  const mutex = Mutex.from(workerData.mutex);
  mutex.enter();
  Condition.from(workerData.condition).notify();
  parentPort?.postMessage('held');
  setTimeout(() => process.exit(0), HELD);
}
