// SPDX-License-Identifier: MIT
/**
 * The answer that a report begins with: a change where an interval shows one, the
 * reason where there is none to show, and large figures with their names.
 */
import { describe, expect, it } from 'vitest';
import { figuresOf } from '../../../packages/tools/lib/report/figures.ts';
import { headlineOf } from '../../../packages/tools/lib/report/headline.ts';
import { changed, GUEST, HOST, readFixture, readRecord, SECTIONS } from '../../support/records.ts';
import type { Json } from '../../support/records.ts';

type JsonObject = { [name: string]: Json };

const headlineOfRecord = (record: JsonObject) =>
  headlineOf(figuresOf(readRecord(JSON.stringify(record), 'some.json')));
const ratio = (median: number, low: number, high: number): JsonObject => ({
  median,
  interval: [low, high],
  least: low,
});
const guest = readFixture(GUEST);

/** The record's pair, once for each number of workers, with ratios of one's own. */
function pairs(
  ...all: readonly { throughput: JsonObject; p99: JsonObject; p999: JsonObject }[]
): JsonObject {
  const [pair] = guest['pairs'] as JsonObject[];
  return { ...guest, pairs: all.map((ratios, index) => ({ ...pair, workers: index + 1, ratios })) };
}

const SAME = ratio(1, 0.9, 1.1);
const LESS = ratio(0.2, 0.1, 0.4);
const MORE = ratio(2, 1.5, 3);

