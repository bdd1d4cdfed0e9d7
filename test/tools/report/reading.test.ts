// SPDX-License-Identifier: MIT
/**
 * What is said of figures: that a difference is claimed where the interval shows
 * one and nowhere else, and that what is missing or thin is said.
 *
 * @portable
 */
import { describe, expect, it } from 'vitest';
import { figuresOf } from '../../../packages/tools/lib/report/figures.ts';
import { readingOf } from '../../../packages/tools/lib/report/reading.ts';
import type { Reading } from '../../../packages/tools/lib/report/reading.ts';
import { changed, GUEST, HOST, readFixture, readRecord, SECTIONS } from '../../support/records.ts';
import type { Json } from '../../support/records.ts';

type JsonObject = { [name: string]: Json };

const readingOfRecord = (record: JsonObject): Reading =>
  readingOf(figuresOf(readRecord(JSON.stringify(record), 'some.json')));

function textOf({ sentences, cautions }: Reading): string {
  return [...sentences, ...cautions].join('\n');
}

const sentence = (record: JsonObject, about: string): string => {
  const found = readingOfRecord(record).sentences.find((each) => each.includes(about));
  if (found === undefined) throw new Error(`No sentence is about ${about}.`);
  return found;
};

const ratio = (median: number, low: number, high: number): JsonObject => ({
  median,
  interval: [low, high],
  least: low,
});
const throughput = (value: JsonObject) =>
  changed(readFixture(GUEST), 'pairs.0.ratios.throughput', value);

/** The pair of the record, once for each number of workers, with throughputs of one's own. */
function manyPairs(ratios: readonly JsonObject[]): JsonObject {
  const record = readFixture(GUEST);
  const [pair] = record['pairs'] as JsonObject[];
  return {
    ...record,
    pairs: ratios.map((value, index) => ({
      ...pair,
      workers: index + 1,
      ratios: { throughput: value },
    })),
  };
}

describe('one ratio', () => {
  it.each([
    [
      'more',
      ratio(1.5, 1.2, 1.9),
      'came to 1.50 times (96.1 % interval 1.20 to 1.90) what it was without',
      'That is more.',
    ],
    ['less', ratio(0.8, 0.7, 0.99), '0.80 times (96.1 % interval 0.70 to 0.99)', 'That is less.'],
    [
      'no difference, however large',
      ratio(3, 1, 9),
      '3.00 times',
      'The interval contains 1: no difference is shown.',
    ],
    [
      'no difference, at the edge',
      ratio(0.5, 0.1, 1),
      '0.50 times',
      'The interval contains 1: no difference is shown.',
    ],
  ])('%s', (_, value, figures, verdict) => {
    const said = sentence(throughput(value), 'throughput');
    expect(said).toContain(figures);
    expect(said).toContain(verdict);
    expect(said).toContain('mutex, 2 workers, sections of 5 µs');
  });
});

it('names the one configuration once', () => {
  const { sentences } = readingOfRecord(readFixture(GUEST));
  expect(sentences.filter((each) => each.includes('what it was without')).length).toBeGreaterThan(
    2,
  );
  expect(
    sentences.filter((each) => each.includes('mutex, 2 workers, sections of 5 µs')),
  ).toHaveLength(1);
});

it('names comparisons by what they mean', () => {
  const record = changed(readFixture(SECTIONS), 'comparisons.0.meaning', 'what a section costs');
  expect(readingOfRecord(record).sentences.join('\n')).toMatch(
    /^What a section costs \(JS - empty loop\): /m,
  );
});

it('claims nothing of fewer than six rounds, however far from 1 the interval is', () => {
  const said = sentence(
    changed(throughput(ratio(1.5, 1.2, 1.9)), 'pairs.0.rounds', 3),
    'throughput',
  );
  expect(said).toContain('1.50 times (75 % interval 1.20 to 1.90)');
  expect(said).toContain('Of so few rounds no difference is shown.');
  expect(said).not.toContain('That is more');
});

it('takes how sure an interval is from a record that says it', () => {
  const said = sentence(throughput({ ...ratio(1.5, 1.2, 1.9), coverage: 0.875 }), 'throughput');
  expect(said).toContain('(87.5 % interval');
  expect(said).toContain('no difference is shown');
});

it('counts where there are many ratios, and names the extremes', () => {
  const said = sentence(
    manyPairs([
      ratio(1.4, 1.1, 1.6),
      ratio(2.8, 2.5, 3.9),
      ratio(1.1, 0.9, 1.3),
      ratio(0.9, 0.8, 0.95),
    ]),
    'throughput',
  );
  expect(said).toContain(
    'Of 4 configurations, slices raised throughput in 2 and lowered it in 1; in 1 the interval contains 1',
  );
  expect(said).toContain(
    'At most it came to 2.80 times (96.1 % interval 2.50 to 3.90) what it was without: mutex, 2 workers',
  );
  expect(said).toContain(
    'At least it came to 0.90 times (96.1 % interval 0.80 to 0.95) what it was without: mutex, 4 workers',
  );
});

