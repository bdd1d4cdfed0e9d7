// SPDX-License-Identifier: MIT
// What taking and releasing a lock costs when nobody else wants it, beside a bare pair of
// compare-and-swaps in the same loop: `npm run bench -- uncontended`. Every loop has a process of
// its own, and they take turns.

import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startChildLoop } from '../../packages/tools/dist/bench/sections/child-loop.js';
import { measure } from '../../packages/tools/dist/bench/sections/loops.js';
import { compareLoops, formatSections } from '../../packages/tools/dist/bench/sections/report.js';
import { summarize } from '../../packages/tools/dist/bench/statistics.js';
import { guardStreams, requireWritable, widthOf } from 'rseq-slice/internal';
import { describeRun } from './report.mjs';
import { LOOPS } from './uncontended-loop.mjs';
import { refuseUsage } from '../../packages/vm/lib/refuse-usage.mjs';

const program = fileURLToPath(new URL('uncontended-loop.mjs', import.meta.url));

const HELP = `Measures locks that nobody else wants, in rounds that run every loop once, each in a process of its own.

  node scripts/bench/uncontended.mjs [--rounds N] [--batch MS] [--json FILE]

  --rounds N      how many rounds, 15 or more  (61)
  --batch MS      how long one loop runs in a round  (4)
  --json FILE     a record of everything
`;

/** @returns {Promise<number>} the exit code */
async function main() {
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        rounds: { type: 'string', default: '61' },
        batch: { type: 'string', default: '4' },
        json: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }));
    if (!(Number.isInteger(Number(values.rounds)) && Number(values.rounds) >= 15))
      throw new Error(`--rounds wants a whole number from 15 on, not '${values.rounds}'.`);
    if (values.json !== undefined) requireWritable('--json', values.json);
    if (!(Number(values.batch) > 0 && Number(values.batch) <= 1000))
      throw new Error(`--batch wants milliseconds up to 1000, not '${values.batch}'.`);
  } catch (error) {
    refuseUsage('bench', error);
    return 2;
  }
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const [rounds, batch] = [Number(values.rounds), Number(values.batch) * 1e6];
  const children = [];
  const loops = [];
  for (const { name, what } of LOOPS) {
    const child = await startChildLoop(`The loop '${name}'`, process.execPath, [program, name]);
    children.push(child);
    loops.push({ name, what, run: child.run });
  }
  const samples = await measure(loops, { rounds, batch });
  for (const child of children) await child.stop();
  const comparisons = compareLoops(
    samples,
    LOOPS.filter(({ name }) => name !== 'cas').map(({ name }) => ({
      name: `${name} / cas`,
      meaning: 'to the bare pair',
      of: name,
      by: 'cas',
      unit: '',
      target: { aim: '<= 1.25', isMet: (value) => value <= 1.25 },
      compare: (of, by) => of / by,
    })),
  );
  const machine = describeRun('uncontended.mjs', []);
  process.stdout.write(
    `${machine.cpu}, Linux ${machine.kernel}, Node ${machine.node}; ${children[1]?.about}; ${rounds} rounds\n\n`,
  );
  process.stdout.write(
    formatSections(loops, samples, comparisons, { width: widthOf(process.stdout) }),
  );
  if (values.json !== undefined) {
    const results = Object.fromEntries(
      loops.map(({ name, what }) => [name, { what, ...summarize(samples.get(name) ?? []) }]),
    );
    writeFileSync(
      values.json,
      `${JSON.stringify({ ...machine, rounds, batch, unit: 'ns', results, comparisons }, null, 2)}\n`,
    );
  }
  return 0;
}

guardStreams('bench');
process.exitCode = await main();
