// SPDX-License-Identifier: MIT
/**
 * What a report shows, as plain data: the figures of records put together as
 * they are looked at, by lock and length of section. The figures are those of
 * the records; how they are written and drawn is left to `tables.ts` and
 * `charts.ts`, what they say to `reading.ts`.
 */
import { tellingOf } from '../bench/sections/report.ts';
import { summarize } from '../bench/statistics.ts';
import type { Stats } from 'rseq-slice';
import type {
  BenchRecord,
  CellRecord,
  ComparisonOfKinds,
  Environment,
  Figures,
  LockRecord,
  PairRecord,
  Place,
  RunRecord,
  SectionRecord,
  Setting,
  Spread,
} from './records.ts';

/** How long a wait is that so many percent are not longer than. */
export interface WaitPoint {
  /** As people say it: p99.9, or max. */
  readonly name: string;
  readonly percent: number;
  /** ns, a median over the rounds. */
  readonly median: number;
  /** Of the median; null: of a point that the cells of the record do not have. */
  readonly interval: readonly [low: number, high: number] | null;
}

/** How sections ended that are not nested, in all rounds. */
export interface OutcomeFigures {
  readonly sections: number;
  readonly undisturbed: number;
  readonly yielded: number;
  readonly raced: number;
  readonly preempted: number;
}

/** A lock with slices, or without. */
export interface SettingFigures {
  readonly rounds: number;
  /** Sections a second. */
  readonly throughput: Spread | null;
  /** A second. */
  readonly parks: Spread | null;
  /** How many waits were timed in a round, a median. */
  readonly samples: number;
  readonly waits: readonly WaitPoint[];
  /** null: its threads were not attached. */
  readonly outcomes: OutcomeFigures | null;
}

export interface CellFigures {
  readonly workers: number;
  /** null: not measured, as on. */
  readonly off: SettingFigures | null;
  readonly on: SettingFigures | null;
  /** On to off; null: not both were measured in one round. */
  readonly pair: { readonly rounds: number; readonly ratios: Figures } | null;
}

/** One lock and one length of section, with different numbers of workers. */
export interface GroupFigures {
  readonly kind: string;
  /** us, as the gap. */
  readonly section: number;
  readonly gap: number;
  readonly cells: readonly CellFigures[];
}

export interface LockFigures {
  readonly benchmark: 'locks';
  readonly file: string;
  readonly environment: Environment;
  readonly workload: string;
  readonly extension: number | null;
  readonly lane: string | null;
  readonly rounds: number;
  readonly seconds: number;
  readonly sample: number;
  /** Whether all rounds were made. */
  readonly complete: boolean;
  readonly notes: readonly string[];
  /** Runs that are in no figure, and why. */
  readonly failures: readonly string[];
  readonly groups: readonly GroupFigures[];
  /** To the locks that a program would write for itself. */
  readonly comparisons: readonly ComparisonOfKinds[];
}

export type RecordFigures = LockFigures | SectionRecord;

export function figuresOf(record: BenchRecord): RecordFigures {
  return record.benchmark === 'locks'
    ? figuresOfLocks(record)
    : { ...record, comparisons: tellingOf(record.comparisons, record.host) };
}

/** The names of the cells' figures of waits. */
const NAMED = [
  ['p50', 50],
  ['p99', 99],
  ['p999', 99.9],
] as const;

function figuresOfLocks({ cells, pairs, runs, ...record }: LockRecord): LockFigures {
  const places = new Map<string, { readonly place: Place; readonly workers: Set<number> }>();
  for (const place of [...cells, ...pairs]) {
    const name = JSON.stringify([place.kind, place.section, place.gap]);
    const group = places.get(name) ?? { place, workers: new Set() };
    places.set(name, group);
    group.workers.add(place.workers);
  }
  const groups = [...places.values()].map(
    ({ place: { kind, section, gap }, workers }): GroupFigures => ({
      kind,
      section,
      gap,
      cells: [...workers]
        .sort((a, b) => a - b)
        .map((number) => cellFigures({ kind, workers: number, section, gap }, cells, pairs, runs)),
    }),
  );
  const failures = runs.flatMap(({ wrong, round, slices, ...place }) =>
    wrong === null ? [] : [`${nameOf(place)}, slices ${slices}, round ${round + 1}: ${wrong}`],
  );
  return { ...record, failures, groups };
}

