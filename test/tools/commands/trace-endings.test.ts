// SPDX-License-Identifier: MIT
/**
 * How a program ended that was traced: `rseq-slice trace` ends like that, with the trace written.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { checkFormat } from '../../support/check-format.ts';
import { share } from '../../support/share.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const command = join(root, 'dist/cli/main.js');
const program = fileURLToPath(new URL('programs/traced.mjs', import.meta.url));
const hasAddon = existsSync(join(root, 'build/Release/rseq_slice.node'));
const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-endings-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** For a program, ms. It takes a second on an idle machine. */
const PATIENCE = 50_000;

const ENDINGS = [
  ['SIGKILL', { status: null, signal: 'SIGKILL' }],
  ['SIGTERM', { status: null, signal: 'SIGTERM' }],
  ['7', { status: 7, signal: null }],
] as const;

it.for(share(ENDINGS, { every: ENDINGS.length }))('is passed on: %s', ([how, ending], context) => {
  if (!hasAddon) context.skip('the addon is not built');
  const out = join(folder, `${how}.json`);
  const { status, signal } = spawnSync(
    process.execPath,
    [command, 'trace', '--out', out, '--', process.execPath, program, how, '30'],
    {
      cwd: folder,
      env: { ...process.env, RSEQ_SLICE: '', NODE_OPTIONS: '', NO_COLOR: '1' },
      timeout: PATIENCE,
    },
  );
  checkFormat(readFileSync(out, 'utf8'), /^process$/);
  expect({ status, signal }).toEqual(ending);
});
