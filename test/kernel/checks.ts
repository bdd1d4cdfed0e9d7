// SPDX-License-Identifier: MIT
/**
 * What must hold in every guest, whatever else is different about it.
 */
import { expect } from 'vitest';
import { Outcome } from '../../lib/index.ts';
import type { Stats } from '../../lib/index.ts';
import type { KernelStats } from '../../lib/simulated/kernel.ts';
import { readCases } from '../support/shim.ts';
import { SHIM_TESTS } from './lane.ts';
import type { Lane } from './lane.ts';

export interface SectionsReport {
  readonly runs: readonly {
    host: string;
    registration: string;
    abiVersion: string;
    stats: Stats;
  }[];
  readonly stats: Stats;
  readonly kernel: KernelStats;
}

export function expectSelftestPassed(lane: Lane): void {
  const { exitCode, signal, stdout } = lane.ending('slice_test');
  expect({ exitCode, signal }).toEqual({ exitCode: 0, signal: null });
  expect(stdout).toMatch(/Totals: pass:[1-9]\d* fail:0 xfail:0 xpass:0 skip:0 error:0/);
  expect(stdout).toMatch(/Yielded\s+[1-9]/);
}

/**
 * Our counters against the kernel's, over a run in which nobody else asks for
 * slices and no grant is open at either end:
 *
 * - Every yield of ours inside a grant is one of the kernel's: equal.
 * - Every grant ends in one of three ways, and the kernel counts it, but for one
 *   that is preempted in the kernel, on the way into our yield: that yield says 0,
 *   so it is among our `raced`.
 * - A grant that ends otherwise than by our yield is found by us as `raced`
 *   (when we yield) or `preempted` (when we look): the kernel's revocations and
 *   aborts are at most our `raced + preempted`. We may have more, since a request
 *   that was refused is `preempted` without a grant. The one hole is an interrupt
 *   between the load of the request and its withdrawal, where grant and
 *   revocation leave no trace: `blind` bounds how many fell into it.
 */
export function expectReconciled({ stats, kernel }: SectionsReport): void {
  expect(kernel.syield).toBe(stats.yielded);
  const uncounted = kernel.sgrant - (kernel.syield + kernel.srevok + kernel.sabort);
  expect(uncounted).toBeGreaterThanOrEqual(0);
  expect(uncounted).toBeLessThanOrEqual(stats.raced);
  expect(kernel.sexpir).toBeLessThanOrEqual(kernel.srevok + kernel.sabort + kernel.syield);
  const blind = Math.ceil(0.01 * kernel.sgrant);
  expect(uncounted + kernel.srevok + kernel.sabort).toBeLessThanOrEqual(
    stats.raced + stats.preempted + blind,
  );
  expect(stats.entered).toBe(
    stats.undisturbed + stats.yielded + stats.raced + stats.preempted + stats.nested,
  );
}

/** Percent of the sections in which a grant or a revocation happened. */
export function yieldedShare({ stats }: SectionsReport): number {
  return (100 * stats.yielded) / (stats.yielded + stats.raced + stats.preempted);
}

/** The shim's tests in C, on a kernel that has what they are about. */
export function expectShimTestsPassed(lane: Lane): void {
  for (const { name } of SHIM_TESTS) {
    const { exitCode, signal, stdout } = lane.ending(name);
    expect({ exitCode, signal }, stdout).toEqual({ exitCode: 0, signal: null });
    const { announced, cases } = readCases(stdout);
    expect(cases, name).toHaveLength(announced);
    expect(cases.filter(({ result }) => result === 'not ok')).toEqual([]);
    const skipped = cases.filter(({ result }) => result === 'SKIP');
    for (const { name: skip, reason } of skipped)
      console.log(`${name}: ${skip} skipped: ${reason}`);
    expect(cases.length - skipped.length, name).toBeGreaterThan(40);
    const onKernel = cases.filter(
      ({ name: one, result }) => one.endsWith('(this kernel)') && result === 'ok',
    );
    expect(onKernel.length, name).toBeGreaterThan(15);
  }
}

/** Whatever way a worker ends, its thread is as it was found. */
export function expectEndingsClean(lane: Lane): void {
  const cases = lane.json('lifecycle') as {
    ending: string;
    state: string;
    exitCode: number;
    error: string | null;
    registration: string;
    atEnd: string;
  }[];
  expect(cases).toHaveLength(12);
  const exitCodes: Record<string, number> = { end: 0, terminate: 1, throw: 1, exit: 5 };
  for (const { ending, state, ...found } of cases) {
    expect(found, `${ending} ${state}`).toEqual({
      exitCode: exitCodes[ending],
      error: ending === 'throw' ? 'on purpose' : null,
      registration: state === 'detached' ? 'libc' : 'other',
      atEnd: 'libc 1',
    });
  }
}

export function expectMainEndingsClean(lane: Lane): void {
  // Node takes the main thread's environment down only when it ends by itself.
  // Else our area stays registered, and its memory lives as long as the process.
  const endings = { end: [0, 'libc 1'], exit: [5, 'other 1'], throw: [1, 'other 1'] } as const;
  for (const [ending, [exitCode, atEnd]] of Object.entries(endings)) {
    const name = `main-${ending}`;
    expect(lane.ending(name), name).toMatchObject({ exitCode, signal: null, timedOut: false });
    expect(lane.file(name), name).toBe(atEnd);
  }
}

export function expectCyclesClean(lane: Lane): void {
  expect(lane.json('cycles')).toEqual({ attached: ['other'], detached: ['libc'], wrongCpu: 0 });
}

/**
 * Only the layer that asked withdraws. The steps are those of an attempt into which no interrupt
 * fell; the third column is the request byte after the step.
 */
export function expectLayersKeepTheirHands(lane: Lane): void {
  const { steps, attempts, leftOver, stats, foreign } = lane.json('nested') as {
    steps: unknown[] | null;
    attempts: number;
    leftOver: number;
    stats: Stats;
    foreign: [number, number, number, number];
  };
  const { Undisturbed, Nested } = Outcome;
  expect(steps, `none of ${attempts} attempts was undisturbed`).not.toBeNull();
  expect(steps, `attempt ${attempts}`).toEqual([
    ['enter', null, 1],
    ['enter', null, 1],
    ['leave', Nested, 1],
    ['leave', Undisturbed, 0],
    ['foreign enter', 1, 1],
    ['enter', null, 1],
    ['enter', null, 1],
    ['leave', Nested, 1],
    ['leave', Nested, 1],
    ['foreign leave', Undisturbed, 0],
    ['enter', null, 1],
    ['foreign enter refused', 0, 1],
    ['leave', Undisturbed, 0],
  ]);
  expect(leftOver, `of ${attempts} attempts`).toBe(0);
  expect(stats.nested).toBeGreaterThan(100);
  const [undisturbed, ...disturbed] = foreign;
  expect(undisturbed).toBeGreaterThan(100);
  // Else nobody was tempted.
  expect(disturbed.reduce((sum, count) => sum + count)).toBeGreaterThan(0);
}
