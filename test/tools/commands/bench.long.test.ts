// SPDX-License-Identifier: MIT
/**
 * The command `bench`: the record of a machine, which takes its time, and what a user's own modules
 * print meanwhile. The other records are in bench.test.ts.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, hostname, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LocksRecord } from '../../../packages/tools/lib/bench/locks/run.ts';
import { probe } from '../../../lib/index.ts';
import { bench, broken, program, SHORT_LOCKS } from '../../support/bench.ts';
import { complaintsAbout } from '../../support/schema.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-test-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('the record of a machine', () => {
  const file = join(folder, 'machine.json');
  let run: ReturnType<typeof bench>;
  let text: string;
  beforeAll(() => {
    run = bench(['machine', '--budget', '9', '--json', file]);
    expect(run.status, run.stdout + run.stderr).toBe(0);
    text = readFileSync(file, 'utf8');
  });

  it('is as the schema says, with what decides how locks do', () => {
    const record = JSON.parse(text) as LocksRecord & { machine: object };
    expect(complaintsAbout(record)).toEqual([]);
    expect(record.machine).toMatchObject({ slices: probe().slices.available });
    expect(record.command).toBe('rseq-slice bench machine');
    expect(record.cells.length).toBeGreaterThan(0);
    expect(complaintsAbout(broken(record, ['machine', 'available'], 'all'))).not.toEqual([]);
  });

  it('has nothing of whose machine it is', () => {
    for (const name of [hostname(), homedir(), userInfo().username, process.cwd(), root, folder])
      // A short name may be a word of the record, as root is not.
      if (name.length > 4) expect(text).not.toContain(name);
    expect(text).not.toMatch(/"[^"]*\/(home|root|tmp|usr)\//);
  });

  it('is in a file that is named, with where to send it', () => {
    const said = run.stdout.replaceAll('\n', ' ');
    expect(said).toContain(`The record is in ${file}. To share it, attach that file to`);
    expect(run.stdout).toMatch(/^\d+ CPUs? of \d+ for this process, /m);
  });
});

describe('beside a module that prints wherever it is loaded', () => {
  const prints = join(folder, 'prints.cjs');
  beforeAll(() => {
    writeFileSync(prints, "console.log('printed by a module of the user')\n");
  });

  it.each([
    ['NODE_OPTIONS', [], { NODE_OPTIONS: `--require ${prints}` }],
    ['an option of node', ['--require', prints], {}],
  ])('measures all the same: %s', (_, flags, env) => {
    const file = join(folder, 'printed.json');
    const args = [
      ...flags,
      program,
      'bench',
      ...SHORT_LOCKS,
      '--batch',
      '0.2',
      '--rounds',
      '1',
      '--json',
      file,
    ];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      encoding: 'utf8',
      env: { ...process.env, ...env },
    });
    expect(status, stdout + stderr).toBe(0);
    expect(complaintsAbout(JSON.parse(readFileSync(file, 'utf8')))).toEqual([]);
  });
});
