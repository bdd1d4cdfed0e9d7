// SPDX-License-Identifier: MIT
// Workers that wait for a lock, in their threads and in their event loops, some of which are
// terminated meanwhile; the others must all get it. Argument: the kind, or Condition. Prints how
// long terminating took and who was served.
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { Condition, Mutex } from 'rseq-slice';
import { kindOf, nextMessage } from './lock-kinds.mjs';

const ROLES = ['blocked', 'blocked', 'blocked', 'asynchronous', 'asynchronous', 'asynchronous'];
const DIE = [true, false, true, true, false, false];
const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * @param {string | undefined} kind
 * @param {Record<string, import('rseq-slice').LockHandle>} handles
 * @param {() => unknown} release
 */
async function runAll(kind, handles, release) {
  const workers = ROLES.map(
    (role) => new Worker(new URL(import.meta.url), { workerData: { role, kind, handles } }),
  );
  await Promise.all(workers.map(nextMessage));
  const served = workers.filter((_, index) => !DIE[index]).map(nextMessage);
  await pause(200);
  const terminated = [];
  for (const [index, worker] of workers.entries()) {
    if (!DIE[index]) continue;
    const started = performance.now();
    await worker.terminate();
    terminated.push(performance.now() - started);
  }
  const started = performance.now();
  await release();
  const results = await Promise.all(served);
  return { terminated, results, took: performance.now() - started };
}

if (isMainThread) {
  const [, , kind] = process.argv;
  if (kind === 'Condition') {
    const [mutex, condition] = [new Mutex(), new Condition()];
    const result = await runAll(
      kind,
      { mutex: mutex.handle, condition: condition.handle },
      async () => {
        const token = await mutex.lockAsync();
        token.unlock();
        condition.notifyAll();
      },
    );
    console.log(JSON.stringify({ ...result, isFree: mutex.tryLock() !== null }));
  } else {
    const handle = kindOf(kind).create();
    const lock = kindOf(kind).open(handle);
    const token = await lock.takeAsync();
    const result = await runAll(kind, { lock: handle }, () => token.unlock());
    const after = await lock.takeAsync();
    console.log(JSON.stringify({ ...result, isFree: !after.abandoned }));
  }
} else {
  const { role, kind, handles } = workerData;
  if (kind === 'Condition') {
    const [mutex, condition] = [Mutex.from(handles.mutex), Condition.from(handles.condition)];
    const token = mutex.lock();
    parentPort?.postMessage('waits');
    const isNotified =
      role === 'blocked' ? condition.wait(token) : await condition.waitAsync(token);
    token.unlock();
    parentPort?.postMessage(isNotified);
  } else {
    const lock = kindOf(kind).open(handles.lock);
    parentPort?.postMessage('waits');
    const token = role === 'blocked' ? lock.take() : await lock.takeAsync();
    const { locked } = token;
    token.unlock();
    parentPort?.postMessage(locked);
  }
}
