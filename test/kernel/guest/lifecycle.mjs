// SPDX-License-Identifier: MIT
// Workers that end in every way, inside and outside a section, attached and detached. For each: the
// worker's exit code, and what the kernel held as the thread's registration at the thread's very
// end.
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { attach } from 'rseq-slice';
import { observer, report } from './support.mjs';

const ENDINGS = ['end', 'terminate', 'throw', 'exit'];
const STATES = ['inside', 'outside', 'detached'];

/** @param {string} ending @param {string} state @param {string} file */
async function runCase(ending, state, file) {
  const worker = new Worker(new URL(import.meta.url), { workerData: { ending, state, file } });
  /** @type {string | null} */
  let error = null;
  worker.once('error', ({ message }) => (error = message));
  let registration = null;
  worker.on('message', (message) => {
    registration = message;
    if (ending === 'terminate') void worker.terminate();
  });
  const exitCode = await new Promise((resolve) => worker.once('exit', resolve));
  return { ending, state, exitCode, error, registration, atEnd: readFileSync(file, 'utf8').trim() };
}

if (isMainThread) {
  const folder = mkdtempSync(join(tmpdir(), 'ends-'));
  const cases = [];
  for (const ending of ENDINGS) {
    for (const state of STATES)
      cases.push(await runCase(ending, state, join(folder, `${ending}-${state}`)));
  }
  report(cases);
} else {
  const { ending, state, file } = workerData;
  observer.watchEnd(file);
  const thread = attach({ host: 'linux' });
  thread.critical(() => {});
  if (state === 'inside') thread.enter();
  if (state === 'detached') thread.detach();
  parentPort?.postMessage(observer.getRegistration());
  if (ending === 'throw') throw new Error('on purpose');
  if (ending === 'exit') process.exit(5);
  // To be terminated in the middle of a computation, not of a wait.
  if (ending === 'terminate') for (;;);
}
