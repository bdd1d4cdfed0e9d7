// SPDX-License-Identifier: MIT
/** Waiting times: how exact they are kept, and how far out their tail goes. */
import { describe, expect, it } from 'vitest';
import {
  createWaits,
  recordWait,
  summarizeWaits,
} from '../../../../packages/tools/lib/bench/locks/waits.ts';

describe('waits', () => {
  it('are kept to three figures, those of all workers together', () => {
    const [one, other] = [createWaits(), createWaits()];
    for (let i = 0; i < 99; i++) recordWait(one, 1000);
    recordWait(other, 5_000_000);
    recordWait(other, 0);
    const { samples, p50, p99, max } = summarizeWaits([one, other]);
    expect(samples).toBe(101);
    for (const [found, put] of [
      [p50, 1000],
      [p99, 1000],
      [max, 5_000_000],
    ] as const) {
      expect(found).toBeGreaterThanOrEqual(put);
      expect(found).toBeLessThanOrEqual(put * 1.001);
    }
  });

  it('may be none', () => {
    expect(summarizeWaits([])).toEqual({
      samples: 0,
      p50: null,
      p99: null,
      p999: null,
      max: null,
      percentiles: [],
    });
  });

  it('have a tail, as far out as there are samples', () => {
    const waits = createWaits();
    for (let wait = 1; wait <= 1000; wait++) recordWait(waits, wait * 100);
    const points = summarizeWaits([waits]).percentiles ?? [];
    expect(points.map(([percent]) => percent).slice(0, 4)).toEqual([0, 50, 75, 87.5]);
    // Half of 1,000 can be halved eight times more until one is left.
    expect(points).toHaveLength(11);
    for (const [percent, wait] of points.slice(1)) {
      expect(wait).toBeGreaterThanOrEqual(percent * 1000 - 100);
      expect(wait).toBeLessThanOrEqual((percent * 1000 + 100) * 1.001);
    }
    expect(points.at(-1)?.[0]).toBe(100);
    const sorted = [...points].sort(([one], [other]) => one - other);
    expect(points).toEqual(sorted);
  });

  it('have at most 25 points, however many there are', () => {
    const waits = createWaits();
    for (let doubling = 0; doubling < 30; doubling++)
      waits.add(waits.count === 0 ? filled() : waits);
    expect(waits.count).toBeGreaterThan(100_000_000);
    expect(summarizeWaits([waits]).percentiles).toHaveLength(25);
  });
});

function filled() {
  const waits = createWaits();
  recordWait(waits, 70);
  return waits;
}
