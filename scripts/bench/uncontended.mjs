// SPDX-License-Identifier: MIT
// What taking and releasing a lock costs when nobody else wants it, beside a bare pair of
// compare-and-swaps in the same loop: `npm run bench -- uncontended`. Every loop has a process of
// its own, and they take turns.

import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startChildLoop } from '../../packages/tools/dist/bench/sections/child-loop.js';
import { measure } from '../../packages/tools/dist/bench/sections/loops.js';
import { compareLoops, formatSections } from '../../packages/tools/dist/bench/sections/report.js';
import { summarize } from '../../packages/tools/dist/bench/statistics.js';
import { widthOf } from 'rseq-slice/internal';
import { loopOptions, readLoopOptions, runCommand } from './command.mjs';
import { describeRun } from './report.mjs';
import { LOOPS } from './uncontended-loop.mjs';

const program = fileURLToPath(new URL('uncontended-loop.mjs', import.meta.url));

const HELP = `Measures locks that nobody else wants, in rounds that run every loop once, each in a process of its own.

  node scripts/bench/uncontended.mjs [--rounds N] [--batch MS] [--json FILE]

  --rounds N      how many rounds, 15 or more  (61)
  --batch MS      how long one loop runs in a round  (4)
  --json FILE     a record of everything
`;

/**
 * @param {{ rounds: number, batch: number, json: string | undefined }} options
 * @returns {Promise<number>} the exit code
 */
async function run({ rounds, batch, json }) {
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
  if (json !== undefined) {
    const results = Object.fromEntries(
      loops.map(({ name, what }) => [name, { what, ...summarize(samples.get(name) ?? []) }]),
    );
    writeFileSync(
      json,
      `${JSON.stringify({ ...machine, rounds, batch, unit: 'ns', results, comparisons }, null, 2)}\n`,
    );
  }
  return 0;
}

await runCommand({ help: HELP, options: loopOptions('61', '4'), read: readLoopOptions, run });
