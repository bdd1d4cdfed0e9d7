// SPDX-License-Identifier: MIT
// The matrix as people and programs read it: a table for the terminal, the same in Markdown, and
// JSON with every check.

import Table from 'cli-table3';

/**
 * @typedef {object} RowResult
 * @property {string} name
 * @property {string} host
 * @property {string} abiVersion
 * @property {string} registration
 * @property {readonly import('./judge.mjs').Check[]} checks
 * @property {number | null} sections
 * @property {number | null} yielded
 * @property {number} seconds
 * @property {string | null} skipped why it was not run
 * @property {readonly import('./neighbours.mjs').Neighbour[]} [neighbours] what became of other
 * users of rseq
 */

const HEAD = [
  'environment',
  'host',
  'ABI version',
  'registration',
  'checks passed',
  'sections',
  'yielded',
  's',
];

/** @param {number | null} value */
const count = (value) => (value === null ? '' : value.toLocaleString('en'));

/** @param {RowResult} result @returns {boolean} */
export const hasFailed = ({ checks }) => checks.some(({ ok }) => !ok);

/** @param {RowResult} result @returns {string[]} */
function cells({
  name,
  host,
  abiVersion,
  registration,
  checks,
  sections,
  yielded,
  seconds,
  skipped,
}) {
  const passed =
    skipped === null ? `${checks.filter(({ ok }) => ok).length} of ${checks.length}` : 'skipped';
  return [
    name,
    host,
    abiVersion,
    registration,
    passed,
    count(sections),
    count(yielded),
    skipped === null ? seconds.toFixed(0) : '',
  ];
}

/**
 * @param {readonly RowResult[]} results
 * @returns {string} what failed and what was left out, a line each
 */
export function formatRemarks(results) {
  return results
    .flatMap(({ name, checks, skipped }) => [
      ...(skipped === null ? [] : [`${name}: skipped: ${skipped}`]),
      ...checks
        .filter(({ ok }) => !ok)
        .map(
          (check) =>
            `${name}: FAILED: ${check.name}${check.detail === undefined ? '' : ` (found: ${check.detail})`}`,
        ),
    ])
    .map((line) => `${line}\n`)
    .join('');
}

/** @param {readonly RowResult[]} results @returns {string} */
export function formatTable(results) {
  const table = new Table({
    head: HEAD,
    colAligns: HEAD.map((_, column) => (column < 4 ? 'left' : 'right')),
    style: { head: [], border: [], compact: true },
  });
  for (const result of results) table.push(cells(result));
  return table.toString();
}

/**
 * Who else used rseq, a line each, and a column for each environment.
 * @param {readonly RowResult[]} results
 * @param {(cells: readonly string[]) => string} line
 * @returns {string[]}
 */
function formatNeighbours(results, line) {
  const tried = results.filter(({ neighbours }) => neighbours !== undefined);
  if (tried.length === 0) return [];
  const names = [
    ...new Set(tried.flatMap(({ neighbours = [] }) => neighbours.map(({ name }) => name))),
  ];
  const columns = tried.map(({ name }) => name.replace(/^other users of rseq, /, ''));
  return [
    '## Next to other users of rseq',
    '',
    line(['', ...columns]),
    line(['---', ...columns.map(() => '---')]),
    ...names.map((name) =>
      line([
        name,
        ...tried.map(
          ({ neighbours = [] }) => neighbours.find((one) => one.name === name)?.text ?? '',
        ),
      ]),
    ),
    '',
    'Each cell says which area the library got, or why it left the other one alone, what the other one did, and how many of the sections were yielded.',
    '',
  ];
}

/**
 * @param {readonly RowResult[]} results
 * @param {Readonly<Record<string, string>>} about date, command, and the like
 * @returns {string}
 */
export function formatMarkdown(results, about) {
  const line = (/** @type {readonly string[]} */ texts) =>
    `| ${texts.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
  return [
    '# Tested kernels and C libraries',
    '',
    ...Object.entries(about).map(([name, value]) => `- ${name}: ${value}`),
    '',
    line(HEAD),
    line(HEAD.map((_, column) => (column < 4 ? '---' : '---:'))),
    ...results.map((result) => line(cells(result))),
    '',
    'Every row boots a guest of its own, except for the row of the host. Sections run next to a process that wakes a thousand times a second on the same',
    'CPU; under emulation their number says nothing about speed. `npm run test:matrix` makes this table.',
    '',
    ...formatNeighbours(results, line),
    formatRemarks(results),
  ]
    .join('\n')
    .trimEnd()
    .concat('\n');
}
