// SPDX-License-Identifier: MIT
/**
 * A file that is larger than any ArrayBuffer: it cannot be seen as one, the
 * caller is told, and its memory is unmapped once. Refusals that are hard to come
 * by are played in external-memory.long.test.ts.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { loadAddon } from '../../lib/host/linux/binding.ts';

const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-large-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const BYTES = 5 * 2 ** 30;

it('is refused, or mapped where buffers may be so long, and the process goes on', (context) => {
  const addon = loadAddon();
  if (addon.state !== 'loaded') {
    console.log(`a large file: skipped: the addon is ${addon.state}`);
    context.skip();
    return;
  }
  const program = `
    const fs = require('node:fs');
    const binding = require(${JSON.stringify(addon.path)});
    fs.writeFileSync('file', '');
    fs.truncateSync('file', ${BYTES});
    const file = fs.openSync('file', 'r+');
    const results = [0, 0].map(() => binding.mapFile(file, ${BYTES}));
    console.log(JSON.stringify(results.map((result) => (typeof result === 'number' ? result : result.byteLength))));
    setTimeout(() => { gc(); setTimeout(() => console.log('end'), 50); }, 50);`;
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    ['--expose-gc', '-e', program],
    { encoding: 'utf8', cwd: folder },
  );
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
  const [answer = '', end] = stdout.trimEnd().split('\n');
  // Later versions of Node have longer ones.
  expect([
    [BYTES, BYTES],
    [constants.errno.EFBIG, constants.errno.EFBIG],
  ]).toContainEqual(JSON.parse(answer));
  expect(end).toBe('end');
});
