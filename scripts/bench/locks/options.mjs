// SPDX-License-Identifier: MIT
// The command line of the developers' benchmark of locks: more locks than the package's own, longer
// by default. What the options mean is in packages/tools/lib/bench/locks/options.ts.

import { parseArgs } from 'node:util';
import { loadKinds } from '../../../packages/tools/dist/bench/locks/kinds.js';
import { readLocksOptions } from '../../../packages/tools/dist/bench/locks/options.js';
import { WORKLOADS } from '../../../packages/tools/dist/bench/locks/workloads.js';
import { UsageError } from 'rseq-slice/internal';
import { kindsModule } from './kinds.mjs';

/** By their names. Where optional packages are makes no difference to that. */
export const KINDS = await loadKinds(kindsModule(null));

/** The options that a record is without. */
export const PATHS = ['--json', '--packages', '--program'];

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
  --rounds N        how often everything is measured  (6, the fewest of which an interval reaches 95 %)
  --seconds S       how long one measurement is  (1)
  --warm S          seconds of CPU that each works before it, or more until V8 has compiled it  (0.3)
  --sample N        the wait of one in so many sections is timed  (8)
  --count N         in how many rounds each is measured once more, to count what its lock does  (1)
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
two neighbours with slices and without; the tables have medians over the rounds, and intervals of them that are named by how sure they are.
What a lock does is counted in runs of their own, since counting makes them slower. Operations without contention are the same on every machine;
contention, parks, wakes and calls depend on how many CPUs the workers really had, but not on how fast these are.

Exit codes: 0 done; 1 a lock did not exclude, something failed, or nothing could be measured; 2 wrong usage.
`;

const text = /** @type {const} */ ({ type: 'string' });
const SPEC = /** @type {const} */ ({
  workers: { ...text, default: '1,2,4,8' },
  section: { ...text, default: '0.2,1,5,20' },
  gap: text,
  lock: { ...text, default: 'mutex,spin' },
  slices: { ...text, default: 'on,off' },
  workload: { ...text, default: 'loop' },
  rounds: { ...text, default: '6' },
  seconds: { ...text, default: '1' },
  warm: { ...text, default: '0.3' },
  sample: { ...text, default: '8' },
  count: { ...text, default: '1' },
  packages: text,
  program: text,
  json: text,
  help: { type: 'boolean', default: false },
});

/** @param {readonly string[]} args */
function parse(args) {
  try {
    return parseArgs({ args: [...args], options: SPEC }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/**
 * @param {readonly string[]} args
 * @returns null for --help; `locks` is what is measured, the rest is of this machine
 */
export function readOptions(args) {
  const values = parse(args);
  if (values.help) return null;
  return {
    locks: readLocksOptions({ gap: undefined, ...values }, [...KINDS.keys()]),
    packages: values.packages ?? null,
    program: values.program ?? null,
    json: values.json ?? null,
  };
}
