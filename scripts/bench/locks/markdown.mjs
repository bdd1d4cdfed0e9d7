// SPDX-License-Identifier: MIT
// Records of the benchmark of locks as Markdown, for docs/locks.md: one row a cell, slices on
// beside off.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  coverageOf,
  isTelling,
  nameOfIntervals,
} from '../../../packages/tools/dist/bench/statistics.js';
import { refuseUsage } from '../../../packages/vm/lib/refuse-usage.mjs';

const HELP = `Prints records of the benchmark of locks as tables of Markdown.

  node scripts/bench/locks/markdown.mjs FILE.json...

Exit codes: 0 done, 1 a record cannot be read, 2 wrong usage.
`;

/**
 * @typedef {import('../../../packages/tools/lib/bench/locks/aggregate.ts').CellSummary} CellSummary
 */
/**
 * @typedef {import('../../../packages/tools/lib/bench/locks/aggregate.ts').PairSummary} PairSummary
 */
/** @typedef {import('../../../packages/tools/lib/bench/statistics.ts').Summary} Summary */
/** @typedef {{ lane?: { name: string }, workload: string, date: string, commit: string,
 *   kernel: string, node: string,
 *   cells: CellSummary[], pairs: PairSummary[] }} Record */

/**
 * @param {Summary | null | undefined} summary
 * @param {number} [by] divides
 * @param {number} [digits]
 */
function figure(summary, by = 1, digits = 0) {
  if (summary === null || summary === undefined) return '';
  return (summary.median / by).toLocaleString('en', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/**
 * In bold where the interval shows a difference.
 * @param {Summary | null | undefined} summary
 * @param {number} rounds
 */
function ratio(summary, rounds) {
  if (summary === null || summary === undefined) return '';
  const [low, high] = summary.interval;
  const isDifferent =
    isTelling(summary.coverage === undefined ? { coverage: coverageOf(rounds) } : summary) &&
    (low > 1 || high < 1);
  const median = summary.median.toFixed(2);
  return `${isDifferent ? `**${median}**` : median} (${low.toFixed(2)}–${high.toFixed(2)})`;
}

/** @param {Record} record @returns {string} */
function table({ cells, pairs }) {
  const rows = pairs.map(({ kind, workers, section, ratios, rounds }) => {
    const of = (/** @type {'on' | 'off'} */ setting) =>
      cells.find(
        (cell) =>
          cell.kind === kind &&
          cell.workers === workers &&
          cell.section === section &&
          cell.slices === setting,
      )?.figures ?? {};
    const [on, off] = [of('on'), of('off')];
    return [
      kind,
      `${workers}`,
      `${section}`,
      `${figure(off['throughput'])} → ${figure(on['throughput'])}`,
      ratio(ratios['throughput'], rounds),
      `${figure(off['p999'], 1000, 1)} → ${figure(on['p999'], 1000, 1)}`,
      ratio(ratios['p999'], rounds),
      `${figure(off['parks'])} → ${figure(on['parks'])}`,
      ratio(ratios['parks'], rounds),
      figure(on['yielded']),
    ];
  });
  const head = [
    'lock',
    'workers',
    'section, us',
    'sections/s, off → on',
    'on/off',
    'p99.9 wait, us',
    'on/off',
    'parks/s',
    'on/off',
    'yields/s',
  ];
  return [head, head.map((_, column) => (column === 0 ? '---' : '---:')), ...rows]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n');
}

/** @param {string} file with a record */
function print(file) {
  /** @type {Record} */
  const record = JSON.parse(readFileSync(file, 'utf8'));
  const { lane, workload, date, commit, kernel, node, pairs } = record;
  const where = lane === undefined ? 'this host' : `lane ${lane.name}`;
  process.stdout.write(
    `${where}, workload ${workload}, ${Math.max(...pairs.map(({ rounds }) => rounds))} rounds, intervals of ${nameOfIntervals(pairs.map(({ rounds }) => ({ coverage: coverageOf(rounds) })))}; ${date.slice(0, 10)}, commit ${commit.slice(0, 7)}, Linux ${kernel}, Node ${node}\n\n${table(record)}\n\n`,
  );
}

/** @returns {number} the exit code */
function main() {
  let options;
  try {
    options = parseArgs({ options: { help: { type: 'boolean' } }, allowPositionals: true });
    if (options.values.help !== true && options.positionals.length === 0)
      throw new Error('It wants records, as bench -- locks --json writes them.');
  } catch (error) {
    refuseUsage('markdown', error);
    return 2;
  }
  if (options.values.help === true) process.stdout.write(HELP);
  for (const file of options.positionals) print(file);
  return 0;
}

process.exitCode = main();
