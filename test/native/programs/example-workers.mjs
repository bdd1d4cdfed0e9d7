// SPDX-License-Identifier: MIT
// The example addon in workers, three at a time and the main thread without it, so that the addon
// is unloaded with the last of each round. They end attached. Argument: the example's folder.
// Prints how each ended and what it told.
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

/**
 * @typedef {import('../../../examples/addon/index.mjs').Tally} Tally
 *
 * @param {string} folder
 * @returns {Promise<{ exitCode: number, tally?: Tally }>}
 */
function start(folder) {
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: folder });
  return new Promise((resolve, reject) => {
    /** @type {Tally | undefined} */
    let tally;
    worker.once('message', (message) => (tally = message));
    worker.once('error', reject);
    worker.once('exit', (exitCode) => resolve({ exitCode, ...(tally && { tally }) }));
  });
}

if (isMainThread) {
  const folder = process.argv[2] ?? '';
  const workers = [];
  for (let round = 0; round < 3; round++) {
    workers.push(...(await Promise.all([1, 2, 3].map(() => start(folder)))));
  }
  console.log(JSON.stringify(workers));
} else {
  /** @type {typeof import('../../../examples/addon/index.mjs')} */
  const { ledger } = await import(pathToFileURL(join(workerData, 'index.mjs')).href);
  const attached = ledger.attachHere();
  ledger.bookOnce(1);
  parentPort?.postMessage({ attached, ...ledger.bookHere(30, 100) });
}
