// SPDX-License-Identifier: MIT
/**
 * What every command prints fits the terminal it prints to, and what is piped the
 * width that COLUMNS says, or 80; and progress is for terminals only.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { fixturePath, GUEST } from '../../support/records.ts';
import { share } from '../../support/share.ts';

const program = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
const traced = fileURLToPath(new URL('../../tools/commands/programs/traced.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-widths-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const LOCKS = [
  'bench',
  'locks',
  '--workers',
  '1,2',
  '--slices',
  'off',
  '--rounds',
  '2',
  '--seconds',
  '0.05',
  '--warm',
  '0',
];
const COMMANDS: readonly (readonly string[])[] = [
  ['doctor'],
  LOCKS,
  ['trace', '--', process.execPath, traced],
  ['bench', '--help'],
  ['bench', 'sections', '--rounds', '15', '--batch', '0.2'],
  ['doctor', '--help'],
  ['demo', '--seconds', '0.3', '--workers', '2'],
  ['demo', '--help'],
  ['report', fixturePath(GUEST)],
  ['report', '--help'],
  ['--help'],
  ['trace', '--help'],
  ['build', '--help'],
  ['trace', '--every', 'none', '--', 'node'],
  ['no-such-command'],
];
/** By turns of seven, so that `npm test` has none that takes seconds. */
const CASES = COMMANDS.flatMap((args) => [80, 120].map((width) => [args, width] as const));

/** Lines as they were on the screen when they were finished, those that are rewritten too. */
const linesOf = (text: string): string[] =>
  text.replace(/\x1b\[[\d;?]*[a-zA-Z]/g, '').split(/\r\n|\n|\r/);

/** Those that are too long, but for one word that is, as a path may be. */
function tooLong(text: string, width: number): string[] {
  return linesOf(text).filter(
    (line) =>
      line.length > width && Math.max(...line.split(' ').map((word) => word.length)) < width - 25,
  );
}

const ENVIRONMENT = {
  ...process.env,
  TERM: 'xterm-256color',
  RSEQ_SLICE: '',
  NODE_OPTIONS: '',
  NO_COLOR: '',
};
const hasScript = spawnSync('script', ['--version']).status === 0;

describe.skipIf(!hasScript)('on a terminal', () => {
  it.each(share(CASES, { every: 7 }))('%j fits into %i columns', (args, width) => {
    const words = [process.execPath, program, ...args].map((word) => `'${word}'`).join(' ');
    const { stdout, status } = spawnSync(
      'script',
      ['-qec', `stty cols ${width} rows 50; exec ${words}`, '/dev/null'],
      { cwd: folder, encoding: 'utf8', env: ENVIRONMENT },
    );
    expect(stdout.length, String(status)).toBeGreaterThan(20);
    expect(tooLong(stdout, width)).toEqual([]);
  });
});

describe('in a pipe', () => {
  it.each(share(CASES, { every: 7, first: 4 }))('%j fits into %i columns', (args, width) => {
    const env = { ...ENVIRONMENT, COLUMNS: width === 80 ? '' : String(width) };
    const { stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
      cwd: folder,
      encoding: 'utf8',
      env,
    });
    expect(tooLong(stdout, width)).toEqual([]);
    // A complaint is one line for programs, and nothing rewrites another.
    if (!/^rseq-slice.*: /.test(stderr)) expect(tooLong(stderr, width)).toEqual([]);
    expect(stdout + stderr).not.toMatch(/[\r\x1b]/);
    expect(stderr).not.toMatch(/round 1 of|of 0\.3 s/);
  });
});
