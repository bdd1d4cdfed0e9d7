// SPDX-License-Identifier: MIT
/**
 * Machines next to one another: how a lock stands to the one that a program would write for itself,
 * by the number of workers. Sections a second of different machines say little of each other; such
 * ratios, taken on each within a round, can be compared.
 */
import { axisOfNames, plotOf, series, sharing, SLICES } from './charts.ts';
import type { Chart } from './charts.ts';
import type { LockFigures, RecordFigures } from './figures.ts';
import { ratio, withInterval } from './format.ts';
import { SETTINGS } from './records.ts';
import type { ComparisonOfKinds, Setting, Spread } from './records.ts';
import { ratioCell } from './tables.ts';
import type { Table } from './tables.ts';

/** One lock, one length of section, on all machines. */
export interface MachinesFigures {
  readonly title: string;
  /** A chart for each machine, on axes of one scale. */
  readonly charts: readonly (Chart & { readonly machine: string })[];
  readonly table: Table;
}

interface Machine {
  readonly name: string;
  readonly comparisons: readonly ComparisonOfKinds[];
}

/** @returns empty: fewer than two of the records compare locks */
export function machinesOf(records: readonly RecordFigures[]): MachinesFigures[] {
  const machines = records.flatMap((record): Machine[] =>
    record.benchmark === 'locks' && record.comparisons.length > 0
      ? [{ name: nameOf(record), comparisons: record.comparisons }]
      : [],
  );
  const all = machines.flatMap(({ comparisons }) => comparisons);
  const places = new Map(all.map((place) => [placeOf(place), place]));
  return [...places].flatMap(([key, place]) => figuresOf(key, place, machines));
}

const nameOf = ({ file, environment: { cpu, cpus } }: LockFigures): string =>
  `${cpu}, ${cpus} ${cpus === 1 ? 'CPU' : 'CPUs'} (${file})`;

const placeOf = ({ kind, section, gap }: ComparisonOfKinds): string =>
  JSON.stringify([kind, section, gap]);

function figuresOf(
  key: string,
  { kind, section, gap, baseline }: ComparisonOfKinds,
  machines: readonly Machine[],
): MachinesFigures[] {
  const here = machines.map(({ name, comparisons }) => ({
    name,
    comparisons: comparisons.filter(
      (each) => placeOf(each) === key && each.baseline.throughput !== null,
    ),
  }));
  const measured = here.filter(({ comparisons }) => comparisons.length > 0);
  if (measured.length < 2) return [];
  const other = measured[0]?.comparisons[0]?.baseline.throughput?.kind ?? baseline.throughput?.kind;
  const title = `${kind} to ${String(other)}, sections of ${section} µs${gap === section ? '' : `, gaps of ${gap} µs`}`;
  const charts = measured.map((machine) => ({
    ...chartOf(machine, `machines, ${key}`),
    machine: machine.name,
  }));
  return [
    {
      title,
      charts: charts.map((chart) => ({ ...chart, ...sharing(chart, charts) })),
      table: tableOf(measured),
    },
  ];
}

const workersOf = (comparisons: readonly ComparisonOfKinds[]): number[] =>
  [...new Set(comparisons.map(({ workers }) => workers))].sort((a, b) => a - b);

const settingsOf = (comparisons: readonly ComparisonOfKinds[]): Setting[] =>
  SETTINGS.filter((setting) => comparisons.some(({ slices }) => slices === setting));

function find(
  comparisons: readonly ComparisonOfKinds[],
  workers: number,
  setting: Setting,
): Spread | null {
  const found = comparisons.find((each) => each.workers === workers && each.slices === setting);
  return found?.baseline.throughput?.ratio ?? null;
}

function chartOf({ name, comparisons }: Machine, kind: string): Chart {
  const workers = workersOf(comparisons);
  const settings = settingsOf(comparisons);
  const said = (number: number): string =>
    settings
      .flatMap((setting) => {
        const found = find(comparisons, number, setting);
        return found === null ? [] : [`${setting} ${withInterval(found, ratio)}`];
      })
      .join(', ');
  return {
    kind,
    title: name,
    about: 'Ratio of sections a second, with its interval. Above 1 ours is ahead.',
    plot: plotOf({
      shape: 'lines',
      x: axisOfNames('workers', workers.map(String)),
      y: { title: 'ratio', unit: 'number', isLogarithmic: true },
      series: settings.map((setting) =>
        series(
          SLICES[setting],
          setting,
          workers.map((number) => find(comparisons, number, setting)),
        ),
      ),
      readout: workers.map(
        (number) => `${number} ${number === 1 ? 'worker' : 'workers'}: ${said(number)}`,
      ),
    }),
    table: {
      caption: 'Ratio of sections a second',
      head: ['workers', ...settings.map((setting) => SLICES[setting])],
      rows: workers.map((number) => [
        String(number),
        ...settings.map((setting) => ratioCell(find(comparisons, number, setting))),
      ]),
    },
  };
}

function tableOf(machines: readonly Machine[]): Table {
  const all = machines.flatMap(({ comparisons }) => comparisons);
  const columns = machines.flatMap(({ name, comparisons }) =>
    settingsOf(comparisons).map((setting) => ({ name, comparisons, setting })),
  );
  return {
    caption: 'Ratio of sections a second, by workers',
    head: ['workers', ...columns.map(({ name, setting }) => `${name}, ${SLICES[setting]}`)],
    rows: workersOf(all).map((number) => [
      String(number),
      ...columns.map(({ comparisons, setting }) => ratioCell(find(comparisons, number, setting))),
    ]),
  };
}
