// SPDX-License-Identifier: MIT
/**
 * An addon of somebody else's that has sections in C through `rseq-slice/native`, on kernels that
 * grant: on the JavaScript thread, also inside sections of JavaScript, on a thread of libuv's pool
 * and on one of its own.
 */
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { KernelStats } from '../../lib/simulated/kernel.ts';
import {
  createExample,
  installExample,
  installPacked,
  missedBookings,
} from '../support/example.ts';
import type { ExampleReport, Tally } from '../support/example.ts';
import { expectReconciled, expectSelftestPassed, expectShimTestsPassed } from './checks.ts';
import { EXTENSION, node, runLane, SHIM_TESTS } from './lane.ts';
import type { Lane } from './lane.ts';

const KINDS = ['here', 'pool', 'thread'] as const;
const FOLDER = '/run/job/example';

interface Report {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stderr: string;
  readonly run: ExampleReport | null;
  readonly kernel: KernelStats;
}

/**
 * The first ABI kills for a system call inside a grant, and the compiler makes some; Node remarks
 * on being without one.
 */
const JITLESS = {
  flags: ['--jitless'],
  remark: /^Warning: disabling flag --expose_wasm due to conflicting flags\n$/,
};

describe.each([
  {
    name: 'mainline, the package as it is published',
    options: {},
    flags: [],
    remark: /^$/,
    install: installPacked,
  },
  {
    name: '7.0, rseq_debug=1',
    options: { abiVersion: '7.0', append: 'rseq_debug=1' },
    flags: [],
    remark: /^$/,
    install: installExample,
  },
  {
    name: 'rfc, rseq_debug=1',
    options: { abiVersion: 'rfc', append: 'rseq_debug=1' },
    ...JITLESS,
    install: installExample,
  },
])('the example addon, $name', ({ options, flags, remark, install }) => {
  let lane: Lane;
  let run: ExampleReport;
  let kernel: KernelStats;
  beforeAll(async () => {
    lane = await runLane(
      { extension: EXTENSION, ...options },
      [
        {
          name: 'example',
          command: node('example-addon.mjs', FOLDER, '3000', ...flags),
          seconds: 120,
        },
        { name: 'workers', command: node('example-workers.mjs', FOLDER), seconds: 120 },
        ...SHIM_TESTS,
      ],
      {
        prepare: (job) => {
          createExample(join(job, 'example'), install);
        },
      },
    );
  });

  it("passes the kernel's own selftest and the shim's tests", () => {
    expectSelftestPassed(lane);
    expectShimTestsPassed(lane);
  });

  it('ends well, and its locks were locks', () => {
    const report = lane.json('example') as Report;
    expect(report).toMatchObject({
      status: 0,
      signal: null,
      stderr: expect.stringMatching(remark) as string,
    });
    if (report.run === null) throw new Error('unreachable');
    ({ run, kernel } = report);
    expect(run.available).toBe(true);
    expect(missedBookings(run)).toEqual([0, 0]);
  });

  it.each(KINDS)('has extensions granted and yields in them: %s', (kind) => {
    const { errno, step, why, ...counts } = run[kind];
    expect({ errno, step, why }).toEqual({ errno: 0, step: 0, why: null });
    expect(counts.yielded).toBeGreaterThan(0);
    expect(counts.undisturbed).toBeGreaterThan(1000);
    expect(counts.nested).toBe(0);
    console.log(`${kind}: ${JSON.stringify(counts)}`);
  });

  it('nests in sections of JavaScript', () => {
    const { errno, inner, outer } = run.nested;
    expect(errno).toBe(0);
    expect(outer.yielded).toBeGreaterThan(0);
    const all = inner.reduce((sum, count) => sum + count);
    expect(all).toBe(outer.entered);
    // A section that was scheduled out has no request left, and then the inner one asks.
    expect(all - inner[4]).toBeLessThanOrEqual(outer.preempted + outer.raced);
    expect(inner[4]).toBeGreaterThan(100);
  });

  it('counts what the kernel counts', () => {
    const sum = (
      name: Exclude<keyof Tally, 'errno' | 'step' | 'why' | 'booked'>,
      outcome: number,
    ): number =>
      KINDS.reduce(
        (total, kind) => total + run[kind][name],
        run.nested.outer[name] + (run.nested.inner[outcome] ?? 0),
      );
    const stats = {
      undisturbed: sum('undisturbed', 0),
      yielded: sum('yielded', 1),
      raced: sum('raced', 2),
      preempted: sum('preempted', 3),
      nested: sum('nested', 4),
    };
    const entered = Object.values(stats).reduce((total, count) => total + count);
    expectReconciled({ runs: [], stats: { entered, ...stats }, kernel });
  });

  it('shares the registration of each worker with JavaScript there', () => {
    const { found, workers, after } = lane.json('workers') as {
      found: string;
      workers: { exitCode: number; steps: unknown[]; tally: Omit<Tally, 'why'> }[];
      after: string;
    };
    expect([found, after]).toEqual(['libc', 'libc']);
    expect(workers).toHaveLength(4);
    for (const { exitCode, steps, tally } of workers) {
      expect(exitCode).toBe(0);
      const [, [, , area], [, registration]] = steps as [
        unknown,
        [string, number, string],
        [string, string],
      ];
      // Where libc's area can have slices, it is libc's all along.
      expect([area, registration]).toEqual(
        area === 'libc' ? ['libc', 'libc'] : ['other', 'replace'],
      );
      expect(steps).toEqual([
        ['found', null, 'libc'],
        ['C attaches', 0, area],
        ['JavaScript attaches', registration, area],
        ['C in sections of JavaScript', true, area],
        ['C detaches', null, area],
        ['JavaScript detaches', null, 'libc'],
        ['C attaches', 0, area],
      ]);
      expect(tally).toMatchObject({ errno: 0, nested: 0 });
      expect(tally.undisturbed).toBeGreaterThan(0);
    }
    expect(workers.reduce((sum, { tally }) => sum + tally.yielded, 0)).toBeGreaterThan(0);
  });
});
