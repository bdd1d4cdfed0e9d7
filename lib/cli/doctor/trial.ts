// SPDX-License-Identifier: MIT
/**
 * Sections tried for real: more threads than CPUs run them until an extension
 * was granted and used, or for a while. The file is the workers' program too.
 */
import { availableParallelism } from 'node:os';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { attach } from '../../index.ts';
import type { AttachOptions, Stats } from '../../index.ts';

export type Trial = Pick<Stats, 'entered' | 'yielded' | 'raced' | 'preempted'>;

interface Job {
  readonly doctor: 'trial';
  readonly registration: NonNullable<AttachOptions['registration']>;
}

/** ms. An emulated machine takes its time to start threads. */
const LONGEST = 3_000;
const BATCH = 200;
/** Additions in a section, a microsecond or a few: short beside the shortest extension. */
const WORK = 500;

/** @throws when a thread cannot be attached, or ends early. */
export async function runTrial(registration: Job['registration']): Promise<Trial> {
  const job: Job = { doctor: 'trial', registration };
  const trials = await Promise.all(
    Array.from({ length: 2 * availableParallelism() }, () => startWorker(job)),
  );
  const sum = (of: keyof Trial): number => trials.reduce((total, trial) => total + trial[of], 0);
  return {
    entered: sum('entered'),
    yielded: sum('yielded'),
    raced: sum('raced'),
    preempted: sum('preempted'),
  };
}

function startWorker(job: Job): Promise<Trial> {
  const worker = new Worker(new URL(import.meta.url), { workerData: job });
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    // Too late to matter when the message has come.
    worker.once('exit', (code) => {
      reject(new Error(`A thread that tried sections ended with exit code ${code}.`));
    });
  });
}

function runSections({ registration }: Job): Trial {
  const thread = attach({ host: 'linux', registration });
  let sum = 0;
  const end = performance.now() + LONGEST;
  while (thread.stats().yielded === 0 && performance.now() < end) {
    for (let i = 0; i < BATCH; i++) {
      thread.enter();
      for (let j = 0; j < WORK; j++) sum = (sum + j) | 0;
      thread.leave();
    }
  }
  const { entered, yielded, raced, preempted } = thread.stats();
  thread.detach();
  return { entered, yielded, raced, preempted };
}

const job = workerData as Partial<Job> | null;
if (!isMainThread && job?.doctor === 'trial') parentPort?.postMessage(runSections(job as Job));
