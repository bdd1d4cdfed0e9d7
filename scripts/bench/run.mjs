// SPDX-License-Identifier: MIT
// The command `npm run bench [-- NAME]`: picks a benchmark by its name and leaves the options to
// it.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { refuseUsage } from '../../packages/vm/lib/refuse-usage.mjs';

const BENCHMARKS = new Map([
  ['sections', 'main.mjs'],
  ['locks', 'locks/main.mjs'],
  ['lanes', 'locks/lanes.mjs'],
  ['uncontended', 'uncontended.mjs'],
  ['percpu', 'percpu.mjs'],
  ['requests', 'requests.mjs'],
  ['recording', 'recording.mjs'],
  ['striped', 'striped.mjs'],
  ['explorer', 'explorer.mjs'],
  ['machine', '../../packages/tools/dist/main.js'],
]);

const HELP = `Measures something, in rounds that alternate what is compared.

  npm run bench -- [NAME] [options]     NAME --help lists the options

  sections     what entering and leaving costs when nobody contends (the default)
  locks        throughput, waits and fairness of locks, with slices and without
  lanes        the same in a guest on a kernel with the feature
  uncontended  what a lock costs when nobody else wants it
  percpu       what an add to per-CPU data costs in C, next to an atomic one
  requests     what many requests of one thread cost, and waits that go on
  recording    what it costs to record a thread's sections, and what it costs when nobody does
  striped      a striped counter in many threads, to one word for all, and what an ID costs
  machine      what rseq-slice bench machine measures, to be compared with other machines
  explorer     how many states of a model are gone through in a second
`;

const [first = '', ...rest] = process.argv.slice(2);
const isNamed = first !== '' && !first.startsWith('-');
const script = BENCHMARKS.get(isNamed ? first : 'sections');
if (first === '--help') process.stdout.write(HELP);
else if (script === undefined) {
  refuseUsage(
    'bench',
    `There is no benchmark '${first}', but ${[...BENCHMARKS.keys()].join(', ')}.`,
  );
  process.exitCode = 2;
} else {
  const named = isNamed ? rest : process.argv.slice(2);
  // The package's own, which has no script here.
  const args = first === 'machine' ? ['bench', first, ...named] : named;
  const { status, signal } = spawnSync(
    process.execPath,
    [...process.execArgv, fileURLToPath(new URL(script, import.meta.url)), ...args],
    { stdio: 'inherit' },
  );
  if (signal !== null) process.stderr.write(`bench: ${first} was killed by ${signal}.\n`);
  process.exitCode = status ?? 1;
}
