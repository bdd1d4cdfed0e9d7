// SPDX-License-Identifier: MIT
// A hot loop of takings and releases that meet nobody, between two system calls that a trace is
// searched for and two lines that the collector's trace is. Arguments: main or worker, the kind,
// what the loop does, how often.
import { existsSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { attach, Mutex, SpinLock } from 'rseq-slice';

const LOCKS = { Mutex, SpinLock };
/** @type {import('rseq-slice').LockToken | null} */
let kept = null;

/** @typedef {{ kind: keyof typeof LOCKS, body: string | undefined, count: number }} Job */

/**
 * @param {Mutex | SpinLock} lock
 * @param {string | undefined} body
 * @returns {(count: number) => void}
 */
function makeLoop(lock, body) {
  let sum = 0;
  const inside = () => {
    sum = (sum + 1) | 0;
  };
  switch (body) {
    case 'enter':
      return (count) => {
        for (let i = 0; i < count; i++) {
          lock.enter();
          inside();
          lock.leave();
        }
      };
    case 'withLock':
      return (count) => {
        for (let i = 0; i < count; i++) lock.withLock(inside);
      };
    // Each token is kept until the next one, so the engine cannot do without them.
    case 'tokens':
      return (count) => {
        for (let i = 0; i < count; i++) {
          kept = lock.lock();
          inside();
          kept.unlock();
        }
      };
    default:
      return (count) => {
        for (let i = 0; i < count; i++) inside();
      };
  }
}

/** @param {Job} job */
async function run({ kind, body, count }) {
  const lock = new LOCKS[kind]({ blockMainThread: true });
  const loop = makeLoop(lock, body);
  for (let i = 0; i < 30; i++) loop(count / 20);
  // What V8 still compiles or collects in the background ends meanwhile, and is told to this
  // thread.
  await sleep(300);
  loop(count / 5);

  const before = attach().stats();
  writeSync(1, 'marker-begin\n');
  existsSync('/marker-begin');
  loop(count);
  existsSync('/marker-end');
  writeSync(1, 'marker-end\n');
  const after = attach().stats();
  setFlagsFromString('--allow-natives-syntax');
  const optimized = (new Function('f', 'return %GetOptimizationStatus(f)')(loop) & (1 << 4)) !== 0;
  const entered = after.entered - before.entered;
  const disturbed = entered - (after.undisturbed - before.undisturbed);
  writeSync(
    1,
    `${JSON.stringify({ optimized, entered, disturbed, contended: lock.stats().contended, kept: kept !== null })}\n`,
  );
}

const [, , where, kind, body, count] = process.argv;
const job = {
  kind: /** @type {Job['kind']} */ (kind),
  body,
  count: Number(count),
};
if (!isMainThread) await run(workerData);
else if (where === 'worker') new Worker(new URL(import.meta.url), { workerData: job });
else await run(job);
