// SPDX-License-Identifier: MIT
// One lock through workerData and one through a MessagePort, and the same lock in two copies of the
// library. Arguments: the index.js of both copies. Prints the counts.
import { pathToFileURL } from 'node:url';
import { MessageChannel, Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

const [, , ...paths] = process.argv;
const copies = await Promise.all(paths.map((path) => import(pathToFileURL(path).href)));
const ROUNDS = 20_000;

function count(locks, words) {
  for (let i = 0; i < ROUNDS; i++)
    locks[i % locks.length].withLock(() => {
      words[0]++;
    });
}

if (isMainThread) {
  const buffer = new SharedArrayBuffer(copies[0].Mutex.byteLength + copies[0].SpinLock.byteLength);
  const mutex = new copies[0].Mutex({ buffer });
  const spin = new copies[1].SpinLock({ buffer, byteOffset: copies[0].Mutex.byteLength });
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
      different: copies[0].Mutex !== copies[1].Mutex,
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
  const [here, there] = [copies[copy], copies[1 - copy]];
  count([here.Mutex.from(mutex), there.Mutex.from(mutex)], words[0]);
  count([here.SpinLock.from(spin), there.SpinLock.from(spin)], words[1]);
  parentPort.postMessage([mutex.lock, mutex.byteOffset, spin.lock, spin.byteOffset]);
}
