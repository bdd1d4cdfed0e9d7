// SPDX-License-Identifier: MIT
// The command lines of the benchmarks: how they are read, refused and explained.

import { parseArgs } from 'node:util';
import { FEWEST_ROUNDS, LONGEST_BATCH } from '../../packages/tools/dist/bench/sections/run.js';
import { guardStreams, requireWritable } from 'rseq-slice/internal';
import { refuseUsage } from '../../packages/vm/lib/refuse-usage.mjs';

/** @typedef {NonNullable<import('node:util').ParseArgsConfig['options']>} Options */
/**
 * @template {Options} T
 * @typedef {ReturnType<typeof parseArgs<{ options: T }>>['values']} Values
 */

/**
 * Those of every benchmark that has loops take turns.
 * @param {string} rounds @param {string} batch what they are by default
 */
export const loopOptions = (rounds, batch) =>
  /** @type {const} */ ({
    rounds: { type: 'string', default: rounds },
    batch: { type: 'string', default: batch },
    json: { type: 'string' },
  });

/** @param {{ rounds: string, batch: string, json?: string }} values */
export function readLoopOptions({ rounds, batch, json }) {
  if (!(Number(batch) > 0 && Number(batch) <= LONGEST_BATCH))
    throw new Error(`--batch wants milliseconds up to ${LONGEST_BATCH}, not '${batch}'.`);
  if (json !== undefined && json !== '-') requireWritable('--json', json);
  return {
    rounds: wholeNumber('--rounds', rounds, FEWEST_ROUNDS),
    batch: Number(batch) * 1e6,
    json,
  };
}

/** @param {string} option @param {string} text @param {number} least @param {number} [most] */
export function wholeNumber(option, text, least, most = Number.MAX_SAFE_INTEGER) {
  const number = Number(text);
  if (text.trim() !== '' && Number.isInteger(number) && number >= least && number <= most)
    return number;
  const range = most === Number.MAX_SAFE_INTEGER ? `from ${least} on` : `from ${least} to ${most}`;
  throw new Error(`${option} wants a whole number ${range}, not '${text}'.`);
}

/** @param {string} option @param {string} text with commas between @param {number} most */
export const wholeNumbers = (option, text, most) =>
  text.split(',').map((each) => wholeNumber(option, each, 1, most));

/**
 * Runs a benchmark as a program: sets its exit code, which is 2 when the command line is wrong.
 * @template {Options} T
 * @template R
 * @param {{
 *   name?: string,
 *   args?: readonly string[],
 *   help: string,
 *   options: T,
 *   read: (values: Values<T>) => R,
 *   run: (options: R) => number | Promise<number>,
 * }} benchmark `read` throws what is wrong; `run` gives the exit code
 */
export async function runCommand({
  name = 'bench',
  args = process.argv.slice(2),
  help,
  options,
  read,
  run,
}) {
  guardStreams(name);
  let wanted;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { ...options, help: { type: 'boolean', default: false } },
    });
    if ('help' in values && values.help === true) {
      process.stdout.write(help);
      return;
    }
    wanted = read(/** @type {Values<T>} */ (values));
  } catch (error) {
    refuseUsage(name, error);
    process.exitCode = 2;
    return;
  }
  process.exitCode = await run(wanted);
}
