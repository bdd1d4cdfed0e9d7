// SPDX-License-Identifier: MIT
/**
 * Striped counters and histograms as one thread sees them: what they accept, where they live, what
 * comes out. What many threads make of them is in test/worker/striped.test.ts.
 * @portable
 */
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StripedCounter, StripedHistogram } from '../../../lib/index.ts';

const INVALID = expect.objectContaining({ code: 'ERR_RSEQ_INVALID_OPTION' }) as Error;
const RUNS = { numRuns: 200, seed: Number(process.env['RSEQ_SLICE_SEED'] ?? 1) };
const loosely = (value: unknown) => value as never;

describe('a striped counter', () => {
  it('adds, sums and drains', () => {
    const counter = new StripedCounter();
    counter.add();
    counter.add(2 ** 40);
    counter.add(0);
    expect([counter.sum(), counter.drain(), counter.drain()]).toEqual([
      2 ** 40 + 1,
      2 ** 40 + 1,
      0,
    ]);
    counter.add(5);
    expect([counter.drain(), counter.sumBigInt()]).toEqual([5, 2n ** 40n + 6n]);
  });

  it.each([-1, 0.5, NaN, Infinity, 2 ** 53, '1', null, 1n])('does not add %s', (amount) => {
    const counter = new StripedCounter();
    expect(() => {
      counter.add(loosely(amount));
    }).toThrow(INVALID);
    expect(counter.sum()).toBe(0);
  });

  it('counts what C has added in its word, also what is below 0', () => {
    const counter = new StripedCounter({ stripes: 2 });
    counter.add(10);
    const wide = new BigInt64Array(counter.handle.buffer);
    // The stripes of 128 bytes come after a header of 128, and C's word is at byte 16.
    wide[18] = 7n;
    wide[34] = -3n;
    // One more than are picked from, for threads without an ID.
    wide[50] = 1n;
    expect([counter.sum(), counter.drain()]).toEqual([15, 15]);
    const header = [...new Int32Array(counter.handle.buffer, 0, 4)];
    expect(header).toEqual([0x72_70_01_01, 2, 7, 0]);
  });

  it('drains what goes round at 2^63, too', () => {
    const counter = new StripedCounter({ stripes: 2 });
    const wide = new BigInt64Array(counter.handle.buffer);
    for (const lane of [18, 34, 50]) wide[lane] = 2n ** 62n;
    counter.drain();
    expect(counter.drain()).toBe(0);
    counter.add(7);
    expect([counter.drain(), counter.drain()]).toEqual([7, 0]);
  });

  it('is found by its handle, and where it was made', () => {
    const buffer = new SharedArrayBuffer(256 + StripedCounter.byteLength(4));
    const counter = new StripedCounter({ buffer, byteOffset: 256, stripes: 4 });
    counter.add(3);
    StripedCounter.from(counter.handle).add(4);
    expect(new StripedCounter({ buffer, byteOffset: 256 }).sum()).toBe(7);
    for (const wrong of [
      () => new StripedCounter({ buffer, byteOffset: 256, stripes: 2 }),
      () => new StripedCounter({ buffer, byteOffset: 128, stripes: 1 }),
      () => new StripedCounter({ buffer, byteOffset: 4 }),
      () => new StripedCounter({ buffer: new SharedArrayBuffer(8) }),
      () => new StripedCounter({ stripes: 3 }),
      () => new StripedCounter({ byteOffset: 8 }),
      () => new StripedHistogram({ buffer, byteOffset: 256, buckets: [1], stripes: 1 }),
      () => StripedCounter.from({ ...counter.handle, byteOffset: 0 }),
      () => StripedCounter.from({ ...counter.handle, striped: 'StripedHistogram' }),
      () => StripedCounter.from(loosely(null)),
      () => StripedHistogram.from(counter.handle),
    ])
      expect(wrong).toThrow(INVALID);
    expect(() => StripedHistogram.from(counter.handle)).toThrow('not that of a StripedCounter.');
    expect(inspect(counter)).toBe('StripedCounter { at byte 256, 7 }');
    expect(() => structuredClone(counter)).toThrow(/Post its handle/);
  });
});

