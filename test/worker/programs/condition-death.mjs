// SPDX-License-Identifier: MIT
// Workers are terminated while they wait for a condition, in their threads and in their event
// loops. Argument: flags of their Node, by commas; how often. Prints what notifications say
// afterwards, and who of the living was woken.
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { Condition, Mutex } from 'rseq-slice';
import { nextMessage } from './lock-kinds.mjs';

const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

if (isMainThread) {
  const [, , flags = '', turns = '3'] = process.argv;
  const [mutex, condition] = [new Mutex(), new Condition()];
  const start = async (/** @type {string} */ role) => {
    const worker = new Worker(new URL(import.meta.url), {
      execArgv: flags === '' ? [] : flags.split(','),
      workerData: { role, mutex: mutex.handle, condition: condition.handle },
    });
    await nextMessage(worker);
    // The lock is free when it waits.
    (await mutex.lockAsync()).unlock();
    return worker;
  };
  for (let turn = 0; turn < Number(turns); turn++) {
    for (const role of ['blocked', 'asynchronous', 'three']) await (await start(role)).terminate();
  }
  // Longer than a death may go unnoticed.
  await pause(20);
  const nobody = [condition.notify(), condition.notifyAll()];
  const dead = await start('blocked');
  const alive = await Promise.all(['blocked', 'asynchronous'].map(start));
  await dead.terminate();
  await pause(20);
  let woken = 0;
  for (const worker of alive) worker.on('message', () => woken++);
  const first = condition.notify();
  await pause(300);
  const wokenByOne = woken;
  const rest = condition.notifyAll();
  await pause(300);
  console.log(JSON.stringify({ nobody, first, wokenByOne, rest, woken }));
  for (const worker of alive) await worker.terminate();
} else {
  const { role, ...handles } = workerData;
  const [mutex, condition] = [Mutex.from(handles.mutex), Condition.from(handles.condition)];
  const wait = async () => {
    const token = await mutex.lockAsync();
    parentPort?.postMessage('waits');
    if (role === 'blocked') condition.wait(token);
    else await condition.waitAsync(token);
    token.unlock();
    parentPort?.postMessage('woken');
  };
  await Promise.all(Array.from({ length: role === 'three' ? 3 : 1 }, wait));
}
