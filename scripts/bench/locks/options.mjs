// The command line of the benchmark of locks: its options, its help, and what they mean.

import { parseArgs } from 'node:util';
import { KINDS } from './kinds.mjs';
import { WORKLOADS } from './workloads.mjs';

/** As many as pthread_loop.c has room for. */
const MOST_WORKERS = 64;

const list = (/** @type {Iterable<{ name: string, what: string }>} */ all) =>
  [...all].map(({ name, what }) => `  ${name.padEnd(20)} ${what}`).join('\n');

export const HELP = `Measures locks between worker threads, with slice extensions and without, in turns.

  node scripts/bench/locks/main.mjs [options]

What is measured: every combination of
  --workers N,…     worker threads that want the lock  (1,2,4,8)
  --section US,…    microseconds of work with the lock held  (0.2,1,5,20)
  --gap US,…        microseconds of work between two sections  (as long as the section)
  --lock NAME,…     locks, see below; 'all' for every one that is there  (mutex,spin)
  --slices on,off   with slices, without, or both in turns  (on,off)
How
  --workload NAME   what is done with the lock held: ${[...WORKLOADS.keys()].join(', ')}  (loop)
  --rounds N        how often everything is measured  (5)
  --seconds S       how long one measurement is  (1)
  --warm S          seconds of CPU that each works before it, or more until V8 has compiled it  (0.3)
  --sample N        the wait of one in so many sections is timed  (8)
  --packages DIR    look for npm packages in its node_modules too
  --program FILE    the C program, compiled already
What comes out
  --json FILE       a record of everything, written anew after each round
  --help            this text

Locks
${list(KINDS.values())}

A measurement is a process of its own with fresh threads. Work is calibrated once, and the same number of units for all
locks and both settings of slices; C has a calibration of its own. Each round flips whether slices come first. Waits are
from before lock() until the first statement of the section, in a histogram of three significant figures from 1 ns to
an hour, all workers together; a longest wait is the longest of those timed. Ratios are taken in each round between the
two neighbours with slices and without; the table has medians over the rounds and 95 % intervals of them.

Exit codes: 0 done; 1 a lock did not exclude, something failed, or nothing could be measured; 2 wrong usage.
`;

/** The command line is wrong; the message says what it should be. */
export class UsageError extends Error {}

/**
 * @param {string} name
 * @param {string} value
 * @param {{ min: number, max: number, whole?: boolean, above?: boolean }} range `above`: min itself is too small
 */
function readNumber(name, value, { min, max, whole = false, above = false }) {
  const number = Number(value);
  const good = value.trim() !== '' && number <= max && (above ? number > min : number >= min) && (!whole || Number.isInteger(number));
  if (good) return number;
  throw new UsageError(`--${name} wants ${whole ? 'whole numbers' : 'numbers'} ${above ? 'above' : 'from'} ${min} ${above ? 'up ' : ''}to ${max}, not '${value}'.`);
}

/** @param {string} name @param {string} value @param {Parameters<typeof readNumber>[2]} range */
const readNumbers = (name, value, range) => [...new Set(value.split(',').map((part) => readNumber(name, part, range)))];

/**
 * @template {string} T
 * @param {string} name @param {string} value @param {readonly T[]} known
 * @returns {T[]}
 */
function readNames(name, value, known) {
  return [...new Set(value.split(','))].map((part) => {
    const found = known.find((each) => each === part);
    if (found === undefined) throw new UsageError(`--${name} knows ${known.join(', ')}, not '${part}'.`);
    return found;
  });
}

const text = /** @type {const} */ ({ type: 'string' });
const SPEC = /** @type {const} */ ({
  workers: { ...text, default: '1,2,4,8' },
  section: { ...text, default: '0.2,1,5,20' },
  gap: text,
  lock: { ...text, default: 'mutex,spin' },
  slices: { ...text, default: 'on,off' },
  workload: { ...text, default: 'loop' },
  rounds: { ...text, default: '5' },
  seconds: { ...text, default: '1' },
  warm: { ...text, default: '0.3' },
  sample: { ...text, default: '8' },
  packages: text,
  program: text,
  json: text,
  help: { type: 'boolean', default: false },
});

/**
 * @typedef {object} Options
 * @property {readonly number[]} workers
 * @property {readonly number[]} sections us
 * @property {readonly number[] | null} gaps us; null: each as long as its section
 * @property {readonly string[]} locks
 * @property {readonly ('on' | 'off')[]} slices
 * @property {string} workload
 * @property {number} rounds
 * @property {number} seconds
 * @property {number} warm
 * @property {number} sample
 * @property {string | null} packages
 * @property {string | null} program
 * @property {string | null} json
 */

/** @param {readonly string[]} args */
function parse(args) {
  try {
    return parseArgs({ args: [...args], options: SPEC }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** @param {readonly string[]} args @returns {Options | null} null for --help */
export function readOptions(args) {
  const values = parse(args);
  if (values.help) return null;
  const time = { min: 0, max: 100_000 };
  const [workload = 'loop', ...more] = readNames('workload', values.workload, [...WORKLOADS.keys()]);
  if (more.length > 0) throw new UsageError(`--workload wants one name, not '${values.workload}'.`);
  return {
    workers: readNumbers('workers', values.workers, { min: 1, max: MOST_WORKERS, whole: true }),
    sections: readNumbers('section', values.section, { ...time, above: true }),
    gaps: values.gap === undefined ? null : readNumbers('gap', values.gap, time),
    locks: values.lock === 'all' ? [...KINDS.keys()] : readNames('lock', values.lock, [...KINDS.keys()]),
    slices: readNames('slices', values.slices, /** @type {const} */ (['on', 'off'])),
    workload,
    rounds: readNumber('rounds', values.rounds, { min: 1, max: 10_000, whole: true }),
    seconds: readNumber('seconds', values.seconds, { min: 0, max: 3600, above: true }),
    warm: readNumber('warm', values.warm, { min: 0, max: 3600 }),
    sample: readNumber('sample', values.sample, { min: 1, max: 1_000_000, whole: true }),
    packages: values.packages ?? null,
    program: values.program ?? null,
    json: values.json ?? null,
  };
}

/**
 * The command line for a record, without what is of this machine only.
 * @param {readonly string[]} args
 * @returns {string[]}
 */
export function withoutPaths(args) {
  const paths = ['--json', '--packages', '--program'];
  return args.filter((arg, at) => !paths.some((path) => arg === path || arg.startsWith(`${path}=`) || args[at - 1] === path));
}
