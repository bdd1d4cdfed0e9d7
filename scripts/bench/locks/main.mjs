// SPDX-License-Identifier: MIT
// The command `npm run bench -- locks`: how many sections a second locks let through, how long one
// waits for them, and what slice extensions change about both, as in `rseq-slice bench locks`, and
// beside ours the locks of others.

import { writeFileSync } from 'node:fs';
import { loadKinds } from '../../../packages/tools/dist/bench/locks/kinds.js';
import { prepareLocks } from '../../../packages/tools/dist/bench/locks/prepare.js';
import { runLocks } from '../../../packages/tools/dist/bench/locks/run.js';
import { failuresOf, formatLocks } from '../../../packages/tools/dist/bench/locks/table.js';
import { withoutPaths } from '../../../packages/tools/dist/bench/machine.js';
import { guardStreams, requireWritable, UsageError, widthOf } from 'rseq-slice/internal';
import { describeRun } from '../report.mjs';
import { kindsModule } from './kinds.mjs';
import { HELP, PATHS, readOptions } from './options.mjs';
import { preparePthread } from './pthread.mjs';

/**
 * What goes on: one line that is rewritten, on a terminal only.
 * @param {number} rounds
 * @param {import('../../../packages/tools/lib/bench/locks/run.ts').Progress} progress
 */
function showProgress(rounds, { turn: { kind, workers, section, slices }, round, place, turns }) {
  const { stderr } = process;
  const where = `round ${round + 1} of ${rounds}, ${place + 1} of ${turns}`;
  if (stderr.isTTY)
    stderr.write(`\r\x1b[K${where}: ${kind}, ${workers} workers, ${section} us, slices ${slices}`);
}

/**
 * @param {NonNullable<ReturnType<typeof readOptions>>} options
 * @returns {Promise<number>} the exit code
 */
async function run({ locks: options, packages, program, json }) {
  const module = kindsModule(packages);
  const prepared = await prepareLocks(options, {
    kinds: await loadKinds(module),
    module,
    program: () => preparePthread(program),
  });
  if (prepared.settings.size === 0) {
    process.stderr.write(
      `bench locks: there is nothing to measure.\n${prepared.notes.map((note) => `${note}\n`).join('')}`,
    );
    return 1;
  }
  const about = describeRun('locks/main.mjs', withoutPaths(process.argv.slice(2), PATHS));
  const record = await runLocks(about, options, prepared, {
    onTurn: (progress) => showProgress(options.rounds, progress),
    onRound: (record) => {
      if (json !== null) writeFileSync(json, `${JSON.stringify(record, null, 1)}\n`);
    },
  });
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  process.stdout.write(formatLocks(record, { width: widthOf(process.stdout) }));
  return failuresOf(record).length > 0 ? 1 : 0;
}

/** @returns {Promise<number>} the exit code */
async function main() {
  let options;
  try {
    options = readOptions(process.argv.slice(2));
    if (options !== null && options.json !== null) requireWritable('--json', options.json);
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
for (const [signal, code] of /** @type {const} */ ([
  ['SIGINT', 130],
  ['SIGTERM', 143],
]))
  process.once(signal, () => process.exit(code));
guardStreams('bench locks');
process.exitCode = await main();
