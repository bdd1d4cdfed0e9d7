// SPDX-License-Identifier: MIT
// What StripedCounter.add() does in many threads, to Atomics.add() on one word that all of them
// have, and what loading an ID costs: `npm run bench -- striped`. The two take turns in the same
// workers, and each ratio is of two turns that follow each other.

import { once } from 'node:events';
import { arch, cpus, release } from 'node:os';
import { Worker, isMainThread, workerData } from 'node:worker_threads';
import { ids, StripedCounter } from 'rseq-slice';
import { runCommand, wholeNumber, wholeNumbers } from './command.mjs';

const HELP = `Measures StripedCounter.add() and Atomics.add() on one word, in turns, in many workers, and ids().

  node scripts/bench/striped.mjs [--workers N,N] [--rounds N] [--turn MS]

  --workers N,N   how many threads add  (2,8)
  --rounds N      how many turns each has  (15)
  --turn MS       how long a turn is  (200)
`;

/** Indexes of the words that the threads are led by. */
const [TURN, READY, STOP] = [0, 1, 2];
const PIECE = 1000;

/** @param {StripedCounter} counter @param {number} count */
function addStriped(counter, count) {
  for (let add = 0; add < count; add++) counter.add(1);
}

/** @param {Int32Array} word @param {number} count */
function addToWord(word, count) {
  for (let add = 0; add < count; add++) Atomics.add(word, 0, 1);
}

function work() {
  const { handle, state, shared, adds, row } = workerData;
  const counter = StripedCounter.from(handle);
  const words = new Int32Array(state);
  const word = new Int32Array(shared);
  const done = new Float64Array(adds);
  for (let turn = 0; ;) {
    Atomics.add(words, READY, 1);
    Atomics.wait(words, TURN, turn);
    turn = Atomics.load(words, TURN);
    if (turn < 0) return;
    let count = 0;
    for (; Atomics.load(words, STOP) !== turn; count += PIECE)
      if (turn % 2 === 0) addStriped(counter, PIECE);
      else addToWord(word, PIECE);
    done[row] = count;
  }
}

/** @param {readonly number[]} numbers */
const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? NaN;
/** @param {number} ms */
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** @param {number} count @param {{ rounds: number, turn: number }} options */
async function measure(count, { rounds, turn: length }) {
  const counter = new StripedCounter();
  const state = new SharedArrayBuffer(16);
  const words = new Int32Array(state);
  const adds = new SharedArrayBuffer(8 * count);
  const shared = new SharedArrayBuffer(128);
  const crew = Array.from(
    { length: count },
    (_, row) =>
      new Worker(new URL(import.meta.url), {
        workerData: { handle: counter.handle, state, shared, adds, row },
      }),
  );
  const exits = crew.map((worker) => once(worker, 'exit'));
  /** @param {number} turn @returns {Promise<number>} adds in a microsecond */
  const take = async (turn) => {
    while (Atomics.load(words, READY) < count) await pause(1);
    Atomics.store(words, READY, 0);
    Atomics.store(words, TURN, turn);
    const start = performance.now();
    Atomics.notify(words, TURN);
    await pause(length);
    Atomics.store(words, STOP, turn);
    while (Atomics.load(words, READY) < count) await pause(1);
    const time = (performance.now() - start) * 1000;
    return new Float64Array(adds).reduce((sum, each) => sum + each, 0) / time;
  };
  /** @type {number[]} */
  const striped = [];
  /** @type {number[]} */
  const word = [];
  // The first turns are for V8.
  for (let round = -2; round < rounds; round++) {
    const first = await take(2 * (round + 2) + 2);
    const second = await take(2 * (round + 2) + 3);
    if (round < 0) continue;
    striped.push(first);
    word.push(second);
  }
  while (Atomics.load(words, READY) < count) await pause(1);
  Atomics.store(words, TURN, -1);
  Atomics.notify(words, TURN);
  await Promise.all(exits);
  const ratios = striped.map((each, round) => each / (word[round] ?? NaN));
  return { striped: median(striped), word: median(word), ratio: median(ratios), ratios };
}

/**
 * CPU time, ns, of an operation: the best of some batches.
 * @param {(count: number) => unknown} loop
 */
function costOf(loop) {
  let best = Infinity;
  for (let batch = 0; batch < 20; batch++) {
    const start = process.cpuUsage();
    for (let piece = 0; piece < 10_000; piece++) loop(PIECE);
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, ((user + system) * 1000) / (10_000 * PIECE));
  }
  return best;
}

/** A loop of its own for each, since V8 compiles one for all calls that it has seen in it. */
function measureCosts() {
  const own = ids();
  const counter = new StripedCounter();
  const word = new Int32Array(new SharedArrayBuffer(128));
  const empty = costOf((count) => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += i & 1;
    return sum;
  });
  const cpu = costOf((count) => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += own.cpu();
    return sum;
  });
  const concurrencyId = costOf((count) => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += own.concurrencyId();
    return sum;
  });
  const costs = [
    { name: 'cpu()', cost: cpu },
    { name: 'concurrencyId()', cost: concurrencyId },
    { name: 'StripedCounter.add()', cost: costOf((count) => addStriped(counter, count)) },
    { name: 'Atomics.add()', cost: costOf((count) => addToWord(word, count)) },
  ];
  return costs.map(({ name, cost }) => ({ name, cost: cost - empty }));
}

/**
 * @param {{ workers: readonly number[], rounds: number, turn: number }} options
 * @returns {Promise<number>} the exit code
 */
async function run({ workers, ...options }) {
  const [cpu] = cpus();
  console.log(
    `${cpu?.model ?? arch()}, ${cpus().length} CPUs, Linux ${release()}, Node ${process.versions.node}; ids by ${ids().source}`,
  );
  console.log(
    `CPU time over the empty loop, ns: ${measureCosts()
      .map(({ name, cost }) => `${name} ${cost.toFixed(2)}`)
      .join(', ')}`,
  );
  for (const count of workers) {
    const { striped, word, ratio, ratios } = await measure(count, options);
    console.log(
      `${count} workers: StripedCounter ${striped.toFixed(1)} adds/us, one word ${word.toFixed(1)}; ratio ${ratio.toFixed(2)} (${Math.min(...ratios).toFixed(2)} .. ${Math.max(...ratios).toFixed(2)})`,
    );
  }
  return 0;
}

if (isMainThread)
  await runCommand({
    help: HELP,
    options: {
      workers: { type: 'string', default: '2,8' },
      rounds: { type: 'string', default: '15' },
      turn: { type: 'string', default: '200' },
    },
    read: (values) => ({
      workers: wholeNumbers('--workers', values.workers, 1024),
      rounds: wholeNumber('--rounds', values.rounds, 1),
      turn: wholeNumber('--turn', values.turn, 1),
    }),
    run,
  });
else work();