describe('a striped histogram', () => {
  it('has each value in the first bucket that it fits into', () => {
    const bound = fc.integer({ min: 0, max: 50 }).map((number) => number / 2);
    fc.assert(
      fc.property(
        fc.uniqueArray(bound, { minLength: 1, maxLength: 12 }),
        fc.array(
          fc.integer({ min: 0, max: 60 }).map((number) => number / 2),
          { maxLength: 60 },
        ),
        (unsorted, values) => {
          const buckets = unsorted.toSorted((a, b) => a - b);
          const histogram = new StripedHistogram({ buckets, unit: 0.5, stripes: 1 });
          for (const value of values) histogram.observe(value);
          const expected = [...buckets, Infinity].map((upTo, at, all) => ({
            upTo,
            count: values.filter((value) => value <= upTo && value > (all[at - 1] ?? -1)).length,
          }));
          const sum = values.reduce((total, value) => total + value, 0);
          for (const seen of [histogram.snapshot(), histogram.drain()])
            expect(seen).toMatchObject({ count: values.length, sum, buckets: expected });
          expect(histogram.drain()).toMatchObject({ count: 0, sum: 0 });
          expect(histogram.snapshot().count).toBe(values.length);
        },
      ),
      RUNS,
    );
  });

  it('tells quantiles as Prometheus does', () => {
    const histogram = new StripedHistogram({ buckets: [1, 2, 4] });
    expect(histogram.snapshot().quantile(0.5)).toBeNaN();
    for (const value of [1, 1, 2, 2, 3, 3, 3, 3, 9, 9]) histogram.observe(value);
    const snapshot = histogram.snapshot();
    expect(snapshot.count).toBe(10);
    const at = (q: number) => histogram.snapshot().quantile(q);
    expect([0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 0.9, 1].map(at)).toEqual([
      0, 0.5, 1, 1.5, 2, 3, 4, 4, 4,
    ]);
    expect(() => at(1.5)).toThrow(INVALID);
  });

  it.each([-1, NaN, Infinity, 2 ** 60, '1', null, 1n, Symbol('1')])(
    'does not observe %s',
    (value) => {
      const histogram = new StripedHistogram({ buckets: [1] });
      expect(() => {
        histogram.observe(loosely(value));
      }).toThrow(/^observe\(\) does not accept/);
      expect(histogram.snapshot()).toMatchObject({ count: 0, sum: 0 });
    },
  );

  it.each([
    [[0.001, 0.01, 1], 1e-8],
    [[0.005, 10], 1e-8],
    [[0, 0.25, 5], 1e-6],
    [[1, 10, 100], 1e-5],
    [[1024, 2 ** 20], 1e-2],
    [[99_999, 1e6], 1e-1],
    [[100_000], 1],
    [[1e9], 1],
    // Values far above the smallest bound must be exact, too.
    [[1e-6, 1e6], 1e-5],
    [[0.001, 1e15], 1],
    [[0], 1],
    [[Number.MIN_VALUE], 1e-300],
  ])('with the bounds %j has the unit %d', (buckets, unit) => {
    expect(new StripedHistogram({ buckets, stripes: 1 }).unit).toBe(unit);
  });

  it('keeps fractions of its bounds, and their sum, without a unit', () => {
    const times = new StripedHistogram({ buckets: [0.001, 0.01, 0.1, 1] });
    times.observe(0.004);
    expect(times.snapshot()).toMatchObject({ count: 1, sum: 0.004 });
    fc.assert(
      fc.property(
        fc.integer({ min: -12, max: 8 }),
        fc.integer({ min: 10_000, max: 99_999 }),
        fc.array(fc.integer({ min: 0, max: 10_000_000 }), { maxLength: 40 }),
        (exponent, digits, values) => {
          const scaled = (number: number) => Number(`${number}e${exponent - 4}`);
          const buckets = [scaled(digits), scaled(1_000_000)];
          const histogram = new StripedHistogram({ buckets, stripes: 1 });
          for (const value of values) histogram.observe(scaled(value));
          const sum = values.reduce((total, value) => total + value, 0);
          // The nearest double to what was observed, as if it had been added on paper.
          expect(histogram.snapshot().sum).toBe(scaled(sum));
          expect(histogram.unit * 100_000).toBeLessThanOrEqual(Math.max(buckets[0] ?? 0, 100_000));
        },
      ),
      RUNS,
    );
  });

  it('has a bound of 0 that stays', () => {
    const { buffer } = new StripedHistogram({ buckets: [0, 1] }).handle;
    expect(() => new StripedHistogram({ buffer, buckets: [0.5, 1], unit: 1e-6 })).toThrow(INVALID);
    for (const zero of [0, -0])
      expect(new StripedHistogram({ buffer, buckets: [zero, 1] }).bounds).toEqual([zero, 1]);
    const handle = { striped: 'StripedHistogram', buffer, byteOffset: 0 } as const;
    const histogram = StripedHistogram.from(handle);
    histogram.observe(0);
    expect([histogram.bounds, histogram.snapshot().buckets[0]]).toEqual([
      [0, 1],
      { upTo: 0, count: 1 },
    ]);
  });

  it('says what it observes', () => {
    const histogram = new StripedHistogram({ buckets: [0.5], unit: 0.25 });
    histogram.observe(2 ** 51 - 0.25);
    expect(() => {
      histogram.observe(NaN);
    }).toThrow(
      'observe() does not accept NaN. It accepts a number from 0 to 2251799813685247.8, which is 2^53 - 1 units of 0.25.',
    );
  });

  it('tells which bound is wrong', () => {
    const make = (options?: unknown) => () => new StripedHistogram(loosely(options));
    expect(make({ buckets: [1, 5, 5, 10] })).toThrow('buckets: an array with 5 at index 2. It');
    expect(make({ buckets: [] })).toThrow('buckets: an empty array. It accepts an array of 1 to');
    expect(make()).toThrow('not undefined: new StripedHistogram({ buckets }).');
  });

  it('is found by its handle, with its bounds and unit', () => {
    const histogram = new StripedHistogram({ buckets: [0.1, 1, 10], unit: 0.001 });
    histogram.observe(0.0505);
    const other = StripedHistogram.from(histogram.handle);
    other.observe(100);
    expect([other.bounds, other.unit]).toEqual([[0.1, 1, 10], 0.001]);
    expect(histogram.snapshot().sum).toBeCloseTo(100.051, 9);
    expect(histogram.snapshot().buckets.map(({ count }) => count)).toEqual([1, 0, 0, 1]);
    const { buffer } = histogram.handle;
    const bytes = StripedHistogram.byteLength(3, histogram.stripes);
    expect(buffer.byteLength).toBe(bytes);
    for (const wrong of [
      () => new StripedHistogram({ buffer, buckets: [0.1, 1, 10], unit: 0.01 }),
      () => new StripedHistogram({ buffer, buckets: [0.1, 2, 10], unit: 0.001 }),
      () => new StripedHistogram({ buffer, buckets: [0.1, 1], unit: 0.001 }),
      () => new StripedHistogram({ buckets: [1, 1] }),
      () => new StripedHistogram({ buckets: [] }),
      () => new StripedHistogram({ buckets: [-1] }),
      () => new StripedHistogram({ buckets: [1], unit: 0 }),
      () => new StripedHistogram(loosely({})),
    ])
      expect(wrong).toThrow(INVALID);
    expect(inspect(histogram)).toBe('StripedHistogram { at byte 0, 2 values }');
  });
});
