// SPDX-License-Identifier: MIT
// The addon is loaded by a worker that is gone by the time the main thread loads it, and once more
// by a worker after that: who only loads it must not unload it under the others.
import { Worker, isMainThread, parentPort } from 'node:worker_threads';

async function useLibrary() {
  const { attach } = await import('rseq-slice');
  const thread = attach();
  for (let i = 0; i < 1000; i++) thread.critical(() => i);
  return [thread.host, thread.stats().entered];
}

async function useInWorker() {
  const worker = new Worker(new URL(import.meta.url));
  const message = new Promise((resolve, reject) =>
    worker.once('message', resolve).once('error', reject),
  );
  const exit = new Promise((resolve) => worker.once('exit', resolve));
  return [...(await message), await exit];
}

if (!isMainThread) parentPort?.postMessage(await useLibrary());
else {
  const before = await useInWorker();
  const main = await useLibrary();
  console.log(JSON.stringify([before, main, await useInWorker(), await useLibrary()]));
}
