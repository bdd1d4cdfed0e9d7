// SPDX-License-Identifier: MIT
// The command `npm run test:matrix`: the library in every environment it must be right in, one
// guest each, with a table at the end. What a row means is in rows.mjs, how it is run in
// run-row.mjs.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { parseArgs } from 'node:util';
import { formatMarkdown, formatRemarks, formatTable, hasFailed } from './report.mjs';
import { chooseRows, ROWS } from './rows.mjs';
import { runRow } from './run-row.mjs';
import { refuseUsage } from '../lib/refuse-usage.mjs';

const HELP = `Runs the library in every kernel and libc it must be right in, and prints a table.

  node packages/vm/matrix/main.mjs [options]

  --only PATTERN     the environments whose name matches this regular expression
  --diagonal         a few that together have every kernel, libc and way to an area
  --seconds S        how long sections are made in each, 1 to 60  (3)
  --update           what the doctor says now is right from now on: writes packages/vm/matrix/doctor/
  --list             print the names and do nothing
  --json FILE        every check of every environment
  --markdown FILE    the table
  --help             this text

Kernels, roots and Nodes that are not cached are built or fetched first, which takes minutes each.
Exit codes: 0 all passed; 1 something failed; 2 usage error, or nothing matches.
`;

function readOptions() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      diagonal: { type: 'boolean', default: false },
      seconds: { type: 'string', default: '3' },
      update: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      json: { type: 'string' },
      markdown: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const seconds = Number(values.seconds);
  if (!(seconds >= 1 && seconds <= 60))
    throw new Error(`--seconds wants seconds from 1 to 60, not '${values.seconds}'.`);
  const rows = chooseRows(values);
  if (rows.length === 0)
    throw new Error(
      `No environment matches --only '${values.only}'; --list shows the ${ROWS.length} there are.`,
    );
  return { ...values, seconds, rows };
}

/** @returns {Record<string, string>} */
function describe() {
  const git = (/** @type {readonly string[]} */ args) =>
    execFileSync('git', args, { encoding: 'utf8' }).trim();
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: git(['rev-parse', '--short', 'HEAD']),
    command: [
      'npm run test:matrix',
      ...process.argv.slice(2).filter((arg) => arg === '--diagonal'),
    ].join(' -- '),
    host: `Linux ${release().replace(/-.*/, '')}, Node ${process.version}`,
  };
}

/** @param {ReturnType<typeof readOptions>} options @returns {Promise<number>} the exit code */
async function run({ rows, seconds, update, json, markdown }) {
  const results = [];
  for (const row of rows) {
    process.stderr.write(`${row.name} …\n`);
    const result = await runRow(row, { seconds, update });
    process.stderr.write(formatRemarks([result]));
    results.push(result);
  }
  process.stdout.write(`${formatTable(results)}\n${formatRemarks(results)}`);
  const about = describe();
  if (json !== undefined)
    writeFileSync(json, `${JSON.stringify({ ...about, results }, null, 2)}\n`);
  if (markdown !== undefined) writeFileSync(markdown, formatMarkdown(results, about));
  const failed = results.filter(hasFailed).length;
  const skipped = results.filter((result) => result.skipped !== null).length;
  process.stdout.write(
    `${results.length - failed - skipped} environments passed, ${failed} failed, ${skipped} skipped\n`,
  );
  return failed > 0 ? 1 : 0;
}

/** @returns {Promise<number>} the exit code */
async function main() {
  let options;
  try {
    options = readOptions();
  } catch (error) {
    refuseUsage('matrix', error);
    return 2;
  }
  if (options.help) process.stdout.write(HELP);
  else if (options.list) process.stdout.write(options.rows.map(({ name }) => `${name}\n`).join(''));
  else return run(options);
  return 0;
}

// Programs in guests answer on stdout, where a module that the user loads everywhere may print.
delete process.env['NODE_OPTIONS'];
process.exitCode = await main();
