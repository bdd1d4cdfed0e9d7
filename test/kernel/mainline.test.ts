// SPDX-License-Identifier: MIT
/**
 * The library on a kernel that grants, several CPUs in parallel. Under emulation
 * time is elastic, so outcomes are asserted and latencies are not.
 */
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { ENOTSUPP, FLAG_SLICE_AVAILABLE, FLAG_SLICE_ENABLED } from '../../lib/abi/kernel.ts';
import {
  expectCyclesClean,
  expectEndingsClean,
  expectLayersKeepTheirHands,
  expectMainEndingsClean,
  expectReconciled,
  expectSelftestPassed,
  expectShimTestsPassed,
  yieldedShare,
} from './checks.ts';
import type { SectionsReport } from './checks.ts';
import type { Stats } from '../../lib/index.ts';
import { CPUS, EXTENSION, node, runLane, SHIM_TESTS } from './lane.ts';
import type { Lane } from './lane.ts';

const commandLine = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const NO_LIBC_AREA = { GLIBC_TUNABLES: 'glibc.pthread.rseq=0' };

/** On each CPU: CPU, what libc says, node, concurrency ID. */
type Ids = readonly (readonly number[])[];

interface RegistrationReport {
  readonly slices: { available: boolean };
  readonly kernel: { abiVersion: string; extension: number };
  readonly before: unknown;
  readonly attached: unknown;
  readonly detached: unknown;
  readonly registration: string | null;
  readonly flags: number;
  readonly ids: Ids | null;
  readonly withoutThread: Readonly<
    Record<'before' | 'attached' | 'detached', { source: string; ids: Ids }>
  >;
  readonly cpus: readonly number[];
  readonly error: { code: string; errno: number; message: string } | null;
}

const range = (length: number): number[] => Array.from({ length }, (_, index) => index);

function expectIds(lane: Lane, cpus: number, name = 'auto'): void {
  const report = lane.json(name) as RegistrationReport;
  const { before, attached, detached } = report.withoutThread;
  for (const ids of [report.ids, before.ids, attached.ids, detached.ids]) {
    expect(ids?.map(([cpu, libcCpu, numaNode]) => [cpu, libcCpu, numaNode])).toEqual(
      range(cpus).map((cpu) => [cpu, cpu, 0]),
    );
    for (const [, , , concurrencyId] of ids ?? []) expect(range(cpus)).toContain(concurrencyId);
  }
  expect(report.cpus).toEqual(range(cpus));
}

function expectSources(lane: Lane, name: string, idle: string): void {
  const { before, attached, detached } = (lane.json(name) as RegistrationReport).withoutThread;
  expect([before.source, attached.source, detached.source]).toEqual([idle, 'area', idle]);
}

function expectWorkersServed(lane: Lane, workers: number): void {
  const report = lane.json('workers') as SectionsReport;
  expectReconciled(report);
  expect(report.runs).toHaveLength(workers);
  for (const run of report.runs) {
    expect(run).toMatchObject({ host: 'linux', registration: 'replace', abiVersion: 'mainline' });
    expect(run.stats.yielded).toBeGreaterThan(0);
  }
}

