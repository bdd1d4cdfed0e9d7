// SPDX-License-Identifier: MIT
/** How sure the interval of a median is, and that it is called by that. */
import { describe, expect, it } from 'vitest';
import {
  coverageOf,
  FEWEST_SAMPLES,
  isTelling,
  nameOfIntervals,
  summarize,
  WANTED,
} from '../../../packages/tools/lib/bench/statistics.ts';

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe('the interval of a median', () => {
  it.each([
    [1, 0, 'no interval'],
    [2, 0.5, '50 %'],
    [3, 0.75, '75 %'],
    [4, 0.875, '87.5 %'],
    [5, 0.9375, '93.8 %'],
    [6, 0.96875, '96.9 %'],
  ])('of %i samples is from the least to the most, with %f', (count, coverage, name) => {
    const summary = summarize(range(count));
    expect(summary).toMatchObject({ interval: [0, count - 1], median: (count - 1) / 2 });
    expect(summary.coverage).toBeCloseTo(coverage, 10);
    expect(nameOfIntervals([summary])).toBe(name);
    expect(isTelling(summary)).toBe(count >= FEWEST_SAMPLES);
  });

  it('is as short as it may be, and sure enough', () => {
    // Ranks as in tables of the sign test: of 12 samples the 3rd and the 10th, of 20 the 6th and
    // the 15th.
    expect(summarize(range(12)).interval).toEqual([2, 9]);
    expect(summarize(range(20)).interval).toEqual([5, 14]);
    for (const count of [6, 7, 9, 61, 500, 10_000])
      expect(coverageOf(count), String(count)).toBeGreaterThanOrEqual(WANTED);
    expect(coverageOf(10_000)).toBeLessThan(0.955);
  });

  it('holds the true median as often as it says', () => {
    let seed = 1;
    const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    const tries = 4000;
    for (const count of [3, 6, 12]) {
      let held = 0;
      for (let i = 0; i < tries; i++) {
        const [low, high] = summarize(Array.from({ length: count }, random)).interval;
        if (low <= 0.5 && high >= 0.5) held++;
      }
      expect(Math.abs(held / tries - coverageOf(count)), String(count)).toBeLessThan(0.03);
    }
  });
});

it('calls several intervals by the least sure of them', () => {
  const [three, six, one] = [summarize(range(3)), summarize(range(6)), summarize(range(1))];
  expect(nameOfIntervals([six, null, three, undefined])).toBe('75 % or more');
  expect(nameOfIntervals([six, six])).toBe('96.9 %');
  expect(nameOfIntervals([one, null])).toBe('no interval');
});
