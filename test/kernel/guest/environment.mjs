// SPDX-License-Identifier: MIT
// What the library makes of the environment it finds itself in, whatever that is: what it got and
// why, sections beside a neighbour in the main thread and in workers, ids, and the thread given
// back as it was found. Each thing looked at is a check with a name; what the environment should
// have given is the caller's to judge. Arguments: seconds of sections, length of one in us,
// workers, options of attach() as JSON.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { attach, probe } from 'rseq-slice';
import { SimulatedKernel } from 'rseq-slice/simulated';
import { loadBinding } from './binding.mjs';
import {
  cpus,
  describeError,
  describePlace,
  kernelStats,
  observer,
  report,
  roundsFor,
  spin,
  startNeighbour,
  statsSince,
  sumStats,
} from './support.mjs';

/** @typedef {import('rseq-slice').AttachOptions} AttachOptions */
/** @typedef {{ cpu: number, rounds: number, seconds: number, options: AttachOptions }} Job */

const CYCLES = 100;

/**
 * Runs all that will be run in sections once, on a simulated kernel. The engine compiles a function
 * when it is called for the first time, and makes system calls for it: on the first ABI those kill
 * when they come inside an extension.
 * @param {() => void} work
 */
function rehearse(work) {
  const { abiVersion } = probe().kernel;
  const simulated = new SimulatedKernel({ abiVersion: abiVersion ?? 'mainline' }).thread();
  const thread = attach({ host: simulated });
  for (const preempt of [() => undefined, () => simulated.preempt()]) {
    simulated.inNextSection(preempt);
    thread.critical(work);
  }
  thread.detach();
}

/** @param {Job} job */
function runSections({ cpu, rounds, seconds, options }) {
  observer.pinTo(cpu);
  const work = () => spin(rounds);
  rehearse(work);
  const before = observer.getRegistration();
  const thread = attach(options);
  const { host, registration, abiVersion } = thread;
  const { slices } = probe();
  const ids = { cpu: thread.cpu(), node: thread.node(), concurrencyId: thread.concurrencyId() };
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) for (let i = 0; i < 50; i++) thread.critical(work);
  thread.detach();
  const after = observer.getRegistration();
  return {
    host,
    registration,
    abiVersion,
    slices,
    ids,
    stats: thread.stats(),
    isRestored: before === after,
    isOnCpu: observer.getCpu() === cpu,
  };
}

/** @param {Job} job @returns {Promise<ReturnType<typeof runSections>>} */
function startWorker(job) {
  const worker = new Worker(new URL(import.meta.url), { workerData: job });
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

/** @param {AttachOptions} options */
function attachAgainAndAgain(options) {
  const work = () => {};
  rehearse(work);
  const found = observer.getRegistration();
  for (let i = 0; i < CYCLES; i++) {
    const thread = attach(options);
    thread.critical(work);
    thread.detach();
    if (observer.getRegistration() !== found) return false;
  }
  return true;
}

/** Whether a filter answers the yield in the kernel's place. @param {AttachOptions} options */
function isAnswerHidden(options) {
  const thread = attach(options);
  const answer = loadBinding().yieldSlice();
  thread.detach();
  return answer < 0;
}

/** The error of who demands Linux; null where it is there. @param {AttachOptions} options */
function demandLinux(options) {
  try {
    attach({ ...options, host: 'linux' }).detach();
    return null;
  } catch (error) {
    return describeError(error);
  }
}

/** Columns: what is compared must not depend on where lines break. */
const WHOLE_LINES = '1000';

/** What the doctor says here, in a process of its own. @param {AttachOptions} options */
function askDoctor({ registration }) {
  const program = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
  const args = registration === undefined ? [] : ['--registration', registration];
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    [...process.execArgv, program, 'doctor', ...args],
    { encoding: 'utf8', env: { ...process.env, COLUMNS: WHOLE_LINES } },
  );
  return { status, signal, stdout, stderr };
}

async function main() {
  const [seconds = 0, length = 0, workers = 0] = process.argv.slice(2, 5).map(Number);
  /** @type {AttachOptions} */
  const options = JSON.parse(process.argv[5] ?? '{}');
  const rounds = roundsFor(length);
  const hasStats = probe().kernel.extension !== null;
  const before = hasStats ? kernelStats() : null;
  const neighbour = await startNeighbour(0);
  const main = runSections({ cpu: 0, rounds, seconds, options });
  const others = await Promise.all(
    Array.from({ length: workers }, (_, index) =>
      startWorker({ cpu: index % cpus, rounds, seconds, options }),
    ),
  );
  await neighbour.stop();
  const kernel = before === null ? null : statsSince(before);
  const runs = [main, ...others];
  const stats = sumStats(runs.map((run) => run.stats));
  const error = demandLinux(options);
  const { host, registration, abiVersion, slices } = main;
  const isLinux = host === 'linux';
  const isHidden = isLinux && isAnswerHidden(options);
  const checks = {
    'all threads got the same': runs.every(
      (run) =>
        run.host === host && run.registration === registration && run.abiVersion === abiVersion,
    ),
    'probe() says so too': slices.available === isLinux && (slices.remedy === '') === isLinux,
    'who demands Linux gets it, or an error': isLinux
      ? error === null
      : error?.code === 'ERR_RSEQ_UNAVAILABLE',
    'threads are given back as they were found': runs.every((run) => run.isRestored),
    'a hundred times over': attachAgainAndAgain(options),
    'libc knows the CPU afterwards': runs.every((run) => run.isOnCpu),
    'ids are right':
      !isLinux ||
      runs.every(
        ({ ids }, index) => ids.cpu === (index === 0 ? 0 : (index - 1) % cpus) && ids.node === 0,
      ),
    'concurrency IDs are small':
      !isLinux || runs.every(({ ids }) => ids.concurrencyId >= 0 && ids.concurrencyId < 64),
    'outcomes add up':
      stats.entered ===
      stats.undisturbed + stats.yielded + stats.raced + stats.preempted + stats.nested,
    'sections were made': stats.entered > 100,
    // Where a filter hides the answer, a yield that came too late counts as one in time.
    'counters agree with the kernel':
      kernel === null ||
      (isHidden ? kernel.syield <= stats.yielded : kernel.syield === stats.yielded),
    'the kernel saw yields': kernel === null || !isLinux || kernel.syield > 0,
  };
  // The reason while it was attached: what these options came to.
  report({
    ...describePlace(main),
    reason: slices.reason,
    checks,
    stats,
    kernel,
    error,
    doctor: askDoctor(options),
  });
}

if (isMainThread) await main();
else parentPort?.postMessage(runSections(workerData));
