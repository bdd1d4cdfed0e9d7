// SPDX-License-Identifier: MIT
// A kernel that says it has slices, for programs of the project: what is found is then seen to
// reach them. The C tests' own stand-in (native/test/fake_kernel_exec.c), so a compiler makes it;
// without one the addon is seen to load, no more.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isThere } from '../native/compilers.mjs';
import { run } from '../native/compile.mjs';
import { root } from '../native/target.mjs';

/**
 * @param {string} folder for the program
 * @returns {readonly string[]} what to put before a command; nothing where there is no compiler
 */
export function compileKernel(folder) {
  if (process.platform !== 'linux' || !isThere(['cc'])) return [];
  const program = join(folder, 'kernel');
  const shim = readdirSync(join(root, 'native/src'))
    .filter((name) => name.endsWith('.c'))
    .map((name) => join('native/src', name));
  run(
    [
      'cc',
      '-std=gnu11',
      '-O2',
      '-pthread',
      '-I',
      'native/include',
      'native/test/fake_kernel_exec.c',
      'native/test/harness.c',
      ...shim,
      '-o',
      program,
      '-ldl',
    ],
    'compiling the stand-in for a kernel with slices',
  );
  return [program];
}
