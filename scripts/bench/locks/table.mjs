// What was found about locks, for people: one table of all cells, one of how slices on stands to slices off.

/** @typedef {import('../statistics.mjs').Summary} Summary */

/** @param {readonly (readonly string[])[]} rows @param {number} left how many columns are texts @returns {string} */
function align(rows, left) {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) => row.map((cell, column) => (column < left ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))))
    .map((row) => `${row.join('  ').trimEnd()}\n`)
    .join('');
}

/** @param {number} value of any size @returns {string} */
function short(value) {
  if (value >= 1000) return Math.round(value).toLocaleString('en');
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** @param {Summary | null | undefined} summary @param {number} [unit] @returns {string} */
const median = (summary, unit = 1) => (summary === null || summary === undefined ? '-' : short(summary.median / unit));

/** @param {Summary | null | undefined} summary @returns {string} */
const interval = (summary) => (summary === null || summary === undefined ? '-' : summary.interval.map(short).join(' .. '));

const US = 1000;

/** @param {import('./aggregate.mjs').Cell} cell @returns {string[]} */
const place = ({ kind, workers, section, gap }) => [kind, String(workers), String(section), String(gap)];
const PLACE = ['lock', 'workers', 'section us', 'gap us'];

/** @param {readonly import('./aggregate.mjs').CellSummary[]} cells @returns {string} */
export function formatCells(cells) {
  const waits = ['p50', 'p99', 'p999', 'max'];
  const head = [...PLACE, 'slices', 'sections/s', '95 %', 'wait us p50', 'p99', 'p99.9', 'max', 'parks/s', 'yields/s', 'switches/s own', 'forced', 'CPUs', 'least/most', 'Jain'];
  const rows = cells.map(({ slices, figures, ...cell }) => [
    ...place(cell),
    slices,
    median(figures['throughput']),
    interval(figures['throughput']),
    ...waits.map((name) => median(figures[name], US)),
    ...['parks', 'yielded', 'voluntary', 'involuntary', 'cpus', 'leastToMost', 'jain'].map((name) => median(figures[name])),
  ]);
  return align([head, ...rows], 1);
}

/** @param {readonly import('./aggregate.mjs').PairSummary[]} pairs @returns {string} */
export function formatPairs(pairs) {
  const compared = ['throughput', 'p50', 'p99', 'p999', 'max', 'parks'];
  const names = ['sections/s', 'wait p50', 'p99', 'p99.9', 'max', 'parks'];
  const head = [...PLACE, 'rounds', ...names.flatMap((name) => [`${name} on/off`, '95 %'])];
  const rows = pairs.map(({ ratios, rounds, ...cell }) => [
    ...place(cell),
    String(rounds),
    ...compared.flatMap((name) => [median(ratios[name]), interval(ratios[name])]),
  ]);
  return align([head, ...rows], 1);
}
