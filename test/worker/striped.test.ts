// SPDX-License-Identifier: MIT
/**
 * Striped counters and histograms in many workers at once: their totals are exact, sums never go
 * back, and drains at the same time lose and double nothing; with an area to find the stripe by,
 * and without.
 */
import { expect, it } from 'vitest';
import { runProgram } from '../support/program.ts';

it.each([
  ['as this machine has it', []],
  ['by the numbers of threads', ['--no-addons']],
])('eight workers and two drains count exactly: %s', (_, flags) => {
  const seen = runProgram('striped-crew.mjs', ['8', '100000'], flags) as {
    readonly sources: readonly string[];
    readonly sum: number;
    readonly taken: number;
    readonly expected: number;
    readonly isMonotonic: boolean;
    readonly reads: number;
    readonly drains: readonly number[];
  };
  expect(seen).toMatchObject({ sum: seen.expected, taken: seen.expected, isMonotonic: true });
  expect(seen.reads).toBeGreaterThan(0);
  expect(Math.min(...seen.drains)).toBeGreaterThan(0);
  if (flags.length > 0) expect(seen.sources).toEqual(['none']);
});

it('eight workers are observed exactly, and drained', () => {
  const seen = runProgram('striped-histogram.mjs', ['8', '50000']) as {
    readonly codes: readonly number[];
    readonly drains: number;
    readonly count: number;
    readonly counts: readonly number[];
    readonly taken: readonly number[];
    readonly sum: number;
    readonly total: number;
    readonly expected: number;
  };
  const each = [100_000, 100_000, 100_000, 100_000];
  expect(seen).toMatchObject({ codes: Array<number>(8).fill(0), count: 400_000, counts: each });
  expect(seen).toMatchObject({ taken: each, sum: seen.expected, total: seen.expected });
  expect(seen.drains).toBeGreaterThan(2);
});
