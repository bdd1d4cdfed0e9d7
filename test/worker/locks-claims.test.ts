// SPDX-License-Identifier: MIT
/**
 * A claim on an RwLock by an event loop that does not come round is in nobody's
 * way for long, also when the reader that it waits for has died.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const program = fileURLToPath(new URL('programs/lock-dead-reader.mjs', import.meta.url));

it('does not outlive a dead reader for those who wait in their threads', () => {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [program], {
    encoding: 'utf8',
    timeout: 25_000,
  });
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
  expect(JSON.parse(stdout)).toEqual({ other: true, own: true });
});
