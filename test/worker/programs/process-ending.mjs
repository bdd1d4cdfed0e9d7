// SPDX-License-Identifier: MIT
// The process ends in the way of the first argument while its main thread is in the state of the
// second; with a third, `busy`, also while two workers are entering and leaving sections as fast as
// they can.
import { once } from 'node:events';
import { Worker, isMainThread, parentPort } from 'node:worker_threads';
import { attach } from 'rseq-slice';

if (!isMainThread) {
  const thread = attach();
  parentPort?.postMessage('busy');
  for (;;) thread.critical(() => {});
}
const [, , ending, state, busy] = process.argv;
if (busy !== undefined) {
  const workers = [0, 1].map(() => new Worker(new URL(import.meta.url)));
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  for (const worker of workers) worker.unref();
}
const thread = attach();
thread.critical(() => {});
if (state === 'inside') thread.enter();
if (state === 'detached') thread.detach();
console.log(thread.host);
process.on('exit', (code) => console.log(`exit ${code}`));
if (ending === 'throw') throw new Error('on purpose');
if (ending === 'reject') await Promise.reject(new Error('on purpose'));
if (ending === 'exit') process.exit(5);
