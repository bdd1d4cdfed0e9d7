// SPDX-License-Identifier: MIT
/**
 * How figures are put together, and where a chart has its points: on records of
 * one's own, where every number is known.
 *
 * @portable
 */
import { describe, expect, it } from 'vitest';
import { chartsOf } from '../../../packages/tools/lib/report/charts.ts';
import type { Chart } from '../../../packages/tools/lib/report/charts.ts';
import { figuresOf } from '../../../packages/tools/lib/report/figures.ts';
import type { LockFigures } from '../../../packages/tools/lib/report/figures.ts';
import { GUEST, readFixture, readRecord } from '../../support/records.ts';
import type { Json } from '../../support/records.ts';

type Slices = 'on' | 'off';
type Point = [percent: number, wait: number];

const place = (workers: number, section = 5, gap = section) => ({
  kind: 'mutex',
  workers,
  section,
  gap,
});
const spread = (median: number) => ({
  median,
  interval: [median / 2, median * 2],
  least: median / 2,
});

function cell(workers: number, slices: Slices, section?: number, gap?: number): Json {
  const waits = { p50: spread(100), p99: spread(1000), p999: spread(5000), max: spread(9000) };
  return {
    ...place(workers, section, gap),
    slices,
    rounds: 7,
    figures: { throughput: spread(workers * 10), parks: null, ...waits },
  };
}

function run(
  workers: number,
  slices: Slices,
  percentiles: Point[] | null,
  wrong: string[] = [],
  samples = 2000,
  section?: number,
): Json {
  const waits = { samples, ...(percentiles === null ? {} : { percentiles }) };
  const counts = { entered: 1003, undisturbed: 990, yielded: 6, raced: 1, preempted: 3, nested: 3 };
  return {
    ...place(workers, section),
    round: 0,
    slices,
    measured: { waits, slices: counts, wrong },
    error: null,
  };
}

function figures(changes: {
  readonly cells?: Json[];
  readonly runs?: Json[];
  readonly pairs?: Json[];
}): LockFigures {
  const record = { ...readFixture(GUEST), cells: [], pairs: [], runs: [], ...changes };
  const all = figuresOf(readRecord(JSON.stringify(record), 'some.json'));
  if (all.benchmark !== 'locks') throw new Error('This is no record of locks.');
  return all;
}

function charts(changes: Parameters<typeof figures>[0]): Chart[] {
  return chartsOf(figures(changes).groups).flat();
}

const chart = (all: readonly Chart[], title: string): Chart => {
  const found = all.find((each) => each.title === title);
  if (found === undefined) throw new Error(`There is no chart '${title}'.`);
  return found;
};

describe('groups', () => {
  it('are those of a lock, a section and a gap, with their workers in order', () => {
    const { groups } = figures({
      cells: [
        cell(8, 'on'),
        cell(2, 'on'),
        cell(2, 'off'),
        cell(2, 'off', 1),
        cell(2, 'off', 5, 0),
      ],
    });
    expect(
      groups.map(({ section, gap, cells }) => [
        section,
        gap,
        cells.map(({ workers, on, off }) => [workers, on !== null, off !== null]),
      ]),
    ).toEqual([
      [
        5,
        5,
        [
          [2, true, true],
          [8, true, false],
        ],
      ],
      [1, 1, [[2, false, true]]],
      [5, 0, [[2, false, true]]],
    ]);
  });

  it('leave out what went wrong, and say so', () => {
    const { groups, failures } = figures({
      cells: [cell(2, 'on')],
      runs: [run(2, 'on', null), run(2, 'on', null, ['two at once'])],
    });
    expect(failures).toEqual([
      'mutex, 2 workers, sections of 5 µs, slices on, round 1: two at once',
    ]);
    expect(groups[0]?.cells[0]?.on?.outcomes?.yielded).toBe(6);
  });
});

describe('outcomes', () => {
  it('are counted of outermost sections, of all rounds', () => {
    const [, , outcomes] = charts({
      cells: [cell(2, 'on')],
      runs: [run(2, 'on', null), run(2, 'on', null)],
    });
    expect(outcomes?.table.rows).toEqual([
      [
        '2',
        ...[2000, 1980, 12, 2, 6, 600, 100, 300].map((count) => ({
          values: [[count, expect.any(String)]],
        })),
      ],
    ]);
    expect(outcomes?.plot.series.map(({ values }) => values)).toEqual([[600], [100], [300]]);
  });

  it('are not shown without slices', () => {
    expect(
      charts({ cells: [cell(2, 'off')], runs: [run(2, 'off', null)] }).map(({ title }) => title),
    ).toEqual(['Throughput', 'Waits with 2 workers']);
  });
});

