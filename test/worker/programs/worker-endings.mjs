// SPDX-License-Identifier: MIT
// Workers that end in every way, inside, outside and between sections, one after the other or eight
// at once (argument `together`). Prints how each ended, and what the main thread can still do
// afterwards.
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { attach, probe } from 'rseq-slice';

const ENDINGS = ['end', 'terminate', 'throw', 'exit'];
const STATES = ['inside', 'outside', 'detached'];

/** @param {readonly [ending: string, state: string]} one */
async function runCase([ending, state]) {
  const worker = new Worker(new URL(import.meta.url), { workerData: { ending, state } });
  let error = null;
  let host = null;
  worker.once('error', ({ message }) => (error = message));
  worker.on('message', (message) => {
    host = message;
    if (ending === 'terminate') void worker.terminate();
  });
  const exitCode = await new Promise((resolve) => worker.once('exit', resolve));
  return { ending, state, host, exitCode, error };
}

if (isMainThread) {
  const cases = ENDINGS.flatMap((ending) =>
    STATES.map((state) => /** @type {const} */ ([ending, state])),
  );
  const { registered } = probe().libc;
  const ends = [];
  if (process.argv[2] === 'together') {
    const eight = cases.filter(([, state]) => state !== 'detached');
    for (let round = 0; round < 3; round++) ends.push(...(await Promise.all(eight.map(runCase))));
  } else {
    for (const one of cases) ends.push(await runCase(one));
  }
  const thread = attach();
  const result = thread.critical(() => 7);
  thread.detach();
  console.log(JSON.stringify({ ends, result, asFound: probe().libc.registered === registered }));
} else {
  const { ending, state } = workerData;
  const thread = attach();
  thread.critical(() => {});
  const { host } = thread;
  if (state === 'inside') thread.enter();
  if (state === 'detached') thread.detach();
  parentPort?.postMessage(host);
  if (ending === 'throw') throw new Error('on purpose');
  if (ending === 'exit') process.exit(5);
  // To be terminated in the middle of sections, not of a wait.
  if (ending === 'terminate') for (;;) if (state !== 'detached') thread.critical(() => {});
}
