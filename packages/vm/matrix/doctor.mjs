// SPDX-License-Identifier: MIT
// What `rseq-slice doctor` says in an environment, held against what it said when someone looked:
// the files in doctor/, one a row. Whatever differs from machine to machine, or from run to run, is
// left out of both.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** @typedef {import('./judge.mjs').Check} Check */

const folder = fileURLToPath(new URL('doctor/', import.meta.url));

/** @type {readonly [RegExp, string][]} */
const VARIABLE = [
  [/^(.{6}kernel +)Linux \S*\w/gm, '$1Linux RELEASE'],
  [/(Compiled on this machine|The prebuilt one of the package) \(.*\)\./g, '$1 (PATH).'],
  [/v\d+\.\d+\.\d+, \w+\./g, 'VERSION.'],
  [
    /^(.{6}sections +).* tried in.*: .* disturbed, [1-9]\S* of them/gm,
    '$1N tried in threads that compete: N disturbed, N of them',
  ],
  [/(A container \(.*\)|No container), /g, 'CONTAINER, '],
  // How busy the machine is, and what emulates it.
  [/^.{4} {2}(CPUs|machine) .*\n( +→ .*\n)?/gm, ''],
  // The meaning of the marks is there when one of these lines has one.
  [/\n\n(FAIL|warn|\?): .*\n$/, '\n'],
];

/** @param {string} text what the doctor printed */
export function normalize(text) {
  return VARIABLE.reduce((rest, [pattern, instead]) => rest.replace(pattern, instead), text);
}

/** @param {string} row a row's name */
export const goldenFile = (row) =>
  `${folder}${row
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, '-')
    .replace(/^-|-$/g, '')}.txt`;

/**
 * @param {string} row
 * @param {{ status: number | null, stdout: string }} found
 * @param {{ works: boolean, update: boolean }} expected update: what was found is right from now on
 * @returns {Check[]}
 */
export function judgeDoctor(row, { status, stdout }, { works, update }) {
  const file = goldenFile(row);
  const text = normalize(stdout);
  if (update) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, text);
  }
  const golden = existsSync(file) ? readFileSync(file, 'utf8') : '';
  return [
    {
      name: 'the doctor ends as it should',
      ok: status === (works ? 0 : 1),
      detail: `exit code ${status}`,
    },
    {
      name: 'the doctor says what it should',
      ok: text === golden,
      detail: firstDifference(text, golden),
    },
  ];
}

/** @param {string} found @param {string} golden */
function firstDifference(found, golden) {
  const [ours, theirs] = [found.split('\n'), golden.split('\n')];
  const at = ours.findIndex((line, index) => line !== theirs[index]);
  return at < 0
    ? `fewer lines than expected`
    : `'${ours[at]}' and not '${theirs[at] ?? 'the end'}'`;
}
