// SPDX-License-Identifier: MIT
/**
 * The reference, as `npm run docs:api` makes it, has every public symbol documented; and the
 * changes that api.test.ts leaves out are noticed.
 */
import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { root } from '../support/examples.ts';
import './api.test.ts';

it('has every public symbol documented', () => {
  const command = ['node_modules/typedoc/bin/typedoc', '--emit', 'none'];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    cwd: root,
    encoding: 'utf8',
  });
  expect(status, stdout + stderr).toBe(0);
});
