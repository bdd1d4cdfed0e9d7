// SPDX-License-Identifier: MIT
/**
 * What a worker does before it meets the others: the same loop over a lock and data
 * of its own, with pauses in which V8's compilers get a CPU. Once everybody spins
 * they would not get one for seconds, and what is measured would be interpreted.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { CellJob } from './jobs.ts';
import type { OpenedLock } from './opened.ts';
import { HEADER_WORDS, Phase } from './phases.ts';
import { runAsyncSections, runSections } from './sections.ts';
import { openTask, wordsFor } from './shapes.ts';
import type { Shape } from './shapes.ts';
import { createWaits } from './waits.ts';
import { workloadOf } from './workloads.ts';

const PASSES = 10;
const SECTIONS = 2000;
/** Units of work at most: what is to be compiled is the code, however long it runs. */
const MOST_UNITS = 64;
/** ms between two passes. */
const PAUSE = 30;

/** @param lock that nobody else has */
export async function rehearse(lock: OpenedLock, cell: CellJob, shape: Shape): Promise<void> {
  const workload = workloadOf(cell.workload);
  const guarded = new Int32Array(
    new SharedArrayBuffer(wordsFor(shape, workload) * Int32Array.BYTES_PER_ELEMENT),
  );
  const words = guarded.subarray(HEADER_WORDS);
  workload.prepare(words);
  const plan = {
    control: new Int32Array(new SharedArrayBuffer(128)),
    guarded,
    own: new Int32Array(new SharedArrayBuffer(128)),
    actor: workload.open(words, 0),
    units: Math.min(cell.units, MOST_UNITS),
    gapUnits: Math.min(cell.gapUnits, MOST_UNITS),
    sample: cell.sample,
    inSection: cell.inSection,
    waits: createWaits(),
  };
  const task =
    shape.is === 'exclusive'
      ? null
      : openTask(shape, lock, { ...plan, words, progress: null, index: 0, isAlone: true });
  for (let pass = 0; pass < PASSES; pass++) {
    if (task !== null) task.run(Phase.idle, SECTIONS);
    else if ('run' in lock) await runAsyncSections(plan, lock, Phase.idle, SECTIONS);
    else if ('lock' in lock) runSections(plan, lock, Phase.idle, SECTIONS);
    // Through the event loop, where what was compiled is put in place.
    await pause(PAUSE);
  }
}
