// SPDX-License-Identifier: MIT
/**
 * Reading records: that real ones are read, with or without what later editions
 * add, and that whatever is missing or wrong is named with its file.
 */
import { describe, expect, it } from 'vitest';
import { RecordError } from '../../../packages/tools/lib/report/field.ts';
import type { BenchRecord, LockRecord } from '../../../packages/tools/lib/report/records.ts';
import {
  changed,
  FIXTURES,
  GUEST,
  HOST,
  readFixture,
  readRecord,
  SECTIONS,
} from '../../support/records.ts';
import type { Json } from '../../support/records.ts';

const read = (record: Json): BenchRecord => readRecord(JSON.stringify(record), 'some.json');

function readLocks(record: Json): LockRecord {
  const locks = read(record);
  if (locks.benchmark !== 'locks') throw new Error('This is no record of locks.');
  return locks;
}

const RUN = 'runs.0.measured';

describe('a real record', () => {
  it.each(FIXTURES)('%s is read', (name) => {
    const record = readFixture(name);
    expect(read(record)).toMatchObject({
      benchmark: name === SECTIONS ? 'sections' : 'locks',
      file: 'some.json',
      environment: { kernel: record['kernel'], node: record['node'], date: record['date'] },
    });
  });

  it.each(FIXTURES)('%s is read when it says what it is', (name) => {
    const record = readFixture(name);
    const said = changed(
      changed(record, 'benchmark', name === SECTIONS ? 'sections' : 'locks'),
      'schema',
      1,
    );
    expect(read(said)).toEqual(read(record));
  });

  it.each(FIXTURES)('%s holds no folder of the machine that made it', (name) => {
    expect(JSON.stringify(readFixture(name))).not.toMatch(/\/(tmp|home|root|work|opt|usr)\//);
  });

  it('has its figures as they are in the file', () => {
    const record = readFixture(GUEST);
    const { cells, pairs, runs } = readLocks(record);
    expect(cells.map(({ figures }) => figures)).toMatchObject(
      (record['cells'] as { figures: Json }[]).map(({ figures }) => figures),
    );
    expect(pairs.map(({ ratios }) => ratios)).toMatchObject(
      (record['pairs'] as { ratios: Json }[]).map(({ ratios }) => ratios),
    );
    expect(runs.map(({ outcomes }) => outcomes)).toEqual(
      // The fixture is of the second edition, which called it revoked.
      (record['runs'] as { measured: { slices: Json } }[]).map(({ measured }) => {
        const { revoked: preempted, ...others } = measured.slices as { revoked: Json };
        return { ...others, preempted };
      }),
    );
  });
});

describe('what a record may leave out or add', () => {
  it.each([
    ['commit', null],
    ['modified', undefined],
    ['guest', undefined],
    ['lane', undefined],
    ['extension', null],
    ['something.new', undefined],
  ] as const)('%s', (path, value) => {
    const record = changed(readFixture(GUEST), 'something', {});
    expect(() => read(changed(record, path, value))).not.toThrow();
  });

  it('more percentiles of waits', () => {
    const points = [
      [50, 1000],
      [75, 1500.5],
      [100, 9000],
    ];
    const { runs } = readLocks(changed(readFixture(GUEST), `${RUN}.waits.percentiles`, points));
    expect(runs.map(({ percentiles }) => percentiles).slice(0, 2)).toEqual([points, []]);
  });

  it('figures that could not be had', () => {
    expect(
      readLocks(changed(readFixture(GUEST), 'cells.0.figures.parks', null)).cells[0]?.figures[
        'parks'
      ],
    ).toBeNull();
  });

  it('a run that failed', () => {
    const failed = changed(
      changed(readFixture(GUEST), 'runs.0.measured', null),
      'runs.0.error',
      'it hung',
    );
    expect(readLocks(failed).runs[0]).toMatchObject({ wrong: 'it hung', outcomes: null });
    const wrong = changed(readFixture(GUEST), `${RUN}.wrong`, ['two at once', 'a torn record']);
    expect(readLocks(wrong).runs[0]?.wrong).toBe('two at once; a torn record');
  });
});

describe('what is no record is refused, with file and field', () => {
  const refusal = (text: string): string => {
    try {
      readRecord(text, 'some.json');
    } catch (error) {
      if (error instanceof RecordError) return error.message;
      throw error;
    }
    return 'it was read';
  };

  it.each([
    ['', /^some\.json is no record .*JSON/],
    ['{"runs": [', /^some\.json is no record/],
    ['null', /^some\.json is no record .*the file wants an object, not null/],
    ['[]', /wants a record, or a list of some, not a list/],
    ['[7]', /'\[0\]' wants an object/],
    ['{}', /bench locks --json/],
    ['{"numTotalTests": 5}', /bench locks --json/],
    ['{"benchmark": "explorer"}', /'benchmark' wants one of locks, sections, not "explorer"/],
    ['{"schema": 4}', /'schema' wants the number 1 or 2 or 3/],
  ])('%s', (text, message) => {
    expect(refusal(text)).toMatch(message);
  });

  it.each([
    ['kernel', undefined, "field 'kernel' wants a text, not nothing at all"],
    ['cpus', 1.5, "field 'cpus' wants a whole number"],
    ['guest', 'no', "field 'guest' wants true or false"],
    ['complete', undefined, "field 'complete'"],
    ['options', undefined, "field 'options' wants an object"],
    ['options.rounds', -1, "field 'options.rounds'"],
    ['lane', {}, "field 'lane.name' wants a text"],
    ['extension', '50', `field 'extension' wants a number from 0 on, not "50"`],
    ['notes', 'none', "field 'notes' wants a list"],
    ['notes.0', 5, "field 'notes[0]' wants a text"],
    ['cells.1.workers', 0, "field 'cells[1].workers' wants a whole number from 1 on"],
    ['cells.1.section', 0, "field 'cells[1].section' wants microseconds above 0"],
    ['cells.0.slices', 'maybe', "field 'cells[0].slices' wants one of off, on"],
    [
      'cells.0.figures.throughput.median',
      null,
      "field 'cells[0].figures.throughput.median' wants a number, not null",
    ],
    [
      'cells.0.figures.p99.interval',
      [1],
      "field 'cells[0].figures.p99.interval' wants two numbers",
    ],
    ['pairs.0.ratios.p50', 1, "field 'pairs[0].ratios.p50' wants an object"],
    ['runs.0.error', 5, "field 'runs[0].error'"],
    [`${RUN}.wrong`, undefined, "field 'runs[0].measured.wrong' wants a list"],
    [`${RUN}.waits`, null, "field 'runs[0].measured.waits' wants an object"],
    [
      `${RUN}.waits.percentiles`,
      [[50]],
      "field 'runs[0].measured.waits.percentiles[0]' wants a percentage and nanoseconds",
    ],
    [
      `${RUN}.waits.percentiles`,
      [[101, 5]],
      "field 'runs[0].measured.waits.percentiles[0][0]' wants a percentage, not 101",
    ],
    [`${RUN}.slices.raced`, undefined, "field 'runs[0].measured.slices.raced'"],
    // By its name of today, not by the one of older records.
    [`${RUN}.slices.revoked`, undefined, "field 'runs[0].measured.slices.preempted'"],
  ] as const)('locks: %s', (path, value, message) => {
    expect(
      refusal(JSON.stringify(changed(readFixture(GUEST), path, value as Json | undefined))),
    ).toContain(message);
  });

  it.each([
    ['thread', null, "field 'thread' wants an object"],
    ['rounds', undefined, "field 'rounds'"],
    ['results.js.what', undefined, "field 'results.js.what'"],
    ['results.js.interval', undefined, "field 'results.js.interval' wants a list"],
    ['comparisons.0.met', 'yes', "field 'comparisons[0].met' wants true or false"],
    ['comparisons.0.value', undefined, "field 'comparisons[0].value'"],
  ] as const)('sections: %s', (path, value, message) => {
    expect(refusal(JSON.stringify(changed(readFixture(SECTIONS), path, value)))).toContain(message);
  });

  it('cuts short what is quoted', () => {
    expect(
      refusal(JSON.stringify(changed(readFixture(HOST), 'guest', 'x'.repeat(5000)))).length,
    ).toBeLessThan(250);
  });
});
