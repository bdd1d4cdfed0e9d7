// SPDX-License-Identifier: MIT
// Builds what is missing or older than its sources, so that a fresh clone runs with one command. In
// a guest the checkout is read-only and built already. An addon that does not compile is told and
// not fatal: the simulated kernel serves without it.

import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readFlags } from './read-flags.mjs';

const HELP = `Builds the library and the addon where they are missing or older than their sources.

  node scripts/ensure-built.mjs

With RSEQ_SLICE_GUEST in the environment nothing is built. Exit codes: 0 all is there, or only the addon is not; 1 the
library was not built; 2 wrong usage.
`;

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * The newest change below some files and folders, in ms.
 * @param {readonly string[]} paths
 * @returns {number}
 */
function newest(paths) {
  const times = paths.flatMap((path) => {
    const full = join(root, path);
    const stat = statSync(full, { throwIfNoEntry: false });
    if (stat === undefined) return [];
    if (!stat.isDirectory()) return [stat.mtimeMs];
    return readdirSync(full, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => statSync(join(entry.parentPath ?? entry.path, entry.name)).mtimeMs);
  });
  return Math.max(0, ...times);
}

/** @param {string} script of package.json */
function build(script) {
  console.error(`Building: npm run ${script}`);
  return spawnSync('npm', ['run', '--silent', script], { cwd: root, stdio: ['ignore', 2, 2] });
}

/** @returns {number} the exit code */
function ensureBuilt() {
  // Elsewhere than on Linux there is no addon to build, and none would be missed.
  const stale = newest(['native', 'binding.gyp']) > newest(['build/Release/rseq_slice.node']);
  if (process.platform === 'linux' && stale) {
    if (build('build:native').status !== 0) {
      console.error('Going on without the addon, on the simulated kernel.');
    }
  }
  const sources = ['lib', 'packages/tools/lib', 'tsconfig.json', 'tsconfig.build.json'];
  const built = Math.min(newest(['dist/index.js']), newest(['packages/tools/dist/main.js']));
  return newest(sources) > built && build('build:lib').status !== 0 ? 1 : 0;
}

const isAsked = readFlags('ensure-built', HELP) !== null;
if (isAsked && process.env['RSEQ_SLICE_GUEST'] === undefined) process.exitCode = ensureBuilt();
