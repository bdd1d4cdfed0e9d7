// SPDX-License-Identifier: MIT
/**
 * How the locks of this library stand to others that were measured in the same cells: to the best
 * of those that could be used in their place, whichever that is, and to the one that a program
 * would write for itself. Ratios are taken within a round. Whatever is not JavaScript, or is of
 * tasks in one thread, is no substitute and is left out.
 */
import { summarize } from '../statistics.ts';
import type { Summary } from '../statistics.ts';
import { figuresOf } from './aggregate.ts';
import type { Cell, Run, Slices } from './aggregate.ts';
import type { Kind } from './kinds.ts';

/** What a record tells of a lock. */
export type KindFacts = Pick<Kind, 'name' | 'what' | 'runner' | 'job' | 'baseline' | 'ours'>;

export const factsOf = ({ name, what, runner, job, baseline, ours }: Kind): KindFacts => ({
  ...{ name, what, runner, job, baseline, ours },
});

/** What is compared: more is better of the first, less of the second. */
const COMPARED = ['throughput', 'p999'] as const;
export type Compared = (typeof COMPARED)[number];
const isBetter: Readonly<Record<Compared, (a: number, b: number) => boolean>> = {
  throughput: (a, b) => a > b,
  p999: (a, b) => a < b,
};

/** To another kind. */
export interface Against {
  readonly kind: string;
  /** Ours to theirs, in each round. */
  readonly ratio: Summary;
}

export type Standing = Readonly<Record<Compared, Against | null>>;

/** A cell of one of our kinds. */
export interface Comparison extends Cell {
  readonly slices: Slices;
  /** To the best of the others, by their medians; null: there is none. */
  readonly best: Standing;
  /** To the one that a program would write for itself; null: it was not measured. */
  readonly baseline: Standing;
}

/** The cell in which a ratio is worst. */
export interface Worst extends Cell {
  readonly against: string;
  readonly ratio: number;
}

/** All cells of one of our kinds. */
export interface Overall {
  readonly kind: string;
  readonly slices: Slices;
  readonly against: 'best' | 'baseline';
  readonly figure: Compared;
  readonly cells: number;
  /** Geometric, of the medians of the ratios. */
  readonly mean: number;
  readonly worst: Worst;
}

/** By round. */
type Rounds = ReadonlyMap<number, number>;

interface Series {
  readonly cell: Cell;
  readonly slices: Slices;
  readonly figures: Readonly<Record<Compared, Rounds>>;
}

const placeOf = ({ workers, section, gap }: Cell): string =>
  JSON.stringify([workers, section, gap]);

function seriesOf(runs: readonly Run[]): Series[] {
  const all = new Map<string, Series & { figures: Record<Compared, Map<number, number>> }>();
  for (const { kind, workers, section, gap, slices, round, measured } of runs) {
    if (measured === null || measured.wrong.length > 0) continue;
    const cell = { kind, workers, section, gap };
    const key = JSON.stringify([cell, slices]);
    const series = all.get(key) ?? {
      ...{ cell, slices },
      figures: { throughput: new Map<number, number>(), p999: new Map<number, number>() },
    };
    all.set(key, series);
    const figures = figuresOf(measured);
    for (const name of COMPARED) {
      const value = figures[name];
      // Nothing to nothing is no ratio.
      if (typeof value === 'number' && value > 0) series.figures[name].set(round, value);
    }
  }
  return [...all.values()];
}

function against(ours: Series, theirs: Series | undefined, name: Compared): Against | null {
  if (theirs === undefined) return null;
  const ratios = [...ours.figures[name]].flatMap(([round, value]) => {
    const other = theirs.figures[name].get(round);
    return other === undefined ? [] : [value / other];
  });
  return ratios.length === 0 ? null : { kind: theirs.cell.kind, ratio: summarize(ratios) };
}

const median = ({ figures }: Series, name: Compared): number | null => {
  const values = [...figures[name].values()];
  return values.length === 0 ? null : summarize(values).median;
};

function bestOf(all: readonly Series[], name: Compared): Series | undefined {
  let best: readonly [Series, number] | undefined;
  for (const series of all) {
    const value = median(series, name);
    if (value !== null && (best === undefined || isBetter[name](value, best[1])))
      best = [series, value];
  }
  return best?.[0];
}

/** Those that stand for a kind: with the same setting of slices if it has it, else without. */
function alike(all: readonly Series[], slices: Slices): Series[] {
  const names = [...new Set(all.map(({ cell }) => cell.kind))];
  return names.flatMap((name) => {
    const same = all.filter(({ cell }) => cell.kind === name);
    const found = same.find((series) => series.slices === slices) ?? same.find(isOff);
    return found === undefined ? [] : [found];
  });
}
const isOff = ({ slices }: Series): boolean => slices === 'off';

/** @param kinds of the locks that were measured */
export function compareKinds(runs: readonly Run[], kinds: readonly KindFacts[]): Comparison[] {
  const series = seriesOf(runs);
  const facts = new Map(kinds.map((kind) => [kind.name, kind]));
  return series.flatMap((ours) => {
    const kind = facts.get(ours.cell.kind);
    if (kind?.ours !== true) return [];
    const here = series.filter(({ cell }) => placeOf(cell) === placeOf(ours.cell));
    const others = alike(
      here.filter(({ cell }) => {
        const other = facts.get(cell.kind);
        return (
          other !== undefined && !other.ours && other.runner === 'workers' && other.job === kind.job
        );
      }),
      ours.slices,
    );
    if (others.length === 0) return [];
    const standing = (find: (name: Compared) => Series | undefined): Standing => ({
      throughput: against(ours, find('throughput'), 'throughput'),
      p999: against(ours, find('p999'), 'p999'),
    });
    return [
      {
        ...ours.cell,
        slices: ours.slices,
        best: standing((name) => bestOf(others, name)),
        baseline: standing(() => others.find(({ cell }) => cell.kind === kind.baseline)),
      },
    ];
  });
}

/** What all cells of a kind come to. */
export function overallOf(comparisons: readonly Comparison[]): Overall[] {
  const groups = new Map<string, Comparison[]>();
  for (const each of comparisons) {
    const key = JSON.stringify([each.kind, each.slices]);
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  return [...groups.values()].flatMap((same) =>
    (['best', 'baseline'] as const).flatMap((which) =>
      COMPARED.flatMap((figure) => overall(same, which, figure)),
    ),
  );
}

function overall(
  same: readonly Comparison[],
  which: Overall['against'],
  figure: Compared,
): Overall[] {
  const all = same.flatMap(({ kind, workers, section, gap, [which]: { [figure]: found } }) =>
    found === null
      ? []
      : [{ kind, workers, section, gap, against: found.kind, ratio: found.ratio.median }],
  );
  const [first] = all;
  const slices = same[0]?.slices;
  if (first === undefined || slices === undefined) return [];
  const worst = all.reduce(
    (least, each) => (isBetter[figure](least.ratio, each.ratio) ? each : least),
    first,
  );
  const mean = Math.exp(all.reduce((sum, { ratio }) => sum + Math.log(ratio), 0) / all.length);
  return [{ kind: first.kind, slices, against: which, figure, cells: all.length, mean, worst }];
}
