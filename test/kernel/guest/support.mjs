// SPDX-License-Identifier: MIT
// What the programs that run in a guest share: the kernel's own counters, what
// there is to say of the place they run in, a section of a known length, and a
// noisy neighbour on the same CPU.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { probe } from '../../../dist/index.js';

/** The test addon, see observer.c. It was compiled into the job's folder. */
export const observer = createRequire(import.meta.url)(
  `${process.env.RSEQ_SLICE_JOB}/observer.node`,
);

/** How many CPUs this thread could run on when the program began, before it was pinned to one. */
export const cpus = availableParallelism();

/** The one line of JSON that the test on the host reads. */
export function report(value) {
  console.log(JSON.stringify(value));
}

/** debugfs rseq/stats: the counters of the whole system. */
export function kernelStats() {
  const text = readFileSync('/sys/kernel/debug/rseq/stats', 'utf8');
  return Object.fromEntries(
    [...text.matchAll(/(\w+):\s+(\d+)/g)].map(([, name, count]) => [name, Number(count)]),
  );
}

export function statsSince(before) {
  const after = kernelStats();
  return Object.fromEntries(Object.keys(after).map((name) => [name, after[name] - before[name]]));
}

/** A file of debugfs; empty where it cannot be read. */
function readDebug(path) {
  try {
    return readFileSync(`/sys/kernel/debug/${path}`, 'utf8');
  } catch {
    return '';
  }
}

/** What a thread got, and where: all that a row of the matrix can name. */
export function describePlace({ host, registration, abiVersion }) {
  const { slices, libc } = probe();
  const preemption = /\((\w+)\)/.exec(readDebug('sched/preempt'))?.[1] ?? '';
  const isDebugging = readDebug('rseq/debug').trim() === '1';
  return {
    host,
    registration,
    abiVersion,
    reason: slices.reason,
    libc: libc.name,
    node: process.version,
    cpus,
    preemption,
    isDebugging,
  };
}

/** The sum of several threads' counters. */
export function sumStats(all) {
  const sum = {};
  for (const stats of all)
    for (const [name, count] of Object.entries(stats)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}

/** Spins; the only work a section here does. */
export function spin(rounds) {
  let sum = 0;
  for (let i = 0; i < rounds; i++) sum += i & rounds;
  return sum;
}

/** How many rounds of {@link spin} take so many microseconds on this guest, once it is compiled. */
export function roundsFor(microseconds) {
  const rounds = 20_000;
  let best = Infinity;
  for (let i = 0; i < 200; i++) {
    const start = process.hrtime.bigint();
    spin(rounds);
    best = Math.min(best, Number(process.hrtime.bigint() - start));
  }
  return Math.max(1, Math.round((rounds * microseconds * 1000) / best));
}

/**
 * A thread that wakes about a thousand times a second on the CPU and keeps it a
 * little while: what makes a scheduler preempt.
 */
export async function startNeighbour(cpu) {
  const stop = new SharedArrayBuffer(4);
  const worker = new Worker(new URL('./neighbour.mjs', import.meta.url), {
    workerData: { cpu, stop },
  });
  await new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  return {
    async stop() {
      Atomics.store(new Int32Array(stop), 0, 1);
      await new Promise((resolve) => worker.once('exit', resolve));
    },
  };
}
