// A worker of the stress run: operations on the locks until the run stops, or until it is told to end, or is ended.

import { workerData } from 'node:worker_threads';
import { Journal } from './journal.mjs';
import { Operations, RETURN } from './operations.mjs';
import { Random } from './random.mjs';
import { subjectOf } from './subjects.mjs';

/** Operations between two turns of the event loop at least. */
const TURN = 16;

/** @typedef {{ worker: number, seed: number, journal: SharedArrayBuffer, shared: Int32Array, locks: { kind: string, handles: object }[] }} Job */

/** @param {Job} job */
async function run({ worker, seed, journal: buffer, shared, locks }) {
  const random = new Random(seed);
  const journal = new Journal(buffer, shared);
  const [first, ...others] = locks.map(({ kind, handles }) => subjectOf(kind, handles));
  if (first === undefined) return;
  const operations = new Operations({ worker, journal, random, subjects: [first, ...others] });
  for (let i = 1; !journal.isStopping; i++) {
    if ((await operations.next()) === RETURN) return;
    if (random.chance(0.2)) spin(random.next() * 0.1);
    if (i % TURN === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** @param {number} ms */
function spin(ms) {
  for (const until = performance.now() + ms; performance.now() < until; );
}

await run(workerData);
