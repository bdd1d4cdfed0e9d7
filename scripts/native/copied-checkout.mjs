// SPDX-License-Identifier: MIT
// The JavaScript tests with another addon than build/Release has: they run in a copy of the
// checkout whose only addon it is, since some of them look into that folder, and some try what the
// loader makes of it.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './target.mjs';

const NOT_COPIED = ['.git', 'build', 'node_modules', 'prebuilds'];

/**
 * @param {string} addon
 * @param {readonly string[]} files tests, as vitest filters them
 * @param {{ prefix?: readonly string[], environment?: Readonly<Record<string, string>> }} [how] a
 * command to run Node with, and variables for the programs that tests start
 * @returns {boolean} whether all passed
 */
export function testWithAddon(addon, files, { prefix = [], environment = {} } = {}) {
  const copy = mkdtempSync(join(tmpdir(), 'rseq-slice-checkout-'));
  try {
    cpSync(root, copy, {
      recursive: true,
      filter: (path) => !NOT_COPIED.includes(relative(root, path)),
    });
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    mkdirSync(join(copy, 'build/Release'), { recursive: true });
    cpSync(addon, join(copy, 'build/Release', basename(addon)));
    const runner = fileURLToPath(new URL('run-tests.mjs', import.meta.url));
    const [command = '', ...args] = [
      ...prefix,
      process.execPath,
      runner,
      copy,
      JSON.stringify(environment),
      ...files,
    ];
    return spawnSync(command, args, { stdio: 'inherit' }).status === 0;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}
