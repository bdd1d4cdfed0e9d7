// SPDX-License-Identifier: MIT
// Whether a process whose main thread only waits for a lock stays alive, and goes when it does not
// wait any more. Argument: what it waits for. An unreferenced worker holds the lock for a while.
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { Condition, Mutex } from 'rseq-slice';
import { kindOf, nextMessage } from './lock-kinds.mjs';

const [, , kind = '', how] = process.argv;
const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

if (!isMainThread) {
  const { handle, mutex } = workerData;
  if (kind === 'Condition') {
    parentPort?.postMessage('ready');
    await pause(400);
    Mutex.from(mutex).lock().unlock();
    Condition.from(handle).notify();
  } else {
    const token = kindOf(kind).open(handle).take();
    parentPort?.postMessage('ready');
    await pause(400);
    token.unlock();
  }
  // Longer than anybody waits for it.
  await pause(60_000);
} else if (kind === 'main thread') {
  const lock = new Mutex();
  /** @type {string[]} */
  const codes = [];
  const runAll = () => {
    for (const run of [
      () => lock.lock().unlock(),
      () => (lock.enter(), lock.leave()),
      () => lock.withLock(() => 1),
      () => lock.lock({ timeout: 0 }).unlock(),
    ]) {
      try {
        run();
        codes.push('had');
      } catch (error) {
        codes.push(/** @type {import('rseq-slice').RseqSliceError} */ (error).code);
      }
    }
  };
  runAll();
  const held = new Worker(
    `const { parentPort, workerData } = require('worker_threads'); import(workerData.url).then(({ Mutex }) => { Mutex.from(workerData.handle).lock(); parentPort?.postMessage('holds'); parentPort?.once('message', () => undefined); });`,
    {
      eval: true,
      workerData: {
        url: new URL('../../../dist/index.js', import.meta.url).href,
        handle: lock.handle,
      },
    },
  );
  await nextMessage(held);
  runAll();
  await held.terminate();
  (await lock.lockAsync()).unlock();
  new Mutex({ buffer: lock.handle.buffer, blockMainThread: true }).lock().unlock();
  // A worker may, with the same words.
  const worker = new Worker(
    `const { workerData } = require('worker_threads'); import(workerData.url).then(({ Mutex }) => { Mutex.from(workerData.handle).lock().unlock(); });`,
    {
      eval: true,
      workerData: {
        url: new URL('../../../dist/index.js', import.meta.url).href,
        handle: lock.handle,
      },
    },
  );
  worker.once('exit', (code) => console.log(JSON.stringify({ codes, code })));
} else {
  const condition = new Condition();
  const mutex = new Mutex();
  const handle = kind === 'Condition' ? condition.handle : kindOf(kind).create();
  const worker = new Worker(new URL(import.meta.url), {
    argv: [kind],
    workerData: { handle, mutex: mutex.handle },
  });
  await nextMessage(worker);
  worker.unref();
  const controller = new AbortController();
  const signal = how === 'aborted' ? controller.signal : undefined;
  const options = signal === undefined ? {} : { signal };
  const waiting =
    kind === 'Condition'
      ? mutex.lockAsync().then((token) => condition.waitAsync(token, options))
      : kindOf(kind).open(handle).takeAsync(options);
  if (how === 'aborted') setTimeout(() => controller.abort(new Error('no more')), 20);
  waiting.then(
    () => console.log('got it'),
    ({ message }) => console.log(message),
  );
  process.once('exit', (code) => console.log(`exit ${code}`));
}
