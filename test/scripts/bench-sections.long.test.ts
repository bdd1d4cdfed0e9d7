// SPDX-License-Identifier: MIT
/** The developers' benchmark of sections starts its processes. Times are not asserted. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { SectionsRecord } from '../../packages/tools/lib/bench/sections/record.ts';

const program = fileURLToPath(new URL('../../scripts/bench/main.mjs', import.meta.url));

it('runs with every Node that is named', () => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      ...[program, '--rounds', '15', '--batch', '0.05', '--processes', '2'],
      ...['--node', `${process.execPath},${process.execPath}`, '--json'],
    ],
    { encoding: 'utf8' },
  );
  expect({ status }, stderr).toEqual({ status: 0 });
  expect(stderr).toMatch(/2 processes of 15 rounds each/);
  const all = JSON.parse(stdout) as SectionsRecord[];
  expect(all.map(({ node }) => node)).toEqual(Array(4).fill(process.version));
  expect(all[0]?.command).toContain('--batch 0.05');
});
