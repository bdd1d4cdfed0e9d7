/** The matrix: what is found in an environment is judged by what its row says, and reported as it is. */
import { describe, expect, it } from 'vitest';
import { judgeCases, judgeEnding, judgeEnvironment, judgeMigration } from '../../scripts/matrix/judge.mjs';
import type { Expectation, Found } from '../../scripts/matrix/judge.mjs';
import { formatMarkdown, formatRemarks, formatTable, hasFailed } from '../../scripts/matrix/report.mjs';
import type { RowResult } from '../../scripts/matrix/report.mjs';
import { chooseRows, ROWS } from '../../scripts/matrix/rows.mjs';

const found: Found = {
  backend: 'linux',
  registration: 'replace',
  flavour: 'mainline',
  reason: 'available',
  libc: 'glibc 2.36',
  node: 'v20.20.2',
  preemption: 'lazy',
  checks: { 'outcomes add up': true },
  stats: { entered: 1000, yielded: 5, raced: 0, revoked: 1 },
  doctor: { status: 0, stdout: '' },
};
const expected: Expectation = { backend: 'linux', registration: 'replace', flavour: 'mainline', reason: 'available', libc: 'glibc 2.36', node: 'v20.', preemption: 'lazy' };
const failures = (checks: readonly { name: string; ok: boolean }[]) => checks.filter(({ ok }) => !ok).map(({ name }) => name);

describe('an environment', () => {
  it('passes when it is as the row says', () => {
    expect(failures(judgeEnvironment(found, expected))).toEqual([]);
  });

  it.each([
    [{ backend: 'simulated' }, ['backend is linux']],
    [{ registration: 'libc' }, ['registration is replace']],
    [{ flavour: 'rfc' }, ['flavour is mainline']],
    [{ reason: 'denied' }, ['reason is available']],
    [{ libc: 'glibc 2.41' }, ['libc is glibc 2.36']],
    [{ node: 'v22.1.0' }, ['Node is v20.']],
    [{ preemption: 'full' }, ['preemption is lazy']],
    [{ checks: { 'outcomes add up': false, more: true } }, ['outcomes add up']],
    [{ stats: { ...found.stats, yielded: 0 } }, ['at least 1 yielded']],
  ])('fails with %j', (change, names) => {
    expect(failures(judgeEnvironment({ ...found, ...change }, expected))).toEqual(names);
  });

  it('must not yield on the simulated kernel', () => {
    const simulated = { ...found, backend: 'simulated' };
    expect(failures(judgeEnvironment(simulated, { backend: 'simulated' }))).toEqual(['nothing is yielded']);
  });
});

it('judges how a program ended', () => {
  const ending = { stdout: '', stderr: '' };
  expect(judgeEnding({ ...ending, exitCode: 0, signal: null }, { exitCode: 0 }).ok).toBe(true);
  expect(judgeEnding({ ...ending, exitCode: 139, signal: 11 }, { exitCode: 0 }).ok).toBe(false);
  expect(judgeEnding({ ...ending, exitCode: 139, signal: 11 }, { exitCode: 139, signal: 11 }).ok).toBe(true);
  expect(judgeEnding({ ...ending, exitCode: 0, signal: null }, { exitCode: 139, signal: 11 }).ok).toBe(false);
});

it('judges a migration', () => {
  const stats = { entered: 9, undisturbed: 5, yielded: 1, raced: 0, revoked: 3, nested: 0 };
  const good = { done: 9, moved: 3, wrong: 0, failed: 0, cpus: [0, 1], atEnd: 'libc', stats };
  expect(failures(judgeMigration(good))).toEqual([]);
  for (const change of [{ done: 10 }, { moved: 0 }, { wrong: 1 }, { failed: 1 }, { cpus: [0] }, { atEnd: 'other' }]) {
    expect(failures(judgeMigration({ ...good, ...change })), JSON.stringify(change)).toHaveLength(1);
  }
});

it("judges the shim's cases, of which enough must have run", () => {
  const stdout = '1..3\nok one\nSKIP two: no kernel\nnot ok three: 1 is not 2\n';
  expect(failures(judgeCases(stdout, 2))).toEqual(['at least 2 passed', 'three']);
  expect(failures(judgeCases('1..4\nok one\n', 1))).toEqual(['all cases were run']);
});

describe('the rows', () => {
  it('have names of their own', () => {
    expect(new Set(ROWS.map(({ name }) => name)).size).toBe(ROWS.length);
  });

  it('are chosen by a pattern, and by the diagonal', () => {
    expect(chooseRows({})).toEqual(ROWS);
    expect(chooseRows({ only: '^RFC' }).map(({ kernel }) => kernel)).toEqual(['rfc', 'rfc']);
    const diagonal = chooseRows({ diagonal: true });
    expect(diagonal.length).toBeGreaterThan(4);
    expect(diagonal.length).toBeLessThan(ROWS.length);
    // Every flavour of the ABI is on it.
    expect(new Set(diagonal.map(({ kernel }) => kernel))).toEqual(new Set(['mainline', '7.0', 'rfc', 'host']));
  });
});

describe('the report', () => {
  const results: readonly RowResult[] = [
    { name: 'one | two', backend: 'linux', flavour: 'rfc', registration: 'libc', checks: [{ name: 'a', ok: true }, { name: 'b', ok: false, detail: 'c' }], sections: 12_345, yielded: 6, seconds: 7.4, skipped: null },
    { name: 'three', backend: '', flavour: '', registration: '', checks: [], sections: null, yielded: null, seconds: 0, skipped: 'no such root' },
  ];

  it('shows what passed, failed and was skipped', () => {
    expect(results.map(hasFailed)).toEqual([true, false]);
    expect(formatTable(results)).toMatch(/one \| two .* 1 of 2 .* 12,345 .* 6 .* 7 /);
    expect(formatRemarks(results)).toBe('one | two: FAILED: b (found: c)\nthree: skipped: no such root\n');
    const markdown = formatMarkdown(results, { command: 'npm run test:matrix' });
    expect(markdown).toContain('| one \\| two | linux | rfc | libc | 1 of 2 | 12,345 | 6 | 7 |');
    expect(markdown).toContain('- command: npm run test:matrix');
    expect(markdown).toContain('FAILED: b');
  });
});
