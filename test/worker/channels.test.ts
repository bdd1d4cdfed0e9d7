// SPDX-License-Identifier: MIT
/**
 * What is published of locks: that a wait ended without one, and that a holder died; outside the
 * section, once.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const program = fileURLToPath(new URL('programs/channels.mjs', import.meta.url));

it('hears of a timeout and of a holder that died', () => {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [program], {
    encoding: 'utf8',
    timeout: 25_000,
  });
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
  const message = { kind: 'Mutex', byteOffset: 64, isItsBuffer: true, nested: 0 };
  expect(JSON.parse(stdout)).toEqual([
    { channel: 'rseq-slice:lock:timeout', ...message },
    { channel: 'rseq-slice:lock:abandoned', ...message },
  ]);
});
