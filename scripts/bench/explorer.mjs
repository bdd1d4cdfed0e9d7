// SPDX-License-Identifier: MIT
// The command `npm run bench -- explorer`: how many states a second the explorer goes through, over
// the library's own models. States are different ones; moves, of which each is made and checked,
// are several times as many.

import { formatTable } from 'rseq-slice/internal';
import { explore, lockModel, sectionModel } from 'rseq-slice/simulated';
import { runCommand } from './command.mjs';
import { describeRun } from './report.mjs';

const HELP = `Measures how many states a second the explorer goes through.

  node scripts/bench/explorer.mjs [options]

  --json     a record on stdout instead of the table
  --check    exit with 1 when the target, 200,000 states a second over all, is missed
  --help     this text
`;

const TARGET = 200_000;

const ABI_VERSIONS = /** @type {const} */ (['mainline', '7.0', 'rfc']);
const MODELS = [
  ...ABI_VERSIONS.map((abiVersion) => sectionModel(abiVersion)),
  sectionModel('mainline', { threads: 2, layers: 2, migration: true }),
  lockModel('mainline'),
  lockModel('rfc', { cpus: 2 }),
];

function measure() {
  // V8 has compiled the explorer by then.
  explore(sectionModel('rfc'));
  return MODELS.map((model) => {
    const started = performance.now();
    const { coverage, states, moves } = explore(model);
    return {
      model: model.name,
      coverage,
      states,
      moves,
      seconds: (performance.now() - started) / 1000,
    };
  });
}

/** @param {{ json: boolean, check: boolean }} options @returns {number} the exit code */
function run({ json, check }) {
  const results = measure();
  const states = results.reduce((sum, result) => sum + result.states, 0);
  const rate = states / results.reduce((sum, result) => sum + result.seconds, 0);
  const count = (/** @type {number} */ value) => Math.round(value).toLocaleString('en');
  if (json)
    process.stdout.write(
      `${JSON.stringify({ ...describeRun('explorer.mjs', process.argv.slice(2)), results, statesPerSecond: rate })}\n`,
    );
  else {
    const rows = results.map((each) => [
      each.model,
      each.coverage,
      count(each.states),
      count(each.moves),
      each.seconds.toFixed(2),
      count(each.states / each.seconds),
    ]);
    const table = formatTable(['model', 'coverage', 'states', 'moves', 's', 'states/s'], rows, {
      left: 2,
    });
    process.stdout.write(
      `${table}${count(rate)} states a second over all; target ${count(TARGET)}: ${rate >= TARGET ? 'met' : 'missed'}\n`,
    );
  }
  return check && rate < TARGET ? 1 : 0;
}

await runCommand({
  name: 'bench -- explorer',
  help: HELP,
  options: {
    json: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
  },
  read: (values) => values,
  run,
});
