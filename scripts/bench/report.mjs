// What was measured, as a table for people and a record for later: the figures, how they stand to one another, and
// where and how they were taken, without which they mean nothing.

import { execFileSync } from 'node:child_process';
import { arch, cpus, release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { summarize } from './statistics.mjs';

/** @typedef {import('./statistics.mjs').Summary} Summary */
/** @typedef {Map<string, number[]>} Samples */

/**
 * How two loops compare, and what is aimed at.
 * @typedef {{ name: string, of: string, by: string, unit: string, target: (value: number) => boolean, aim: string,
 *   compare: (of: number, by: number) => number }} Question
 */

/** @type {readonly Question[]} */
const OF_SECTIONS = [
  { name: 'JS - empty loop', of: 'js', by: 'empty', unit: ' ns', aim: '<= 2 ns', target: (value) => value <= 2, compare: (of, by) => of - by },
  { name: 'JS / C', of: 'js', by: 'c', unit: '', aim: '<= 3', target: (value) => value <= 3, compare: (of, by) => of / by },
  {
    name: 'lone / simulated',
    of: 'lone',
    by: 'simulated',
    unit: '',
    aim: '0.8 .. 1.2',
    target: (value) => value >= 0.8 && value <= 1.2,
    compare: (of, by) => of / by,
  },
  { name: 'N-API pair / JS', of: 'napi', by: 'js', unit: '', aim: '>= 8', target: (value) => value >= 8, compare: (of, by) => of / by },
];

/**
 * @typedef {object} Comparison
 * @property {string} name
 * @property {Summary | null} value null: one of the two was not measured
 * @property {string} unit
 * @property {string} aim
 * @property {boolean | null} met
 */

/**
 * Compares round by round, so that a slow moment of the machine is in both sides. `least` compares the best of both:
 * what a quiet machine would show.
 * @param {Samples} samples
 * @param {readonly Question[]} questions
 * @returns {Comparison[]}
 */
export function compareLoops(samples, questions = OF_SECTIONS) {
  return questions.map(({ name, of, by, unit, aim, target, compare }) => {
    const ours = samples.get(of);
    const theirs = samples.get(by);
    if (ours === undefined || theirs === undefined) return { name, value: null, unit, aim, met: null };
    const rounds = summarize(ours.map((time, round) => compare(time, theirs[round] ?? NaN)));
    const value = { ...rounds, least: compare(Math.min(...ours), Math.min(...theirs)) };
    return { name, value, unit, aim, met: target(value.median) };
  });
}

/** @param {readonly string[]} args @returns {string | null} */
function git(...args) {
  try {
    // Locks would fail in a guest, where the checkout is read-only.
    const cwd = fileURLToPath(new URL('../..', import.meta.url));
    return execFileSync('git', ['--no-optional-locks', '-c', 'safe.directory=*', ...args], {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return null;
  }
}

/** @returns {Record<string, unknown>} where and when this was measured */
export function describeRun() {
  return {
    date: new Date().toISOString(),
    kernel: release(),
    guest: process.env['RSEQ_SLICE_GUEST'] !== undefined,
    cpu: cpus()[0]?.model ?? 'unknown',
    cpus: cpus().length,
    arch: arch(),
    node: process.version,
    v8: process.versions.v8,
    command: ['node', ...process.execArgv, 'scripts/bench/main.mjs', ...process.argv.slice(2)].join(' '),
    commit: git('rev-parse', 'HEAD'),
    // null: not known, as the commit.
    modified: git('rev-parse', 'HEAD') === null ? null : git('status', '--porcelain', '--untracked-files=no') !== '',
  };
}

/** @param {readonly (readonly string[])[]} rows @returns {string} with the columns below one another, the first to the left */
function align(rows) {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) => row.map((cell, column) => (column === 0 || column === row.length - 1 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))))
    .map((row) => row.join('  ').trimEnd())
    .join('\n');
}

/** @param {Summary} summary @returns {string[]} */
function figures({ median, interval: [low, high], least }) {
  return [median.toFixed(2), `${low.toFixed(2)} .. ${high.toFixed(2)}`, least.toFixed(2)];
}

/**
 * @param {readonly { name: string, what: string }[]} loops
 * @param {Samples} samples
 * @param {readonly Comparison[]} comparisons
 * @returns {string}
 */
export function formatTable(loops, samples, comparisons) {
  const times = loops.map(({ name, what }) => [name, ...figures(summarize(samples.get(name) ?? [])), what]);
  const ratios = comparisons.map(({ name, value, unit, aim, met }) =>
    value === null
      ? [name, '', '', '', `not measured (target ${aim})`]
      : [name, ...figures(value), `${unit === '' ? '' : `${unit.trim()}; `}target ${aim}: ${met === true ? 'met' : 'missed'}`],
  );
  const head = ['ns per operation', 'median', '95 % of median', 'least', 'loop'];
  return `${align([head, ...times])}\n\n${align([['compared', 'median', '95 % of median', 'least', ''], ...ratios])}\n`;
}
