// SPDX-License-Identifier: MIT
// How the scripts refuse a command line: what is wrong with it as a sentence, and where the options
// are told.

/**
 * @param {string} name of the script, as it is called
 * @param {unknown} error of parseArgs, whose messages have no full stop, or of the script's own
 */
export function refuseUsage(name, error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${name}: ${message.replace(/\.?$/, '.')} See --help.\n`);
}