describe('waits', () => {
  it('are where one in so many is longer, the longest at the number of those timed', () => {
    const { plot } = chart(
      charts({ cells: [cell(2, 'on')], runs: [run(2, 'on', null)] }),
      'Waits with 2 workers',
    );
    expect(plot.x.positions).toEqual([2, 100, 1000, 2000]);
    expect(plot.x.ticks).toEqual([
      [2, '50 %'],
      [10, '90 %'],
      [100, '99 %'],
      [2000, 'longest'],
    ]);
    expect(plot.series).toEqual([
      {
        name: 'slices on',
        style: 'on',
        values: [100, 1000, 5000, 9000],
        low: [50, 500, 2500, 4500],
        high: [200, 2000, 10_000, 18_000],
      },
    ]);
    expect(plot.readout[1]).toBe('p99, one wait in 100 is longer: on 1 µs (500 ns to 2 µs)');
  });

  it('have all the points of the runs, as medians, between those of the cells', () => {
    const points = (by: number): Point[] => [
      [0, 10 * by],
      [50, 1],
      [96.875, 500 * by],
      [99.21875, 1200 * by],
      [100, 1],
    ];
    const runs = [points(1), points(2), points(9)].map((each) => run(2, 'on', each));
    const { plot, table } = chart(charts({ cells: [cell(2, 'on')], runs }), 'Waits with 2 workers');
    expect(table.rows.map(([name]) => name)).toEqual([
      'p0',
      'p50',
      'p96.9',
      'p99',
      'p99.22',
      'p99.9',
      'max',
    ]);
    expect(plot.x.positions).toEqual([1, 2, 32, 100, 128, 1000, 2000]);
    expect(plot.series[0]?.values).toEqual([20, 100, 1000, 1000, 2400, 5000, 9000]);
    expect(plot.series[0]?.low).toEqual([null, 50, null, 500, null, 2500, 4500]);
  });

  it('leave out a point that a round lacks, and one that is rarer than what was timed', () => {
    const runs = [
      run(2, 'on', [
        [75, 300],
        [99.99, 6000],
      ]),
      run(2, 'on', [[99.99, 6000]]),
    ];
    const { plot, table } = chart(charts({ cells: [cell(2, 'on')], runs }), 'Waits with 2 workers');
    expect(plot.x.positions).toEqual([2, 100, 1000, 2000]);
    expect(table.rows.map(([name]) => name)).toEqual(['p50', 'p99', 'p99.9', 'p99.99', 'max']);
  });
});

it('throughput has a place for each number of workers, also where one setting is missing', () => {
  const { plot } = chart(
    charts({ cells: [cell(1, 'off'), cell(8, 'off'), cell(8, 'on')] }),
    'Throughput',
  );
  expect(plot.x.ticks).toEqual([
    [0, '1'],
    [1, '8'],
  ]);
  expect(plot.series.map(({ style, values }) => [style, values])).toEqual([
    ['off', [10, 80]],
    ['on', [null, 80]],
  ]);
  expect(plot.readout).toEqual([
    '1 worker: off 10.0 (5.00 to 20.0)',
    '8 workers: off 80.0 (40.0 to 160), on 80.0 (40.0 to 160)',
  ]);
});

describe('charts that are compared', () => {
  const drawn = charts({
    cells: [cell(2, 'on'), cell(8, 'on'), cell(2, 'on', 1)],
    runs: [run(2, 'on', null), run(8, 'on', null, [], 500_000), run(2, 'on', null, [], 2000, 1)],
  });
  const extents = (title: string) =>
    drawn
      .filter((each) => each.title.startsWith(title))
      .map(({ plot: { x, y } }) => ({ x: x.extent, y: y.extent }));

  it('have one scale: waits of any lock, whatever was timed', () => {
    const waits = extents('Waits');
    expect(waits).toHaveLength(3);
    expect(new Set(waits.map((extent) => JSON.stringify(extent)))).toEqual(
      new Set([JSON.stringify({ x: [2, 500_000], y: [50, 18_000] })]),
    );
  });

  it('are those of throughput with sections of one length, since shorter ones are more', () => {
    expect(extents('Throughput').map(({ y }) => y)).toEqual([
      [10, 160],
      [10, 40],
    ]);
  });
});
