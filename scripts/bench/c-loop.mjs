// SPDX-License-Identifier: MIT
// Compiles section_loop.c against the shim and keeps the program running, so that a benchmark can
// ask it for one measurement at a time between its own. What it is compared with is main.mjs's
// business.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startChildLoop } from '../../packages/tools/dist/bench/sections/child-loop.js';
import { readTarget, root } from '../native/target.mjs';

const include = fileURLToPath(new URL('../../native/include', import.meta.url));
const source = fileURLToPath(new URL('section_loop.c', import.meta.url));

/**
 * @typedef {object} CLoop
 * @property {'registered' | 'plain'} area whether the kernel knows the area it writes
 * @property {(count: number) => Promise<number>} run so many sections; resolves to nanoseconds
 * @property {() => Promise<void>} stop
 */

/**
 * @param {string} folder where the program goes
 * @returns {string | { reason: string }} its path, or why there is none
 */
function compile(folder) {
  const program = join(folder, 'section_loop');
  const sources = [
    source,
    ...readTarget()
      .sources.filter((file) => file.endsWith('.c'))
      .map((file) => join(root, file)),
  ];
  const args = [
    '-O2',
    '-std=gnu11',
    '-Wall',
    '-Wextra',
    '-I',
    include,
    '-o',
    program,
    ...sources,
    '-pthread',
    '-ldl',
  ];
  const run = spawnSync('cc', args, { encoding: 'utf8' });
  if (run.error !== undefined) return { reason: `no C compiler: ${run.error.message}` };
  return run.status === 0 ? program : { reason: `the C loop does not compile:\n${run.stderr}` };
}

/**
 * Starts the C loop. The program is built anew in a temporary folder, because a guest's checkout is
 * read-only and a stale yardstick would be worse than a second's wait.
 * @returns {Promise<CLoop | { reason: string }>} or why there is none
 */
export async function startCLoop() {
  const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-bench-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const program = compile(folder);
  if (typeof program !== 'string') {
    remove();
    return program;
  }
  const { about, run, stop } = await startChildLoop('The C loop', program);
  return {
    area: about === 'registered' ? 'registered' : 'plain',
    run,
    stop: async () => {
      await stop();
      remove();
    },
  };
}
