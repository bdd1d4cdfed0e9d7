// SPDX-License-Identifier: MIT
// What many requests of one thread at once cost, beside async-mutex, which is for the tasks of one
// thread only, and what waits cost that go on: `npm run bench -- requests`.

import { parseArgs } from 'node:util';
import { Mutex as AsyncMutex } from 'async-mutex';
import { Condition, Mutex } from 'rseq-slice';
import { nameOfIntervals, summarize } from '../../packages/tools/dist/bench/statistics.js';
import { guardStreams } from 'rseq-slice/internal';
import { refuseUsage } from '../../packages/vm/lib/refuse-usage.mjs';

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

/** @returns {Promise<number>} the exit code */
async function main() {
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        requests: { type: 'string', default: '30000' },
        rounds: { type: 'string', default: '11' },
        idle: { type: 'string', default: '10' },
        waits: { type: 'string', default: '2000' },
        help: { type: 'boolean', default: false },
      },
    }));
    for (const [name, least] of /** @type {const} */ ([
      ['requests', 1],
      ['rounds', 5],
      ['idle', 0],
      ['waits', 1],
    ])) {
      if (!(Number.isSafeInteger(Number(values[name])) && Number(values[name]) >= least))
        throw new Error(`--${name} wants a whole number from ${least} on, not '${values[name]}'.`);
    }
  } catch (error) {
    refuseUsage('bench', error);
    return 2;
  }
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const [requests, rounds] = [Number(values.requests), Number(values.rounds)];
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
  if (Number(values.idle) > 0) await idle(Number(values.waits), Number(values.idle));
  return 0;
}

guardStreams('bench');
process.exitCode = await main();
