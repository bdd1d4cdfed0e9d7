// SPDX-License-Identifier: MIT
// How a script reads its command line when it takes nothing but flags: --help prints what it is
// for, and wrong usage is refused with exit code 2 before anything is done.

import { parseArgs } from 'node:util';
import { refuseUsage } from '../packages/vm/lib/refuse-usage.mjs';

/**
 * @template {string} [Flag=never]
 * @param {string} name of the script, as it is called
 * @param {string} help what --help prints
 * @param {...Flag} flags that it has beside --help
 * @returns {Readonly<Record<Flag, boolean>> | null} null: there is nothing left to do, and the exit
 * code is set
 */
export function readFlags(name, help, ...flags) {
  const flag = /** @type {const} */ ({ type: 'boolean', default: false });
  const options = Object.fromEntries([...flags, 'help'].map((each) => [each, flag]));
  try {
    const { values } = parseArgs({ options });
    // Each has a value, since it has a default.
    if (values['help'] !== true) return /** @type {Record<Flag, boolean>} */ (values);
    process.stdout.write(help);
  } catch (error) {
    refuseUsage(name, error);
    process.exitCode = 2;
  }
  return null;
}
