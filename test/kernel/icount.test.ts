// SPDX-License-Identifier: MIT
/**
 * One CPU whose time is the number of its instructions: here 50 us are 50 us
 * however busy the host is, so shares can be asserted.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { expectReconciled, expectSelftestPassed, yieldedShare } from './checks.ts';
import type { SectionsReport } from './checks.ts';
import { EXTENSION, node, runLane } from './lane.ts';
import type { Lane } from './lane.ts';

describe('one CPU, instruction count, 50 us', () => {
  let lane: Lane;
  beforeAll(async () => {
    lane = await runLane({ extension: EXTENSION, icount: true }, [
      { name: 'sections', command: node('sections.mjs', '20', '3', 'auto', '0'), seconds: 200 },
    ]);
  });

  it("passes the kernel's own selftest", () => {
    expectSelftestPassed(lane);
  });

  it('yields in most disturbed sections, and hardly a stray system call ends a grant', () => {
    const report = lane.json('sections') as SectionsReport;
    expectReconciled(report);
    const aborted = (100 * report.kernel.sabort) / report.kernel.sgrant;
    console.log(
      `${yieldedShare(report).toFixed(1)} % yielded, ${aborted.toFixed(2)} % aborted of ${String(report.kernel.sgrant)} grants in ${String(report.stats.entered)} sections`,
    );
    expect(report.kernel.sgrant).toBeGreaterThan(1000);
    expect(yieldedShare(report)).toBeGreaterThanOrEqual(50);
    expect(aborted).toBeLessThan(0.5);
  });
});
