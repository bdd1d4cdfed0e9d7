// SPDX-License-Identifier: MIT
/**
 * The library's own code, not a model of it, under everything that can happen
 * between any two of its accesses to the control word. With three disturbances
 * it takes so long that only real-code.long.test.ts does it.
 *
 * @portable
 */
import { describe, expect, it } from 'vitest';
import { attach } from '../../../lib/attach.ts';
import { exploreChoices, replayed } from '../../../lib/simulated/explorer/choices.ts';
import type { Chooser } from '../../../lib/simulated/explorer/choices.ts';
import { SimulatedKernel } from '../../../lib/simulated/kernel.ts';
import { ABI_VERSIONS } from '../../../lib/abi/interface.ts';
import { isLong } from '../../support/share.ts';

describe.each(ABI_VERSIONS)('sections on %s', (abiVersion) => {
  /** Two sections and what the program does between them. */
  function twoSections(chooser: Chooser, nested = false): void {
    const kernel = new SimulatedKernel({ abiVersion, debug: true, chooser });
    const cpu = kernel.thread();
    const thread = attach({ host: cpu });
    for (let i = 0; i < 2; i++) {
      thread.enter();
      if (nested) thread.critical(() => undefined);
      thread.leave();
      expect(cpu.granted, 'a grant is left behind').toBe(false);
      expect(cpu.requested, 'a request is left behind').toBe(false);
      cpu.systemCall();
    }
    const { sgrant, srevok, syield, sabort } = kernel.stats();
    const { yielded, raced, preempted, undisturbed, nested: inner, entered } = thread.stats();
    expect(syield).toBe(yielded);
    expect(sabort, 'grants ended by system calls of ours').toBe(0);
    expect(sgrant).toBe(syield + srevok);
    expect(yielded + raced + preempted + undisturbed + inner).toBe(entered);
  }

  const disturbances = isLong ? 3 : 2;

  it(`survive every schedule of ${disturbances} disturbances`, () => {
    const report = exploreChoices(twoSections, { disturbances });
    expect(report).toMatchObject({ failure: null, coverage: 'bounded' });
    console.log(`${abiVersion}: ${report.runs.toLocaleString('en')} runs`);
  });

  it(`survive every schedule of ${disturbances - 1} disturbances, nested`, () => {
    const nested = (chooser: Chooser) => {
      twoSections(chooser, true);
    };
    const report = exploreChoices(nested, { disturbances: disturbances - 1 });
    expect(report).toMatchObject({ failure: null, coverage: 'bounded' });
  });
});

if (!isLong)
  it('replays a failure', () => {
    const failing = (chooser: Chooser) => {
      const kernel = new SimulatedKernel({ chooser });
      const thread = attach({ host: kernel.thread() });
      thread.critical(() => undefined);
      if (thread.stats().yielded > 0) throw new Error('yielded');
    };
    const { failure } = exploreChoices(failing);
    expect(failure?.error).toMatchObject({ message: 'yielded' });
    expect(() => {
      failing(replayed(failure?.choices ?? ''));
    }).toThrow('yielded');
  });
