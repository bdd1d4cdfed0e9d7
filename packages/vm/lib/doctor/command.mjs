// SPDX-License-Identifier: MIT
// The command `rseq-slice-vm doctor`: what of a guest this machine has, and what to do about the
// rest.

import { parseArgs } from 'node:util';
import { ExitCode } from '../guest/errors.mjs';
import { refuseUsage } from '../refuse-usage.mjs';
import { gatherFacts } from './facts.mjs';
import { canRun, examine } from './findings.mjs';

const HELP = `Checks whether this machine can run a guest, and says what to do about it. It starts none.

  rseq-slice-vm doctor [options]

  --json   one object on stdout: the verdict, the findings and the facts
  --help   this text

Exit codes: 0 a guest can be run; 1 it cannot; ${ExitCode.usage} usage error.
`;
const MARK_WIDTH = 6;
const NAME_WIDTH = 10;

/**
 * @param {readonly import('./findings.mjs').Finding[]} findings
 * @returns {string}
 */
export function formatFindings(findings) {
  const lines = findings.flatMap(({ mark, name, text, remedy }) => [
    `${mark.padEnd(MARK_WIDTH)}${name.padEnd(NAME_WIDTH)}${text}`,
    ...(remedy === undefined ? [] : [`${' '.repeat(MARK_WIDTH + NAME_WIDTH)}→ ${remedy}`]),
  ]);
  const verdict = canRun(findings)
    ? "This machine can run guests: try 'npx rseq-slice-vm -- uname -r'."
    : 'This machine cannot run guests yet.';
  return `${verdict}\n\n${lines.join('\n')}\n`;
}

/**
 * @param {readonly string[]} argv
 * @returns {number} the exit code
 */
export function runDoctor(argv) {
  let values;
  try {
    const flag = /** @type {const} */ ({ type: 'boolean', default: false });
    ({ values } = parseArgs({ args: [...argv], options: { json: flag, help: flag } }));
  } catch (error) {
    refuseUsage('vm', error);
    return ExitCode.usage;
  }
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const facts = gatherFacts();
  const findings = examine(facts);
  const works = canRun(findings);
  process.stdout.write(
    values.json
      ? `${JSON.stringify({ works, findings, facts }, null, 2)}\n`
      : formatFindings(findings),
  );
  return works ? 0 : 1;
}
