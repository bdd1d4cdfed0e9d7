// SPDX-License-Identifier: MIT
/**
 * What the doctor says in an environment, held against a file: what differs from run to run is no
 * difference.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { goldenFile, judgeDoctor, normalize } from '../../packages/vm/matrix/doctor.mjs';
import { ROWS } from '../../packages/vm/matrix/rows.mjs';

/** The rows in which it is asked: what kernel this machine has, nobody knows. */
const ASKED = ROWS.filter(
  ({ kernel, program = 'environment' }) => kernel !== 'host' && program === 'environment',
);

it('has a file for every row, and none for anything else', () => {
  const files = ASKED.map(({ name }) => goldenFile(name));
  expect(new Set(files).size).toBe(ASKED.length);
  expect(files.filter((file) => !existsSync(file))).toEqual([]);
  expect(readdirSync(dirname(files[0] ?? ''))).toHaveLength(ASKED.length);
});

describe('what is left out', () => {
  it('differs from machine to machine or from run to run', () => {
    const lines = (release: string, node: string, found: string, load: string) =>
      [
        `ok    kernel         Linux ${release}.`,
        `ok    sections       ${found} of them finished in an extension.`,
        `ok    addon          Compiled on this machine (/${node}/rseq_slice.node).`,
        `ok    Node.js        ${node}, x64.`,
        load,
      ].join('\n');
    const one = lines(
      '7.3.4',
      'v20.20.2',
      '1,200 tried in threads that compete: 12 disturbed, 3',
      'ok    CPUs           2 for this process, load 0.3.\n',
    );
    const other = lines(
      '7.4.0-rc1',
      'v24.1.0',
      '7 tried in threads that compete: 1 disturbed, 1',
      'ok    machine        A guest (QEMU, emulated): no times.\nwarn  CPUs           4 for this process, load 17.0.\n                     → Measure later.\n\nwarn: no matter.\n',
    );
    expect(normalize(one)).toBe(normalize(other));
    expect(normalize(one)).not.toMatch(/20|7\.3|CPUs|\(QEMU|warn/);
  });

  it('is not that nothing was granted', () => {
    const none =
      'warn  sections       9 tried in threads that compete: 0 disturbed, 0 of them finished in an extension.\n';
    expect(normalize(none)).toBe(none);
  });
});

it('finds a difference, and how the doctor ended', () => {
  const row = ASKED[0]?.name ?? '';
  const golden = readFileSync(goldenFile(row), 'utf8');
  const failures = (stdout: string, status: number) =>
    judgeDoctor(row, { status, stdout }, { works: true, update: false }).filter(({ ok }) => !ok);
  expect(failures(golden, 0)).toEqual([]);
  expect(failures(golden, 1)).toMatchObject([{ name: 'the doctor ends as it should' }]);
  expect(failures(golden.replace('Slices work', 'Slices may work'), 0)).toMatchObject([
    {
      name: 'the doctor says what it should',
      detail: expect.stringContaining('Slices may work') as string,
    },
  ]);
  expect(failures(golden.split('\n').slice(0, -2).join('\n'), 0)).toHaveLength(1);
});
