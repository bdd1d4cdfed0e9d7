// SPDX-License-Identifier: MIT
// Compiles the observer, a test addon that sees what JavaScript cannot, into the folder that a
// guest sees as its job.

import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('../kernel/guest/observer.c', import.meta.url));

/** @param {string} job the folder */
export function compileObserver(job) {
  const { include_dir: include } = createRequire(import.meta.url)('node-api-headers');
  const flags = ['-shared', '-fPIC', '-O2', '-Wall', '-Wextra', '-Werror', '-pthread'];
  const { error, status, stderr } = spawnSync(
    'cc',
    [...flags, `-I${include}`, source, '-o', join(job, 'observer.node'), '-ldl'],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`observer.c does not compile: ${error?.message ?? stderr}`);
}
