// SPDX-License-Identifier: MIT
// Runs the benchmark of locks in a guest that has slices, in one of two lanes: one CPU whose time
// counts instructions, so that the host's load changes nothing; or several CPUs, where a waiter can
// run beside the holder. JSON comes out to the host.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withoutPaths } from '../../../packages/tools/dist/bench/machine.js';
import { guardStreams, requireWritable, UsageError } from 'rseq-slice/internal';
import { HarnessError } from '../../../packages/vm/lib/guest/errors.mjs';
import { runInGuest } from '../../../packages/vm/lib/guest/run-in-guest.mjs';
import { KINDS, PATHS, readOptions } from './options.mjs';
import { compilePthreadLoop } from './pthread.mjs';

const program = fileURLToPath(new URL('main.mjs', import.meta.url));

/** The folder of the host that the guest may write to, as it sees it. */
const JOB = '/run/job';
const RECORD = 'locks.json';

/**
 * Seconds for the whole guest. Instructions counted one by one take ten times as long as they say
 * and more.
 */
const TIMEOUT = 12 * 3600;

/**
 * Where nothing else is asked for: emulated, V8's compilers need longer, and a clock reading is as
 * long as a short section.
 */
const DEFAULTS = { '--warm': '0.7', '--sample': '16' };

/**
 * The clock is the time stamp counter in both, or reading it in a section would be a system call.
 * @type {Readonly<Record<string, { what: string,
 *   machine: Partial<import('../../../packages/vm/lib/guest/run-in-guest.mjs').RunOptions> }>>}
 */
const LANES = {
  icount: {
    what: 'one CPU, time counts instructions, extensions of 5 us',
    machine: { icount: true, extension: 5000, append: 'tsc=reliable' },
  },
  smp: {
    what: 'several CPUs, emulated, extensions of 50 us, which emulation is slow enough for',
    machine: { accelerator: 'tcg', cpus: 2, extension: 50_000, append: 'tsc=reliable' },
  },
};

const HELP = `Runs the benchmark of locks in a guest with slice extensions.

  node scripts/bench/locks/lanes.mjs --lane NAME [--cpus N] [--timeout S] [options of main.mjs]

${Object.entries(LANES)
  .map(([name, { what }]) => `  --lane ${name.padEnd(12)} ${what}`)
  .join('\n')}
  --cpus N            how many CPUs the lane smp has, 2 to 64  (${LANES['smp']?.machine.cpus})
  --timeout S         for the whole guest  (${TIMEOUT})
  Here, the default is ${Object.entries(DEFAULTS)
    .map((words) => words.join(' '))
    .join(' and ')}.

Build dist/ and build/ before: the guest sees the checkout read-only. --json FILE is a file of the host; it has the lane
in it. The npm packages of --packages must be in a folder that the guest can see, which those below /tmp and /run are not.
`;

/**
 * Takes an option with a value out of a command line.
 * @param {string[]} args is changed
 * @param {string} name
 * @returns {string | null}
 */
function takeOption(args, name) {
  const at = args.findIndex((arg) => arg === name || arg.startsWith(`${name}=`));
  if (at < 0) return null;
  const [word = '', value] = args.splice(at, args[at] === name ? 2 : 1);
  if (word !== name) return word.slice(name.length + 1);
  if (value === undefined) throw new UsageError(`${name} wants a value.`);
  return value;
}

/** @param {readonly string[]} argv */
function readLane(argv) {
  const args = [...argv];
  const name = takeOption(args, '--lane');
  const lane = name === null ? undefined : LANES[name];
  if (name === null || lane === undefined)
    throw new UsageError(
      `--lane wants ${Object.keys(LANES).join(' or ')}${name === null ? '' : `, not '${name}'`}.`,
    );
  const cpus = takeOption(args, '--cpus');
  if (cpus !== null && (lane.machine.cpus === undefined || !/^([2-9]|[1-5]\d|6[0-4])$/.test(cpus)))
    throw new UsageError(`--cpus wants a number from 2 to 64, and the lane smp, not '${cpus}'.`);
  const machine = cpus === null ? lane.machine : { ...lane.machine, cpus: Number(cpus) };
  const timeout = Number(takeOption(args, '--timeout') ?? TIMEOUT);
  if (!(timeout > 0 && timeout <= 2_000_000))
    throw new UsageError('--timeout wants seconds up to 2000000.');
  const json = takeOption(args, '--json');
  if (json !== null) requireWritable('--json', json);
  for (const [option, value] of Object.entries(DEFAULTS)) {
    if (!args.some((arg) => arg === option || arg.startsWith(`${option}=`)))
      args.push(option, value);
  }
  // For what is wrong with the rest, which would come out after the guest's boot only.
  const options = readOptions(args);
  return { name, machine, timeout, json, args, options };
}

/** @param {ReturnType<typeof readLane>} lane @returns {Promise<number>} the exit code */
async function run({ name, machine, timeout, json, args, options }) {
  const job = mkdtempSync(join(tmpdir(), 'rseq-slice-locks-'));
  const remove = () => rmSync(job, { recursive: true, force: true });
  process.once('exit', remove);
  const stop = new AbortController();
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM']))
    process.once(signal, () => stop.abort());
  // A compiler in an emulated guest takes half a minute.
  const inC =
    options?.locks.locks.some((lock) => KINDS.get(lock)?.runner === 'program') &&
    options.program === null;
  if (inC) compilePthreadLoop(job);
  const { exitCode } = await runInGuest({
    ...machine,
    command: [
      process.execPath,
      program,
      ...args,
      ...(inC ? ['--program', `${JOB}/pthread_loop`] : []),
      '--json',
      `${JOB}/${RECORD}`,
    ],
    job,
    timeout,
    capture: false,
    signal: stop.signal,
    onStdout: (chunk) => void process.stdout.write(chunk),
    onStderr: (chunk) => void process.stderr.write(chunk),
  }).finally(() => {
    if (json !== null) keepRecord(join(job, RECORD), json, { name, ...machine });
  });
  return exitCode;
}

/**
 * What there is of the record, also when the guest died: it is written after each round.
 * @param {string} from @param {string} to @param {Readonly<Record<string, unknown>>} lane
 */
function keepRecord(from, to, lane) {
  let record;
  try {
    record = JSON.parse(readFileSync(from, 'utf8'));
  } catch {
    process.stderr.write('bench locks: the guest left no record.\n');
    return;
  }
  const command = [
    'node',
    'scripts/bench/locks/lanes.mjs',
    ...withoutPaths(process.argv.slice(2), PATHS),
  ].join(' ');
  writeFileSync(to, `${JSON.stringify({ ...record, lane, command }, null, 1)}\n`);
}

/** @returns {Promise<number>} the exit code */
async function main() {
  const argv = process.argv.slice(2);
  if (argv.includes('--help')) {
    process.stdout.write(HELP);
    return 0;
  }
  try {
    return await run(readLane(argv));
  } catch (error) {
    if (!(error instanceof UsageError) && !(error instanceof HarnessError)) throw error;
    process.stderr.write(
      `bench locks: ${error.message}${error instanceof UsageError ? ' See --help.' : ''}\n`,
    );
    return error instanceof UsageError ? 2 : error.exitCode;
  }
}

guardStreams('bench locks');
process.exitCode = await main();
