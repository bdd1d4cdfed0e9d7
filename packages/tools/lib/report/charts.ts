// SPDX-License-Identifier: MIT
/**
 * The charts of a report as data: what is drawn, what is said of each point, and
 * the table with the same numbers. Drawing is left to `assets/client.js`.
 */
import { nameOfIntervals } from '../bench/statistics.ts';
import { DISTURBED, perHundredThousand } from './figures.ts';
import type { CellFigures, GroupFigures, OutcomeFigures, WaitPoint } from './figures.ts';
import { duration, short, whole, withInterval } from './format.ts';
import type { Write } from './format.ts';
import { SETTINGS } from './records.ts';
import type { SectionRecord, Setting, Spread } from './records.ts';
import { numberCell, ratioCell, spreadCell } from './tables.ts';
import type { Table } from './tables.ts';

/** One line, or one layer of the bars. */
export interface Series {
  readonly name: string;
  /** Its colour and shape. */
  readonly style: Setting | (typeof DISTURBED)[number] | 'plain';
  readonly values: readonly (number | null)[];
  /** Ends of the intervals; null: there is none. */
  readonly low: readonly (number | null)[];
  readonly high: readonly (number | null)[];
}

export interface Axis {
  readonly title: string;
  readonly isLogarithmic: boolean;
  /** What it must have room for. */
  readonly extent: Extent;
}

export type Extent = readonly [least: number, most: number];

/** Plain data for the page's script. */
export interface Plot {
  readonly shape: 'lines' | 'points' | 'stacks';
  readonly x: Axis & {
    readonly positions: readonly number[];
    readonly ticks: readonly (readonly [position: number, label: string])[];
  };
  readonly y: Axis & { readonly unit: 'ns' | 'number' };
  readonly series: readonly Series[];
  /** What is said of each position. */
  readonly readout: readonly string[];
}

export interface Chart {
  /** What it is of: charts of one kind are compared, so their axes have the same scale. */
  readonly kind: string;
  readonly title: string;
  readonly about: string;
  readonly plot: Plot;
  readonly table: Table;
}

/** Those of each group that have something to show. */
export function chartsOf(groups: readonly GroupFigures[]): Chart[][] {
  const charts = groups.map((group) =>
    [throughputChart(group), ...group.cells.map(waitsChart), outcomesChart(group)].filter(
      (chart) => chart !== null,
    ),
  );
  const all = charts.flat();
  return charts.map((some) =>
    some.map((chart) =>
      sharing(
        chart,
        all.filter(({ kind }) => kind === chart.kind),
      ),
    ),
  );
}

/** The same chart, on axes with room for all of its kind. */
export function sharing(chart: Chart, alike: readonly Chart[]): Chart {
  const { plot } = chart;
  const whole = (axis: 'x' | 'y'): Extent =>
    extentOf(alike.flatMap((other) => other.plot[axis].extent));
  // Places beside one another have no common measure.
  const x = plot.x.isLogarithmic ? { ...plot.x, extent: whole('x') } : plot.x;
  return { ...chart, plot: { ...plot, x, y: { ...plot.y, extent: whole('y') } } };
}

/** @returns infinite where there is nothing */
function extentOf(values: readonly (number | null)[], isLogarithmic = false): Extent {
  // A logarithmic axis has no room for nothing.
  const known = values.filter(
    (value): value is number => value !== null && (value > 0 || !isLogarithmic),
  );
  return [Math.min(...known), Math.max(...known)];
}

/** How high something is drawn; layers lie on one another. */
function heightsOf(shape: Plot['shape'], all: readonly Series[]): (number | null)[] {
  if (shape !== 'stacks')
    return all.flatMap(({ values, low, high }) => [...values, ...low, ...high]);
  return (all[0]?.values ?? []).map((_, at) =>
    all.reduce((total, { values }) => total + (values[at] ?? 0), 0),
  );
}

export interface PlotParts {
  readonly shape: Plot['shape'];
  readonly x: Omit<Plot['x'], 'extent'>;
  readonly y: Omit<Plot['y'], 'extent'>;
  readonly series: readonly Series[];
  readonly readout: readonly string[];
}

export function plotOf({ shape, x, y, series: all, readout }: PlotParts): Plot {
  return {
    shape,
    x: { ...x, extent: extentOf(x.positions) },
    y: { ...y, extent: extentOf(heightsOf(shape, all), y.isLogarithmic) },
    series: all,
    readout,
  };
}

type Point = Pick<WaitPoint, 'median' | 'interval'>;

