// SPDX-License-Identifier: MIT
/**
 * Where the kernel cannot trace, a trace does without and says why. What it traces is seen in a
 * guest: test/kernel/tracing.test.ts.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { KernelTracing } from '../../../../packages/tools/lib/trace/kernel/tracefs.ts';

const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-tracefs-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

it('without tracefs', () => {
  expect(KernelTracing.start([join(folder, 'nowhere')])).toEqual({
    reason: expect.stringContaining('there is no tracefs') as string,
  });
});

it('with one that may not be written', () => {
  const place = join(folder, 'closed');
  mkdirSync(place);
  // A file in the place of the folder refuses root too.
  writeFileSync(join(place, 'instances'), '');
  expect(KernelTracing.start([place])).toEqual({
    reason: expect.stringMatching(/this user cannot write to tracefs: ENOTDIR/) as string,
  });
});

it('with one that is no tracefs, of which nothing is left', () => {
  const place = join(folder, 'other');
  mkdirSync(join(place, 'instances'), { recursive: true });
  const started = KernelTracing.start([place]);
  expect(started).toEqual({ reason: expect.stringMatching(/does not start: /) as string });
  expect(readdirSync(place)).toEqual(['instances']);
});
