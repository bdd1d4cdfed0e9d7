// SPDX-License-Identifier: MIT
/** What `bench machine` measures, what it tells of a machine, and what it does not. */
import { describe, expect, it } from 'vitest';
import { OWN_KINDS } from '../../../packages/tools/lib/bench/locks/kinds.ts';
import type { LocksRecord } from '../../../packages/tools/lib/bench/locks/run.ts';
import {
  describeFacts,
  readMachineFacts,
  recipeFor,
  whereToSend,
  withoutPrivate,
  workersFor,
} from '../../../packages/tools/lib/bench/recipe.ts';
import type { MachineFacts } from '../../../packages/tools/lib/bench/recipe.ts';

const FACTS: MachineFacts = {
  ...{ available: 16, numaNodes: 2, smt: true, governor: 'performance' },
  ...{ slices: false, reason: 'old-kernel' },
};

it.each([
  [1, [1, 2]],
  [2, [1, 2, 4]],
  [3, [1, 2, 3, 6]],
  [16, [1, 2, 8, 16, 32]],
  [200, [1, 2, 100, 200, 256]],
])('chooses the workers for %i CPUs', (cpus, workers) => {
  expect(workersFor(cpus)).toEqual(workers);
});

it('measures locks that there are, each with what stands in its place', () => {
  const { locks, slices } = recipeFor(FACTS, false);
  const kinds = new Map(OWN_KINDS.map((kind) => [kind.name, kind]));
  for (const name of locks) {
    const baseline = kinds.get(name)?.baseline;
    expect(baseline, name).toBeDefined();
    if (typeof baseline === 'string') expect(locks).toContain(baseline);
  }
  expect(locks).toEqual(expect.arrayContaining(['mutex', 'spin', 'rw-95']));
  expect(slices).toEqual(['off']);
  expect(recipeFor({ ...FACTS, slices: true }, false).slices).toEqual(['on', 'off']);
});

describe('a machine', () => {
  it('is described in a line', () => {
    expect(describeFacts(FACTS)).toMatch(
      /^16 CPUs of \d+ for this process, 2 NUMA nodes, SMT on, governor performance, no slices \(old-kernel\)$/,
    );
    const unknown = { ...FACTS, available: 1, numaNodes: null, smt: null, governor: null };
    expect(describeFacts({ ...unknown, slices: true, reason: null })).toMatch(
      /^1 CPU of \d+ for this process, NUMA not known, no frequency governor, slices$/,
    );
  });

  it('is this one', () => {
    expect(readMachineFacts().available).toBeGreaterThan(0);
  });
});

it('names no files of what failed', () => {
  const failed = {
    error: 'it ended with exit code 1: Error at file:///home/ann/app/x.js:1:2 (/opt/lib y/z.mjs)',
  };
  const record = {
    notes: ['x was skipped: /home/ann/z.so is of another machine.'],
    runs: [failed, { error: null }],
    countedRuns: [failed],
  } as unknown as LocksRecord;
  const text = JSON.stringify(withoutPrivate(record));
  expect(text).not.toMatch(/ann|opt|z\.so|x\.js/);
  expect(text).toContain('it ended with exit code 1: Error at <file>');
  expect(withoutPrivate(record).runs[1]?.error).toBeNull();
});

it('says where to send it', () => {
  expect(whereToSend('m.json', 'https://example.org/r')).toMatch(
    /^The record is in m\.json\. .* an issue at https:\/\/example\.org\/r\/issues,/,
  );
  expect(whereToSend('m.json', null)).toMatch(/an issue on the repository of rseq-slice/);
});
