// SPDX-License-Identifier: MIT
/**
 * `rseq-slice demo`, which `npm start` runs: a demonstration with real work. More
 * workers than CPUs update shared records under a lock for some seconds; then the
 * records are checked, and a table tells how the sections ended.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { probe } from 'rseq-slice';
import type { HostName } from 'rseq-slice';
import {
  ExitCode,
  LiveLines,
  complain,
  describeForbidden,
  findGuest,
  hasColour,
  messageOf,
  painter,
  readFlag,
  readNumber,
  readWord,
  widthOf,
  wrap,
} from 'rseq-slice/internal';
import type { AddCommand } from 'rseq-slice/internal';
import { cautionsAbout, describeMachine } from '../bench/machine.ts';
import { Ledger } from '../demo/ledger.ts';
import { isFree, LOCKS } from '../demo/locks.ts';
import type { LockName } from '../demo/locks.ts';
import { count, explain, formatWorkers, summarize } from '../demo/summary.ts';
import { STARTED, STOP } from '../demo/worker.ts';
import type { Job, Report } from '../demo/worker.ts';

const MOST_WORKERS = 64;
const MOST_SECONDS = 3600;
const DEFAULT_WORKERS = Math.min(16, 2 * availableParallelism());
const HOST_NAMES = ['auto', 'linux', 'simulated'] as const;

const DESCRIPTION =
  'Let workers update shared records under a lock, check the records, and show how the sections ended';
const EXIT_CODES =
  'Exit codes: 0 done and the records are right; 1 they are not, or a worker failed; 2 usage error; 130 interrupted.';

export const addDemo: AddCommand = (cli) => {
  cli
    .command('demo', `${DESCRIPTION}. ${EXIT_CODES}`)
    .usage('demo [options]')
    .option(
      '--workers <n>',
      `How many, 1 to ${MOST_WORKERS}; more than there are CPUs, so that they preempt each other`,
      { default: DEFAULT_WORKERS },
    )
    .option('--seconds <s>', `How long, up to ${MOST_SECONDS}`, { default: 3 })
    .option(
      '--lock <which>',
      'What guards the records: mutex, spin, or bare: one word and a section around it',
      { default: 'bare' },
    )
    .option('--host <which>', `Which kernel grants: ${HOST_NAMES.join(', ')}`, { default: 'auto' })
    .option('--json', 'One object on stdout instead of the table')
    .example('  rseq-slice demo --workers 8 --lock mutex')
    .action((options: Readonly<Record<string, unknown>>) => runDemo(readOptions(options)));
};

interface Options {
  readonly workers: number;
  readonly seconds: number;
  readonly lock: LockName;
  readonly host: HostName | 'auto';
  readonly json: boolean;
}

function readOptions({
  workers,
  seconds,
  lock,
  host,
  json,
}: Readonly<Record<string, unknown>>): Options {
  return {
    workers: readNumber(
      'workers',
      workers,
      (n) => Number.isInteger(n) && n >= 1 && n <= MOST_WORKERS,
      `a whole number from 1 to ${MOST_WORKERS}`,
    ),
    seconds: readNumber(
      'seconds',
      seconds,
      (n) => n > 0 && n <= MOST_SECONDS,
      `seconds up to ${MOST_SECONDS}`,
    ),
    lock: readWord('lock', lock, LOCKS),
    host: readWord('host', host, HOST_NAMES),
    json: readFlag('json', json),
  };
}

async function runDemo(options: Options): Promise<ExitCode> {
  try {
    return await demonstrate(options);
  } catch (error) {
    complain(`rseq-slice demo: ${messageOf(error)}${describeForbidden(error) === null ? '' : '.'}`);
    return ExitCode.Failed;
  }
}

async function demonstrate({ workers, seconds, lock, host, json }: Options): Promise<ExitCode> {
  // Before the workers load it. What is said of a guest belongs to times, of which there are hardly
  // any here.
  const cautions = cautionsAbout({ ...describeMachine(''), guest: false });
  const buffer = Ledger.create();
  const progress = new Int32Array(
    new SharedArrayBuffer((1 + workers) * Int32Array.BYTES_PER_ELEMENT),
  );
  const interrupted = new AbortController();
  const stop = (): void => void Atomics.store(progress, STOP, 1);
  const interrupt = (): void => {
    interrupted.abort();
    stop();
  };
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);

  if (!json)
    process.stdout.write(
      `${workers} ${workers === 1 ? 'worker updates' : 'workers update'} shared records under sections for ${seconds} s.\n`,
    );
  const all = Array.from({ length: workers }, (_, index) =>
    startWorker({ buffer, progress: progress.buffer, index, host, lock }),
  );
  const ended = Promise.all(all.map((worker) => worker.ended));
  let timer: NodeJS.Timeout | undefined;
  let hideProgress = (): void => undefined;
  let reports: Report[];
  try {
    // In a guest, starting them takes as long as the demonstration.
    await Promise.race([Promise.all(all.map((worker) => worker.started)), ended]);
    timer = setTimeout(stop, seconds * 1000);
    hideProgress = showProgress(progress, seconds);
    reports = await ended;
  } finally {
    // One that failed must not leave the others running.
    stop();
    clearTimeout(timer);
    hideProgress();
  }

  const left = isFree(lock, buffer) ? [] : ['the lock is still held'];
  const summary = summarize(reports, (transfers) => [
    ...new Ledger(buffer).check(transfers),
    ...left,
  ]);
  const { slices, kernel } = probe();
  if (json)
    process.stdout.write(
      `${JSON.stringify({ slices, kernel, lock, workers: reports, ...summary })}\n`,
    );
  else {
    const width = widthOf(process.stdout);
    const table = formatWorkers(reports, summary, {
      paint: painter(hasColour(process.stdout)),
      width,
    });
    process.stdout.write(
      `${table}\n${wrap(explain(summary, { onLinux: reports.some((report) => report.host === 'linux'), slices, guest: findGuest() }), width)}\n`,
    );
    for (const caution of cautions) process.stdout.write(`${wrap(caution, width)}\n`);
  }
  if (summary.wrong.length > 0) return ExitCode.Failed;
  return interrupted.signal.aborted ? ExitCode.Interrupted : ExitCode.Done;
}

/** Both promises fail when the worker does. */
function startWorker(job: Job): {
  readonly started: Promise<unknown>;
  readonly ended: Promise<Report>;
} {
  const worker = new Worker(new URL('../demo/worker.js', import.meta.url), { workerData: job });
  const failed = new Promise<never>((_, reject) => {
    worker.once('error', reject);
    // Too late to matter when the report has come.
    worker.once('exit', (code) => {
      reject(new Error(`worker ${job.index + 1} ended with exit code ${code} and no report`));
    });
  });
  const started = new Promise((resolve) => worker.once('message', resolve));
  const ended = new Promise<Report>((resolve) => {
    worker.on('message', (message: Report | typeof STARTED) => {
      if (message !== STARTED) resolve(message);
    });
  });
  return { started: Promise.race([started, failed]), ended: Promise.race([ended, failed]) };
}

/** What goes on, while it goes on. Returns what ends it. */
function showProgress(progress: Int32Array, seconds: number): () => void {
  const live = new LiveLines(process.stderr);
  if (!live.isOn) return () => undefined;
  const started = performance.now();
  const timer = setInterval(() => {
    live.show(() => {
      const transfers = progress.subarray(1).reduce((sum, value) => sum + value, 0);
      const passed = Math.min(seconds, (performance.now() - started) / 1000);
      return `${passed.toFixed(1)} of ${seconds} s, ${count(transfers)} transfers`;
    });
  }, 100);
  return () => {
    clearInterval(timer);
    live.clear();
  };
}
