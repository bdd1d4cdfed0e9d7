// SPDX-License-Identifier: MIT
// What the programs that run in a guest share: the kernel's own counters, what there is to say of
// the place they run in, a section of a known length, and a noisy neighbour on the same CPU.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { probe } from 'rseq-slice';

/**
 * The test addon, see observer.c.
 * @typedef {object} Observer
 * @property {() => number} getCpu as libc has it
 * @property {() => number} getTid
 * @property {() => number} getSwitches how often this thread was scheduled out
 * @property {() => string} getRegistration what the kernel holds as this thread's area
 * @property {(cpu: number, tid?: number) => number} pinTo returns an errno, 0: done
 * @property {(file: string) => void} watchEnd writes the registration there when the thread ends
 *
 * What a thread got, or the thread itself.
 * @typedef {Pick<import('rseq-slice').Thread, 'host' | 'registration' | 'abiVersion'>} Got
 *
 * Of the kernel's counters those that programs look at by name.
 * @typedef {Record<'sgrant' | 'syield', number>} KernelStats
 */

/** The folder of this job, which the host sees too. */
export const job = process.env['RSEQ_SLICE_JOB'] ?? '';

/** It was compiled into the job's folder. @type {Observer} */
export const observer = createRequire(import.meta.url)(`${job}/observer.node`);

/** How many CPUs this thread could run on when the program began, before it was pinned to one. */
export const cpus = availableParallelism();

/** The one line of JSON that the test on the host reads. @param {unknown} value */
export function report(value) {
  console.log(JSON.stringify(value));
}

/** debugfs rseq/stats: the counters of the whole system. @returns {KernelStats} */
export function kernelStats() {
  const text = readFileSync('/sys/kernel/debug/rseq/stats', 'utf8');
  const counters = [...text.matchAll(/(\w+):\s+(\d+)/g)];
  return /** @type {KernelStats} */ (
    Object.fromEntries(counters.map(([, name, count]) => [name, Number(count)]))
  );
}

/** @param {KernelStats} before @returns {KernelStats} */
export function statsSince(before) {
  const after = kernelStats();
  for (const name of /** @type {(keyof KernelStats)[]} */ (Object.keys(after)))
    after[name] -= before[name];
  return after;
}

/** A file of debugfs; empty where it cannot be read. @param {string} path */
function readDebug(path) {
  try {
    return readFileSync(`/sys/kernel/debug/${path}`, 'utf8');
  } catch {
    return '';
  }
}

/** What a thread got, and where: all that a row of the matrix can name. @param {Got} got */
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

/** An error of the library, as JSON has it. @param {unknown} error */
export function describeError(error) {
  const { code, errno, message } = /** @type {import('rseq-slice').RseqSliceError} */ (error);
  return { code, errno, message };
}

/**
 * The sum of several threads' counters.
 * @param {readonly import('rseq-slice').Stats[]} all
 */
export function sumStats(all) {
  const sum = { entered: 0, undisturbed: 0, yielded: 0, raced: 0, preempted: 0, nested: 0 };
  for (const stats of all)
    for (const name of /** @type {(keyof typeof sum)[]} */ (Object.keys(sum)))
      sum[name] += stats[name];
  return sum;
}

/** Spins; the only work a section here does. @param {number} rounds */
export function spin(rounds) {
  let sum = 0;
  for (let i = 0; i < rounds; i++) sum += i & rounds;
  return sum;
}

/**
 * How many rounds of {@link spin} take so many microseconds on this guest, once it is compiled.
 * @param {number} microseconds
 */
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
 * @param {number} cpu
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
