// SPDX-License-Identifier: MIT
// What the steps of a check report, each kind in its own form, as counts and as what to tell of
// failures. Nothing that was read counts as passed because it is not there: a report without any
// test in it is a failure.

import { relative } from 'node:path';

/**
 * @typedef {object} Count
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 *
 * @typedef {Count & { remarks: readonly string[] }} Counted remarks: what to tell people
 *
 * A kind of report.
 * @typedef {object} Kind
 * @property {((file: string) => readonly string[]) | null} args what makes a program write the
 * report to a file; null: it is what the program prints
 * @property {(text: string) => Counted} read throws when that is no such report
 */

/**
 * The part of vitest's report that is looked at.
 * @typedef {object} VitestReport
 * @property {boolean} success
 * @property {number} startTime ms
 * @property {readonly VitestFile[]} testResults
 *
 * @typedef {object} VitestFile
 * @property {string} name
 * @property {string} status
 * @property {string} [message] why the file as a whole failed
 * @property {number} startTime ms
 * @property {number} endTime ms
 * @property {readonly { fullName: string, status: string,
 *   failureMessages?: readonly string[] }[]} assertionResults
 */

/** How many of the longest files are told. */
const LONGEST = 5;
/** How many lines that say what failed, and how many characters of the end, are repeated. */
const LINES = 20;
const END = 1000;

/** @param {Count} count @param {readonly string[]} remarks @returns {Counted} */
function counted({ passed, failed, skipped }, remarks) {
  if (passed + failed + skipped > 0) return { passed, failed, skipped, remarks };
  return { passed: 0, failed: 1, skipped: 0, remarks: [...remarks, 'failed: no test was run'] };
}

/**
 * Not asserted, since it is up to the machine; but whoever reads this sees what to move to the long
 * suite.
 * @param {VitestReport} report
 */
function describeTimes({ startTime, testResults }) {
  const seconds = (/** @type {number} */ from, /** @type {number} */ to) =>
    `${((to - from) / 1000).toFixed(0)} s`;
  const end = Math.max(startTime, ...testResults.map(({ endTime }) => endTime));
  const longest = testResults
    .toSorted((one, other) => other.endTime - other.startTime - (one.endTime - one.startTime))
    .slice(0, LONGEST)
    .map((file) => `${relative('.', file.name)} ${seconds(file.startTime, file.endTime)}`);
  return `the tests took ${seconds(startTime, end)}; longest: ${longest.join(', ')}`;
}

/** @param {string} text @returns {Counted} */
function readVitest(text) {
  /** @type {VitestReport} */
  const report = JSON.parse(text);
  const { success, testResults } = report;
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  const failures = tests.filter(({ status }) => status === 'failed');
  const passed = tests.filter(({ status }) => status === 'passed').length;
  // A file that does not load, or whose hooks fail, has no test that failed.
  const crashed = testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && assertionResults.every((test) => test.status !== 'failed'),
  );
  const failed = failures.length + crashed.length;
  const remarks = [
    describeTimes(report),
    ...failures.map(
      ({ fullName, failureMessages = [] }) => `failed: ${fullName}\n${failureMessages.join('\n')}`,
    ),
    ...testResults
      .filter(({ message = '' }) => message !== '')
      .map(({ name, message }) => `failed: ${name}\n${message}`),
  ];
  return counted(
    {
      passed,
      // An error that nobody caught is no test's.
      failed: failed === 0 && !success ? 1 : failed,
      skipped: tests.length - passed - failures.length,
    },
    remarks,
  );
}

/** @param {string} text @returns {Counted} */
function readMatrix(text) {
  /** @type {{ results: readonly import('../../packages/vm/matrix/report.mjs').RowResult[] }} */
  const { results } = JSON.parse(text);
  const checks = results.flatMap(({ name, checks }) => checks.map((check) => ({ name, check })));
  const failures = checks.filter(({ check }) => !check.ok);
  const skipped = results.filter((result) => result.skipped !== null).length;
  return counted(
    { passed: checks.length - failures.length, failed: failures.length, skipped },
    failures.map(({ name, check }) => `failed: ${name}: ${check.name}: ${check.detail ?? ''}`),
  );
}

/** @param {string} text @returns {Counted} */
function readLastLine(text) {
  const found = /(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$/.exec(text);
  if (found === null) throw new Error(`its last line has no counts:\n${text.slice(-END)}`);
  const [passed = 0, failed = 0, skipped = 0] = found
    .slice(1)
    .map((count) => (count === undefined ? 0 : Number(count)));
  // The lines that say what failed may stand far above the end.
  const why = text.split('\n').filter((line) => /failed|not ok|error:/i.test(line));
  return counted(
    { passed, failed, skipped },
    failed === 0 ? [] : [`failed:\n${[...why.slice(0, LINES), text.slice(-END)].join('\n')}`],
  );
}

/** vitest's own report, in JSON. @type {Kind} */
export const VITEST = {
  args: (file) => ['--', '--reporter=default', '--reporter=json', `--outputFile.json=${file}`],
  read: readVitest,
};

/** Every check of every environment, in JSON. @type {Kind} */
export const MATRIX = { args: (file) => ['--json', file], read: readMatrix };

/** `N passed, N failed, N skipped` as the last line that is printed. @type {Kind} */
export const LAST_LINE = { args: null, read: readLastLine };
