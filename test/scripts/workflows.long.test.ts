// SPDX-License-Identifier: MIT
/**
 * The workflows of .github/ are what actionlint reads without complaint, and their actions are
 * pinned.
 */
import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { root } from '../support/examples.ts';

it('are clean', () => {
  const command = ['scripts/lint-workflows.mjs'];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    cwd: root,
    encoding: 'utf8',
  });
  expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: '' });
});
