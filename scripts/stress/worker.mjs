// SPDX-License-Identifier: MIT
// A worker of the stress run: operations on the locks until the run stops, or until it is told to
// end, or is ended.

import { workerData } from 'node:worker_threads';
import { Journal } from './journal.mjs';
import { Operations, RETURN } from './operations.mjs';
import { plant } from './planted.mjs';
import { startPulse } from './pulse.mjs';
import { Random } from './random.mjs';
import { spin } from './spin.mjs';
import { subjectOf } from './subjects.mjs';

/** Operations between two turns of the event loop at least. */
const TURN = 16;

/**
 * @typedef {object} Job
 * @property {number} worker
 * @property {number} seed
 * @property {string} library URL of the copy of the package that it uses
 * @property {string | null} planted a mistake that it makes
 * @property {SharedArrayBuffer} journal
 * @property {Int32Array} shared
 * @property {{ kind: string, handles: object }[]} locks
 */

/** @param {Job} job */
async function run({ worker, seed, library: url, planted, journal: buffer, shared, locks }) {
  const random = new Random(seed);
  const journal = new Journal(buffer, shared);
  startPulse(journal);
  if (planted !== null) await plant(planted, url);
  const library = await import(url);
  const [first, ...others] = locks.map(({ kind, handles }) => subjectOf(library, kind, handles));
  if (first === undefined) return;
  const operations = new Operations({ worker, journal, random, subjects: [first, ...others] });
  for (let i = 1; !journal.isStopping; i++) {
    if ((await operations.next()) === RETURN) return;
    if (random.chance(0.2)) spin(random.next() * 0.1);
    if (i % TURN === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await operations.finish();
}

await run(workerData);
