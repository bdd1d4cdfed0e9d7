// SPDX-License-Identifier: MIT
// An event loop has claimed an RwLock for writing and does not come round, since its thread waits
// for the same lock; the reader that it waited for has died. Prints whether that thread and another
// one get the lock.

import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { RwLock } from 'rseq-slice';

/** ms; far longer than a death goes unnoticed. */
const PATIENCE = 5000;

const gets = (/** @type {() => import('rseq-slice').LockToken} */ take) => {
  try {
    take().unlock();
    return true;
  } catch (error) {
    return Object(error).code;
  }
};

if (isMainThread) {
  const lock = new RwLock();
  const start = (/** @type {string} */ role) =>
    new Worker(new URL(import.meta.url), { workerData: { role, handle: lock.handle } });
  const said = (/** @type {Worker} */ worker) =>
    new Promise((resolve) => worker.once('message', resolve));
  const reader = start('reader');
  await said(reader);
  const claimer = start('claimer');
  await said(claimer);
  const own = said(claimer);
  // Both in one turn: the claimer must not come round when the reader is dead.
  claimer.postMessage('block');
  await new Promise((resolve) => setTimeout(resolve, 200));
  await reader.terminate();
  const other = start('other');
  console.log(JSON.stringify({ other: await said(other), own: await own }));
} else {
  const { role, handle } = workerData;
  const lock = RwLock.from(handle);
  if (role === 'reader') {
    lock.readLock();
    parentPort?.postMessage('reads');
    setInterval(() => undefined, PATIENCE);
  } else if (role === 'claimer') {
    const write = lock.withWriteLockAsync(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    parentPort?.once('message', () => {
      parentPort?.postMessage(gets(() => lock.readLock({ timeout: PATIENCE })));
    });
    parentPort?.postMessage('claimed');
    await write;
  } else {
    parentPort?.postMessage(gets(() => lock.readLock({ timeout: PATIENCE / 2 })));
  }
}
