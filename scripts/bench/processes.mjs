// SPDX-License-Identifier: MIT
// The benchmark of sections in several processes, of several Nodes, in turns: what V8 makes of the
// same code and where the memory lies are another thing in each, so one process proves nothing.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { formatLegend, formatTable } from 'rseq-slice/internal';
import { summarize } from '../../packages/tools/dist/bench/statistics.js';

/**
 * @typedef {import('../../packages/tools/lib/bench/sections/record.ts').SectionsRecord
 * } SectionsRecord
 */

/**
 * The cost of one loop with one Node, ns per operation above the empty loop.
 * @typedef {{
 *   node: string, loop: string, median: number, least: number, most: number, bar: Bar | null
 * }} Row
 */

/**
 * What this project aims at: the median of the processes, and each of them.
 * @typedef {{ median: number, most: number }} Bar
 */

const program = fileURLToPath(new URL('main.mjs', import.meta.url));

/** @type {readonly { loop: string, what: string, bar: Bar | null }[]} */
const LOOPS = [
  { loop: 'empty', what: 'the loop alone', bar: null },
  {
    loop: 'js',
    what: 'thread.enter(); thread.leave(), above the empty loop',
    bar: { median: 2, most: 2.5 },
  },
  {
    loop: 'critical',
    what: 'thread.critical(() => {}), above the empty loop',
    bar: { median: 3, most: 3.5 },
  },
];

/**
 * @param {string} node @param {number} rounds @param {number} batch ns @returns {SectionsRecord}
 */
function measureOne(node, rounds, batch) {
  const args = [program, '--rounds', String(rounds), '--batch', String(batch / 1e6), '--json'];
  const { status, signal, stdout, stderr } = spawnSync(node, args, {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  if (status !== 0)
    throw new Error(`${node} ended with ${signal ?? `exit code ${status}`}:\n${stderr}`);
  return JSON.parse(stdout);
}

/**
 * What a process says of a loop: the median of its rounds.
 * @param {SectionsRecord} record @param {string} loop
 */
export function costIn({ results }, loop) {
  const empty = results['empty']?.samples ?? [];
  const samples = results[loop]?.samples ?? [];
  return summarize(
    loop === 'empty' ? samples : samples.map((time, round) => time - (empty[round] ?? NaN)),
  ).median;
}

/** @param {readonly SectionsRecord[]} records @returns {Row[]} by Node and loop */
export function rowsOf(records) {
  const nodes = [...new Set(records.map(({ node }) => node))];
  return nodes.flatMap((node) =>
    LOOPS.map(({ loop, bar }) => {
      const costs = records
        .filter((record) => record.node === node)
        .map((record) => costIn(record, loop));
      const { median, least } = summarize(costs);
      return { node, loop, median, least, most: Math.max(...costs), bar };
    }),
  );
}

/** @param {Row} row */
export const isWithinBar = ({ median, most, bar }) =>
  bar === null || (median <= bar.median && most <= bar.most);

/**
 * @param {{ rounds: number, batch: number, processes: number, nodes: readonly string[] }} options
 */
export function measureProcesses({ rounds, batch, processes, nodes }) {
  /** @type {SectionsRecord[]} */
  const records = [];
  for (let turn = 0; turn < processes; turn++)
    for (const node of nodes) records.push(measureOne(node, rounds, batch));
  return { records, rows: rowsOf(records) };
}

/** @param {readonly Row[]} rows @param {import('rseq-slice/internal').TableStyle} [style] */
export function formatProcesses(rows, style = {}) {
  return [
    formatTable(
      ['Node', 'ns per operation', 'median', 'best', 'worst', 'target'],
      rows.map((row) => [
        row.node,
        row.loop,
        row.median.toFixed(2),
        row.least.toFixed(2),
        row.most.toFixed(2),
        row.bar === null
          ? 'none'
          : `<= ${row.bar.median}, worst <= ${row.bar.most}: ${isWithinBar(row) ? 'met' : 'missed'}`,
      ]),
      style,
    ),
    formatLegend(
      [
        ...LOOPS.map(({ loop, what }) => /** @type {const} */ ([loop, what])),
        ['median', 'of the processes, each by the median of its rounds'],
      ],
      style,
    ),
  ].join('\n');
}
