// SPDX-License-Identifier: MIT
// What an add to per-CPU data costs in C, next to an atomic operation on a word that is the
// thread's own: `npm run bench -- percpu`. Every way to count has a program of its own, for each
// number of threads, and they take turns.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startChildLoop } from '../../packages/tools/dist/bench/sections/child-loop.js';
import { measure } from '../../packages/tools/dist/bench/sections/loops.js';
import { compareLoops, formatSections } from '../../packages/tools/dist/bench/sections/report.js';
import { summarize } from '../../packages/tools/dist/bench/statistics.js';
import { widthOf } from 'rseq-slice/internal';
import { readTarget, root } from '../native/target.mjs';
import { loopOptions, readLoopOptions, runCommand, wholeNumbers } from './command.mjs';
import { describeRun } from './report.mjs';

const WAYS = [
  { way: 'copy', what: 'rseq_percpu_add() in a loop with a copy of the pool' },
  { way: 'call', what: 'rseq_percpu_add() in a function that is called' },
  { way: 'xadd', what: "an atomic add to the thread's own word" },
  { way: 'xadd-call', what: 'the same in a function that is called' },
  { way: 'plain', what: 'a plain add by id, which loses some: for scale' },
];
const PAIRS = [
  { of: 'copy', by: 'xadd', meaning: 'in a loop' },
  { of: 'call', by: 'xadd-call', meaning: 'in a function' },
];

const HELP = `Measures adds to per-CPU data in C, in rounds that run every way to count once, each in a process of its own.

  node scripts/bench/percpu.mjs [--threads LIST] [--rounds N] [--batch MS] [--json FILE]

  --threads LIST  numbers of threads, with commas between  (1,2,8,16,32)
  --rounds N      how many rounds, 15 or more  (31)
  --batch MS      how much CPU time one way takes in a round  (2)
  --json FILE     a record of everything
`;

/** @param {string} folder @returns {string} the program */
function compile(folder) {
  const program = join(folder, 'percpu_loop');
  const sources = readTarget()
    .sources.filter((file) => file.endsWith('.c'))
    .map((file) => join(root, file));
  const args = [
    ...['-O2', '-std=gnu11', '-Wall', '-Wextra', '-I', join(root, 'native/include')],
    ...['-o', program, fileURLToPath(new URL('percpu_loop.c', import.meta.url)), ...sources],
    ...['-pthread', '-ldl'],
  ];
  const { error, status, stderr } = spawnSync('cc', args, { encoding: 'utf8' });
  if (error !== undefined) throw new Error(`There is no C compiler: ${error.message}`);
  if (status !== 0) throw new Error(`The C loop does not compile:\n${stderr}`);
  return program;
}

/** @param {{ threads: readonly number[], rounds: number, batch: number }} options */
async function measureAll({ threads, rounds, batch }) {
  const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-bench-'));
  const children = [];
  try {
    const program = compile(folder);
    const loops = [];
    for (const count of threads)
      for (const { way, what } of WAYS) {
        const child = await startChildLoop(`The way '${way}'`, program, [way, String(count)]);
        children.push(child);
        loops.push({ name: `${way} ${count}`, what: `${what}, threads: ${count}`, run: child.run });
      }
    const ids = children[0]?.about ?? '';
    return { ids, loops, samples: await measure(loops, { rounds, batch }) };
  } finally {
    for (const child of children) await child.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {{ threads: readonly number[], rounds: number, batch: number, json: string | undefined }}
 * options
 * @returns {Promise<number>} the exit code
 */
async function run({ json, ...options }) {
  const { threads } = options;
  const { ids, loops, samples } = await measureAll(options);
  const comparisons = compareLoops(
    samples,
    threads.flatMap((count) =>
      PAIRS.map(({ of, by, meaning }) => ({
        name: `${of} / ${by} ${count}`,
        meaning: `a restartable add to an atomic one, ${meaning}, threads: ${count}`,
        of: `${of} ${count}`,
        by: `${by} ${count}`,
        unit: '',
        target: { aim: '<= 0.55', isMet: (/** @type {number} */ value) => value <= 0.55 },
        compare: (/** @type {number} */ ours, /** @type {number} */ theirs) => ours / theirs,
      })),
    ),
  );
  const machine = describeRun('percpu.mjs', []);
  process.stdout.write(
    `${machine.cpu}, Linux ${machine.kernel}; stripes by ${ids}; CPU time; ${options.rounds} rounds\n\n`,
  );
  process.stdout.write(
    formatSections(loops, samples, comparisons, { width: widthOf(process.stdout) }),
  );
  if (json !== undefined) {
    const results = Object.fromEntries(
      loops.map(({ name, what }) => [name, { what, ...summarize(samples.get(name) ?? []) }]),
    );
    const record = { ...machine, ...options, ids, unit: 'ns', results, comparisons };
    writeFileSync(json, `${JSON.stringify(record, null, 2)}\n`);
  }
  return 0;
}

await runCommand({
  help: HELP,
  options: {
    ...loopOptions('31', '2'),
    threads: { type: 'string', default: '1,2,8,16,32' },
  },
  read: (values) => ({
    ...readLoopOptions(values),
    threads: wholeNumbers('--threads', values.threads, 256),
  }),
  run,
});
