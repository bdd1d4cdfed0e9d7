// A process that measures one cell once: so many workers, one lock, one workload, with slices or without. Its argument is
// the job in JSON, its output what was measured. A process each, so that none profits from what V8 made of another's code.

import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { now } from './clock.mjs';
import { kindOf } from './kinds.mjs';
import { HEADER_WORDS, PHASE, Phase, READY, SECTIONS } from './phases.mjs';
import { summarizeWaits } from './waits.mjs';
import { workloadOf } from './workloads.mjs';

/**
 * @typedef {object} CellJob
 * @property {string} kind
 * @property {'on' | 'off'} slices
 * @property {number} workers
 * @property {string} workload
 * @property {number} units of work in a section
 * @property {number} gapUnits increments between sections
 * @property {number} seconds measured
 * @property {number} warm seconds of CPU that everybody gets before
 * @property {number} sample one in so many waits is timed
 * @property {boolean} inSection whether the clock may be read in a section
 * @property {string | null} packages a folder with optional packages
 */

/**
 * @typedef {object} Measured
 * @property {number} seconds for which everybody was to be measured, by the clock of who said so
 * @property {number} cpu seconds of CPU time meanwhile, of all threads
 * @property {readonly { sections: number, seconds: number }[]} workers with the time each was in its loop, which is
 *   shorter where one was not scheduled at the start
 * @property {import('./waits.mjs').Waits} waits
 * @property {Readonly<Record<string, number>> | null} lock counters of the lock, of all workers; null: it has none
 * @property {Readonly<Record<string, number>> | null} slices how sections ended, of all workers; null: no thread attached
 * @property {{ voluntary: number, involuntary: number } | null} switches of all workers
 * @property {string[]} wrong what shows that the lock did not exclude, or the run did not work; empty: nothing
 */

/**
 * @template {Readonly<Record<string, number>>} T
 * @param {readonly (T | null)[]} all
 * @returns {T | null}
 */
function sum(all) {
  /** @type {Record<string, number>} */
  const totals = {};
  for (const counts of all) {
    if (counts === null) return null;
    for (const [name, value] of Object.entries(counts)) totals[name] = (totals[name] ?? 0) + value;
  }
  return /** @type {T} */ (totals);
}

/** @param {import('./worker.mjs').WorkerJob} job */
function startWorker(job) {
  const worker = new Worker(new URL('worker.mjs', import.meta.url), { workerData: job });
  const failed = new Promise((_, reject) => {
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`a worker ended with exit code ${code} and no report`)));
  });
  const ready = new Promise((resolve) => worker.once('message', resolve));
  const ended = new Promise((resolve) => {
    worker.on('message', (message) => message !== READY && resolve(message));
  });
  return { ready: Promise.race([ready, failed]), ended: Promise.race([ended, failed]) };
}

/** How many sections a worker makes on average before it is measured: V8 has compiled them by then. */
const WARM_SECTIONS = 5000;
/** Times as long as a warm-up is to be, and seconds on top: who is slower than that is measured cold. */
const MOST_WARM = { times: 5, seconds: 20 };

/** @param {number} seconds */
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/**
 * @param {Int32Array} guarded
 * @param {CellJob} cell
 */
async function warmUp(guarded, { warm, workers }) {
  const started = now();
  const passed = () => (now() - started) / 1e9;
  // Eight workers on one CPU were seen to be half as fast after a second as after six: V8 had not compiled them all.
  const least = warm * Math.max(1, workers / availableParallelism());
  await pause(least);
  while ((guarded[SECTIONS] ?? 0) < workers * WARM_SECTIONS && passed() < MOST_WARM.times * least + MOST_WARM.seconds) await pause(0.05);
}

/** @param {CellJob} cell @returns {Promise<Measured>} */
async function measure(cell) {
  const kind = kindOf(cell.kind);
  const workload = workloadOf(cell.workload);
  const phases = new Int32Array(new SharedArrayBuffer(128));
  const guarded = new Int32Array(new SharedArrayBuffer((HEADER_WORDS + workload.words) * Int32Array.BYTES_PER_ELEMENT));
  workload.prepare(guarded.subarray(HEADER_WORDS));
  const shared = kind.create();
  const [threads, tasks] = kind.runner === 'tasks' ? [1, cell.workers] : [cell.workers, 1];
  const workers = Array.from({ length: threads }, (_, first) =>
    startWorker({ cell, first, tasks, control: phases.buffer, guarded: guarded.buffer, shared }),
  );
  const ended = Promise.all(workers.map((worker) => worker.ended));
  const enter = (/** @type {number} */ phase) => {
    Atomics.store(phases, PHASE, phase);
    Atomics.notify(phases, PHASE);
  };
  await Promise.race([Promise.all(workers.map((worker) => worker.ready)), ended]);
  enter(Phase.warm);
  await Promise.race([warmUp(guarded, cell), ended]);
  const used = process.cpuUsage();
  enter(Phase.timed);
  const started = now();
  await Promise.race([pause(cell.seconds), ended]);
  enter(Phase.stop);
  const seconds = (now() - started) / 1e9;
  const { user, system } = process.cpuUsage(used);
  /** @type {import('./worker.mjs').WorkerReport[]} */
  const reports = await ended;
  const all = reports.flatMap((report) => report.tasks);
  const done = all.reduce((total, { sections, warm }) => total + sections + warm, 0);
  const counted = guarded[SECTIONS] ?? 0;
  const wrong = counted === (done | 0) ? [] : [`${counted} sections were counted inside the lock where ${done} were made`];
  return {
    seconds,
    cpu: (user + system) / 1e6,
    workers: all.map(({ sections, seconds }) => ({ sections, seconds })),
    waits: summarizeWaits(all.map(({ waits }) => waits)),
    lock: sum(reports.map(({ lock }) => lock)),
    slices: sum(reports.map(({ slices }) => slices)),
    switches: sum(reports.map(({ switches }) => switches)),
    wrong: [...wrong, ...workload.check(guarded.subarray(HEADER_WORDS), sum(all.map(({ counts }) => counts)) ?? {})],
  };
}

process.stdout.write(`${JSON.stringify(await measure(JSON.parse(process.argv[2] ?? '')))}\n`, () => {
  // Workers that failed may leave others waiting for the lock.
  process.exit();
});
