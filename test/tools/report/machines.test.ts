// SPDX-License-Identifier: MIT
/**
 * Machines next to one another: which records are compared, what is drawn, and that the page has
 * it. On records of one's own, where every number is known.
 *
 * @portable
 */
import { describe, expect, it } from 'vitest';
import { figuresOf } from '../../../packages/tools/lib/report/figures.ts';
import { machinesOf } from '../../../packages/tools/lib/report/machines.ts';
import { pageOf } from '../../../packages/tools/lib/report/page.ts';
import { RecordError } from '../../../packages/tools/lib/report/field.ts';
import { changed, HOST, readFixture, readRecord, SECTIONS } from '../../support/records.ts';
import type { Json } from '../../support/records.ts';

const ratio = (median: number): Json => ({
  ...{ median, interval: [median / 2, median * 2], coverage: 0.96875, least: median / 2 },
});

const comparison = (workers: number, median: number | null, more: Json = {}): Json => ({
  ...{ kind: 'mutex', workers, section: 1, gap: 1, slices: 'off' },
  best: { throughput: null, p999: null },
  baseline: {
    throughput: median === null ? null : { kind: 'textbook', ratio: ratio(median) },
    p999: null,
  },
  ...(more as object),
});

const figures = (file: string, cpus: number, comparisons: Json[]) =>
  figuresOf(
    readRecord(JSON.stringify({ ...readFixture(HOST), cpu: 'Some CPU', cpus, comparisons }), file),
  );

const SMALL = figures('a.json', 2, [comparison(1, 1), comparison(4, 0.8)]);
const LARGE = figures('b.json', 16, [
  comparison(1, 0.9),
  comparison(32, 0.5),
  comparison(32, 0.7, { slices: 'on' }),
]);

describe('machines', () => {
  const [all, ...more] = machinesOf([SMALL, LARGE]);

  it('have a chart each, of the ratio by the number of workers', () => {
    expect(more).toEqual([]);
    expect(all?.title).toBe('mutex to textbook, sections of 1 µs');
    expect(all?.charts.map(({ machine }) => machine)).toEqual([
      'Some CPU, 2 CPUs (a.json)',
      'Some CPU, 16 CPUs (b.json)',
    ]);
    const [small, large] = all?.charts ?? [];
    expect(small?.plot.series.map(({ name, values }) => [name, values])).toEqual([
      ['slices off', [1, 0.8]],
    ]);
    expect(large?.plot.series.map(({ name, values }) => [name, values])).toEqual([
      ['slices off', [0.9, 0.5]],
      ['slices on', [null, 0.7]],
    ]);
    expect(large?.plot.readout).toEqual([
      '1 worker: off 0.90 (0.45 to 1.80)',
      '32 workers: off 0.50 (0.25 to 1.00), on 0.70 (0.35 to 1.40)',
    ]);
  });

  it('share a scale', () => {
    for (const { plot } of all?.charts ?? []) expect(plot.y.extent).toEqual([0.25, 2]);
  });

  it('are columns of one table', () => {
    expect(all?.table.head).toEqual([
      'workers',
      'Some CPU, 2 CPUs (a.json), slices off',
      'Some CPU, 16 CPUs (b.json), slices off',
      'Some CPU, 16 CPUs (b.json), slices on',
    ]);
    const text = all?.table.rows.map((row) =>
      row.map((cell) => (typeof cell === 'string' ? cell : cell.values[0]?.[1])),
    );
    expect(text).toEqual([
      ['1', '1.00', '0.90', '–'],
      ['4', '0.80', '–', '–'],
      ['32', '–', '0.50', '0.70'],
    ]);
  });
});

it('takes two that compare locks, in the same sections', () => {
  expect(machinesOf([SMALL])).toEqual([]);
  const sections = figuresOf(readRecord(JSON.stringify(readFixture(SECTIONS)), 's.json'));
  const earlier = figuresOf(readRecord(JSON.stringify(readFixture(HOST)), 'old.json'));
  expect(machinesOf([SMALL, sections, earlier])).toEqual([]);
  expect(machinesOf([SMALL, figures('c.json', 4, [comparison(1, null)])])).toEqual([]);
  const longer = figures('c.json', 4, [comparison(1, 1, { section: 5, gap: 5 })]);
  expect(machinesOf([SMALL, longer])).toEqual([]);
});

it('is a section of the page, with what a record says as text only', () => {
  const assets = {
    ...{ libraryScript: '', libraryStyle: '', libraryLicence: '', script: '', style: '' },
  };
  const page = pageOf([SMALL, LARGE], assets);
  expect(page).toContain('<h2 id="machines-title">Machines compared</h2>');
  expect(page).toContain('<h3>mutex to textbook, sections of 1 µs</h3>');
  expect(pageOf([SMALL], assets)).not.toContain('Machines compared');
  const evil = { kind: '<img src=x>' };
  const bad = ['d.json', 'e.json'].map((file) => figures(file, 2, [comparison(1, 1, evil)]));
  expect(pageOf(bad, assets)).not.toContain('<img');
});

it('refuses a comparison that is none', () => {
  const record = { ...readFixture(HOST), comparisons: [comparison(1, 1)] };
  const read = (path: string, value: Json) =>
    readRecord(JSON.stringify(changed(record, path, value)), 'x.json');
  expect(() => read('comparisons.0.slices', 'maybe')).toThrow(RecordError);
  expect(() => read('comparisons.0.baseline.throughput.ratio.median', 'much')).toThrow(
    /comparisons\[0\]\.baseline\.throughput\.ratio\.median/,
  );
});
