// SPDX-License-Identifier: MIT
// The command `npm run test:package`: packs the packages, installs them in an empty project with
// neither compilers nor the checkout in reach, and uses them in every way that is documented. What
// is checked is in checks.mjs.

import Table from 'cli-table3';
import { parseArgs } from 'node:util';
import { CHECKS } from './checks.mjs';
import { compileKernel } from './kernel.mjs';
import { pack, readTarballs } from './pack.mjs';
import { Project } from './project.mjs';
import { installTools } from './tools.mjs';
import { refuseUsage } from '../../packages/vm/lib/refuse-usage.mjs';

const HELP = `Packs the packages, installs them in an empty project, and uses them in every way that is documented.

  node scripts/package/main.mjs [options]

  --json           the checks as JSON on stdout, instead of a table
  --keep           the project is not removed; its folder is told on stderr
  --only PATTERN   the checks whose names match this regular expression, and those that install
  --tarballs DIR   the packages in this folder, as npm run package made them; none are made now
  --help           this text

Exit codes: 0 every check passed, 1 one did not, 2 usage error.
`;

/**
 * @typedef {object} Result
 * @property {string} name
 * @property {'passed' | 'failed' | 'skipped'} status
 * @property {string} detail what was found, or what is wrong, or why it was not looked at
 * @property {number} seconds
 */

/**
 * @param {import('./checks.mjs').Check} check
 * @param {import('./checks.mjs').Context} context
 * @returns {Result}
 */
function run({ name, run: look, whyNot }, context) {
  const start = performance.now();
  const reason = whyNot?.() ?? null;
  const result = (/** @type {Result['status']} */ status, /** @type {string} */ detail) => ({
    name,
    status,
    detail,
    seconds: (performance.now() - start) / 1000,
  });
  if (reason !== null) return result('skipped', reason);
  try {
    return result('passed', look(context));
  } catch (error) {
    return result('failed', error instanceof Error ? error.message : String(error));
  }
}

/** @param {readonly Result[]} results */
function print(results) {
  const table = new Table({
    head: ['check', '', 's', 'found'],
    style: { head: [], border: [] },
    colWidths: [36, 9, 6, 95],
    wordWrap: true,
  });
  for (const { name, status, detail, seconds } of results)
    table.push([name, status, seconds.toFixed(1), detail]);
  process.stdout.write(`${table.toString()}\n`);
}

/**
 * @param {{ json: boolean, keep: boolean, only?: string, tarballs?: string }} options
 * @returns {number} the exit code
 */
function test({ json, keep, only = '', tarballs }) {
  const wanted = new RegExp(only, 'i');
  const project = new Project();
  try {
    installTools();
    const kernel = compileKernel(project.folder);
    const all = tarballs === undefined ? pack(project.folder) : readTarballs(tarballs);
    const [packed] = all;
    if (packed === undefined) throw new Error('Nothing was packed.');
    const checks = CHECKS.filter(({ name, isNeeded }) => isNeeded === true || wanted.test(name));
    const results = checks.map((check) => {
      process.stderr.write(`${check.name}\n`);
      return run(check, { packed, all, project, kernel });
    });
    const count = (/** @type {Result['status']} */ wanted) =>
      results.filter(({ status }) => status === wanted).length;
    if (json) process.stdout.write(`${JSON.stringify({ checks: results }, null, 2)}\n`);
    else {
      print(results);
      process.stdout.write(
        `${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped\n`,
      );
    }
    return count('failed') === 0 ? 0 : 1;
  } finally {
    if (keep) process.stderr.write(`The project is in ${project.folder}.\n`);
    else project.remove();
  }
}

/** @returns {number} the exit code */
function main() {
  let options;
  try {
    options = parseArgs({
      options: {
        json: { type: 'boolean', default: false },
        keep: { type: 'boolean', default: false },
        only: { type: 'string' },
        tarballs: { type: 'string' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    refuseUsage('test:package', error);
    return 2;
  }
  if (options.help === true) {
    process.stdout.write(HELP);
    return 0;
  }
  try {
    return test(options);
  } catch (error) {
    process.stderr.write(
      `test:package: ${error instanceof Error ? error.message : String(error)}\n`,
    );
    return 1;
  }
}

process.exitCode = main();
