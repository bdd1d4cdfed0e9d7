// The command `npm start`: a demonstration with real work. More workers than CPUs update shared records under sections
// for some seconds; then the records are checked, and a table tells how the sections ended.

import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { probe } from '../../dist/index.js';
import { Ledger } from './ledger.mjs';
import { count, explain, formatTable, summarize } from './report.mjs';
import { STARTED, STOP } from './worker.mjs';

/** @typedef {import('./worker.mjs').Report} Report */

const MOST_WORKERS = 64;
const DEFAULT_WORKERS = Math.min(16, 2 * availableParallelism());

const HELP = `Lets workers update shared records under sections, checks the records, and shows how the sections ended.

  node scripts/demo/main.mjs [options]

  --workers N     how many, 1 to ${MOST_WORKERS}; more than there are CPUs, so that they preempt each other  (${DEFAULT_WORKERS})
  --seconds S     how long, up to 3600  (3)
  --simulated     on the simulated kernel, also where Linux has slices
  --json          one object on stdout instead of the table
  --help          this text

Exit codes: 0 done and the records are right; 1 they are not, or a worker failed; 2 wrong usage; 130 interrupted.
`;

/** @param {string} name @param {string} value @param {(number: number) => boolean} good @param {string} wanted */
function readNumber(name, value, good, wanted) {
  const number = Number(value);
  if (value.trim() === '' || !good(number)) throw new Error(`--${name} wants ${wanted}, not '${value}'.`);
  return number;
}

/** @param {readonly string[]} args */
function readOptions(args) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      workers: { type: 'string', default: String(DEFAULT_WORKERS) },
      seconds: { type: 'string', default: '3' },
      simulated: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  return {
    ...values,
    workers: readNumber('workers', values.workers, (n) => Number.isInteger(n) && n >= 1 && n <= MOST_WORKERS, `a whole number from 1 to ${MOST_WORKERS}`),
    seconds: readNumber('seconds', values.seconds, (n) => n > 0 && n <= 3600, 'seconds up to 3600'),
  };
}

/**
 * What goes on, while it goes on: one line rewritten on a terminal, one a second elsewhere.
 * @param {Int32Array} progress
 * @param {number} seconds
 */
function showProgress(progress, seconds) {
  const terminal = process.stderr.isTTY;
  const started = performance.now();
  const timer = setInterval(
    () => {
      const transfers = progress.subarray(1).reduce((sum, value) => sum + value, 0);
      const passed = Math.min(seconds, (performance.now() - started) / 1000);
      const line = `${passed.toFixed(1)} of ${seconds} s, ${count(transfers)} transfers`;
      process.stderr.write(terminal ? `\r\x1b[K${line}` : `${line}\n`);
    },
    terminal ? 100 : 1000,
  );
  return () => {
    clearInterval(timer);
    if (terminal) process.stderr.write('\r\x1b[K');
  };
}

/**
 * @param {import('./worker.mjs').Job} job
 * @returns {{ started: Promise<void>, ended: Promise<Report> }} both fail when the worker does
 */
function startWorker(job) {
  const worker = new Worker(new URL('worker.mjs', import.meta.url), { workerData: job });
  const failed = new Promise((_, reject) => {
    worker.once('error', reject);
    // Too late to matter when the report has come.
    worker.once('exit', (code) => {
      reject(new Error(`worker ${job.index + 1} ended with exit code ${code} and no report`));
    });
  });
  const started = new Promise((resolve) => worker.once('message', resolve));
  const ended = new Promise((resolve) => {
    worker.on('message', (message) => {
      if (message !== STARTED) resolve(message);
    });
  });
  return { started: Promise.race([started, failed]), ended: Promise.race([ended, failed]) };
}

/** @param {ReturnType<typeof readOptions>} options @returns {Promise<number>} the exit code */
async function run({ workers, seconds, simulated, json }) {
  const buffer = Ledger.create();
  const progress = new Int32Array(new SharedArrayBuffer((1 + workers) * Int32Array.BYTES_PER_ELEMENT));
  let exitCode = 0;
  const stop = () => void Atomics.store(progress, STOP, 1);
  const interrupt = () => {
    exitCode = 130;
    stop();
  };
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);

  if (!json) process.stdout.write(`${workers} workers update shared records under sections for ${seconds} s.\n`);
  const backend = simulated ? 'simulated' : 'auto';
  const all = Array.from({ length: workers }, (_, index) => startWorker({ buffer, progress: progress.buffer, index, backend }));
  const ended = Promise.all(all.map((worker) => worker.ended));
  let timer;
  let hideProgress = () => {};
  /** @type {Report[]} */
  let reports;
  try {
    // In a guest, starting them takes as long as the demonstration.
    await Promise.race([Promise.all(all.map((worker) => worker.started)), ended]);
    timer = setTimeout(stop, seconds * 1000);
    // Who reads JSON reads no progress either, except on a terminal.
    if (!json || process.stderr.isTTY) hideProgress = showProgress(progress, seconds);
    reports = await ended;
  } finally {
    // One that failed must not leave the others running.
    stop();
    clearTimeout(timer);
    hideProgress();
  }

  const summary = summarize(reports, (transfers) => new Ledger(buffer).check(transfers));
  const { slices, kernel } = probe();
  if (json) process.stdout.write(`${JSON.stringify({ slices, kernel, workers: reports, ...summary })}\n`);
  else {
    const onLinux = reports.some((report) => report.backend === 'linux');
    const colour = process.stdout.isTTY && process.env['NO_COLOR'] === undefined;
    process.stdout.write(`${formatTable(reports, summary, colour)}\n${explain(summary, { onLinux, slices })}\n`);
  }
  return summary.wrong.length > 0 ? 1 : exitCode;
}

/** @returns {Promise<number>} the exit code */
async function main() {
  let options;
  try {
    options = readOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)} See --help.\n`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  try {
    return await run(options);
  } catch (error) {
    process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

process.exitCode = await main();