describe(`${CPUS} CPUs, 50 us`, () => {
  let lane: Lane;
  beforeAll(async () => {
    lane = await runLane({ extension: EXTENSION }, [
      { name: 'auto', command: node('registration.mjs', 'auto') },
      { name: 'libc', command: node('registration.mjs', 'libc') },
      { name: 'own', command: node('registration.mjs', 'own') },
      { name: 'rfc', command: node('registration.mjs', 'auto', 'rfc') },
      { name: 'auto without libc', command: node('registration.mjs', 'auto'), env: NO_LIBC_AREA },
      { name: 'sections', command: node('sections.mjs', '20', '4', 'auto', '0') },
      { name: 'long sections', command: node('sections.mjs', '200', '4', 'auto', '0') },
      { name: 'native sections', command: node('sections.mjs', '20', '3', 'native', '0') },
      {
        name: 'workers',
        command: node('sections.mjs', '20', '4', 'auto', '2'),
        seconds: 60 * CPUS,
      },
      ...SHIM_TESTS,
      { name: 'nested', command: node('nested.mjs') },
      { name: 'lifecycle', command: node('lifecycle.mjs'), seconds: 120 },
      {
        name: 'demo',
        command: [process.execPath, commandLine, 'demo', '--json'],
        seconds: 60 * CPUS,
      },
      { name: 'cycles', command: node('cycles.mjs') },
      ...['end', 'throw', 'exit'].map((ending) => ({
        name: `main-${ending}`,
        command: node('main-ending.mjs', ending),
      })),
    ]);
  });

  it("passes the kernel's own selftest", () => {
    expectSelftestPassed(lane);
  });

  it("passes the shim's tests in C", () => {
    expectShimTestsPassed(lane);
  });

  it("replaces an old glibc's registration, and the kernel then says ENABLED", () => {
    const report = lane.json('auto') as RegistrationReport;
    const found = { kernel: 'libc', libc: true, enabled: 0 };
    expect(report.before).toEqual(found);
    expect(report.attached).toEqual({ kernel: 'other', libc: false, enabled: 1 });
    expect(report.detached).toEqual(found);
    expect(report.registration).toBe('replace');
    const both = FLAG_SLICE_AVAILABLE | FLAG_SLICE_ENABLED;
    expect(report.flags & both).toBe(both);
    expect(report.slices.available).toBe(true);
    expect(report.kernel).toMatchObject({ abiVersion: 'mainline', extension: EXTENSION });
  });

  it('reads CPU, node and concurrency ID, and sched_getcpu is right before and after detach', () => {
    expectIds(lane, CPUS);
    expectIds(lane, CPUS, 'auto without libc');
  });

  it('loads ids from whichever area is live, without a thread too', () => {
    expectSources(lane, 'auto', 'area');
    expectSources(lane, 'auto without libc', 'call');
  });

  it.each([
    ['libc', ENOTSUPP, /32 bytes/],
    ['own', 16, /libc has registered/],
    ['rfc', 22, /another ABI version/],
  ])("refuses '%s' and leaves the thread alone", (policy, errno, words) => {
    const report = lane.json(policy) as RegistrationReport;
    expect(report.error).toMatchObject({ code: 'ERR_RSEQ_UNAVAILABLE', errno });
    expect(report.error?.message).toMatch(words);
    expect(report.attached).toEqual(report.before);
    expect(report.before).toMatchObject({ kernel: 'libc', libc: true });
  });

  it('registers an area of its own where libc has none', () => {
    const report = lane.json('auto without libc') as RegistrationReport;
    expect(report.registration).toBe('own');
    expect(report.attached).toMatchObject({ enabled: 1 });
    expect(report.detached).toEqual(report.before);
    expect(report.ids?.map(([cpu]) => cpu)).toEqual(range(CPUS));
  });

  it('yields inside the grant beside a noisy neighbour, and reconciles with the kernel', () => {
    const report = lane.json('sections') as SectionsReport;
    expectReconciled(report);
    expect(report.stats.yielded).toBeGreaterThan(100);
    console.log(
      `${yieldedShare(report).toFixed(1)} % of ${String(report.kernel.sgrant)} grants yielded, ${String(report.kernel.sabort)} aborted, in ${String(report.stats.entered)} sections`,
    );
  });

  it('is undisturbed, yields or is preempted in sections longer than the extension', () => {
    const report = lane.json('long sections') as SectionsReport;
    expectReconciled(report);
    for (const outcome of ['undisturbed', 'yielded', 'preempted'] as const) {
      expect(report.stats[outcome], outcome).toBeGreaterThan(0);
    }
    // An extension need not run out within the few instructions of a race, and on some runs none
    // does.
    console.log(`${report.stats.raced} of ${report.stats.entered} long sections raced`);
  });

  it('does the same through native calls where the word cannot be mapped', () => {
    const report = lane.json('native sections') as SectionsReport;
    expectReconciled(report);
    expect(report.stats.yielded).toBeGreaterThan(100);
  });

  it('serves two workers a CPU at once, each with its own area', () => {
    expectWorkersServed(lane, 2 * CPUS);
  });

  it('shows grants in the demonstration, whose records are right', () => {
    const report = lane.json('demo') as {
      workers: { host: string }[];
      stats: Stats;
      wrong: string[];
    };
    expect(report.wrong).toEqual([]);
    expect(report.workers).toHaveLength(Math.min(16, 2 * CPUS));
    expect(report.workers.filter(({ host }) => host !== 'linux')).toEqual([]);
    expect(report.stats.yielded).toBeGreaterThan(0);
  });

  it('keeps layers of one thread out of each other', () => {
    expectLayersKeepTheirHands(lane);
  });

  it('gives the thread back however a worker ends', () => {
    expectEndingsClean(lane);
  });

  it('gives the main thread back however the process ends', () => {
    expectMainEndingsClean(lane);
  });

  it('attaches and detaches a thousand times', () => {
    expectCyclesClean(lane);
  });
});

// The rest of it runs on so many with RSEQ_SLICE_GUEST_CPUS=4.
describe('4 CPUs', () => {
  let lane: Lane;
  beforeAll(async () => {
    const programs = [
      { name: 'auto', command: node('registration.mjs', 'auto') },
      { name: 'workers', command: node('sections.mjs', '20', '1', 'auto', '2'), seconds: 240 },
    ];
    lane = await runLane({ extension: EXTENSION, cpus: 4 }, programs, { selftest: false });
  });

  it('reads ids on each of them', () => {
    expectIds(lane, 4);
  });

  it('serves two workers on each of them at once', () => {
    expectWorkersServed(lane, 8);
  });
});
