// SPDX-License-Identifier: MIT
// What recording costs: `npm run bench -- recording`. A section of a thread whose class knows
// nothing of recording, of one that attach() gave with recording off, and of recorded ones, in
// rounds that run each once in a process of its own.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startChildLoop } from '../../packages/tools/dist/bench/sections/child-loop.js';
import { measure } from '../../packages/tools/dist/bench/sections/loops.js';
import { compareLoops, formatSections } from '../../packages/tools/dist/bench/sections/report.js';
import { summarize } from '../../packages/tools/dist/bench/statistics.js';
import { widthOf } from 'rseq-slice/internal';
import { loopOptions, readLoopOptions, runCommand } from './command.mjs';
import { describeRun } from './report.mjs';

const program = fileURLToPath(new URL('recording-loop.mjs', import.meta.url));
/** How many records each recorded loop keeps; the ring goes round many times in a measurement. */
const EVENTS = 16384;

/** `every`: one section in so many is timed; null: nothing is recorded. */
const LOOPS = [
  {
    name: 'bare',
    what: 'a thread of the class, in a process without any recording code',
    every: null,
  },
  { name: 'off', what: 'attach(), nobody records', every: null },
  { name: 'on', what: 'recorded as `rseq-slice trace` does it: one in 16 timed', every: 16 },
  { name: 'eighth', what: 'recorded, one in 8 timed', every: 8 },
  { name: 'all', what: 'recorded, every section timed', every: 1 },
  { name: 'counted', what: 'recorded, next to none timed', every: 1e6 },
];

/** @type {Parameters<typeof compareLoops>[1]} */
const QUESTIONS = [
  {
    name: 'off / bare',
    meaning: 'what recording costs when nobody records',
    of: 'off',
    by: 'bare',
    unit: '',
    target: { aim: '0.9 .. 1.1', isMet: (value) => value >= 0.9 && value <= 1.1 },
    compare: (of, by) => of / by,
  },
  {
    name: 'on - off',
    meaning: 'what it adds to a section',
    of: 'on',
    by: 'off',
    unit: ' ns',
    target: { aim: '<= 15 ns', isMet: (value) => value <= 15 },
    compare: (of, by) => of - by,
  },
];

const HELP = `Measures what recording adds to a section, in rounds that run every loop once, each in a process of its own.

  node scripts/bench/recording.mjs [--rounds N] [--batch MS] [--json FILE] [--check]

  --rounds N      how many rounds, 15 or more  (61)
  --batch MS      how long one loop runs in a round  (4)
  --json FILE     a record of everything
  --check         exit with 1 when a target is missed
`;

/**
 * @param {{ rounds: number, batch: number, json: string | undefined, check: boolean }} options
 * @returns {Promise<number>} the exit code
 */
async function run({ rounds, batch, json, check }) {
  const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-bench-'));
  const children = [];
  try {
    const loops = [];
    for (const { name, what, every } of LOOPS) {
      const place = join(folder, name);
      mkdirSync(place);
      if (every !== null)
        writeFileSync(join(place, 'settings.json'), JSON.stringify({ every, events: EVENTS }));
      const child = await startChildLoop(`The loop '${name}'`, process.execPath, [
        program,
        name,
        every === null ? '' : place,
      ]);
      children.push(child);
      loops.push({ name, what: `${what} (${child.about})`, run: child.run });
    }
    const samples = await measure(loops, { rounds, batch });
    const comparisons = compareLoops(samples, QUESTIONS);
    const machine = describeRun('recording.mjs', process.argv.slice(2));
    process.stdout.write(
      `${machine.cpu}, Linux ${machine.kernel}, Node ${machine.node}; ${rounds} rounds\n\n`,
    );
    process.stdout.write(
      formatSections(loops, samples, comparisons, { width: widthOf(process.stdout) }),
    );
    if (json !== undefined) {
      const results = Object.fromEntries(
        loops.map(({ name, what }) => [name, { what, ...summarize(samples.get(name) ?? []) }]),
      );
      writeFileSync(
        json,
        `${JSON.stringify({ ...machine, rounds, batch, unit: 'ns', results, comparisons }, null, 2)}\n`,
      );
    }
    return check && comparisons.some(({ met }) => met !== true) ? 1 : 0;
  } finally {
    for (const child of children) await child.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

await runCommand({
  help: HELP,
  options: { ...loopOptions('61', '4'), check: { type: 'boolean', default: false } },
  read: (values) => ({ ...readLoopOptions(values), check: values.check }),
  run,
});
