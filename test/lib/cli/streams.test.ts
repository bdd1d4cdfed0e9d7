// SPDX-License-Identifier: MIT
/**
 * Streams that cannot be written: a reader that has seen enough ends every command
 * quietly, and a full disk with a sentence.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { fixturePath, GUEST } from '../../support/records.ts';
import { share } from '../../support/share.ts';

const program = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-streams-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

type Words = readonly string[];
const LOCKS = [
  'bench',
  'locks',
  '--workers',
  '1',
  '--lock',
  'mutex',
  '--slices',
  'off',
  '--rounds',
  '1',
  '--seconds',
  '0.1',
  '--warm',
  '0',
];

/** What each command writes to stdout; those that take long are not among the first two of four. */
const ON_STDOUT: readonly Words[] = [
  ['doctor'],
  ['--help'],
  ['bench', 'sections', '--rounds', '15', '--batch', '0.2'],
  LOCKS,
  ['report', fixturePath(GUEST), '--out', '-'],
  ['report', fixturePath(GUEST), '--json'],
  [...LOCKS, '--json', '-'],
  ['demo', '--seconds', '0.1', '--workers', '2'],
  ['demo', '--seconds', '0.1', '--workers', '2', '--json'],
  ['trace', '--json', '--', process.execPath, '-e', ''],
  ['doctor', '--json'],
];
/** And to stderr. */
const ON_STDERR: readonly Words[] = [
  ['trace', '--', process.execPath, '-e', ''],
  ['no-such-command'],
  [...LOCKS, '--json', '-'],
];

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Of the stream that is whole. */
  readonly said: string;
}

async function run(
  args: Words,
  which: 'stdout' | 'stderr',
  broken: 'pipe' | number,
): Promise<Ended> {
  const stdio =
    which === 'stdout'
      ? (['ignore', broken, 'pipe'] as const)
      : (['ignore', 'pipe', broken] as const);
  const child = spawn(process.execPath, [program, ...args], {
    cwd: folder,
    stdio: [...stdio],
    env: { ...process.env, NO_COLOR: '1' },
  });
  const [other, same] =
    which === 'stdout' ? [child.stderr, child.stdout] : [child.stdout, child.stderr];
  // Nobody reads it from the beginning on.
  same?.destroy();
  let said = '';
  other?.setEncoding('utf8').on('data', (text: string) => (said += text));
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal, said };
}

async function runFull(args: Words, which: 'stdout' | 'stderr'): Promise<Ended> {
  const full = openSync('/dev/full', 'w');
  try {
    return await run(args, which, full);
  } finally {
    closeSync(full);
  }
}

describe('that nobody reads', () => {
  it.each(share(ON_STDOUT, { every: 4 }))('ends quietly: stdout of %j', async (...args) => {
    const { code, signal, said } = await run(args, 'stdout', 'pipe');
    expect({ code, signal }, said).toEqual({ code: 141, signal: null });
    expect(said).not.toMatch(/EPIPE|^ +at /m);
  });

  it.each(share(ON_STDERR, { every: 3 }))('ends quietly: stderr of %j', async (...args) => {
    const { code, signal, said } = await run(args, 'stderr', 'pipe');
    expect({ code, signal }, said).toEqual({ code: 141, signal: null });
  });
});

describe.skipIf(!existsSync('/dev/full'))('that is full', () => {
  it.each(share(ON_STDOUT, { every: 4, first: 1 }))('is told: stdout of %j', async (...args) => {
    const { code, signal, said } = await runFull(args, 'stdout');
    expect({ code, signal }, said).toEqual({ code: 1, signal: null });
    expect(said).toMatch(/^rseq-slice: stdout cannot be written: ENOSPC: .*\.$/m);
    expect(said).not.toMatch(/^ +at /m);
  });

  it.each(share(ON_STDERR, { every: 3 }))('ends it: stderr of %j', async (...args) => {
    expect(await runFull(args, 'stderr')).toMatchObject({ code: 1, signal: null });
  });
});
