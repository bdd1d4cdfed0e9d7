// SPDX-License-Identifier: MIT
/**
 * The tables of locks: what their columns are called, what is said beside them, and that they fit.
 */
import { describe, expect, it } from 'vitest';
import {
  aggregate,
  summarizeCounts,
} from '../../../../packages/tools/lib/bench/locks/aggregate.ts';
import type { Run } from '../../../../packages/tools/lib/bench/locks/aggregate.ts';
import { compareKinds, overallOf } from '../../../../packages/tools/lib/bench/locks/compare.ts';
import type { LocksRecord } from '../../../../packages/tools/lib/bench/locks/run.ts';
import { formatLocks } from '../../../../packages/tools/lib/bench/locks/table.ts';
import { describeMachine } from '../../../../packages/tools/lib/bench/machine.ts';

function record(rounds: number, more: Partial<LocksRecord> = {}): LocksRecord {
  const runs = Array.from({ length: rounds }, (_, round) =>
    [2, 16].flatMap((workers) =>
      (['on', 'off'] as const).map((slices): Run => ({
        ...{ kind: 'mutex', workers, section: 1, gap: 1, round, slices, error: null },
        measured: {
          seconds: 1,
          cpu: 2,
          workers: [
            { sections: 1_234_567 + round, seconds: 1 },
            { sections: 2_345_678, seconds: 1 },
          ],
          waits: { samples: 9, p50: 100, p99: 22_000, p999: 333_000, max: 4_444_000 },
          lock: { parked: 1000 + round },
          slices: { yielded: 10, preempted: 1 },
          switches: { voluntary: 444_444, involuntary: 66_666 },
          sections: {
            ...{ sections: 1000, contended: 250, operations: 2500, fewest: 2000, systemCalls: 30 },
            ...{ parks: 20, wakes: 10, emptyWakes: 1, vainParks: 4 },
          },
          wrong: [],
        },
      })),
    ),
  ).flat();
  return {
    schema: 3,
    benchmark: 'locks',
    ...describeMachine('rseq-slice bench'),
    ...{ cpu: 'Some CPU', guest: false, hypervisor: null, emulated: false, load: 0 },
    clock: { source: 'tsc', inSection: true, cost: 30 },
    extension: 5000,
    workload: 'loop',
    unitsPerMicrosecond: { loop: 1, work: 1, pthread: null },
    options: {
      workers: [2],
      sections: [1],
      gaps: null,
      locks: ['mutex'],
      slices: ['on', 'off'],
      workload: 'loop',
      rounds,
      seconds: 1,
      warm: 0,
      sample: 8,
      count: rounds,
    },
    complete: true,
    notes: [
      'A note that is rather long, so that it takes more than one line of a terminal, however wide that terminal is at the time.',
    ],
    ...aggregate(runs),
    runs,
    counts: summarizeCounts(runs),
    countedRuns: runs,
    ...{ kinds: [], comparisons: [], overall: [] },
    ...more,
  };
}

it('calls intervals by how sure they are', () => {
  expect(formatLocks(record(3))).toMatch(
    /^lock +workers +slices +sections\/s \(75 % interval\) +p50/m,
  );
  expect(formatLocks(record(3))).toMatch(/^lock +workers +sections\/s \(75 %\) +p50 \(75 %\)/m);
  expect(formatLocks(record(6))).toMatch(
    /^lock +workers +slices +sections\/s \(96\.9 % interval\)/m,
  );
  expect(formatLocks(record(1))).toMatch(/sections\/s \(no interval\)/);
  for (const rounds of [1, 2, 3, 6, 11]) expect(formatLocks(record(rounds))).not.toContain('95 %');
});

it('says that fewer than six rounds show no difference', () => {
  expect(formatLocks(record(5))).toMatch(/fewer than 6 rounds no interval is sure enough/);
  expect(formatLocks(record(6))).not.toMatch(/fewer than/);
});

