// SPDX-License-Identifier: MIT
// Counts up, under a lock, what is no atomic count: in workers that take the lock in every way, and
// in the main thread, which waits asynchronously. Arguments: the kind, the number of workers,
// rounds of each. Prints the totals.
import { Worker, isMainThread, workerData } from 'node:worker_threads';
import { RseqSliceError } from 'rseq-slice';
import { kindOf } from './lock-kinds.mjs';

const WAYS = ['take', 'try', 'run', 'async', 'timeout'];
/** Words: the count, and how many are inside. */
const COUNT = 0;
const INSIDE = 1;
const WRONG = 2;

/** @param {Int32Array} words */
function inside(words) {
  if (Atomics.add(words, INSIDE, 1) !== 0) Atomics.add(words, WRONG, 1);
  const count = words[COUNT] ?? 0;
  // Long enough to be interrupted by another thread now and then.
  for (let i = 0; i < 30; i++) if (words[COUNT] !== count) Atomics.add(words, WRONG, 1);
  words[COUNT] = count + 1;
  Atomics.sub(words, INSIDE, 1);
}

/**
 * @param {string | undefined} kind
 * @param {import('rseq-slice').LockHandle} handle
 * @param {Int32Array} words
 * @param {number} rounds
 * @param {readonly string[]} ways
 */
async function work(kind, handle, words, rounds, ways) {
  const lock = kindOf(kind).open(handle);
  for (let i = 0; i < rounds; i++) {
    const way = ways[i % ways.length];
    if (way === 'run') {
      lock.run(() => inside(words));
      continue;
    }
    let token = null;
    if (way === 'take') token = lock.take();
    else if (way === 'async') token = await lock.takeAsync();
    while (token === null) {
      if (way === 'try') token = lock.tryTake();
      else {
        try {
          token = lock.take({ timeout: 0.05 });
        } catch (error) {
          if (!RseqSliceError.is(error) || error.code !== 'ERR_RSEQ_TIMEOUT') throw error;
        }
      }
    }
    inside(words);
    token.unlock();
  }
}

if (isMainThread) {
  const [, , kind, workers, rounds] = process.argv;
  const handle = kindOf(kind).create();
  const words = new Int32Array(new SharedArrayBuffer(16));
  const data = (/** @type {readonly string[]} */ ways) => ({
    workerData: { kind, handle, words, rounds: Number(rounds), ways },
  });
  const all = Array.from(
    { length: Number(workers) },
    (_, i) => new Worker(new URL(import.meta.url), data(i === 0 ? ['take'] : WAYS)),
  );
  const ends = all.map((worker) => new Promise((resolve) => worker.once('exit', resolve)));
  const own = Math.ceil(Number(rounds) / 10);
  await work(kind, handle, words, own, ['async']);
  const exitCodes = await Promise.all(ends);
  const lock = kindOf(kind).open(handle);
  const token = lock.tryTake();
  console.log(
    JSON.stringify({
      exitCodes,
      missing: Number(rounds) * Number(workers) + own - (words[COUNT] ?? 0),
      wrong: words[WRONG],
      isFree: token !== null,
    }),
  );
  token?.unlock();
} else {
  const { kind, handle, words, rounds, ways } = workerData;
  await work(kind, handle, words, rounds, ways);
}
