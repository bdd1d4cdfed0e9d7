// SPDX-License-Identifier: MIT
/**
 * The matrix: what is found in an environment is judged by what its row says, and reported as it
 * is.
 */
import { describe, expect, it } from 'vitest';
import {
  judgeCases,
  judgeEnding,
  judgeEnvironment,
  judgeMigration,
  judgePlace,
  readTold,
} from '../../packages/vm/matrix/judge.mjs';
import type { Expectation, Found, Place } from '../../packages/vm/matrix/judge.mjs';
import {
  formatMarkdown,
  formatRemarks,
  formatTable,
  hasFailed,
} from '../../packages/vm/matrix/report.mjs';
import type { RowResult } from '../../packages/vm/matrix/report.mjs';
import { chooseRows, expectationOf, ROWS } from '../../packages/vm/matrix/rows.mjs';

const place: Place = {
  host: 'linux',
  registration: 'replace',
  abiVersion: 'mainline',
  reason: 'available',
  libc: 'glibc 2.36',
  node: 'v20.20.2',
  cpus: 4,
  preemption: 'lazy',
  isDebugging: true,
};
const found: Found = {
  ...place,
  checks: { 'outcomes add up': true },
  stats: { entered: 1000, yielded: 5, raced: 0, preempted: 1 },
  doctor: { status: 0, stdout: '' },
};
const expected: Expectation = {
  host: 'linux',
  registration: 'replace',
  abiVersion: 'mainline',
  reason: 'available',
  libc: 'glibc 2.36',
  node: 'v20.',
  cpus: 4,
  preemption: 'lazy',
  isDebugging: true,
};
const failures = (checks: readonly { name: string; ok: boolean }[]) =>
  checks.filter(({ ok }) => !ok).map(({ name }) => name);

describe('an environment', () => {
  it('passes when it is as the row says', () => {
    expect(failures(judgeEnvironment(found, expected))).toEqual([]);
  });

  it.each([
    [{ host: 'simulated' }, ['host is linux']],
    [{ registration: 'libc' }, ['registration is replace']],
    [{ abiVersion: 'rfc' }, ['ABI version is mainline']],
    [{ reason: 'denied' }, ['reason is available']],
    [{ libc: 'glibc 2.41' }, ['libc is glibc 2.36']],
    [{ node: 'v22.1.0' }, ['Node is v20.']],
    [{ cpus: 2 }, ['number of CPUs is 4']],
    [{ preemption: 'full' }, ['preemption is lazy']],
    [{ isDebugging: false }, ['rseq_debug is true']],
    [{ checks: { 'outcomes add up': false, more: true } }, ['outcomes add up']],
    [{ stats: { ...found.stats, yielded: 0 } }, ['at least 1 yielded']],
  ])('fails with %j', (change, names) => {
    expect(failures(judgeEnvironment({ ...found, ...change }, expected))).toEqual(names);
  });

  it('fails where a program does not tell what the row names, and passes where the row names nothing', () => {
    expect(failures(judgePlace({}, expected))).toHaveLength(Object.keys(expected).length);
    expect(judgePlace(place, { host: 'linux' })).toHaveLength(1);
  });

  it('must not yield on the simulated kernel', () => {
    const simulated = { ...found, host: 'simulated' };
    expect(failures(judgeEnvironment(simulated, { host: 'simulated' }))).toEqual([
      'nothing is yielded',
    ]);
  });
});

it('judges how a program ended', () => {
  const ending = { stdout: '', stderr: '' };
  expect(judgeEnding({ ...ending, exitCode: 0, signal: null }, { exitCode: 0 }).ok).toBe(true);
  expect(judgeEnding({ ...ending, exitCode: 139, signal: 11 }, { exitCode: 0 }).ok).toBe(false);
  expect(
    judgeEnding({ ...ending, exitCode: 139, signal: 11 }, { exitCode: 139, signal: 11 }).ok,
  ).toBe(true);
  expect(
    judgeEnding({ ...ending, exitCode: 0, signal: null }, { exitCode: 139, signal: 11 }).ok,
  ).toBe(false);
});

it('judges a migration', () => {
  const stats = { entered: 9, undisturbed: 5, yielded: 1, raced: 0, preempted: 3, nested: 0 };
  const good = {
    place,
    done: 9,
    moved: 3,
    wrong: 0,
    failed: 0,
    wasOn: [0, 1, 2, 3],
    atEnd: 'libc',
    stats,
  };
  expect(failures(judgeMigration(good, expected))).toEqual([]);
  const changes = [
    { done: 10 },
    { moved: 0 },
    { wrong: 1 },
    { failed: 1 },
    { wasOn: [0, 1] },
    { atEnd: 'other' },
    { place: { ...place, registration: 'libc' } },
  ];
  for (const change of changes) {
    expect(
      failures(judgeMigration({ ...good, ...change }, expected)),
      JSON.stringify(change),
    ).toHaveLength(1);
  }
});

