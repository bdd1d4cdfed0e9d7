// SPDX-License-Identifier: MIT
/** How our locks stand to others: who is compared with whom, within a round, and over all cells. */
import { describe, expect, it } from 'vitest';
import { compareKinds, overallOf } from '../../../../packages/tools/lib/bench/locks/compare.ts';
import type { KindFacts } from '../../../../packages/tools/lib/bench/locks/compare.ts';
import type { Run } from '../../../../packages/tools/lib/bench/locks/aggregate.ts';

const kind = (name: string, more: Partial<KindFacts> = {}): KindFacts => ({
  ...{ name, what: '', runner: 'workers', job: 'exclusive', baseline: null, ours: false },
  ...more,
});
const KINDS = [
  kind('mutex', { ours: true, baseline: 'textbook' }),
  kind('textbook'),
  kind('bare-cas'),
  kind('in-c', { runner: 'program' }),
  kind('tasks', { runner: 'tasks' }),
  kind('readers', { job: 'reads' }),
];

/** @param figures sections a second, and the p99.9 wait in ns */
function run(
  name: string,
  round: number,
  [throughput, p999]: readonly [number, number | null],
  more: Partial<Run> = {},
): Run {
  return {
    ...{ kind: name, workers: 2, section: 1, gap: 1, round, slices: 'off', error: null },
    measured: {
      ...{ seconds: 1, cpu: 1, lock: null, slices: null, switches: null, wrong: [] },
      workers: [{ sections: throughput, seconds: 1 }],
      waits: { samples: 1, p50: p999, p99: p999, p999, max: p999 },
    },
    ...more,
  };
}

describe('in one cell', () => {
  // The second round is ten times as fast, which no ratio shows.
  const runs = [
    run('mutex', 0, [100, 50]),
    run('textbook', 0, [80, 20]),
    run('bare-cas', 0, [200, 500]),
    run('mutex', 1, [1000, 5]),
    run('textbook', 1, [800, 2]),
    run('bare-cas', 1, [2000, 50]),
  ];

  it('ours are compared with the best of the others, of each figure, and with their baseline', () => {
    expect(compareKinds(runs, KINDS)).toMatchObject([
      {
        kind: 'mutex',
        best: {
          throughput: { kind: 'bare-cas', ratio: { median: 0.5, interval: [0.5, 0.5] } },
          p999: { kind: 'textbook', ratio: { median: 2.5, interval: [2.5, 2.5] } },
        },
        baseline: {
          throughput: { kind: 'textbook', ratio: { median: 1.25 } },
          p999: { kind: 'textbook', ratio: { median: 2.5 } },
        },
      },
    ]);
  });

  it('nothing stands for ours that could not be used instead', () => {
    const strangers = ['in-c', 'tasks', 'readers', 'unknown'].map((name) => run(name, 0, [999, 1]));
    expect(compareKinds([...runs, ...strangers], KINDS)).toEqual(compareKinds(runs, KINDS));
    expect(compareKinds([run('mutex', 0, [1, 1]), ...strangers], KINDS)).toEqual([]);
  });

  it('cells with other workers, sections or gaps are others', () => {
    const elsewhere = [{ workers: 4 }, { section: 5 }, { gap: 0 }].map((more) =>
      run('textbook', 0, [999, 1], more),
    );
    expect(compareKinds([run('mutex', 0, [1, 1]), ...elsewhere], KINDS)).toEqual([]);
  });

  it('runs that failed are left out, and so are rounds without the other', () => {
    const [good] = runs;
    const torn = { ...run('textbook', 0, [1, 1]) };
    const wrong = {
      ...torn,
      measured: torn.measured === null ? null : { ...torn.measured, wrong: ['torn'] },
    };
    const failed = { ...run('bare-cas', 0, [1, 1]), measured: null, error: 'it died' };
    expect(compareKinds(good === undefined ? [] : [good, wrong, failed], KINDS)).toEqual([]);
    const [comparison] = compareKinds(runs.slice(0, 4), KINDS);
    expect(comparison?.baseline.throughput?.ratio).toMatchObject({ median: 1.25, coverage: 0 });
  });

  it('waits that were not timed have no ratio', () => {
    const [comparison] = compareKinds(
      [run('mutex', 0, [1, null]), run('textbook', 0, [1, 5])],
      KINDS,
    );
    expect(comparison?.best.p999).toBeNull();
    expect(comparison?.best.throughput).not.toBeNull();
  });

  it('ours with slices are compared with others that have them, else with what they have', () => {
    const [on] = compareKinds(
      [
        run('mutex', 0, [100, 1], { slices: 'on' }),
        run('bare-cas', 0, [50, 1], { slices: 'on' }),
        run('bare-cas', 0, [400, 1]),
        run('textbook', 0, [40, 1]),
      ],
      KINDS,
    );
    expect(on).toMatchObject({
      slices: 'on',
      best: { throughput: { kind: 'bare-cas', ratio: { median: 2 } } },
      baseline: { throughput: { kind: 'textbook', ratio: { median: 2.5 } } },
    });
  });
});

it('has the geometric mean over all cells, and the worst of them', () => {
  const runs = [1, 2, 8].flatMap((workers) => [
    run('mutex', 0, [workers * 100, workers * 10], { workers }),
    run('textbook', 0, [200, 20], { workers }),
  ]);
  const overall = overallOf(compareKinds(runs, KINDS)).filter(({ against }) => against === 'best');
  expect(overall.map(({ figure, cells }) => [figure, cells])).toEqual([
    ['throughput', 3],
    ['p999', 3],
  ]);
  // 0.5, 1 and 4 of each.
  for (const { mean } of overall) expect(mean).toBeCloseTo(Math.cbrt(2), 12);
  expect(overall.map(({ worst }) => [worst.workers, worst.ratio, worst.against])).toEqual([
    [1, 0.5, 'textbook'],
    [8, 4, 'textbook'],
  ]);
});
