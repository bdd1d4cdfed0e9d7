// SPDX-License-Identifier: MIT
/**
 * The package on systems that are not Linux, as far as that shows when a process is told that it
 * runs on one.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const program = fileURLToPath(new URL('../support/elsewhere.mjs', import.meta.url));

it.each(['darwin', 'win32'])('imports and works on %s', (platform) => {
  const disguise = `Object.defineProperty(process, 'platform', { value: '${platform}' });`;
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', `data:text/javascript,${encodeURIComponent(disguise)}`, program],
    { encoding: 'utf8' },
  );
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
  expect(stdout).toContain(`${platform}: Time slice extensions are a feature of Linux`);
});
