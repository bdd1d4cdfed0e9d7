// SPDX-License-Identifier: MIT
// Runs a hot loop of sections, or the same loop without them, between two system calls that a trace
// is searched for, in the main thread or in a worker. What it prints tells the test whether it
// measured what it meant to.
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { attach } from 'rseq-slice';

const COUNT = 1_000_000;

/** @typedef {{ body: 'sections' | 'nothing', controlWord: string | undefined }} Job */

/** @param {Job} job */
async function run({ body, controlWord }) {
  const thread = attach(controlWord === 'native' ? { host: 'linux', controlWord } : {});
  let sum = 0;
  const loops = {
    sections: (/** @type {number} */ count) => {
      for (let i = 0; i < count; i++) {
        thread.enter();
        sum = (sum + i) | 0;
        thread.leave();
      }
    },
    nothing: (/** @type {number} */ count) => {
      for (let i = 0; i < count; i++) sum = (sum + i) | 0;
    },
  };
  const loop = loops[body];
  for (let i = 0; i < 30; i++) loop(COUNT / 10);
  // What V8 still compiles or collects in the background ends meanwhile, and is told to this
  // thread.
  await sleep(300);
  loop(COUNT);

  const before = thread.stats();
  existsSync('/marker-begin');
  loop(COUNT);
  existsSync('/marker-end');
  const after = thread.stats();

  setFlagsFromString('--allow-natives-syntax');
  const optimized = (new Function('f', 'return %GetOptimizationStatus(f)')(loop) & (1 << 4)) !== 0;
  const entered = after.entered - before.entered;
  const undisturbed = after.undisturbed - before.undisturbed;
  const { host } = thread;
  console.log(JSON.stringify({ host, optimized, entered, disturbed: entered - undisturbed, sum }));
}

const [where, body, controlWord] = process.argv.slice(2);
const job = { body: /** @type {Job['body']} */ (body), controlWord };
if (!isMainThread) await run(workerData);
else if (where === 'worker') new Worker(new URL(import.meta.url), { workerData: job });
else await run(job);
