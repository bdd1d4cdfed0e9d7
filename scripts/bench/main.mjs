// SPDX-License-Identifier: MIT
// The command `npm run bench`: what entering and leaving a section costs when nobody contends for
// anything, as in `rseq-slice bench sections`, and beside it the same section in C. One run
// measures all.

import { statSync, writeFileSync } from 'node:fs';
import { withoutPaths } from '../../packages/tools/dist/bench/machine.js';
import { formatRecord, QUESTIONS } from '../../packages/tools/dist/bench/sections/report.js';
import { FEWEST_ROUNDS, runSections } from '../../packages/tools/dist/bench/sections/run.js';
import { widthOf } from 'rseq-slice/internal';
import { startCLoop } from './c-loop.mjs';
import { loopOptions, readLoopOptions, runCommand, wholeNumber } from './command.mjs';
import { formatProcesses, isWithinBar, measureProcesses } from './processes.mjs';
import { describeRun } from './report.mjs';

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

/** @param {string | undefined} list paths with commas between */
function readNodes(list) {
  const nodes = list?.split(',') ?? [process.execPath];
  for (const node of nodes)
    if (statSync(node, { throwIfNoEntry: false })?.isFile() !== true)
      throw new Error(`--node wants programs, and '${node}' is no file.`);
  return nodes;
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

/**
 * @param {{ rounds: number, batch: number, json: string | undefined, check: boolean }} options
 * @returns {Promise<number>} the exit code
 */
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

/**
 * @param {{
 *   rounds: number,
 *   batch: number,
 *   json: string | undefined,
 *   check: boolean,
 *   processes: number,
 *   nodes: readonly string[],
 * }} options
 * @returns {number} the exit code
 */
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

await runCommand({
  // The one option whose value may be left out, which parseArgs has no notion of.
  args: process.argv
    .slice(2)
    .map((arg, index, args) =>
      arg === '--json' && (args[index + 1] ?? '-').startsWith('-') ? '--json=-' : arg,
    ),
  help: HELP,
  options: {
    ...loopOptions('61', '4'),
    check: { type: 'boolean', default: false },
    processes: { type: 'string' },
    node: { type: 'string' },
  },
  read: (values) => ({
    ...readLoopOptions(values),
    check: values.check,
    processes: wholeNumber('--processes', values.processes ?? '1', 1),
    nodes: readNodes(values.node),
    isRepeated: values.processes !== undefined || values.node !== undefined,
  }),
  run: (options) => (options.isRepeated ? repeat(options) : run(options)),
});
