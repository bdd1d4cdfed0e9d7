// SPDX-License-Identifier: MIT
/**
 * `rseq-slice trace`: runs a program with its sections and locks recorded, and
 * makes of that a trace for Perfetto's or Chrome's viewer, and a summary. What
 * is recorded, and how, is in `packages/tools/lib/trace/`.
 */
import { spawn } from 'node:child_process';
import {
  accessSync,
  constants as modes,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { cautionsAbout, describeMachine } from '../bench/machine.ts';
import {
  EXTENSION,
  ExitCode,
  SETTINGS,
  UsageError,
  VARIABLE,
  chromeTrace,
  complain,
  hasColour,
  messageOf,
  painter,
  readFlag,
  readNumber,
  requirePermitted,
  requireWritable,
  widthOf,
  wrap,
} from 'rseq-slice/internal';
import type { AddCommand, RecordingSettings } from 'rseq-slice/internal';
import { countedBetween, readKernelCounters } from '../trace/kernel/counters.ts';
import { KernelTracing } from '../trace/kernel/tracefs.ts';
import type { NotTraced } from '../trace/kernel/tracefs.ts';
import { traceOfRecordings } from '../trace/recorded.ts';
import type { KernelAccounts } from '../trace/summary.ts';
import { readRecordings } from '../trace/recordings.ts';
import { describe, summarize } from '../trace/summary.ts';

const DEFAULT_EVERY = 16;
const DEFAULT_EVENTS = 16_384;
const MOST_EVENTS = 1 << 24;
/**
 * What a program that was ended by a signal is said to have exited with, where the signal cannot be
 * passed on.
 */
const SIGNALLED = 128;
const PASSED_ON = ['SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

const DESCRIPTION =
  'Run a program with its sections and locks recorded, and write a trace for Perfetto or Chrome';
const EXIT_CODES =
  "Exit codes: the program's, and its signal; 1 the trace could not be written at the end, and is kept elsewhere; 2 usage error, or no file can be written there: the program was not run.";

export const addTrace: AddCommand = (cli) => {
  cli
    .command('trace', `${DESCRIPTION}. ${EXIT_CODES}`)
    .usage('trace [options] -- PROGRAM [arguments]')
    .option('--out <file>', 'The trace', { default: 'trace.json' })
    .option(
      '--every <n>',
      'Time one undisturbed section in this many; 1: all of them, which costs more than a section does',
      { default: DEFAULT_EVERY },
    )
    .option(
      '--events <n>',
      'Keep the latest undisturbed sections of each thread, up to this number, and as many other events',
      { default: DEFAULT_EVENTS },
    )
    .option(
      '--no-kernel',
      "Leave out the kernel's own tracing, which is merged in where this user may read it: as root",
    )
    .option('--json', 'The summary as one object, the last line on stdout')
    .example('  rseq-slice trace -- node app.js')
    .example('  rseq-slice trace --every 1 --out all.json -- node app.js 8')
    .action((options: Readonly<Record<string, unknown>>) => runTrace(options));
};

/** How the program ended. */
interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

async function runTrace(options: Readonly<Record<string, unknown>>): Promise<number> {
  const [program, ...args] = options['--'] as readonly string[];
  if (program === undefined)
    throw new UsageError("Say behind '--' which program to run: rseq-slice trace -- node app.js.");
  // A name of digits comes as a number, and several of them as an array.
  const name = options['out'];
  if (typeof name !== 'string' && typeof name !== 'number')
    throw new UsageError('--out wants one file.');
  if (name === '-') throw new UsageError("--out wants a file, not -: stdout is the program's.");
  const out = resolve(String(name));
  const json = readFlag('json', options['json']);
  const settings: RecordingSettings = {
    every: readNumber(
      'every',
      options['every'],
      (n) => Number.isInteger(n) && n >= 1 && n <= 1e6,
      'a whole number from 1 to 1000000',
    ),
    events: readNumber(
      'events',
      options['events'],
      (n) => Number.isInteger(n) && n >= 1 && n <= MOST_EVENTS,
      `a whole number from 1 to ${MOST_EVENTS}`,
    ),
  };
  const place = join(memoryFolder(), 'rseq-slice-trace-');
  requirePermitted({ reads: [place], writes: [place, out], starts: true });
  requireWritable('--out', out);
  const cautions = cautionsForTrace();
  const folder = mkdtempSync(place);
  let ending: Ending;
  let isKept = false;
  try {
    writeFileSync(join(folder, SETTINGS), JSON.stringify(settings));
    const tracing =
      options['kernel'] === false ? { reason: 'not asked for' } : KernelTracing.start();
    const before = readKernelCounters();
    try {
      ending = await run(program, args, folder);
    } catch (error) {
      if (tracing instanceof KernelTracing) tracing.remove();
      throw error;
    }
    try {
      const counters = countedBetween(before, readKernelCounters());
      isKept = !report({ folder, out, json: json, counters, tracing, cautions });
    } catch (error) {
      isKept = true;
      complain(
        `rseq-slice trace: no trace could be made: ${messageOf(error)}. What was recorded is kept in ${folder}.`,
      );
    }
  } finally {
    if (!isKept) rmSync(folder, { recursive: true, force: true });
  }
  if (isKept) return ExitCode.Failed;
  return ending.signal === null ? (ending.code ?? ExitCode.Failed) : endBy(ending.signal);
}

/** What to bear in mind of the times of a trace, as it is before the program adds to it. */
function cautionsForTrace(): string[] {
  const machine = describeMachine('');
  // Spans beside one another are of the same host: only an emulated CPU makes nonsense of them.
  return cautionsAbout({ ...machine, guest: machine.emulated });
}

/** Where files are memory, if there is such a place: threads write to them in their sections. */
function memoryFolder(): string {
  const folder = '/dev/shm';
  try {
    accessSync(folder, modes.W_OK | modes.X_OK);
    return folder;
  } catch {
    return tmpdir();
  }
}

/**
 * @throws {UsageError} it could not be started.
 */
async function run(program: string, args: readonly string[], folder: string): Promise<Ending> {
  const child = spawn(program, args, {
    stdio: 'inherit',
    env: { ...process.env, [VARIABLE]: folder },
  });
  const passOn = (signal: NodeJS.Signals): void => void child.kill(signal);
  // A terminal sends this to both; whoever sends it to this process alone means the program.
  const interrupt = (signal: NodeJS.Signals): void => {
    if (!process.stdin.isTTY) passOn(signal);
  };
  process.on('SIGINT', interrupt);
  for (const signal of PASSED_ON) process.on(signal, passOn);
  try {
    return await new Promise((settle, fail) => {
      child.once('error', (error) => {
        fail(new UsageError(`${program} cannot be run: ${error.message}.`));
      });
      child.once('exit', (code, signal) => {
        settle({ code, signal });
      });
    });
  } finally {
    process.off('SIGINT', interrupt);
    for (const signal of PASSED_ON) process.off(signal, passOn);
  }
}

interface Report {
  readonly folder: string;
  readonly out: string;
  readonly json: boolean;
  readonly counters: KernelAccounts['counters'];
  readonly tracing: KernelTracing | NotTraced;
  readonly cautions: readonly string[];
}

/** @returns whether the trace is where it should be */
function report({ folder, out, json, counters, tracing, cautions }: Report): boolean {
  const recordings = readRecordings(folder);
  const { trace, reason } = readTracing(tracing);
  const summary = summarize(recordings, { counters, trace });
  const paint = painter(hasColour(process.stderr));
  const width = widthOf(process.stderr);
  const say = (text: string): void => void process.stderr.write(`${wrap(text, width, 2)}\n`);
  if (recordings.length === 0) {
    say(
      `${paint('yellow', 'rseq-slice trace: nothing was recorded')}: no thread of the program was attached to this library.`,
    );
  }
  const dropped = {
    'dropped sections': String(summary.timed.dropped),
    'dropped events': String(summary.dropped),
  };
  const text = chromeTrace(
    traceOfRecordings(
      recordings,
      { ...dropped, 'timed one in': String(summary.timed.every) },
      trace,
    ),
  );
  const file = write(text, out, folder);
  if (recordings.length > 0) {
    say(`${paint('bold', `rseq-slice trace: ${file}`)}\n${describe(summary).join('\n')}`);
    for (const caution of cautions) say(caution);
    if (reason !== null) say(`without the kernel's own tracing: ${reason}`);
  }
  if (json) process.stdout.write(`${JSON.stringify({ file, ...summary, notTraced: reason })}\n`);
  return file === out;
}

/**
 * The program has run and cannot be run again as it was, so a trace that cannot be
 * where it was wanted is kept in the folder of the recording.
 * @returns where it is
 * @throws when it is nowhere
 */
function write(text: string, out: string, folder: string): string {
  try {
    writeFileSync(out, text);
    return out;
  } catch (error) {
    const file = join(folder, 'trace.json');
    writeFileSync(file, text);
    for (const name of readdirSync(folder))
      if (name.endsWith(EXTENSION) || name === SETTINGS) rmSync(join(folder, name));
    complain(
      `rseq-slice trace: the trace could not be written to ${out}: ${messageOf(error)}. It is in ${file} instead.`,
    );
    return file;
  }
}

/**
 * What the kernel traced, or why there is nothing of it: the program's own account is worth having
 * without.
 */
function readTracing(tracing: KernelTracing | NotTraced): {
  readonly trace: KernelAccounts['trace'];
  readonly reason: string | null;
} {
  if (!(tracing instanceof KernelTracing)) return { trace: null, ...tracing };
  try {
    return { trace: tracing.stop(), reason: null };
  } catch (error) {
    return { trace: null, reason: messageOf(error) };
  }
}

/** Ends this process as the program was ended. */
async function endBy(signal: NodeJS.Signals): Promise<number> {
  process.kill(process.pid, signal);
  // It is on its way, unless it is one that is ignored here.
  await new Promise((later) => setTimeout(later, 1000));
  return SIGNALLED + constants.signals[signal];
}
