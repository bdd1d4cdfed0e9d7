// One worker of a cell: opens the lock, warms up, works while it is measured, and reports. For locks between tasks of one
// thread it is the only worker, and runs all tasks.

import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { kindOf, library } from './kinds.mjs';
import { packageFinder } from './packages.mjs';
import { HEADER_WORDS, PHASE, Phase, READY } from './phases.mjs';
import { rehearse } from './rehearsal.mjs';
import { runAsyncSections, runSections } from './sections.mjs';
import { createWaits } from './waits.mjs';
import { workloadOf } from './workloads.mjs';

/**
 * @typedef {object} WorkerJob
 * @property {import('./cell.mjs').CellJob} cell
 * @property {number} first index of the first of this thread's tasks
 * @property {number} tasks how many it runs
 * @property {SharedArrayBuffer} control
 * @property {SharedArrayBuffer} guarded
 * @property {unknown} shared what the lock's kind created
 */

/** @typedef {{ sections: number, seconds: number }} Passed */

/**
 * @typedef {object} WorkerReport
 * @property {readonly (Passed & { warm: number, counts: Readonly<Record<string, number>>, waits: import('node:perf_hooks').RecordableHistogram })[]} tasks
 * @property {Readonly<Record<string, number>> | null} lock what the lock counted meanwhile
 * @property {Readonly<Record<string, number>> | null} slices how sections ended meanwhile
 * @property {{ voluntary: number, involuntary: number } | null} switches
 */

/** How often this thread was scheduled out so far. */
function readSwitches() {
  try {
    const status = readFileSync('/proc/thread-self/status', 'utf8');
    const field = (/** @type {string} */ name) => Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(status)?.[1] ?? NaN);
    return { voluntary: field('voluntary_ctxt_switches'), involuntary: field('nonvoluntary_ctxt_switches') };
  } catch {
    return null;
  }
}

/**
 * @template {Readonly<Record<string, any>>} T
 * @param {T | null} after @param {T | null} before
 * @returns {T | null}
 */
function difference(after, before) {
  if (after === null || before === null) return null;
  return /** @type {T} */ (/** @type {unknown} */ (Object.fromEntries(Object.entries(after).map(([name, value]) => [name, value - before[name]]))));
}

/** @param {import('./kinds.mjs').Kind} kind @param {'on' | 'off'} slices */
async function attachThread(kind, slices) {
  if (slices === 'on') return (await library()).attach({ require: 'kernel' });
  return kind.attaches ? (await library()).attach({ backend: 'simulated' }) : null;
}

/** @param {WorkerJob} job @returns {Promise<WorkerReport>} */
async function run({ cell, first, tasks, control, guarded, shared }) {
  const kind = kindOf(cell.kind);
  const thread = await attachThread(kind, cell.slices);
  const find = packageFinder(cell.packages);
  await rehearse(await kind.open(kind.create(), thread, find), cell);
  const lock = await kind.open(shared, thread, find);
  const phases = new Int32Array(control);
  const words = new Int32Array(guarded);
  const { units, gapUnits, sample, inSection } = cell;
  const plans = Array.from({ length: tasks }, (_, index) => ({
    control: phases,
    guarded: words,
    own: new Int32Array(new SharedArrayBuffer(128)),
    actor: workloadOf(cell.workload).open(words.subarray(HEADER_WORDS), first + index),
    waits: createWaits(),
    ...{ units, gapUnits, sample, inSection },
  }));
  const pass = (/** @type {number} */ phase) =>
    Promise.all(plans.map((plan) => ('run' in lock ? runAsyncSections(plan, lock, phase) : runSections(plan, lock, phase))));
  const count = () => ({ lock: lock.stats?.() ?? null, slices: thread?.stats() ?? null, switches: readSwitches() });

  parentPort?.postMessage(READY);
  Atomics.wait(phases, PHASE, Phase.idle);
  const warm = await pass(Phase.warm);
  for (const { waits } of plans) waits.reset();
  const before = count();
  const timed = await pass(Phase.timed);
  const after = count();
  return {
    tasks: plans.map(({ actor, waits }, index) => ({
      sections: timed[index]?.sections ?? 0,
      seconds: timed[index]?.seconds ?? 0,
      warm: warm[index]?.sections ?? 0,
      counts: actor.counts(),
      waits,
    })),
    lock: difference(after.lock, before.lock),
    slices: difference(after.slices, before.slices),
    switches: difference(after.switches, before.switches),
  };
}

// A promise of a lock, over Atomics.waitAsync or Node's own, does not keep a thread alive.
const awake = setInterval(() => undefined, 1000);
const report = await run(workerData);
clearInterval(awake);
parentPort?.postMessage(report);
