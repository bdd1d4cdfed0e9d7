// SPDX-License-Identifier: MIT
// Prints what ids() says in the main thread and in a worker, each time next to the CPU that the
// kernel has in /proc. `storm MS` compares the two for so long, while another process changes the
// CPUs that this one may use.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Worker, isMainThread, parentPort, threadId } from 'node:worker_threads';
import { attach, ids } from '../../../dist/index.js';

const [what = 'once', ms = '0'] = process.argv.slice(2);

/** Field 39 of proc_pid_stat(5): the CPU that the thread ran on last; null: it may not be read. */
function cpuOfKernel() {
  let stat;
  try {
    stat = readFileSync('/proc/thread-self/stat', 'latin1');
  } catch {
    return null;
  }
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[36]);
}

function describe() {
  const own = ids();
  const { source } = own;
  const numbers = [own.cpu(), own.node(), own.concurrencyId()];
  return { source, numbers, threadId, kernel: cpuOfKernel(), isSame: own === ids() };
}

/** @param {number} length ms */
function compare(length) {
  const own = ids();
  /** @type {Record<string, number>} */
  const seen = {};
  let differing = 0;
  let inARow = 0;
  for (const end = performance.now() + length; performance.now() < end;) {
    const before = own.cpu();
    const kernel = cpuOfKernel();
    if (own.cpu() !== before) continue;
    seen[before] = (seen[before] ?? 0) + 1;
    // A thread that was moved away and back in between differs once. A wrong number stays.
    inARow = kernel === before ? 0 : inARow + 1;
    if (inARow === 4) differing++;
  }
  return { source: own.source, seen, differing };
}

function attached() {
  const before = describe();
  const thread = attach();
  const during = { ...describe(), thread: [thread.cpu(), thread.node(), thread.concurrencyId()] };
  thread.detach();
  return { before, during, after: describe() };
}

const run = () =>
  what === 'storm' ? compare(Number(ms)) : what === 'attach' ? attached() : describe();
if (!isMainThread) parentPort?.postMessage(run());
else {
  const worker = new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) });
  const message = once(worker, 'message');
  if (what === 'storm') {
    await once(worker, 'online');
    process.stderr.write('ready\n');
  }
  const main = run();
  const [inWorker] = await message;
  console.log(JSON.stringify([main, inWorker]));
}
