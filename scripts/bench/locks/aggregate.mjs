// From measurements to what they say: the figures of each, their medians over the rounds, and how slices on stands to
// slices off, compared within a round, where the two were neighbours in time.

import { summarize } from '../statistics.mjs';

/** @typedef {import('../statistics.mjs').Summary} Summary */
/** @typedef {import('./cell.mjs').Measured} Measured */

/**
 * What is measured: one row of the table.
 * @typedef {object} Cell
 * @property {string} kind
 * @property {number} workers
 * @property {number} section us
 * @property {number} gap us
 */

/**
 * @typedef {Cell & { round: number, slices: 'on' | 'off', measured: Measured | null, error: string | null }} Run
 *   `measured` is null and `error` says why when it failed
 */

/** @typedef {Readonly<Record<string, number | null>>} Figures */

/**
 * @typedef {Cell & { slices: 'on' | 'off', rounds: number, figures: Readonly<Record<string, Summary | null>> }} CellSummary
 * @typedef {Cell & { rounds: number, ratios: Readonly<Record<string, Summary | null>> }} PairSummary on / off
 */

/** Those that are compared. */
const COMPARED = ['throughput', 'p50', 'p99', 'p999', 'max', 'parks'];

/** How even a list of numbers is: 1 when all are equal, 1/n when one has everything (Jain). @param {readonly number[]} shares */
export function jainIndex(shares) {
  const sum = shares.reduce((total, share) => total + share, 0);
  const squares = shares.reduce((total, share) => total + share * share, 0);
  return squares === 0 ? 1 : (sum * sum) / (shares.length * squares);
}

/** @param {Measured} measured @returns {Figures} per second, ns, or shares */
export function figuresOf({ seconds, cpu, workers, waits, lock, slices, switches }) {
  const sections = workers.map((worker) => worker.sections);
  const most = Math.max(...sections);
  const rate = (/** @type {number | null | undefined} */ count) => (count === null || count === undefined ? null : count / seconds);
  return {
    throughput: rate(sections.reduce((total, count) => total + count, 0)),
    p50: waits.p50,
    p99: waits.p99,
    p999: waits.p999,
    max: waits.max,
    parks: rate(lock?.['parked']),
    wakes: rate(lock?.['called'] ?? lock?.['woken']),
    voluntary: rate(switches?.voluntary),
    involuntary: rate(switches?.involuntary),
    yielded: rate(slices?.['yielded']),
    revoked: rate(slices?.['revoked']),
    cpus: rate(cpu),
    leastToMost: most === 0 ? 1 : Math.min(...sections) / most,
    jain: jainIndex(sections),
  };
}

/** @param {Run} run */
const cellOf = ({ kind, workers, section, gap }) => ({ kind, workers, section, gap });

/**
 * @template K
 * @param {readonly Run[]} runs @param {(run: Run) => K} key
 * @returns {Run[][]} those with the same key, in the order in which the keys first come
 */
function group(runs, key) {
  /** @type {Map<string, Run[]>} */
  const groups = new Map();
  for (const run of runs) {
    const name = JSON.stringify(key(run));
    groups.set(name, [...(groups.get(name) ?? []), run]);
  }
  return [...groups.values()];
}

/** @param {readonly (number | null | undefined)[]} values @returns {Summary | null} of those that are numbers */
function summarizeKnown(values) {
  const known = values.filter((value) => typeof value === 'number' && Number.isFinite(value));
  return known.length === 0 ? null : summarize(/** @type {number[]} */ (known));
}

/** A run whose lock did not exclude has no figures that mean anything. @param {Run} run */
export const isGood = ({ measured }) => measured !== null && measured.wrong.length === 0;

/** @param {Run} run @returns {Figures} */
const figures = ({ measured }) => (measured === null ? {} : figuresOf(measured));

/**
 * @param {readonly Run[]} runs
 * @returns {{ cells: CellSummary[], pairs: PairSummary[] }}
 */
export function aggregate(runs) {
  const good = runs.filter(isGood);
  /** @type {CellSummary[]} */
  const cells = [];
  for (const same of group(good, (run) => [cellOf(run), run.slices])) {
    const [first] = same;
    if (first === undefined) continue;
    const all = same.map(figures);
    const names = Object.keys(all[0] ?? {});
    const summaries = names.map((name) => [name, summarizeKnown(all.map((each) => each[name]))]);
    cells.push({ ...cellOf(first), slices: first.slices, rounds: same.length, figures: Object.fromEntries(summaries) });
  }
  /** @type {PairSummary[]} */
  const pairs = [];
  for (const same of group(good, cellOf)) {
    const [first] = same;
    const both = group(same, (run) => run.round).flatMap((round) => {
      const [on, off] = [round.find((run) => run.slices === 'on'), round.find((run) => run.slices === 'off')];
      return on === undefined || off === undefined ? [] : [{ on: figures(on), off: figures(off) }];
    });
    if (first === undefined || both.length === 0) continue;
    // Nothing to nothing is no ratio, and neither is anything to nothing.
    const ratio = (/** @type {string} */ name) => both.map(({ on, off }) => (on[name] ?? NaN) / (off[name] ?? NaN));
    const ratios = COMPARED.map((name) => [name, summarizeKnown(ratio(name))]);
    pairs.push({ ...cellOf(first), rounds: both.length, ratios: Object.fromEntries(ratios) });
  }
  return { cells, pairs };
}
