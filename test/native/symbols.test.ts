// SPDX-License-Identifier: MIT
/**
 * What the shim adds to the names of a program that has it linked in, as those
 * have that are no addon: each begins as the project's names do, or is a system
 * call's.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { isThere } from '../../scripts/native/compilers.mjs';
import { include, shim } from '../support/shim.ts';

const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-symbols-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const reason =
  process.platform !== 'linux'
    ? 'the shim is for Linux'
    : isThere(['cc']) && isThere(['nm'])
      ? undefined
      : 'there is no cc or nm';
if (reason !== undefined) console.log(`the shim's symbols: skipped: ${reason}`);

it.skipIf(reason !== undefined)('has no name that a program may have', () => {
  const objects = shim.map((source) => {
    const object = join(folder, `${basename(source)}.o`);
    execFileSync('cc', ['-std=gnu11', '-O1', '-I', include, '-c', source, '-o', object]);
    return object;
  });
  const names = execFileSync('nm', ['-g', '--defined-only', ...objects], { encoding: 'utf8' })
    .split('\n')
    .flatMap((line) => /^[0-9a-f]+ [A-Z] (\S+)$/.exec(line)?.[1] ?? []);
  expect(names.length).toBeGreaterThan(30);
  expect(names.filter((name) => !/^(rseq_slice|sys)_/.test(name))).toEqual([]);
});