describe('of locks', () => {
  it.each([
    [
      'one change',
      pairs({ throughput: SAME, p99: SAME, p999: LESS }),
      'With slices, the p99.9 wait was shorter; no difference is shown in throughput and the p99 wait.',
    ],
    [
      'changes for better and worse',
      pairs({ throughput: LESS, p99: LESS, p999: MORE }),
      'With slices, throughput was lower; the p99 wait was shorter; the p99.9 wait was longer.',
    ],
    [
      'none',
      pairs({ throughput: SAME, p99: SAME, p999: SAME }),
      'With slices and without, no difference is shown in throughput, the p99 wait and the p99.9 wait.',
    ],
    [
      'several configurations',
      pairs(
        { throughput: MORE, p99: LESS, p999: SAME },
        { throughput: SAME, p99: MORE, p999: SAME },
      ),
      'With slices, throughput was higher in 1 of 2 configurations; the p99 wait was shorter in 1 of 2 configurations and longer in 1 of 2 configurations; no difference is shown in the p99.9 wait.',
    ],
    [
      'too few rounds',
      changed(pairs({ throughput: MORE, p99: LESS, p999: LESS }), 'pairs.0.rounds', 5),
      '5 rounds are too few to tell what slices changed: it takes 6.',
    ],
  ])('answers: %s', (_, record, answer) => {
    expect(headlineOfRecord(record).answer).toBe(answer);
  });

  it('says nothing of percentiles that few waits lie beyond', () => {
    const labels = (samples: number) => {
      const runs = (guest['runs'] as JsonObject[]).map(
        (_, index) => `runs.${index}.measured.waits.samples`,
      );
      return headlineOfRecord(
        runs.reduce((record, path) => changed(record, path, samples), guest),
      ).figures.map(({ label }) => label.split(',')[0]);
    };
    expect(labels(10_000).slice(1)).toEqual(['throughput', 'p99 wait', 'p99.9 wait']);
    expect(labels(9999).slice(1)).toEqual(['throughput', 'p99 wait']);
    expect(labels(999).slice(1)).toEqual(['throughput']);
  });

  it('names no interval of one round, and counts whole sections', () => {
    const one = {
      ...changed(pairs({ throughput: SAME, p99: LESS, p999: MORE }), 'pairs.0.rounds', 1),
      runs: (guest['runs'] as JsonObject[]).slice(0, 2),
    };
    const { answer, figures } = headlineOfRecord(one);
    expect(answer).toMatch(/^One round is too few/);
    expect(figures.map(({ note }) => note)).toEqual([
      expect.stringMatching(/^\d+ of \d+, among/),
      ...Array<string>(3).fill('no difference shown; one round, no interval'),
    ]);
  });

  it('says that nothing was granted rather than what differs', () => {
    let idle = pairs({ throughput: MORE, p99: LESS, p999: LESS });
    (guest['runs'] as JsonObject[]).forEach((_, index) => {
      for (const name of ['yielded', 'raced'])
        idle = changed(idle, `runs.${index}.measured.slices.${name}`, 0);
    });
    expect(headlineOfRecord(idle).answer).toBe(
      'No extension was granted: whatever differs here has another cause than slices.',
    );
  });

  it('says what was not compared', () => {
    expect(headlineOfRecord(readFixture(HOST)).answer).toBe(
      'Only runs without slices were measured, so nothing can be said about what slices change.',
    );
    const cells = (guest['cells'] as JsonObject[]).filter(({ slices }) => slices === 'on');
    expect(headlineOfRecord({ ...guest, cells, pairs: [] }).answer).toBe(
      'Only runs with slices were measured, so there is nothing to compare them with.',
    );
    expect(headlineOfRecord({ ...guest, pairs: [] }).answer).toBe(
      'Runs with slices and without were measured, but never both in one round, so nothing can be compared.',
    );
    expect(headlineOfRecord({ ...guest, cells: [], pairs: [], runs: [] })).toEqual({
      answer: 'Nothing was measured.',
      figures: [],
    });
  });

  it('shows how many disturbed sections were saved, and the ratios with their names', () => {
    const { figures } = headlineOfRecord(pairs({ throughput: SAME, p99: LESS, p999: MORE }));
    const runs = guest['runs'] as { measured: { slices: Record<string, number> } }[];
    const sum = (...names: string[]) =>
      runs.reduce(
        (total, { measured }) =>
          names.reduce((some, name) => some + (measured.slices[name] ?? NaN), total),
        0,
      );
    const share = (100 * sum('yielded')) / sum('yielded', 'raced', 'revoked');
    expect(figures.map(({ value, label, side }) => [value, label, side])).toEqual([
      [`${share.toFixed(1)} %`, 'of disturbed sections finished in an extension', null],
      ['1.00 ×', 'throughput, with slices to without', 'unclear'],
      ['0.20 ×', 'p99 wait, with slices to without', 'better'],
      ['2.00 ×', 'p99.9 wait, with slices to without', 'worse'],
    ]);
    expect(figures[2]?.note).toBe('shorter; 96.1 % interval 0.10 to 0.40');
    const whole = (value: number): string => value.toLocaleString('en');
    expect(figures[0]?.note).toMatch(
      new RegExp(
        `^${whole(sum('yielded'))} of ${whole(sum('yielded', 'raced', 'revoked'))}, among`,
      ),
    );
  });

  it('shows the middle of several configurations, and how far they differ', () => {
    const { figures } = headlineOfRecord(
      pairs(
        { throughput: SAME, p99: LESS, p999: SAME },
        { throughput: SAME, p99: SAME, p999: SAME },
        { throughput: SAME, p99: MORE, p999: SAME },
      ),
    );
    const wait = figures.find(({ label }) => label.startsWith('p99 wait'));
    expect(wait).toMatchObject({
      value: '1.00 ×',
      side: 'unclear',
      note: 'shorter or longer, by configuration; 0.20 to 2.00 in 3 configurations',
    });
  });
});

describe('of sections', () => {
  const record = readFixture(SECTIONS);

  it('is what one costs', () => {
    const { answer, figures } = headlineOfRecord(record);
    expect(answer).toBe('A section costs 3.47 ns while nothing disturbs it.');
    expect(figures[0]).toEqual({
      value: '3.47 ns',
      label: 'JS - empty loop',
      note: expect.stringMatching(/^\d+(\.\d)? % interval 3\.23 to 4\.55$/) as string,
      side: null,
    });
  });

  it('compares the kernels where there are two', () => {
    const labels = (host: string) =>
      headlineOfRecord(changed(record, 'thread.host', host)).figures.map(({ label }) => label);
    expect(labels('linux')).toContain('lone / simulated');
    expect(labels('simulated')).not.toContain('lone / simulated');
  });

  it('has the words of a record that has them', () => {
    expect(
      headlineOfRecord(changed(record, 'comparisons.0.meaning', 'what a section costs')).figures[0]
        ?.label,
    ).toBe('what a section costs');
  });
});
