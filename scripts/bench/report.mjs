// SPDX-License-Identifier: MIT
// Where and when something was measured from a checkout: what the package's own records say, and
// the commit.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describeMachine } from '../../packages/tools/dist/bench/machine.js';

/** @param {readonly string[]} args @returns {string | null} */
function git(...args) {
  try {
    // Locks would fail in a guest, where the checkout is read-only.
    const cwd = fileURLToPath(new URL('../..', import.meta.url));
    return execFileSync('git', ['--no-optional-locks', '-c', 'safe.directory=*', ...args], {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return null;
  }
}

/**
 * @param {string} script below scripts/bench
 * @param {readonly string[]} args that were given to it, for the record
 */
export function describeRun(script, args) {
  const commit = git('rev-parse', 'HEAD');
  return {
    ...describeMachine(['node', ...process.execArgv, `scripts/bench/${script}`, ...args].join(' ')),
    commit,
    // null: not known, as the commit.
    modified: commit === null ? null : git('status', '--porcelain', '--untracked-files=no') !== '',
  };
}