it('names no extreme where nothing is shown', () => {
  const said = sentence(
    manyPairs(Array.from({ length: 4 }, () => ratio(1.4, 0.9, 1.6))),
    'throughput',
  );
  expect(said).toContain('raised throughput in 0 and lowered it in 0');
  expect(said).not.toContain('At most');
});

it('warns of chance where there are very many', () => {
  expect(
    textOf(readingOfRecord(manyPairs(Array.from({ length: 40 }, () => ratio(1.4, 1.1, 1.6))))),
  ).toContain('about 2 of their intervals would miss 1 by chance');
  expect(textOf(readingOfRecord(readFixture(GUEST)))).not.toContain('by chance');
});

describe('a guest with slices', () => {
  const record = readFixture(GUEST);

  it('says what was measured, and where', () => {
    const text = textOf(readingOfRecord(record));
    expect(text).toContain('(mutex): 2 workers, sections of 5 µs');
    expect(text).toContain('12 rounds, with slices and without in turns');
    expect(text).toContain(
      `in a guest with several CPUs, with Linux ${record['kernel'] as string}`,
    );
    expect(text).toContain('An extension lasts up to 50 µs.');
    expect(text).toContain('ratios say more than times do');
  });

  it('says how sections ended', () => {
    const runs = (
      record['runs'] as { slices: string; measured: { slices: Record<string, number> } }[]
    ).filter(({ slices }) => slices === 'on');
    const sum = (name: string) =>
      runs.reduce((total, { measured }) => total + (measured.slices[name] ?? NaN), 0);
    const per = (name: string) => ((sum(name) / sum('entered')) * 1e5).toFixed(1);
    expect(sum('nested')).toBe(0);
    expect(sentence(record, '100,000')).toContain(`${per('yielded')} were granted`);
    expect(sentence(record, '100,000')).toContain(`${per('revoked')} were scheduled out`);
  });

  it.each([
    ['complete', false, 'stopped before its 12 rounds were over'],
    ['modified', true, 'modified after the commit'],
    [
      'cells.0.rounds',
      5,
      'With 5 rounds an interval reaches from the least to the most, and contains the true median with a probability of 93.8 % only',
    ],
    ['cells.0.rounds', 1, 'There is only one round'],
    ['runs.0.error', 'it hung', '1 run failed'],
    ['load', 3.5, 'The machine was loaded when this began (load 3.5 on 2 CPUs)'],
    ['emulated', true, 'This is a guest whose CPU is emulated'],
    ['notes', ['A clock reading takes long.'], 'A clock reading takes long.'],
  ] as const)('bears in mind: %s %s', (path, value, caution) => {
    expect(textOf(readingOfRecord(record))).not.toContain(caution);
    expect(readingOfRecord(changed(record, path, value as Json)).cautions.join('\n')).toContain(
      caution,
    );
  });

  it('says how few waits a tail stands on', () => {
    expect(textOf(readingOfRecord(record))).toMatch(
      /A round timed as few as [\d,]+ waits\. The p99\.9 rests on the longest \d+ of them/,
    );
    const one = (record['runs'] as Json[]).reduce<{ [name: string]: Json }>(
      (all, _, index) => changed(all, `runs.${index}.measured.waits.samples`, 800),
      record,
    );
    expect(textOf(readingOfRecord(one))).toContain(
      'A round timed as few as 800 waits. The p99.9 and the longest rest on one of them each: such figures jump',
    );
  });
});

describe('a host without slices', () => {
  const { sentences, cautions } = readingOfRecord(readFixture(HOST));

  it('says why nothing is said about slices', () => {
    expect(cautions.join('\n')).toContain('Slices could not be measured');
  });

  it('claims no change', () => {
    expect(sentences.join('\n')).not.toMatch(/came to|raised|no difference|100,000/);
  });
});

it('tells of sections, and of targets missed and not measured', () => {
  const record = readFixture(SECTIONS);
  const missed = changed(changed(record, 'comparisons.0.met', false), 'comparisons.1.value', null);
  const { sentences } = readingOfRecord(missed);
  const [first, second] = record['comparisons'] as { name: string; aim: string }[];
  expect(sentences.join('\n')).toContain(`target ${first?.aim ?? ''}, missed.`);
  expect(sentences.join('\n')).toContain(
    `${second?.name ?? ''}: not measured (target ${second?.aim ?? ''}).`,
  );
  expect(sentences.join('\n')).toContain('simulated kernel');
});