it("judges the shim's cases, of which enough must have run", () => {
  const stdout =
    '1..4\nok one\nSKIP two (this kernel): no slices\nnot ok three: 1 is not 2\nok four (this kernel)\n';
  expect(failures(judgeCases(stdout, { all: 2, onKernel: 1 }))).toEqual(['three']);
  expect(failures(judgeCases(stdout, { all: 3, onKernel: 2 }))).toEqual([
    'at least 3 passed',
    'at least 2 on this kernel',
    'three',
  ]);
  expect(failures(judgeCases('1..4\nok one\n', { all: 1, onKernel: 0 }))).toEqual([
    'all cases were run',
  ]);
});

it('reads what a C program told of its place, and nothing else', () => {
  const line = '# libc musl, CPUs 2, debug 1, registration own, ABI version 7.0';
  expect(readTold(`${line}\n1..1\nok one\n`)).toEqual({
    host: 'linux',
    registration: 'own',
    abiVersion: '7.0',
    reason: 'available',
    libc: 'musl',
    cpus: 2,
    isDebugging: true,
  });
  expect(
    readTold('# libc musl, CPUs 2, debug 0, attach says -22 in step 1\n1..1\nok one\n'),
  ).toEqual({});
});

describe('the rows', () => {
  it('have names of their own', () => {
    expect(new Set(ROWS.map(({ name }) => name)).size).toBe(ROWS.length);
  });

  it('say how many CPUs there are, whether they name them or not, but for this machine', () => {
    const cpus = (name: string) =>
      ROWS.filter((row) => row.name === name).map((row) => expectationOf(row).cpus);
    expect(cpus('mainline, 1 CPU')).toEqual([1]);
    expect(cpus('mainline, 4 CPUs')).toEqual([4]);
    expect(cpus('mainline, glibc 2.36')).toEqual([2]);
    expect(cpus('the kernel of this machine')).toEqual([undefined]);
    const row = {
      name: '',
      kernel: 'mainline',
      icount: true,
      expect: { host: 'linux' },
    } as const;
    expect(expectationOf(row)).toEqual({ host: 'linux', cpus: 1 });
  });

  it.each([
    [/(?<wanted>\d+) CPUs?$/, 'cpus'],
    [/glibc (?<wanted>[\d.]+)/, 'libc'],
    [/(?<wanted>musl)/, 'libc'],
    [/Node (?<wanted>\d+)/, 'node'],
    [/preempt=(?<wanted>\w+)/, 'preemption'],
    [/rseq_debug=(?<wanted>1)/, 'isDebugging'],
  ] as const)('expect what their names say: %s', (pattern, property) => {
    const named = ROWS.flatMap((row) => {
      const wanted = pattern.exec(row.name)?.groups?.['wanted'];
      return wanted === undefined
        ? []
        : [
            [
              String(expectationOf(row)[property]),
              property === 'isDebugging' ? 'true' : wanted,
            ] as const,
          ];
    });
    expect(named.length).toBeGreaterThan(0);
    for (const [expectation, wanted] of named) expect(expectation).toContain(wanted);
  });

  it('are chosen by a pattern, and by the diagonal', () => {
    expect(chooseRows({})).toEqual(ROWS);
    expect(chooseRows({ only: '^RFC' }).map(({ kernel }) => kernel)).toEqual(['rfc', 'rfc']);
    const diagonal = chooseRows({ diagonal: true });
    expect(diagonal.length).toBeGreaterThan(4);
    expect(diagonal.length).toBeLessThan(ROWS.length);
    // Every version of the ABI is on it.
    expect(new Set(diagonal.map(({ kernel }) => kernel))).toEqual(
      new Set(['mainline', '7.0', 'rfc', 'host']),
    );
  });
});

describe('the report', () => {
  const results: readonly RowResult[] = [
    {
      name: 'one | two',
      host: 'linux',
      abiVersion: 'rfc',
      registration: 'libc',
      checks: [
        { name: 'a', ok: true },
        { name: 'b', ok: false, detail: 'c' },
      ],
      sections: 12_345,
      yielded: 6,
      seconds: 7.4,
      skipped: null,
    },
    {
      name: 'three',
      host: '',
      abiVersion: '',
      registration: '',
      checks: [],
      sections: null,
      yielded: null,
      seconds: 0,
      skipped: 'no such root',
    },
  ];

  it('shows what passed, failed and was skipped', () => {
    expect(results.map(hasFailed)).toEqual([true, false]);
    expect(formatTable(results)).toMatch(/one \| two .* 1 of 2 .* 12,345 .* 6 .* 7 /);
    expect(formatRemarks(results)).toBe(
      'one | two: FAILED: b (found: c)\nthree: skipped: no such root\n',
    );
    const markdown = formatMarkdown(results, { command: 'npm run test:matrix' });
    expect(markdown).toContain('| one \\| two | linux | rfc | libc | 1 of 2 | 12,345 | 6 | 7 |');
    expect(markdown).toContain('- command: npm run test:matrix');
    expect(markdown).toContain('FAILED: b');
  });
});
