// SPDX-License-Identifier: MIT
// Workers that use the example addon, each with an area of its own, which JavaScript and C share in
// it, beside a noisy neighbour on each CPU. Argument: the example's folder.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { cpus, observer, report, startNeighbour } from './support.mjs';

if (isMainThread) {
  const folder = process.argv[2] ?? '';
  const found = observer.getRegistration();
  const neighbours = await Promise.all(
    Array.from({ length: cpus }, (_, cpu) => startNeighbour(cpu)),
  );
  const workers = Array.from({ length: 4 }, () => {
    const worker = new Worker(new URL(import.meta.url), { workerData: folder });
    return new Promise((resolve, reject) => {
      /** @type {object | undefined} */
      let result;
      worker.once('message', (message) => (result = message));
      worker.once('error', reject);
      worker.once('exit', (exitCode) => resolve({ exitCode, ...result }));
    });
  });
  const ended = await Promise.all(workers);
  await Promise.all(neighbours.map((neighbour) => neighbour.stop()));
  report({ found, workers: ended, after: observer.getRegistration() });
} else {
  /** @type {typeof import('../../../examples/addon/index.mjs')} */
  const { ledger } = await import(pathToFileURL(join(workerData, 'index.mjs')).href);
  // The copy that the example has: registrations are shared within one.
  const { resolve } = createRequire(join(workerData, 'index.mjs'));
  /** @type {typeof import('rseq-slice')} */
  const { attach, Outcome } = await import(pathToFileURL(resolve('rseq-slice')).href);
  /** @type {(readonly [name: string, value: unknown, registration: string])[]} */
  const steps = [];
  const step = (/** @type {string} */ name, /** @type {unknown} */ value = null) =>
    steps.push([name, value, observer.getRegistration()]);
  step('found');
  step('C attaches', ledger.attachHere());
  const thread = attach({ host: 'linux' });
  step('JavaScript attaches', thread.registration);
  const outcomes = Array.from({ length: 400 }, () => thread.critical(() => ledger.bookOnce(1)));
  // What is scheduled out in between has no request any more; the section around it tells of that.
  const { raced, preempted } = thread.stats();
  const others = outcomes.filter((outcome) => outcome !== Outcome.Nested).length;
  step('C in sections of JavaScript', others < outcomes.length && others <= raced + preempted);
  step('C detaches', ledger.detachHere());
  thread.detach();
  step('JavaScript detaches');
  step('C attaches', ledger.attachHere());
  const tally = ledger.bookHere(1500, 2000);
  // Attached as it is: the end of its environment gives the thread back.
  parentPort?.postMessage({ steps, tally });
}
