// SPDX-License-Identifier: MIT
/**
 * Memory that JavaScript is to see as an ArrayBuffer and cannot: it is released
 * once, whatever Node-API does with the finalizer, and the caller is told. Real
 * refusals are hard to come by, so the addon is compiled with a Node-API of ours.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadAddon } from '../../lib/host/linux/binding.ts';
import { compileAddon } from '../../scripts/native/compile.mjs';
import { findCompilers, isThere } from '../../scripts/native/compilers.mjs';
import { readTarget } from '../../scripts/native/target.mjs';

const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-memory-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function run(
  program: string,
  environment: Readonly<Record<string, string>> = {},
): {
  readonly status: number | null;
  readonly signal: string | null;
  readonly lines: readonly string[];
  readonly stderr: string;
} {
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    ['--expose-gc', '-e', program],
    { encoding: 'utf8', cwd: folder, env: { ...process.env, ...environment } },
  );
  return { status, signal, lines: stdout.trimEnd().split('\n'), stderr };
}

/** Maps a file of so many bytes twice, and ends after its finalizers have had time to come. */
const mapTwice = (addon: string, bytes: string): string => `
  const fs = require('node:fs');
  const binding = require(${JSON.stringify(addon)});
  fs.writeFileSync('file', '');
  fs.truncateSync('file', ${bytes});
  const file = fs.openSync('file', 'r+');
  const results = [0, 0].map(() => binding.mapFile(file, ${bytes}));
  console.log(JSON.stringify(results.map((result) => (typeof result === 'number' ? result : result.byteLength))));
  setTimeout(() => { gc(); setTimeout(() => console.log('end'), 50); }, 50);`;

const addon = loadAddon();
const missing =
  addon.state !== 'loaded'
    ? `the addon is ${addon.state}`
    : isThere(['cc']) && isThere(['c++'])
      ? undefined
      : 'there is no compiler';
if (missing !== undefined) console.log(`external memory: skipped: ${missing}`);

describe.skipIf(missing !== undefined)('memory that cannot be an ArrayBuffer', () => {
  let refusing: string;
  beforeAll(() => {
    const target = readTarget();
    const changed = {
      ...target,
      sources: [...target.sources, 'native/test/faults/refusing_buffers.c'],
      defines: [...target.defines, 'napi_create_external_arraybuffer=refuse_external_arraybuffer'],
      ldflags: [...target.ldflags, '-Wl,--wrap=rseq_slice_unmap'],
    };
    refusing = compileAddon(changed, findCompilers(), folder);
  });

  it.each([
    ['forbidden', 0],
    ['unseen', constants.errno.EFBIG],
    ['now', constants.errno.EFBIG],
    ['later', constants.errno.EFBIG],
  ])('is unmapped once where Node-API refuses: %s', (how, answer) => {
    const { status, signal, lines, stderr } = run(mapTwice(refusing, '4096'), { REFUSE: how });
    expect({ status, signal, lines, stderr }).toEqual({
      status: 0,
      signal: null,
      lines: [JSON.stringify([answer, answer]), 'end', 'unmapped 2'],
      stderr: '',
    });
  });

  it.each(['forbidden', 'unseen', 'now', 'later'])(
    'is not needed for ids, which are asked for where Node-API refuses: %s',
    (how) => {
      const program = (path: string): string => `
        const binding = require(${JSON.stringify(path)});
        const found = [binding.areaIds(), binding.areaIds()].map((buffer) => buffer?.byteLength ?? null);
        console.log(JSON.stringify([found, typeof binding.cpu(), typeof binding.concurrencyId()]));
        setTimeout(() => gc(), 50);`;
      const ways = ['number', 'number'];
      if (
        addon.state === 'loaded' &&
        run(program(addon.path)).lines[0] !== JSON.stringify([[28, 28], ...ways])
      ) {
        console.log('ids without external memory: skipped: this thread has no area');
        return;
      }
      const { status, signal, lines, stderr } = run(program(refusing), { REFUSE: how });
      expect({ status, signal, lines, stderr }).toEqual({
        status: 0,
        signal: null,
        lines: [JSON.stringify([[null, null], ...ways]), 'unmapped 0'],
        stderr: '',
      });
    },
  );
});