it('says where times are none of a CPU, and that the machine was loaded', () => {
  expect(formatLocks(record(6))).not.toMatch(/guest|loaded/);
  expect(formatLocks(record(6, { guest: true, hypervisor: 'QEMU', emulated: true }))).toMatch(
    /; guest \(QEMU, emulated\);[^]*times here are the emulator's/,
  );
  expect(formatLocks(record(6, { load: 900 }))).toMatch(/loaded when this began \(load 900\.0/);
});

it('says what its columns mean', () => {
  const text = formatLocks(record(6));
  const columns = [
    ...(/^(lock .*)$/m.exec(text)?.[1] ?? '').matchAll(/[a-zA-Z][\w./]*( up\/s)?/g),
  ].map(([name]) => name);
  const explained = columns.filter(
    (name) => !['lock', 'workers', 'slices', 'interval', 'p99.9'].includes(name),
  );
  expect(explained.length).toBeGreaterThan(8);
  for (const name of explained) expect(text).toMatch(new RegExp(`^${name} {2,}\\w`, 'm'));
});

it('has yields of cells with slices only', () => {
  expect(formatLocks(record(6))).toMatch(/^mutex +2 +off .* - +444,444 /m);
  const { cells, ...more } = record(6);
  expect(
    formatLocks({ ...more, cells: cells.filter(({ slices }) => slices === 'off') }),
  ).not.toContain('yields/s');
});

it('has what was counted in a table of its own', () => {
  const text = formatLocks(record(6));
  const [head, row] = /^lock .*contended.*\nmutex .*$/m.exec(text)?.[0].split('\n') ?? [];
  expect(head?.split(/ {2,}/)).toEqual([
    ...['lock', 'workers', 'slices', 'contended', 'parks', 'parks/cont.', 'wakes', 'wakes/cont.'],
    ...['in vain', 'in vain/cont.', 'calls', 'calls/cont.', 'ops', 'ops/cont.'],
  ]);
  expect(row?.split(/ {2,}/)).toEqual([
    ...['mutex', '2', 'on', '0.250', '0.020', '0.080', '0.010', '0.040'],
    ...['0.005', '0.020', '0.030', '0.120', '2.500', '2.000'],
  ]);
  for (const name of ['contended', 'parks', 'wakes', 'in vain', 'calls', 'ops'])
    expect(text).toMatch(new RegExp(`^${name} {2,}\\w`, 'm'));
  expect(formatLocks(record(6, { counts: [] }))).not.toContain('contended');
});

it('has how ours stand to others, and what that comes to', () => {
  const runs = record(6).runs.filter(({ slices }) => slices === 'off');
  const others = runs.map((run) => ({ ...run, kind: 'textbook' }));
  const facts = { what: '', runner: 'workers', job: 'exclusive' } as const;
  const comparisons = compareKinds(
    [...runs, ...others],
    [
      { ...facts, name: 'mutex', baseline: 'textbook', ours: true },
      { ...facts, name: 'textbook', baseline: null, ours: false },
    ],
  );
  const more = { comparisons, overall: overallOf(comparisons) };
  const text = formatLocks(record(6, more));
  expect(text).toMatch(
    /^mutex +2 +off +textbook +1\.00 \(1\.00 \.\. 1\.00\) +textbook +1\.00 .* textbook +1\.00 /m,
  );
  expect(text).toMatch(
    /^mutex, slices off: sections\/s 1\.00 of textbook \(geometric mean of 2 cells\); worst 1\.00 at 2 workers, 1 us$/m,
  );
  expect(text).toMatch(/p99\.9 wait 1\.00 of the best of the others .*, of textbook$/m);
  const narrow = formatLocks(record(6, more), { width: 80 }).split('\n');
  expect(narrow.filter((line) => line.length > 80)).toEqual([]);
  expect(formatLocks(record(6))).not.toContain('best others');
});

it('tells of failures in counted runs too', () => {
  const { countedRuns, ...more } = record(1);
  const failed = countedRuns.map((run) => ({ ...run, measured: null, error: 'it died' }));
  expect(formatLocks({ ...more, countedRuns: failed })).toMatch(/^WRONG: mutex, .*it died/m);
});

it('does not repeat what was told before', () => {
  const said = new Set<string>();
  expect(formatLocks(record(6), {}, said)).toContain('A note that is');
  expect(formatLocks(record(6), {}, said)).not.toContain('A note that is');
});

describe.each([80, 120])('in %i columns', (width) => {
  it.each([3, 6])('fits, with %i rounds', (rounds) => {
    const lines = formatLocks(record(rounds), { width }).split('\n');
    expect(lines.filter((line) => line.length > width)).toEqual([]);
  });
});
