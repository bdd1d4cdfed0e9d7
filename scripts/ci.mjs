// SPDX-License-Identifier: MIT
// Everything that must hold of a clean clone with its packages installed: lint, types, tests on the
// host and on kernels with the feature. .ci/run calls it when it has installed those. How steps are
// run and what they report is in ci/.

import { parseArgs } from 'node:util';
import { LAST_LINE, MATRIX, VITEST } from './ci/reports.mjs';
import { runSteps } from './ci/run-steps.mjs';
import { refuseUsage } from '../packages/vm/lib/refuse-usage.mjs';

/** @type {readonly import('./ci/run-steps.mjs').Step[]} */
const STEPS = [
  { command: 'npm run lint', isDecisive: true },
  { command: 'npm run typecheck', isDecisive: true },
  { command: 'npm run test:cross' },
  { command: 'npm test', report: VITEST },
  { command: 'npm run test:long', report: VITEST },
  { command: 'npm run lint:native' },
  { command: 'npm run test:cmake' },
  { command: 'npm run test:sanitize', report: LAST_LINE },
  { command: 'npm run test:package', report: LAST_LINE },
  { command: 'npm run kernels' },
  { command: 'npm run test:kernel', report: VITEST },
  { command: 'npm run test:matrix -- --diagonal', report: MATRIX },
];

const HELP = `Checks everything, one step after the other. The last line counts the tests.

  node scripts/ci.mjs [options]

  --only PATTERN   the steps whose command matches this regular expression
  --help           this text

The steps are:
${STEPS.map(({ command }) => `  ${command}\n`).join('')}
Exit codes: 0 all passed; 1 something failed; 2 wrong usage, or nothing matches.
`;

/** @returns {number} the exit code */
function main() {
  let steps;
  try {
    const { values } = parseArgs({
      options: { only: { type: 'string', default: '' }, help: { type: 'boolean' } },
    });
    if (values.help === true) {
      process.stdout.write(HELP);
      return 0;
    }
    const wanted = new RegExp(values.only);
    steps = STEPS.filter(({ command }) => wanted.test(command));
    if (steps.length === 0) throw new Error(`No step matches '${values.only}'.`);
  } catch (error) {
    refuseUsage('ci', error);
    return 2;
  }
  return runSteps(steps) ? 0 : 1;
}

process.exitCode = main();