/** A percentile as people say it, with two digits of what is left to 100. */
function percentName(percent: number): string {
  const decimals = percent === 100 ? 0 : Math.max(1, Math.ceil(-Math.log10(100 - percent)) + 1);
  return `p${Number(percent.toFixed(decimals))}`;
}

/** A place as people say it. */
export function nameOf({ kind, workers, section, gap }: Place): string {
  return `${kind}, ${workers} ${workers === 1 ? 'worker' : 'workers'}, sections of ${section} µs${gap === section ? '' : ` and gaps of ${gap} µs`}`;
}

function cellFigures(
  place: Place,
  cells: readonly CellRecord[],
  pairs: readonly PairRecord[],
  runs: readonly RunRecord[],
): CellFigures {
  const isHere = isAt(place);
  const pair = pairs.find(isHere);
  const setting = (slices: Setting): SettingFigures | null => {
    const cell = cells.find((each) => isHere(each) && each.slices === slices);
    return cell === undefined
      ? null
      : settingFigures(
          cell,
          runs.filter((run) => isHere(run) && run.slices === slices && run.wrong === null),
        );
  };
  return {
    workers: place.workers,
    off: setting('off'),
    on: setting('on'),
    pair: pair === undefined ? null : { rounds: pair.rounds, ratios: pair.ratios },
  };
}

function isAt({ kind, workers, section, gap }: Place): (other: Place) => boolean {
  return (other) =>
    other.kind === kind &&
    other.workers === workers &&
    other.section === section &&
    other.gap === gap;
}

function settingFigures(
  { rounds, figures }: CellRecord,
  runs: readonly RunRecord[],
): SettingFigures {
  return {
    rounds,
    throughput: figures['throughput'] ?? null,
    parks: figures['parks'] ?? null,
    samples: median(runs.map(({ samples }) => samples)),
    waits: waitPoints(figures, runs),
    outcomes: sumOutcomes(runs.flatMap(({ outcomes }) => (outcomes === null ? [] : [outcomes]))),
  };
}

/** Those of the cell, and between them what the runs have besides; the longest one comes last. */
function waitPoints(figures: Figures, runs: readonly RunRecord[]): WaitPoint[] {
  const points = new Map<number, WaitPoint>();
  const add = (name: string, percent: number, spread: Spread | null | undefined): void => {
    if (spread !== null && spread !== undefined)
      points.set(percent, { name, percent, median: spread.median, interval: spread.interval });
  };
  for (const [name, percent] of NAMED) add(percentName(percent), percent, figures[name]);
  add('max', 100, figures['max']);
  const waits = new Map<number, number[]>();
  for (const [percent, wait] of runs.flatMap(({ percentiles }) => percentiles))
    waits.set(percent, [...(waits.get(percent) ?? []), wait]);
  for (const [percent, all] of waits) {
    // A point that some rounds lack would be a median of others than its neighbours are.
    if (percent === 100 || points.has(percent) || all.length < runs.length) continue;
    points.set(percent, {
      name: percentName(percent),
      percent,
      median: median(all),
      interval: null,
    });
  }
  return [...points.values()].sort((a, b) => a.percent - b.percent);
}

function median(values: readonly number[]): number {
  return values.length === 0 ? 0 : summarize(values).median;
}

function sumOutcomes(all: readonly Stats[]): OutcomeFigures | null {
  if (all.length === 0) return null;
  const sum = (name: keyof Stats): number => all.reduce((total, counts) => total + counts[name], 0);
  const [undisturbed, yielded, raced, preempted] = [
    sum('undisturbed'),
    sum('yielded'),
    sum('raced'),
    sum('preempted'),
  ];
  return {
    sections: undisturbed + yielded + raced + preempted,
    undisturbed,
    yielded,
    raced,
    preempted,
  };
}

export const DISTURBED = ['yielded', 'raced', 'preempted'] as const;

/** Disturbed sections are few; of one hundred thousand they can be compared. */
export function perHundredThousand({ sections }: OutcomeFigures, count: number): number {
  return sections === 0 ? 0 : (count / sections) * 100_000;
}
