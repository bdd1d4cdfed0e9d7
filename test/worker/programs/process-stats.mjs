// SPDX-License-Identifier: MIT
// Sections in this thread and in workers that end in some way, and what processStats() makes of
// them. Prints the counters, before and after, or what else the test wants to know.
import { once } from 'node:events';
import {
  getEnvironmentData,
  isMainThread,
  parentPort,
  Worker,
  workerData,
} from 'node:worker_threads';
import { attach, processStats } from 'rseq-slice';
import { loadAddon } from 'rseq-slice/internal';

const SECTIONS = 200_000;
const TURNS = 40_000;
const TURNING = 3;

// As lib/sections/counters.ts lays them out.
const MEMORY = 'rseq-slice.stats.3';
const SLOTS = 16_384;
const PIECE = 16;
const OWNER = 12;
const USED = 4;

const attachSimulated = () => attach({ host: 'simulated' });

/** @typedef {import('rseq-slice').Thread} Thread */

/** @param {Thread} thread @param {number} count */
function sections(thread, count) {
  for (let i = 0; i < count; i++) thread.critical(() => undefined);
}

/**
 * A section in which somebody else clears the request, as a kernel does that schedules the thread
 * out.
 * @param {Thread} thread
 */
function disturbedSection(thread) {
  thread.enter();
  const { word } = /** @type {{ word: { clear(): number } }} */ (/** @type {unknown} */ (thread));
  word.clear();
  thread.leave();
}

/** @param {string} how */
async function startWorker(how) {
  const worker = new Worker(new URL(import.meta.url), { workerData: how });
  const ended = once(worker, 'exit');
  await once(worker, 'message');
  return { worker, ended };
}

/** @param {string} how */
async function runWorker(how) {
  const { worker, ended } = await startWorker(how);
  if (how === 'terminated') await worker.terminate();
  await ended;
}

/** @param {number} count */
function takeTurns(count) {
  for (let i = 0; i < count; i++) {
    const thread = attachSimulated();
    sections(thread, 1);
    thread.detach();
  }
}

/** All slots are the worker's, as if it had been that many, and then it ends. */
async function takeAllSlots() {
  const { worker } = await startWorker('disturbed and waits');
  const memory = /** @type {SharedArrayBuffer} */ (
    /** @type {unknown} */ (getEnvironmentData(MEMORY))
  );
  const longs = new BigInt64Array(memory);
  const owner = longs[PIECE + OWNER] ?? 0n;
  for (let slot = 1; slot <= SLOTS; slot++) longs[slot * PIECE + OWNER] = owner;
  new Int32Array(longs.buffer)[USED] = SLOTS;
  takeTurns(1);
  const full = processStats();
  await worker.terminate();
  takeTurns(2);
  return [full, processStats()];
}

/**
 * Looks at the counters for as long as workers attach and detach: the fewest and most that any look
 * was off.
 */
async function watchTurns() {
  const workers = Array.from({ length: TURNING }, () => runWorker('turning'));
  let isOver = false;
  const all = Promise.all(workers).then(() => (isOver = true));
  let [looks, back, uneven] = [0, 0, 0];
  let last = processStats();
  const fields = /** @type {(keyof typeof last)[]} */ (Object.keys(last));
  while (!isOver) {
    for (let i = 0; i < 200; i++) {
      const stats = processStats();
      looks++;
      if (fields.some((field) => stats[field] < last[field])) back++;
      // Nothing is published inside a section.
      const { entered, undisturbed, yielded, raced, preempted, nested } = stats;
      if (entered !== undisturbed + yielded + raced + preempted + nested) uneven++;
      last = stats;
    }
    await new Promise(setImmediate);
  }
  await all;
  return [{ looks, back, uneven }, processStats()];
}

/** @param {string} how */
async function main(how) {
  if (how === 'again') {
    takeTurns(TURNS);
    return [processStats()];
  }
  if (how === 'full') return takeAllSlots();
  if (how === 'watched') return watchTurns();
  sections(attachSimulated(), 10);
  const before = processStats();
  await Promise.all(Array.from({ length: how === 'disturbed' ? 1 : 3 }, () => runWorker(how)));
  return [before, processStats()];
}

/** @param {string} how */
function work(how) {
  if (how === 'turning') {
    for (let turn = 0; turn < 1000; turn++) {
      const thread = attachSimulated();
      for (let i = 0; i < 20; i++) {
        sections(thread, i);
        disturbedSection(thread);
      }
      thread.detach();
    }
    parentPort?.postMessage('done');
    return;
  }
  const thread = attachSimulated();
  if (how.startsWith('disturbed')) {
    sections(thread, 100);
    disturbedSection(thread);
  } else {
    sections(thread, SECTIONS);
    if (how === 'detached') thread.detach();
  }
  parentPort?.postMessage('done');
  if (how === 'disturbed and waits') setInterval(() => undefined, 1000);
  if (how === 'terminated') for (;;) loadAddon();
}

if (isMainThread) process.stdout.write(JSON.stringify(await main(process.argv[2] ?? '')));
else work(workerData);
