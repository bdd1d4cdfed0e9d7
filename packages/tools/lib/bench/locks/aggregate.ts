// SPDX-License-Identifier: MIT
/**
 * From measurements to what they say: the figures of each, their medians over the
 * rounds, and how slices on stands to slices off, compared within a round, where the
 * two were neighbours in time.
 */
import { summarize } from '../statistics.ts';
import type { Summary } from '../statistics.ts';
import type { Measured } from './cell.ts';
import type { SectionCounts } from './counting.ts';

export type Slices = 'on' | 'off';

/** What is measured: one row of the table. */
export interface Cell {
  readonly kind: string;
  readonly workers: number;
  /** us. */
  readonly section: number;
  /** us. */
  readonly gap: number;
}

export interface Run extends Cell {
  readonly round: number;
  readonly slices: Slices;
  /** null: it failed. */
  readonly measured: Measured | null;
  /** Why it failed. */
  readonly error: string | null;
}

/** Per second, ns, or shares. */
export type Figures = Readonly<Record<string, number | null>>;
export type Summaries = Readonly<Record<string, Summary | null>>;

export interface CellSummary extends Cell {
  readonly slices: Slices;
  readonly rounds: number;
  readonly figures: Summaries;
}

export interface PairSummary extends Cell {
  readonly rounds: number;
  /** On / off. */
  readonly ratios: Summaries;
}

export interface CountSummary extends Cell {
  readonly slices: Slices;
  readonly rounds: number;
  /** Per section or per contended section, see {@link countFigures}. */
  readonly figures: Summaries;
}

/** Those that are compared. */
const COMPARED = ['throughput', 'p50', 'p99', 'p999', 'max', 'parks'];

/** How even a list of numbers is: 1 when all are equal, 1/n when one has everything (Jain). */
export function jainIndex(shares: readonly number[]): number {
  const sum = shares.reduce((total, share) => total + share, 0);
  const squares = shares.reduce((total, share) => total + share * share, 0);
  return squares === 0 ? 1 : (sum * sum) / (shares.length * squares);
}

export function figuresOf({
  seconds,
  cpu,
  workers,
  waits,
  lock,
  slices,
  switches,
}: Measured): Figures {
  const sections = workers.map((worker) => worker.sections);
  const most = Math.max(...sections);
  const rate = (count: number | null | undefined): number | null =>
    count === null || count === undefined ? null : count / seconds;
  return {
    throughput: rate(sections.reduce((total, count) => total + count, 0)),
    p50: waits.p50,
    p99: waits.p99,
    p999: waits.p999,
    max: waits.max,
    parks: rate(lock?.['parked']),
    wakes: rate(lock?.['called'] ?? lock?.['woken']),
    voluntary: rate(switches?.['voluntary']),
    involuntary: rate(switches?.['involuntary']),
    yielded: rate(slices?.['yielded']),
    preempted: rate(slices?.['preempted']),
    cpus: rate(cpu),
    leastToMost: most === 0 ? 1 : Math.min(...sections) / most,
    jain: jainIndex(sections),
  };
}

const cellOf = ({ kind, workers, section, gap }: Cell): Cell => ({ kind, workers, section, gap });

/** @returns those with the same key, in the order in which the keys first come */
function group(runs: readonly Run[], key: (run: Run) => unknown): Run[][] {
  const groups = new Map<string, Run[]>();
  for (const run of runs) {
    const name = JSON.stringify(key(run));
    groups.set(name, [...(groups.get(name) ?? []), run]);
  }
  return [...groups.values()];
}

/** @returns of those that are numbers */
function summarizeKnown(values: readonly (number | null | undefined)[]): Summary | null {
  const known = values.filter(
    (value): value is number => typeof value === 'number' && Number.isFinite(value),
  );
  return known.length === 0 ? null : summarize(known);
}

/** A run whose lock did not exclude has no figures that mean anything. */
const isGood = ({ measured }: Run): boolean => measured !== null && measured.wrong.length === 0;

const figures = ({ measured }: Run): Figures => (measured === null ? {} : figuresOf(measured));

/**
 * What sections took, on average: of all, and with `PerContended` what came with contention, for
 * each section that met it. null: there was none, or it is not known.
 */
export function countFigures(counts: SectionCounts): Figures {
  const { sections, contended, operations, fewest, systemCalls, parks, wakes } = counts;
  const vain = counts.emptyWakes + counts.vainParks;
  const each = (total: number): number | null => (sections === 0 ? null : total / sections);
  const met = (total: number): number | null =>
    contended === null || contended === 0 ? null : total / contended;
  return {
    contended: contended === null ? null : each(contended),
    parks: each(parks),
    parksPerContended: met(parks),
    wakes: each(wakes),
    wakesPerContended: met(wakes),
    vain: each(vain),
    vainPerContended: met(vain),
    systemCalls: each(systemCalls),
    systemCallsPerContended: met(systemCalls),
    operations: each(operations),
    operationsPerContended: met(operations - fewest),
  };
}

const countedFigures = ({ measured }: Run): Figures => {
  const counts = measured?.sections ?? null;
  return counts === null ? {} : countFigures(counts);
};

/** @param runs in which it was counted */
export function summarizeCounts(runs: readonly Run[]): CountSummary[] {
  const good = runs.filter((run) => isGood(run) && (run.measured?.sections ?? null) !== null);
  return summarizeCells(good, countedFigures);
}

function summarizeCells(good: readonly Run[], figures: (run: Run) => Figures): CellSummary[] {
  return group(good, (run) => [cellOf(run), run.slices]).flatMap((same) => {
    const [first] = same;
    if (first === undefined) return [];
    const all = same.map(figures);
    const names = Object.keys(all[0] ?? {});
    const summaries = names.map(
      (name) => [name, summarizeKnown(all.map((each) => each[name]))] as const,
    );
    return [
      {
        ...cellOf(first),
        slices: first.slices,
        rounds: same.length,
        figures: Object.fromEntries(summaries),
      },
    ];
  });
}

function summarizePairs(good: readonly Run[]): PairSummary[] {
  return group(good, cellOf).flatMap((same) => {
    const [first] = same;
    const both = group(same, (run) => run.round).flatMap((round) => {
      const [on, off] = [
        round.find((run) => run.slices === 'on'),
        round.find((run) => run.slices === 'off'),
      ];
      return on === undefined || off === undefined ? [] : [{ on: figures(on), off: figures(off) }];
    });
    if (first === undefined || both.length === 0) return [];
    // Nothing to nothing is no ratio, and neither is anything to nothing.
    const ratios = (name: string): number[] =>
      both.map(({ on, off }) => (on[name] ?? NaN) / (off[name] ?? NaN));
    return [
      {
        ...cellOf(first),
        rounds: both.length,
        ratios: Object.fromEntries(COMPARED.map((name) => [name, summarizeKnown(ratios(name))])),
      },
    ];
  });
}

export function aggregate(runs: readonly Run[]): {
  readonly cells: CellSummary[];
  readonly pairs: PairSummary[];
} {
  const good = runs.filter(isGood);
  return { cells: summarizeCells(good, figures), pairs: summarizePairs(good) };
}