export function series(
  name: string,
  style: Series['style'],
  points: readonly (Point | null | undefined)[],
): Series {
  return {
    name,
    style,
    values: points.map((point) => point?.median ?? null),
    low: points.map((point) => point?.interval?.[0] ?? null),
    high: points.map((point) => point?.interval?.[1] ?? null),
  };
}

export const SLICES: Readonly<Record<Setting, string>> = { off: 'slices off', on: 'slices on' };

/** Both settings, or the one that was measured. */
function measured(cells: readonly CellFigures[]): Setting[] {
  return SETTINGS.filter((setting) => cells.some((cell) => cell[setting] !== null));
}

function say(
  place: string,
  settings: readonly Setting[],
  pointOf: (setting: Setting) => Point | null | undefined,
  write: Write,
): string {
  const said = settings.flatMap((setting) => {
    const point = pointOf(setting);
    return point === null || point === undefined
      ? []
      : [`${setting} ${withInterval(point, write)}`];
  });
  return `${place}: ${said.length === 0 ? 'not measured' : said.join(', ')}`;
}

/** Places beside one another, whatever their numbers. */
export function axisOfNames(title: string, labels: readonly string[]): PlotParts['x'] {
  return {
    title,
    positions: labels.map((_, index) => index),
    isLogarithmic: false,
    ticks: labels.map((label, index) => [index, label] as const),
  };
}

const workersOf = ({ workers }: CellFigures): string =>
  `${workers} ${workers === 1 ? 'worker' : 'workers'}`;

function throughputChart({ cells, section, gap }: GroupFigures): Chart | null {
  const settings = measured(cells);
  if (settings.length === 0) return null;
  const of = (cell: CellFigures, setting: Setting): Spread | null =>
    cell[setting]?.throughput ?? null;
  return {
    kind: `throughput, ${section} ${gap}`,
    title: 'Throughput',
    about: `Sections a second of all workers, medians over the rounds with their intervals (${nameOfIntervals(cells.flatMap((cell) => settings.map((setting) => of(cell, setting))))}). More is better.`,
    plot: plotOf({
      shape: 'lines',
      x: axisOfNames(
        'workers',
        cells.map(({ workers }) => String(workers)),
      ),
      y: { title: 'sections a second', unit: 'number', isLogarithmic: false },
      series: settings.map((setting) =>
        series(
          SLICES[setting],
          setting,
          cells.map((cell) => of(cell, setting)),
        ),
      ),
      readout: cells.map((cell) =>
        say(workersOf(cell), settings, (setting) => of(cell, setting), short),
      ),
    }),
    table: {
      caption: 'Sections a second',
      head: ['workers', ...settings.map((setting) => SLICES[setting]), 'on / off'],
      rows: cells.map((cell) => [
        String(cell.workers),
        ...settings.map((setting) => spreadCell(of(cell, setting))),
        ratioCell(cell.pair?.ratios['throughput']),
      ]),
    },
  };
}

/**
 * Where a percentile is: one wait in so many is longer. The longest of all is one of so many as
 * were timed.
 */
function positionOf(percent: number, samples: number): number {
  // A fixed number of digits, since 1 - 0.999 is not one in a thousand.
  return percent === 100 ? samples : Number((100 / (100 - percent)).toPrecision(9));
}

const RATIO_NAMES: Readonly<Record<string, string>> = { 'p99.9': 'p999' };

function waitsChart(cell: CellFigures): Chart | null {
  const settings = measured([cell]).filter((setting) => (cell[setting]?.waits.length ?? 0) > 0);
  if (settings.length === 0) return null;
  const samples = Math.max(2, ...settings.map((setting) => cell[setting]?.samples ?? 0));
  const names = new Map(
    settings
      .flatMap((setting) => cell[setting]?.waits ?? [])
      .map(({ name, percent }) => [percent, name]),
  );
  const percents = [...names.keys()]
    .filter((percent) => percent === 100 || positionOf(percent, samples) <= samples)
    .sort((a, b) => a - b);
  const of = (setting: Setting, percent: number): WaitPoint | undefined =>
    cell[setting]?.waits.find((point) => point.percent === percent);
  const nameOf = (percent: number): string => names.get(percent) ?? '';
  const about = (percent: number): string =>
    percent === 100
      ? `the longest of some ${whole(Math.round(samples))} that were timed`
      : `${nameOf(percent)}, one wait in ${short(positionOf(percent, samples))} is longer`;
  return {
    kind: 'waits',
    title: `Waits with ${workersOf(cell)}`,
    about:
      'How long it took to get the lock, as percentiles: each step to the right is ten times as rare. Both axes are logarithmic. Less is better.',
    plot: plotOf({
      shape: 'lines',
      x: {
        title: 'percentile of waits',
        positions: percents.map((percent) => positionOf(percent, samples)),
        isLogarithmic: true,
        ticks: percentileTicks(samples),
      },
      y: { title: 'wait', unit: 'ns', isLogarithmic: true },
      series: settings.map((setting) =>
        series(
          SLICES[setting],
          setting,
          percents.map((percent) => of(setting, percent)),
        ),
      ),
      readout: percents.map((percent) =>
        say(about(percent), settings, (setting) => of(setting, percent), duration),
      ),
    }),
    table: {
      caption: 'Waits, medians over the rounds',
      head: ['percentile', ...settings.map((setting) => SLICES[setting]), 'on / off'],
      rows: [...names.keys()]
        .sort((a, b) => a - b)
        .map((percent) => [
          nameOf(percent),
          ...settings.map((setting) => spreadCell(of(setting, percent), duration)),
          ratioCell(cell.pair?.ratios[RATIO_NAMES[nameOf(percent)] ?? nameOf(percent)]),
        ]),
    },
  };
}

