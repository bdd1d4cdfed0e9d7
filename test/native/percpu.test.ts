// SPDX-License-Identifier: MIT
/**
 * The header of per-CPU data in C++, in objects of a program that are linked as the addon is: with
 * functions of templates, of which the linker keeps one, and with sections that nothing refers to
 * thrown away. What it does is tested in C, by native.test.ts.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { isThere } from '../../scripts/native/compilers.mjs';
import { share } from '../support/share.ts';
import { include, shim } from '../support/shim.ts';

const source = fileURLToPath(new URL('../../native/test/percpu_cxx_check.cc', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-percpu-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function run(command: string, args: readonly string[], cwd: string): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8', cwd });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
}

const COMPILERS = ['g++', 'clang++'].flatMap((compiler) =>
  ['-O2', '-O0'].map((optimized) => ({ compiler, optimized })),
);

it.for(share(COMPILERS, { every: COMPILERS.length }))(
  'objects of $compiler with $optimized count exactly together',
  ({ compiler, optimized }, context) => {
    if (process.platform !== 'linux' || !isThere([compiler])) {
      const reason = `there is no ${compiler} here`;
      console.log(`per-CPU data in C++: skipped: ${reason}`);
      context.skip(reason);
    }
    const build = mkdtempSync(join(folder, 'build-'));
    const flags = [
      ...['-Wall', '-Wextra', '-Werror', '-ffunction-sections', '-fdata-sections', '-pthread'],
      ...['-I', include, optimized],
    ];
    const c = compiler === 'g++' ? 'gcc' : 'clang';
    run(c, ['-std=gnu11', ...flags, '-c', ...shim], build);
    const objects = shim.map((file) => basename(file).replace(/c$/, 'o'));
    for (const object of ['1', '2']) {
      const args = ['-std=c++17', ...flags, `-DOBJECT=${object}`, '-c', source];
      run(compiler, [...args, '-o', `${object}.o`], build);
      objects.push(`${object}.o`);
    }
    const program = join(build, 'program');
    run(compiler, ['-pthread', '-Wl,--gc-sections', ...objects, '-ldl', '-o', program], build);
    const { status, stdout } = spawnSync(program, { encoding: 'utf8' });
    expect({ status, stdout: stdout.replace(/^\w+/, '') }).toEqual({
      status: 0,
      stdout: ' 3200000\n',
    });
  },
);
