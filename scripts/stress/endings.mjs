// SPDX-License-Identifier: MIT
// How a worker can end: ended from outside at any instant, or of itself, with a lock held or
// wanted.

/** What is thrown and never caught; any other error of a worker is a failure. */
export const ON_PURPOSE = 'stress: ended on purpose';

/**
 * @typedef {'terminate' | 'exit-holding' | 'throw-holding' | 'return-holding' | 'exit-waiting' |
 *   'throw-waiting' | 'return-waiting'}
 * Ending
 */

/** In their order numbers of `Journal.order`; 0 is none. @type {readonly Ending[]} */
const ENDINGS = [
  'terminate',
  'exit-holding',
  'throw-holding',
  'return-holding',
  'exit-waiting',
  'throw-waiting',
  'return-waiting',
];

/** Half of the deaths come from outside. @type {readonly [Ending, ...Ending[]]} */
export const CHOICES = [
  'terminate',
  'terminate',
  'terminate',
  'terminate',
  'terminate',
  'terminate',
  ...ENDINGS.slice(1),
];

/** @param {import('./journal.mjs').Journal} journal @param {Ending} ending */
export function order(journal, ending) {
  journal.order = ENDINGS.indexOf(ending) + 1;
}

/** @param {import('./journal.mjs').Journal} journal @returns {Ending | undefined} */
export function ordered(journal) {
  return ENDINGS[journal.order - 1];
}

/**
 * Ends the worker, unless that takes returning from its main function.
 * @param {string} how the first part of an ending
 * @returns {void}
 */
export function end(how) {
  if (how === 'exit') process.exit(3);
  if (how === 'throw') throw new Error(ON_PURPOSE);
}