function percentileTicks(samples: number): (readonly [number, string])[] {
  const ticks: (readonly [number, string])[] = [[2, '50 %']];
  // What is close to the longest has no room for a label.
  for (let oneIn = 10; oneIn * 2.5 <= samples; oneIn *= 10) {
    const nines = String(oneIn).length - 1;
    ticks.push([
      oneIn,
      nines === 1 ? '90 %' : nines === 2 ? '99 %' : `99.${'9'.repeat(nines - 2)} %`,
    ]);
  }
  return [...ticks, [samples, 'longest']];
}

const WHAT: Readonly<Record<(typeof DISTURBED)[number], string>> = {
  yielded: 'yielded: the extension sufficed',
  raced: 'raced: the extension was over just before',
  preempted: 'preempted: scheduled out inside',
};

function outcomesChart({ cells }: GroupFigures): Chart | null {
  const known = cells.flatMap(({ workers, on }) =>
    on === null || on.outcomes === null ? [] : [{ workers, outcomes: on.outcomes }],
  );
  if (known.length === 0) return null;
  const share = (outcomes: OutcomeFigures, name: (typeof DISTURBED)[number]): number =>
    perHundredThousand(outcomes, outcomes[name]);
  return {
    kind: 'outcomes',
    title: 'How sections ended with slices',
    about:
      'Of 100,000 sections with slices on, those that something disturbed. Attempts to get the lock are sections too.',
    plot: plotOf({
      shape: 'stacks',
      x: axisOfNames(
        'workers',
        known.map(({ workers }) => String(workers)),
      ),
      y: { title: 'of 100,000 sections', unit: 'number', isLogarithmic: false },
      series: DISTURBED.map((name) =>
        series(
          WHAT[name],
          name,
          known.map(({ outcomes }) => ({ median: share(outcomes, name), interval: null })),
        ),
      ),
      readout: known.map(
        ({ workers, outcomes }) =>
          `${workers} ${workers === 1 ? 'worker' : 'workers'}, of 100,000 sections: ${DISTURBED.map((name) => `${name} ${short(share(outcomes, name))}`).join(', ')}`,
      ),
    }),
    table: {
      caption: 'Sections with slices on, all rounds together',
      head: [
        'workers',
        'sections',
        'undisturbed',
        ...DISTURBED,
        ...DISTURBED.map((name) => `${name} of 100,000`),
      ],
      rows: known.map(({ workers, outcomes }) => [
        String(workers),
        ...(['sections', 'undisturbed', ...DISTURBED] as const).map((name) =>
          numberCell(outcomes[name], whole),
        ),
        ...DISTURBED.map((name) => numberCell(share(outcomes, name))),
      ]),
    },
  };
}

/** What each loop of the benchmark of sections takes. */
export function loopsChart({ loops }: SectionRecord): Chart {
  return {
    kind: 'loops',
    title: 'What one operation takes',
    about: `Medians over the rounds with their intervals (${nameOfIntervals(loops)}), on a logarithmic axis. Less is better.`,
    plot: plotOf({
      shape: 'points',
      x: axisOfNames(
        'loop',
        loops.map(({ name }) => name),
      ),
      y: { title: 'an operation', unit: 'ns', isLogarithmic: true },
      series: [series('median', 'plain', loops)],
      readout: loops.map((loop) => `${loop.name} (${loop.what}): ${withInterval(loop, duration)}`),
    }),
    table: {
      caption: 'Nanoseconds an operation',
      head: ['loop', 'median', 'least', 'what it does'],
      rows: loops.map((loop) => [loop.name, spreadCell(loop), numberCell(loop.least), loop.what]),
    },
  };
}
