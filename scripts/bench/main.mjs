// SPDX-License-Identifier: MIT
// The command `npm run bench`: what entering and leaving a section costs when nobody contends for
// anything, as in `rseq-slice bench sections`, and beside it the same section in C. One run
// measures all.

import { statSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { withoutPaths } from '../../packages/tools/dist/bench/machine.js';
import { formatRecord, QUESTIONS } from '../../packages/tools/dist/bench/sections/report.js';
import {
  FEWEST_ROUNDS,
  LONGEST_BATCH,
  runSections,
} from '../../packages/tools/dist/bench/sections/run.js';
import { guardStreams, requireWritable, widthOf } from 'rseq-slice/internal';
import { startCLoop } from './c-loop.mjs';
import { formatProcesses, isWithinBar, measureProcesses } from './processes.mjs';
import { describeRun } from './report.mjs';
import { refuseUsage } from '../../packages/vm/lib/refuse-usage.mjs';

const HELP = `Measures the cost of an uncontended section, in rounds that run every loop once.

  node scripts/bench/main.mjs [options]

  --rounds N      how many rounds, ${FEWEST_ROUNDS} or more  (61)
  --batch MS      how long one loop runs in a round  (4)
  --json [FILE]   a record of everything to FILE, or to stdout (the table then goes to stderr)
  --check         exit with 1 when a target is missed or could not be measured
  --processes N   repeats it in so many processes, since V8 and the memory can make each another one,
                  and prints what sections cost in the middle one and in the worst  (1)
  --node PATH,…   the same with these Nodes, in turns
  --help          this text

A busy machine makes everything slower, so a missed target on one is no proof: look at the column 'least', and repeat.
With --processes look at the loop 'empty': where it varies, someone else had the CPU or its other hardware thread.
In an emulated guest the times are the emulator's; only that it runs there means something.
`;

/** @type {typeof QUESTIONS[number]} */
const OF_C = {
  name: 'JS / C',
  meaning: 'a section in JavaScript, to one in C',
  of: 'js',
  by: 'c',
  unit: '',
  target: { aim: '<= 3', isMet: (value) => value <= 3 },
  compare: (of, by) => of / by,
};

/**
 * What this project aims at, by the names of the questions. @type
 * {Readonly<Record<string, NonNullable<typeof OF_C.target>>>}
 */
const TARGETS = {
  'JS - empty loop': { aim: '<= 2 ns', isMet: (value) => value <= 2 },
  'lone / simulated': { aim: '0.8 .. 1.2', isMet: (value) => value >= 0.8 && value <= 1.2 },
  'N-API pair / JS': { aim: '>= 8', isMet: (value) => value >= 8 },
};

/** @param {readonly string[]} argv */
function readOptions(argv) {
  // The one option whose value may be left out, which parseArgs has no notion of.
  const args = argv.map((arg, index) =>
    arg === '--json' && (argv[index + 1] ?? '-').startsWith('-') ? '--json=-' : arg,
  );
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '61' },
      batch: { type: 'string', default: '4' },
      json: { type: 'string' },
      check: { type: 'boolean', default: false },
      processes: { type: 'string' },
      node: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const rounds = Number(values.rounds);
  const batch = Number(values.batch);
  if (!Number.isInteger(rounds) || rounds < FEWEST_ROUNDS)
    throw new Error(
      `--rounds wants a whole number from ${FEWEST_ROUNDS} on, not '${values.rounds}'.`,
    );
  if (!(batch > 0 && batch <= LONGEST_BATCH))
    throw new Error(`--batch wants milliseconds up to ${LONGEST_BATCH}, not '${values.batch}'.`);
  if (values.json !== undefined && values.json !== '-') requireWritable('--json', values.json);
  const processes = Number(values.processes ?? 1);
  if (!Number.isInteger(processes) || processes < 1)
    throw new Error(`--processes wants a whole number from 1 on, not '${values.processes}'.`);
  const nodes = values.node?.split(',') ?? [process.execPath];
  for (const node of nodes)
    if (statSync(node, { throwIfNoEntry: false })?.isFile() !== true)
      throw new Error(`--node wants programs, and '${node}' is no file.`);
  return {
    rounds,
    batch: batch * 1e6,
    json: values.json,
    check: values.check,
    processes,
    nodes,
    isRepeated: values.processes !== undefined || values.node !== undefined,
    help: values.help,
  };
}

/** The loop in C, with what is to be said about it. */
async function startC() {
  const c = await startCLoop();
  if ('reason' in c)
    return { loops: [], notes: [`C was not measured: ${c.reason}`], stop: async () => {} };
  const what = `the same in C, in ${c.area === 'plain' ? 'plain memory' : 'a registered area'}`;
  return {
    loops: [{ name: 'c', what, run: c.run }],
    notes: ['C runs in a process of its own.'],
    stop: c.stop,
  };
}

/** @param {ReturnType<typeof readOptions>} options @returns {Promise<number>} the exit code */
async function run({ rounds, batch, json, check }) {
  const c = await startC();
  const questions = QUESTIONS.map((question) => {
    const target = TARGETS[question.name];
    return target === undefined ? question : { ...question, target };
  });
  questions.splice(1, 0, OF_C);
  const about = describeRun('main.mjs', withoutPaths(process.argv.slice(2), ['--json']));
  const { loops, samples, record } = await runSections(about, {
    rounds,
    batch,
    more: c,
    questions,
  });
  await c.stop();
  (json === '-' ? process.stderr : process.stdout).write(
    formatRecord(record, loops, samples, { width: widthOf(process.stdout) }),
  );
  if (json !== undefined) {
    const text = `${JSON.stringify(record, null, 2)}\n`;
    if (json === '-') process.stdout.write(text);
    else writeFileSync(json, text);
  }
  return check && record.comparisons.some(({ met }) => met !== true) ? 1 : 0;
}

/** @param {ReturnType<typeof readOptions>} options @returns {number} the exit code */
function repeat({ rounds, batch, json, check, processes, nodes }) {
  const { records, rows } = measureProcesses({ rounds, batch, processes, nodes });
  const [about] = records;
  (json === '-' ? process.stderr : process.stdout).write(
    `${about?.cpu}, Linux ${about?.kernel}; host ${about?.thread.host}; ${processes} processes of ${rounds} rounds each\n\n${formatProcesses(rows, { width: widthOf(process.stdout) })}`,
  );
  if (json !== undefined) {
    const text = `${JSON.stringify(records, null, 2)}\n`;
    if (json === '-') process.stdout.write(text);
    else writeFileSync(json, text);
  }
  return check && !rows.every(isWithinBar) ? 1 : 0;
}

/** @returns {Promise<number>} the exit code */
async function main() {
  let options;
  try {
    options = readOptions(process.argv.slice(2));
  } catch (error) {
    refuseUsage('bench', error);
    return 2;
  }
  if (!options.help) return options.isRepeated ? repeat(options) : run(options);
  process.stdout.write(HELP);
  return 0;
}

guardStreams('bench');
process.exitCode = await main();
