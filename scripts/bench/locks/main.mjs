// The command `npm run bench -- locks`: how many sections a second locks let through, how long one waits for them, and
// what slice extensions change about both. Options are in options.mjs, one measurement in cell.mjs.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeRun } from '../report.mjs';
import { aggregate } from './aggregate.mjs';
import { measureSpeed } from './calibrate.mjs';
import { describeClock } from './clock.mjs';
import { kindOf, library } from './kinds.mjs';
import { HELP, readOptions, UsageError, withoutPaths } from './options.mjs';
import { packageFinder } from './packages.mjs';
import { compilePthreadLoop, measurePthreadSpeed, runPthreadCell } from './pthread.mjs';
import { planRound } from './rounds.mjs';
import { runProgram } from './run-program.mjs';
import { formatCells, formatPairs } from './table.mjs';

/** @typedef {import('./options.mjs').Options} Options */
/** @typedef {import('./aggregate.mjs').Run} Run */

const cellProgram = fileURLToPath(new URL('cell.mjs', import.meta.url));

/** Seconds beside those measured; emulation takes its time to start threads. */
const PATIENCE = 300;

/** @returns {Promise<string | null>} why slices cannot be had here, or null */
async function slicesMissing() {
  try {
    const { slices } = (await library()).probe();
    return slices.available ? null : slices.explanation;
  } catch (error) {
    return `dist/ is not built: ${error instanceof Error ? error.message.split('\n', 1)[0] : error}`;
  }
}

/** @returns {number | null} length of an extension, ns; null: not known, which needs debugfs and root */
function readExtension() {
  try {
    return Number(readFileSync('/sys/kernel/debug/rseq/slice_ext_nsec', 'utf8'));
  } catch {
    return null;
  }
}

/**
 * Which locks can be measured here, and how.
 * @param {Options} options
 * @param {string[]} notes is added to
 */
async function chooseKinds({ locks, slices, workload, packages }, notes) {
  const find = packageFinder(packages);
  const noSlices = slices.includes('on') ? await slicesMissing() : null;
  if (noSlices !== null) notes.push(`Slices could not be measured: ${noSlices}`);
  /** @type {Map<string, ('on' | 'off')[]>} */
  const kinds = new Map();
  for (const name of locks) {
    const kind = kindOf(name);
    const missing = kind.runner === 'program' && workload !== 'loop' ? `it has the workload 'loop' only` : await kind.missing(find);
    if (missing !== null) {
      notes.push(`${name} was skipped: ${missing}.`);
      continue;
    }
    const settings = slices.filter((setting) => setting === 'off' || (kind.slices && noSlices === null));
    if (settings.length > 0) kinds.set(name, settings);
    else if (!kind.slices) notes.push(`${name} was skipped: it has no slices.`);
  }
  return kinds;
}

/**
 * The C program and its speed, if a lock needs it.
 * @param {Map<string, unknown>} kinds those of C are removed where it is not to be had
 * @param {string | null} given compiled already
 * @param {string[]} notes is added to
 */
async function preparePthread(kinds, given, notes) {
  const names = [...kinds.keys()].filter((name) => kindOf(name).runner === 'program');
  if (names.length === 0) return null;
  try {
    let program = given;
    if (program === null) {
      const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-locks-'));
      process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
      program = compilePthreadLoop(folder);
    }
    return { program, speed: await measurePthreadSpeed(program) };
  } catch (error) {
    for (const name of names) {
      kinds.delete(name);
      notes.push(`${name} was skipped: ${error instanceof Error ? error.message : error}`);
    }
    return null;
  }
}

/**
 * What goes on: one line rewritten on a terminal, one a round elsewhere.
 * @param {Options} options
 * @param {import('./rounds.mjs').Turn} turn
 * @param {number} round @param {number} place @param {number} turns
 */
function showProgress({ rounds }, { kind, workers, section, slices }, round, place, turns) {
  const { stderr } = process;
  const where = `round ${round + 1} of ${rounds}, ${place + 1} of ${turns}`;
  if (stderr.isTTY) stderr.write(`\r\x1b[K${where}: ${kind}, ${workers} workers, ${section} us, slices ${slices}`);
  else if (place === 0) stderr.write(`${where}\n`);
}

