// SPDX-License-Identifier: MIT
// One lock through workerData and one through a MessagePort, and the same lock in two copies of the
// library. Arguments: the index.js of both copies. Prints the counts.
import { pathToFileURL } from 'node:url';
import { MessageChannel, Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

const [, , ...paths] = process.argv;
/** @type {(typeof import('rseq-slice'))[]} */
const copies = await Promise.all(paths.map((path) => import(pathToFileURL(path).href)));
const [first, second] = copies;
if (first === undefined || second === undefined) throw new Error('Two copies are wanted.');
const ROUNDS = 20_000;

/** @typedef {import('rseq-slice').Lock} Lock */

/** @param {readonly [Lock, Lock]} locks @param {Int32Array} words */
function count([even, odd], words) {
  for (let i = 0; i < ROUNDS; i++)
    (i % 2 === 0 ? even : odd).withLock(() => {
      words[0] = (words[0] ?? 0) + 1;
    });
}

if (isMainThread) {
  const buffer = new SharedArrayBuffer(first.Mutex.byteLength + first.SpinLock.byteLength);
  const mutex = new first.Mutex({ buffer });
  const spin = new second.SpinLock({ buffer, byteOffset: first.Mutex.byteLength });
  const words = [
    new Int32Array(new SharedArrayBuffer(4)),
    new Int32Array(new SharedArrayBuffer(4)),
  ];
  const workers = [0, 1].map((copy) => {
    const { port1, port2 } = new MessageChannel();
    const worker = new Worker(new URL(import.meta.url), {
      argv: paths,
      workerData: { copy, mutex: mutex.handle, words, port: port2 },
      transferList: [port2],
    });
    port1.postMessage({ spin: spin.handle });
    return worker;
  });
  // Listened for at once: one worker may be gone before the other has counted.
  const [messages, exitCodes] = await Promise.all(
    ['message', 'exit'].map((event) =>
      Promise.all(workers.map((worker) => new Promise((resolve) => worker.once(event, resolve)))),
    ),
  );
  console.log(
    JSON.stringify({
      different: first.Mutex !== second.Mutex,
      exitCodes,
      messages,
      counts: words.map((each) => each[0]),
      expected: 2 * ROUNDS,
    }),
  );
} else {
  const { copy, mutex, words, port } = workerData;
  const { spin } = await new Promise((resolve) => port.once('message', resolve));
  port.close();
  const [here, there] = copy === 0 ? [first, second] : [second, first];
  count([here.Mutex.from(mutex), there.Mutex.from(mutex)], words[0]);
  count([here.SpinLock.from(spin), there.SpinLock.from(spin)], words[1]);
  parentPort?.postMessage([mutex.lock, mutex.byteOffset, spin.lock, spin.byteOffset]);
}
