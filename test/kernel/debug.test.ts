// SPDX-License-Identifier: MIT
/**
 * The same with the kernel's full consistency checks on, where every misstep in
 * the ABI is answered with a signal. Nobody must be killed.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import {
  expectCyclesClean,
  expectEndingsClean,
  expectLayersKeepTheirHands,
  expectMainEndingsClean,
  expectReconciled,
  expectSelftestPassed,
  expectShimTestsPassed,
} from './checks.ts';
import type { SectionsReport } from './checks.ts';
import { CPUS, EXTENSION, node, runLane, SHIM_TESTS } from './lane.ts';
import type { Lane } from './lane.ts';

describe('rseq_debug=1', () => {
  let lane: Lane;
  beforeAll(async () => {
    lane = await runLane({ extension: EXTENSION, append: 'rseq_debug=1' }, [
      { name: 'sections', command: node('sections.mjs', '20', '3', 'auto', '0') },
      {
        name: 'workers',
        command: node('sections.mjs', '50', '4', 'auto', '2'),
        seconds: 60 * CPUS,
      },
      { name: 'debug', command: ['cat', '/sys/kernel/debug/rseq/debug'] },
      ...SHIM_TESTS,
      { name: 'nested', command: node('nested.mjs') },
      { name: 'lifecycle', command: node('lifecycle.mjs'), seconds: 120 },
      { name: 'cycles', command: node('cycles.mjs') },
      ...['end', 'throw', 'exit'].map((ending) => ({
        name: `main-${ending}`,
        command: node('main-ending.mjs', ending),
      })),
    ]);
  });

  it('has the checks on', () => {
    expect(lane.ending('debug')).toMatchObject({ exitCode: 0, stdout: '1\n' });
  });

  it("passes the kernel's own selftest", () => {
    expectSelftestPassed(lane);
  });

  it("passes the shim's tests in C", () => {
    expectShimTestsPassed(lane);
  });

  it.each(['sections', 'workers'])('reconciles: %s', (name) => {
    const report = lane.json(name) as SectionsReport;
    expectReconciled(report);
    expect(report.stats.yielded).toBeGreaterThan(0);
  });

  it('keeps layers of one thread out of each other', () => {
    expectLayersKeepTheirHands(lane);
  });

  it('gives threads back however they end', () => {
    expectEndingsClean(lane);
    expectMainEndingsClean(lane);
  });

  it('attaches and detaches a thousand times', () => {
    expectCyclesClean(lane);
  });
});
