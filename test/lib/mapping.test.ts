// SPDX-License-Identifier: MIT
/**
 * Files as memory, through the addon: that what was stored is in the file also
 * when the process is killed, and that what cannot be mapped is an errno.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { loadAddon } from '../../lib/host/linux/binding.ts';

const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-mapping-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const addon = loadAddon();
const LENGTH = 8192;

it('keeps what was stored when the process is killed', (context) => {
  if (addon.state !== 'loaded') context.skip('the addon is not built');
  const path = join(folder, 'killed');
  const source = `
    const { openSync, closeSync, writeFileSync } = require('node:fs');
    const addon = require(${JSON.stringify(fileURLToPath(new URL('../../build/Release/rseq_slice.node', import.meta.url)))});
    writeFileSync(${JSON.stringify(path)}, Buffer.alloc(${LENGTH}));
    const file = openSync(${JSON.stringify(path)}, 'r+');
    const numbers = new Float64Array(addon.mapFile(file, ${LENGTH}));
    closeSync(file);
    numbers[0] = 42;
    numbers[numbers.length - 1] = 43;
    process.kill(process.pid, 'SIGKILL');`;
  const { status, signal, stderr } = spawnSync(process.execPath, ['-e', source], {
    encoding: 'utf8',
  });
  expect({ status, signal, stderr }).toEqual({ status: null, signal: 'SIGKILL', stderr: '' });
  const numbers = new Float64Array(new Uint8Array(readFileSync(path)).buffer);
  expect(numbers).toHaveLength(LENGTH / Float64Array.BYTES_PER_ELEMENT);
  expect([numbers[0], numbers[1], numbers.at(-1)]).toEqual([42, 0, 43]);
});

it('says why not', (context) => {
  if (addon.state !== 'loaded') context.skip('the addon is not built');
  else {
    const path = join(folder, 'read only');
    writeFileSync(path, Buffer.alloc(LENGTH));
    const file = openSync(path, 'r');
    expect(addon.binding.mapFile(file, LENGTH)).toBe(constants.errno.EACCES);
    expect(addon.binding.mapFile(file, 0)).toBe(constants.errno.EINVAL);
    closeSync(file);
    expect(addon.binding.mapFile(file, LENGTH)).toBe(constants.errno.EBADF);
  }
});