/** @param {Options} options @returns {Promise<number>} the exit code */
async function run(options) {
  const { workload, rounds, seconds, warm, sample, packages } = options;
  /** @type {string[]} */
  const notes = [];
  const clock = describeClock();
  if (!clock.inSection) {
    notes.push(`Reading the clock (${clock.source ?? 'unknown'}) is a system call, so that waits are from before lock() to after unlock(), work included.`);
  }
  const kinds = await chooseKinds(options, notes);
  const pthread = await preparePthread(kinds, options.program, notes);
  if (kinds.size === 0) {
    process.stderr.write(`bench locks: there is nothing to measure.\n${notes.map((note) => `${note}\n`).join('')}`);
    return 1;
  }
  const { units, clock: clockCost } = await measureSpeed(['loop', workload]);
  const speed = { loop: units.get('loop') ?? NaN, work: units.get(workload) ?? NaN, pthread: pthread?.speed ?? null };
  // Of the sampled sections only, but those are longer by it: a reason to sample fewer.
  notes.push(`A clock reading takes ${Math.round(clockCost)} ns; one in ${sample} sections has ${clock.inSection ? 'one inside' : 'none inside'}.`);

  /** @type {Run[]} */
  const runs = [];
  /** @param {import('./rounds.mjs').Turn} turn @returns {import('./cell.mjs').CellJob} */
  const jobOf = ({ kind, slices, workers, section, gap }) => {
    const inC = kindOf(kind).runner === 'program';
    const [work, loop] = inC ? [speed.pthread ?? NaN, speed.pthread ?? NaN] : [speed.work, speed.loop];
    const amounts = { units: Math.max(1, Math.round(section * work)), gapUnits: Math.round(gap * loop) };
    return { kind, slices, workers, workload, ...amounts, seconds, warm, sample, inSection: clock.inSection, packages };
  };
  /** @param {import('./rounds.mjs').Turn} turn @param {number} round @returns {Promise<Run>} */
  const measure = async (turn, round) => {
    const job = jobOf(turn);
    const deadline = PATIENCE + 10 * (seconds + warm * turn.workers);
    try {
      const inC = pthread !== null && kindOf(turn.kind).runner === 'program';
      const measured = await (inC
        ? runPthreadCell(pthread.program, job, deadline)
        : runProgram(process.execPath, [...process.execArgv, cellProgram, JSON.stringify(job)], deadline));
      return { round, ...turn, measured, error: null };
    } catch (error) {
      return { round, ...turn, measured: null, error: error instanceof Error ? error.message : String(error) };
    }
  };
  const about = describeRun();
  const machine = {
    ...about,
    command: ['node', ...process.execArgv, 'scripts/bench/locks/main.mjs', ...withoutPaths(process.argv.slice(2))].join(' '),
    clock: { ...clock, cost: clockCost },
    extension: readExtension(),
    workload,
    // In a microsecond, one worker alone.
    unitsPerMicrosecond: speed,
    // Without the paths of this machine.
    options: { ...options, packages: undefined, program: undefined, json: undefined },
  };
  const save = (/** @type {boolean} */ complete) => {
    if (options.json === null) return;
    writeFileSync(options.json, `${JSON.stringify({ ...machine, complete, notes, ...aggregate(runs), runs }, null, 1)}\n`);
  };

  for (let round = 0; round < rounds; round++) {
    const turns = planRound(options, kinds, round);
    for (const [place, turn] of turns.entries()) {
      showProgress(options, turn, round, place, turns.length);
      runs.push(await measure(turn, round));
    }
    save(round + 1 === rounds);
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');

  const { cells, pairs } = aggregate(runs);
  const out = [`${about['cpu']}, ${about['cpus']} CPUs, Linux ${about['kernel']}, Node ${about['node']}; workload ${workload}, ${rounds} rounds of ${seconds} s\n`];
  if (cells.length > 0) out.push(formatCells(cells));
  if (pairs.length > 0) out.push(formatPairs(pairs));
  if (notes.length > 0) out.push(notes.map((note) => `${note}\n`).join(''));
  const failures = runs.flatMap(({ kind, workers, section, slices, round, measured, error }) => {
    const wrong = error ?? measured?.wrong.join('; ') ?? '';
    return wrong === '' ? [] : [`WRONG: ${kind}, ${workers} workers, ${section} us, slices ${slices}, round ${round + 1}: ${wrong}\n`];
  });
  if (failures.length > 0) out.push(failures.join(''));
  process.stdout.write(out.join('\n'));
  return failures.length > 0 ? 1 : 0;
}

/** @returns {Promise<number>} the exit code */
async function main() {
  let options;
  try {
    options = readOptions(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`bench locks: ${error.message} See --help.\n`);
    return 2;
  }
  if (options !== null) return run(options);
  process.stdout.write(HELP);
  return 0;
}

// Otherwise what is cleaned up at the exit would be left behind.
for (const [signal, code] of /** @type {const} */ ([['SIGINT', 130], ['SIGTERM', 143]])) process.once(signal, () => process.exit(code));
process.exitCode = await main();
