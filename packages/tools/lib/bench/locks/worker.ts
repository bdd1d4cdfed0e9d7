// SPDX-License-Identifier: MIT
/**
 * A program for a worker thread, one of a cell: opens the lock, warms up, works while
 * it is measured, and reports. For locks between tasks of one thread it is the only
 * worker, and runs all tasks.
 */
import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import type { Thread } from 'rseq-slice';
import { SectionCounter, startCounting } from './counting.ts';
import type { WorkerJob, WorkerReport } from './jobs.ts';
import { kindOf, loadKinds } from './kinds.ts';
import type { Kind } from './kinds.ts';
import type { OpenedLock } from './opened.ts';
import { HEADER_WORDS, PHASE, Phase, READY } from './phases.ts';
import { rehearse } from './rehearsal.ts';
import { runAsyncSections, runSections } from './sections.ts';
import type { Passed, Plan } from './sections.ts';
import { openTask, shapeOf } from './shapes.ts';
import { createWaits } from './waits.ts';
import { workloadOf } from './workloads.ts';

type Counts = Readonly<Record<string, number>>;

/** How often this thread was scheduled out so far. */
function readSwitches(): Counts | null {
  try {
    const status = readFileSync('/proc/thread-self/status', 'utf8');
    const field = (name: string): number =>
      Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(status)?.[1] ?? NaN);
    return {
      voluntary: field('voluntary_ctxt_switches'),
      involuntary: field('nonvoluntary_ctxt_switches'),
    };
  } catch {
    return null;
  }
}

function difference(after: Counts | null, before: Counts | null): Counts | null {
  if (after === null || before === null) return null;
  return Object.fromEntries(
    Object.entries(after).map(([name, value]) => [name, value - (before[name] ?? NaN)]),
  );
}

async function attachThread(kind: Kind, slices: 'on' | 'off'): Promise<Thread | null> {
  if (slices === 'off' && !kind.attaches) return null;
  const { attach } = await import('rseq-slice');
  return slices === 'on' ? attach({ host: 'linux' }) : attach({ host: 'simulated' });
}

async function run({
  cell,
  first,
  tasks,
  control,
  guarded,
  progress,
  shared,
}: WorkerJob): Promise<WorkerReport> {
  // Before any lock is loaded, which may keep what it finds.
  const counter = cell.count ? new SectionCounter(await startCounting()) : null;
  const kind = kindOf(await loadKinds(cell.kinds), cell.kind);
  const thread = await attachThread(kind, cell.slices);
  const shape = shapeOf(kind.job);
  const open = async (what: unknown): Promise<OpenedLock> => {
    const opened = await kind.open(what, thread);
    return counter === null ? opened : counter.around(opened);
  };
  await rehearse(await open(kind.create()), cell, shape);
  // What one that is alone takes is known now.
  counter?.start();
  const lock = await open(shared);
  const phases = new Int32Array(control);
  const words = new Int32Array(guarded);
  const { units, gapUnits, sample, inSection } = cell;
  const plans = Array.from({ length: tasks }, (_, index): Plan => ({
    control: phases,
    guarded: words,
    own: new Int32Array(new SharedArrayBuffer(128)),
    actor: workloadOf(cell.workload).open(words.subarray(HEADER_WORDS), first + index),
    waits: createWaits(),
    ...{ units, gapUnits, sample, inSection },
  }));
  const shaped =
    shape.is === 'exclusive'
      ? []
      : plans.map((plan, index) =>
          openTask(shape, lock, {
            ...plan,
            words: words.subarray(HEADER_WORDS),
            progress: progress === null ? null : new Int32Array(progress),
            index: first + index,
            // Nobody else would take what it puts.
            isAlone: cell.workers === 1,
          }),
        );
  const pass = (phase: Phase): Promise<Passed[]> =>
    Promise.all(
      plans.map(async (plan, index) => {
        const task = shaped[index];
        if (task !== undefined) return task.run(phase);
        if ('run' in lock) return runAsyncSections(plan, lock, phase);
        if ('lock' in lock) return runSections(plan, lock, phase);
        throw new TypeError(`${kind.name} has no loop.`);
      }),
    );
  const count = (): Omit<WorkerReport, 'tasks' | 'sections'> => ({
    lock: lock.stats?.() ?? null,
    slices: thread === null ? null : { ...thread.stats() },
    switches: readSwitches(),
  });

  parentPort?.postMessage(READY);
  Atomics.wait(phases, PHASE, Phase.idle);
  const warm = await pass(Phase.warm);
  for (const { waits } of plans) waits.reset();
  counter?.start();
  const before = count();
  const timed = await pass(Phase.timed);
  // Others may wait for what this worker will not do any more.
  for (const task of shaped) task.end();
  const after = count();
  return {
    tasks: plans.map(({ actor, waits }, index) => ({
      sections: timed[index]?.sections ?? 0,
      seconds: timed[index]?.seconds ?? 0,
      warm: warm[index]?.sections ?? 0,
      counts: shaped[index]?.counts() ?? actor.counts(),
      waits,
    })),
    lock: difference(after.lock, before.lock),
    slices: difference(after.slices, before.slices),
    switches: difference(after.switches, before.switches),
    sections: counter?.counts() ?? null,
  };
}

// A promise of a lock, over Atomics.waitAsync or Node's own, does not keep a thread alive.
const awake = setInterval(() => undefined, 1000);
const report = await run(workerData as WorkerJob);
clearInterval(awake);
parentPort?.postMessage(report);
