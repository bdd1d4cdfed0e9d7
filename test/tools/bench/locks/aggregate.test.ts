// SPDX-License-Identifier: MIT
/** What is computed from measurements: rates, fairness, and what is compared with what. */
import { describe, expect, it } from 'vitest';
import {
  aggregate,
  figuresOf,
  jainIndex,
} from '../../../../packages/tools/lib/bench/locks/aggregate.ts';
import type { Run } from '../../../../packages/tools/lib/bench/locks/aggregate.ts';
import type { Measured } from '../../../../packages/tools/lib/bench/locks/cell.ts';

describe('the figures', () => {
  const measured = (sections: readonly number[], parked: number): Measured => ({
    seconds: 2,
    cpu: 3,
    workers: sections.map((count) => ({ sections: count, seconds: 2 })),
    waits: { samples: 9, p50: 100, p99: 200, p999: 300, max: 400 },
    lock: { parked, woken: parked },
    slices: null,
    switches: { voluntary: 4, involuntary: 6 },
    wrong: [],
  });
  const run = (
    round: number,
    slices: 'on' | 'off',
    sections: readonly number[],
    parked = 0,
  ): Run => ({
    ...{ kind: 'mutex', workers: 2, section: 1, gap: 1, error: null },
    ...{ round, slices, measured: measured(sections, parked) },
  });

  it('are per second, and tell how fair it was', () => {
    expect(figuresOf(measured([300, 100], 8))).toMatchObject({
      throughput: 200,
      cpus: 1.5,
      parks: 4,
      voluntary: 2,
      involuntary: 3,
      leastToMost: 1 / 3,
      jain: 0.8,
    });
    expect(jainIndex([5, 5, 5])).toBe(1);
    expect(jainIndex([7, 0])).toBe(0.5);
  });

  it('are compared within a round', () => {
    // The machine is ten times as fast in the second round, which no ratio shows.
    const runs = [
      run(0, 'on', [20, 20]),
      run(0, 'off', [10, 10]),
      run(1, 'off', [100, 100], 3),
      run(1, 'on', [300, 300], 1),
    ];
    const { cells, pairs } = aggregate(runs);
    expect(cells.map(({ slices, rounds }) => [slices, rounds])).toEqual([
      ['on', 2],
      ['off', 2],
    ]);
    expect(pairs).toHaveLength(1);
    expect(pairs[0]?.ratios['throughput']).toMatchObject({
      median: 2.5,
      interval: [2, 3],
      coverage: 0.5,
    });
    // No parks to no parks is not counted.
    expect(pairs[0]?.ratios['parks']).toMatchObject({ median: 1 / 3 });
  });

  it('leave out what failed', () => {
    const bad = run(0, 'on', [1, 1]);
    const wrong = {
      ...bad,
      measured: bad.measured === null ? null : { ...bad.measured, wrong: ['torn'] },
    };
    const died = { ...run(1, 'on', [1, 1]), measured: null, error: 'it died' };
    const { cells, pairs } = aggregate([wrong, died, run(0, 'off', [1, 1]), run(1, 'off', [1, 1])]);
    expect(cells.map(({ slices }) => slices)).toEqual(['off']);
    expect(pairs).toEqual([]);
  });
});
