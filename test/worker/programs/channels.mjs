// SPDX-License-Identifier: MIT
// A worker takes a lock and ends with it; this thread gives up waiting once before that, and takes
// the lock over after. Prints what the channels of locks said.
import { subscribe } from 'node:diagnostics_channel';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { attach, Mutex, RseqSliceError } from 'rseq-slice';

if (isMainThread) {
  const thread = attach({ host: 'simulated' });
  const mutex = new Mutex({
    buffer: new SharedArrayBuffer(128),
    byteOffset: 64,
    thread,
    blockMainThread: true,
  });
  /** @type {object[]} */
  const heard = [];
  for (const channel of ['rseq-slice:lock:timeout', 'rseq-slice:lock:abandoned']) {
    subscribe(channel, (message) => {
      const { kind, buffer, byteOffset } = /** @type {import('rseq-slice').LockMessage} */ (
        message
      );
      // In a section of the lock's, this one would be a nested one.
      const before = thread.stats().nested;
      thread.critical(() => undefined);
      heard.push({
        channel,
        kind,
        byteOffset,
        isItsBuffer: buffer === mutex.handle.buffer,
        nested: thread.stats().nested - before,
      });
    });
  }
  const worker = new Worker(new URL(import.meta.url), { workerData: mutex.handle });
  await new Promise((resolve) => worker.once('message', resolve));
  try {
    mutex.lock({ timeout: 5 });
  } catch (error) {
    if (!RseqSliceError.is(error) || error.code !== 'ERR_RSEQ_TIMEOUT') throw error;
  }
  await worker.terminate();
  const token = mutex.lock();
  token.unlock();
  await null;
  process.stdout.write(JSON.stringify(heard));
} else {
  Mutex.from(workerData).lock();
  parentPort?.postMessage('taken');
  setInterval(() => undefined, 1000);
}
