// SPDX-License-Identifier: MIT
/**
 * A program: measures one cell once, so many workers, one lock, one workload, with
 * slices or without. Its argument is the job in JSON, its answer what was measured.
 * A process each, so that none profits from what V8 made of another's code.
 */
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { answer } from '../child.ts';
import { now } from './clock.ts';
import { sumCounts } from './counting.ts';
import type { SectionCounts } from './counting.ts';
import { kindOf, loadKinds } from './kinds.ts';
import type { Kind } from './kinds.ts';
import { HEADER_WORDS, PHASE, Phase, READY, SECTIONS } from './phases.ts';
import type { Passed } from './sections.ts';
import { checkTasks, progressBytes, shapeOf, sumProgress, wordsFor } from './shapes.ts';
import { summarizeWaits } from './waits.ts';
import type { Waits } from './waits.ts';
import type { CellJob, WorkerJob, WorkerReport } from './jobs.ts';
import { workloadOf } from './workloads.ts';

type Counts = Readonly<Record<string, number>>;

export interface Measured {
  /** For which everybody was to be measured, by the clock of who said so. */
  readonly seconds: number;
  /** Seconds of CPU time meanwhile, of all threads. */
  readonly cpu: number;
  /**
   * With the time each was in its loop, which is shorter where one was not scheduled at the start.
   */
  readonly workers: readonly Passed[];
  readonly waits: Waits;
  /** Counters of the lock, of all workers; null: it has none. */
  readonly lock: Counts | null;
  /** How sections ended, of all workers; null: no thread attached. */
  readonly slices: Counts | null;
  /** `voluntary` and `involuntary`, of all workers. */
  readonly switches: Counts | null;
  /** What all workers' sections took; absent: nothing was counted, or not in this edition. */
  readonly sections?: SectionCounts | null;
  /** What shows that the lock did not exclude, or the run did not work; empty: nothing. */
  readonly wrong: readonly string[];
}

function sum(all: readonly (Counts | null)[]): Counts | null {
  const totals: Record<string, number> = {};
  for (const counts of all) {
    if (counts === null) return null;
    for (const [name, value] of Object.entries(counts)) totals[name] = (totals[name] ?? 0) + value;
  }
  return totals;
}

function startWorker(job: WorkerJob): {
  readonly ready: Promise<unknown>;
  readonly ended: Promise<WorkerReport>;
} {
  const worker = new Worker(new URL('worker.js', import.meta.url), { workerData: job });
  const failed = new Promise<never>((_, reject) => {
    worker.once('error', reject);
    worker.once('exit', (code) => {
      reject(new Error(`a worker ended with exit code ${code} and no report`));
    });
  });
  const ready = new Promise((resolve) => worker.once('message', resolve));
  const ended = new Promise<WorkerReport>((resolve) => {
    worker.on('message', (message: WorkerReport | typeof READY) => {
      if (message !== READY) resolve(message);
    });
  });
  return { ready: Promise.race([ready, failed]), ended: Promise.race([ended, failed]) };
}

/**
 * How many sections a worker makes on average before it is measured: V8 has compiled them by then.
 */
const WARM_SECTIONS = 5000;
/**
 * Times as long as a warm-up is to be, and seconds on top: who is slower than that is measured
 * cold.
 */
const MOST_WARM = { times: 5, seconds: 20 };

const pause = (seconds: number): Promise<unknown> => sleep(seconds * 1000);

/** @param made sections so far */
async function warmUp(made: () => number, { warm, workers, mostWarm }: CellJob): Promise<void> {
  const started = now();
  const passed = (): number => (now() - started) / 1e9;
  // Eight workers on one CPU were seen to be half as fast after a second as after six: V8 had not
  // compiled them all.
  const least = warm * Math.max(1, workers / availableParallelism());
  await pause(least);
  while (
    made() < workers * WARM_SECTIONS &&
    passed() < (mostWarm ?? MOST_WARM.times * least + MOST_WARM.seconds)
  )
    await pause(0.05);
}

/** The count that each section made inside the lock. */
function checkSections(
  guarded: Int32Array,
  all: readonly { readonly sections: number; readonly warm: number }[],
): string[] {
  const done = all.reduce((total, { sections, warm }) => total + sections + warm, 0);
  const counted = guarded[SECTIONS] ?? 0;
  return counted === (done | 0)
    ? []
    : [`${counted} sections were counted inside the lock where ${done} were made`];
}

/** What is left in a queue, which this process can look at when all others have ended. */
async function restOf(kind: Kind, shared: unknown): Promise<number[]> {
  const { attach } = await import('rseq-slice');
  const queue = await kind.open(shared, kind.attaches ? attach({ host: 'simulated' }) : null);
  return 'rest' in queue ? queue.rest() : [];
}

async function measure(cell: CellJob): Promise<Measured> {
  const kind = kindOf(await loadKinds(cell.kinds), cell.kind);
  const shape = shapeOf(kind.job);
  const workload = workloadOf(cell.workload);
  const control = new SharedArrayBuffer(128);
  const phases = new Int32Array(control);
  const memory = new SharedArrayBuffer(wordsFor(shape, workload) * Int32Array.BYTES_PER_ELEMENT);
  const guarded = new Int32Array(memory);
  workload.prepare(guarded.subarray(HEADER_WORDS));
  const shared = kind.create();
  const progress =
    shape.is === 'exclusive' ? null : new SharedArrayBuffer(progressBytes(cell.workers));
  const made = (): number =>
    progress === null ? (guarded[SECTIONS] ?? 0) : sumProgress(new Int32Array(progress));
  const [threads, tasks] = kind.runner === 'tasks' ? [1, cell.workers] : [cell.workers, 1];
  const workers = Array.from({ length: threads }, (_, first) =>
    startWorker({ cell, first, tasks, control, guarded: memory, progress, shared }),
  );
  const ended = Promise.all(workers.map((worker) => worker.ended));
  const enter = (phase: Phase): void => {
    Atomics.store(phases, PHASE, phase);
    Atomics.notify(phases, PHASE);
  };
  await Promise.race([Promise.all(workers.map((worker) => worker.ready)), ended]);
  enter(Phase.warm);
  await Promise.race([warmUp(made, cell), ended]);
  const used = process.cpuUsage();
  enter(Phase.timed);
  const started = now();
  await Promise.race([pause(cell.seconds), ended]);
  enter(Phase.stop);
  const seconds = (now() - started) / 1e9;
  const { user, system } = process.cpuUsage(used);
  const reports = await ended;
  const all = reports.flatMap((report) => report.tasks);
  const totals = sum(all.map(({ counts }) => counts)) ?? {};
  const work = guarded.subarray(HEADER_WORDS);
  const wrong =
    shape.is === 'exclusive'
      ? [...checkSections(guarded, all), ...workload.check(work, totals)]
      : checkTasks(shape, work, totals, shape.is === 'queue' ? await restOf(kind, shared) : []);
  return {
    seconds,
    cpu: (user + system) / 1e6,
    workers: all.map(({ sections, seconds }) => ({ sections, seconds })),
    waits: summarizeWaits(all.map(({ waits }) => waits)),
    lock: sum(reports.map(({ lock }) => lock)),
    slices: sum(reports.map(({ slices }) => slices)),
    switches: sum(reports.map(({ switches }) => switches)),
    ...(cell.count ? { sections: sumCounts(reports.map(({ sections }) => sections)) } : {}),
    wrong,
  };
}

answer(JSON.stringify(await measure(JSON.parse(process.argv[2] ?? '') as CellJob)));
// Workers that failed may leave others waiting for the lock.
process.exit();
