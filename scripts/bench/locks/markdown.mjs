// Records of the benchmark of locks as Markdown, for docs/locks.md: one row a cell, slices on beside off.
//
//   node scripts/bench/locks/markdown.mjs FILE.json…

import { readFileSync } from 'node:fs';

/** @typedef {import('../../../lib/bench/locks/aggregate.ts').CellSummary} CellSummary */
/** @typedef {import('../../../lib/bench/statistics.ts').Summary} Summary */
/** @typedef {{ lane?: { name: string }, workload: string, date: string, commit: string, kernel: string, node: string,
 *   cells: CellSummary[], pairs: import('../../../lib/bench/locks/aggregate.ts').PairSummary[] }} Record */

/** @param {Summary | null | undefined} summary @param {number} [by] divides @param {number} [digits] */
function figure(summary, by = 1, digits = 0) {
  if (summary === null || summary === undefined) return '';
  return (summary.median / by).toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** @param {Summary | null | undefined} summary */
function ratio(summary) {
  if (summary === null || summary === undefined) return '';
  const [low, high] = summary.interval;
  return `**${summary.median.toFixed(2)}** (${low.toFixed(2)}–${high.toFixed(2)})`;
}

/** @param {Record} record @returns {string} */
function table({ cells, pairs }) {
  const rows = pairs.map(({ kind, workers, section, ratios }) => {
    const of = (/** @type {'on' | 'off'} */ setting) =>
      cells.find((cell) => cell.kind === kind && cell.workers === workers && cell.section === section && cell.slices === setting)?.figures ?? {};
    const [on, off] = [of('on'), of('off')];
    return [
      kind, `${workers}`, `${section}`,
      `${figure(off['throughput'])} → ${figure(on['throughput'])}`, ratio(ratios['throughput']),
      `${figure(off['p999'], 1000, 1)} → ${figure(on['p999'], 1000, 1)}`, ratio(ratios['p999']),
      `${figure(off['parks'])} → ${figure(on['parks'])}`, ratio(ratios['parks']),
      figure(on['yielded']),
    ];
  });
  const head = ['lock', 'workers', 'section, us', 'sections/s, off → on', 'on/off', 'p99.9 wait, us', 'on/off', 'parks/s', 'on/off', 'yields/s'];
  return [head, head.map((_, column) => (column === 0 ? '---' : '---:')), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

for (const file of process.argv.slice(2)) {
  /** @type {Record} */
  const record = JSON.parse(readFileSync(file, 'utf8'));
  const { lane, workload, date, commit, kernel, node, pairs } = record;
  const where = lane === undefined ? 'this host' : `lane ${lane.name}`;
  process.stdout.write(`${where}, workload ${workload}, ${Math.max(...pairs.map(({ rounds }) => rounds))} rounds; ${date.slice(0, 10)}, commit ${commit.slice(0, 7)}, Linux ${kernel}, Node ${node}\n\n${table(record)}\n\n`);
}
