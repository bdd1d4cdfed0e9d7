// SPDX-License-Identifier: MIT
// What many requests of one thread at once cost, beside async-mutex, which is for the tasks of one
// thread only, and what waits cost that go on: `npm run bench -- requests`.

import { Mutex as AsyncMutex } from 'async-mutex';
import { Condition, Mutex } from 'rseq-slice';
import { nameOfIntervals, summarize } from '../../packages/tools/dist/bench/statistics.js';
import { runCommand, wholeNumber } from './command.mjs';

const HELP = `Measures many requests of one thread for one lock, this package's and async-mutex in turns; then waits that go on.

  node scripts/bench/requests.mjs [--requests N] [--rounds N] [--idle SECONDS] [--waits N]

  --requests N      how many at once  (30000)
  --rounds N        rounds of both, 5 or more  (11)
  --idle SECONDS    how long waits go on, 0: none  (10)
  --waits N         how many  (2000)
`;

/**
 * @param {number} count
 * @param {(task: () => Promise<void>) => Promise<unknown>} runExclusive
 * @returns {Promise<number>} ms
 */
async function time(count, runExclusive) {
  let done = 0;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: count }, () =>
      runExclusive(async () => {
        done++;
        await null;
      }),
    ),
  );
  if (done !== count) throw new Error(`${done} of ${count} requests were served.`);
  return performance.now() - started;
}

/** @param {number} count @param {number} seconds */
async function idle(count, seconds) {
  const [mutex, condition] = [new Mutex(), new Condition()];
  const wait = async () => {
    const token = await mutex.lockAsync();
    await condition.waitAsync(token);
    token.unlock();
  };
  const waits = Array.from({ length: count }, wait);
  await new Promise((resolve) => setTimeout(resolve, 2000));
  globalThis.gc?.();
  const heap = process.memoryUsage().heapUsed;
  const cpu = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const { user, system } = process.cpuUsage(cpu);
  globalThis.gc?.();
  const grown = process.memoryUsage().heapUsed - heap;
  process.stdout.write(
    `${count} waits for ${seconds} s: ${((user + system) / 1e4 / seconds).toFixed(2)} % of a CPU, heap ${grown >= 0 ? '+' : ''}${(grown / 1024).toFixed(0)} KiB${globalThis.gc === undefined ? ' (not collected: run with --expose-gc)' : ''}\n`,
  );
  condition.notifyAll();
  await Promise.all(waits);
}

/**
 * @param {{ requests: number, rounds: number, waits: number, seconds: number }} options
 * @returns {Promise<number>} the exit code
 */
async function run({ requests, rounds, waits, seconds }) {
  /** @type {number[]} */
  const ours = [];
  /** @type {number[]} */
  const theirs = [];
  for (let round = -1; round < rounds; round++) {
    const mutex = new Mutex();
    const other = new AsyncMutex();
    const here = await time(requests, (task) => mutex.withLockAsync(task));
    const there = await time(requests, (task) => other.runExclusive(task));
    // The first warms up.
    if (round < 0) continue;
    ours.push(here);
    theirs.push(there);
  }
  const ratios = summarize(ours.map((ms, round) => ms / (theirs[round] ?? NaN)));
  process.stdout.write(
    `${requests} requests at once, ${rounds} rounds in turns: ${summarize(ours).median.toFixed(0)} ms, async-mutex ${summarize(theirs).median.toFixed(0)} ms, ` +
      `ratio ${ratios.median.toFixed(2)} (${nameOfIntervals([ratios])} interval ${ratios.interval.map((bound) => bound.toFixed(2)).join(' to ')})\n`,
  );
  if (seconds > 0) await idle(waits, seconds);
  return 0;
}

await runCommand({
  help: HELP,
  options: {
    requests: { type: 'string', default: '30000' },
    rounds: { type: 'string', default: '11' },
    idle: { type: 'string', default: '10' },
    waits: { type: 'string', default: '2000' },
  },
  read: (values) => ({
    requests: wholeNumber('--requests', values.requests, 1),
    rounds: wholeNumber('--rounds', values.rounds, 5),
    waits: wholeNumber('--waits', values.waits, 1),
    seconds: wholeNumber('--idle', values.idle, 0),
  }),
  run,
});
