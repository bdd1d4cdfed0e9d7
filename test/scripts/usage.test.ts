// SPDX-License-Identifier: MIT
/**
 * Whoever runs a script of this project finds out what it is for by `--help`, and a mistyped option
 * does nothing: it is refused with exit code 2, before anything is built, measured or written. One
 * program in four is asked here, and the others by the long suite.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../support/examples.ts';
import { share } from '../support/share.ts';

/** What can be started of scripts/ itself; the other modules there are imported. */
const own = readdirSync(join(root, 'scripts'))
  .filter((name) => name.endsWith('.mjs'))
  .map((name) => `scripts/${name}`)
  .filter((path) => !/^export /m.test(readFileSync(join(root, path), 'utf8')));

const programs = [
  ...own,
  'packages/vm/matrix/main.mjs',
  'scripts/bench/locks/markdown.mjs',
  'scripts/bench/run.mjs',
  'scripts/package/main.mjs',
  'scripts/package/pack.mjs',
  'scripts/stress/main.mjs',
];

const run = (program: string, ...args: string[]) =>
  spawnSync(process.execPath, [program, ...args], { cwd: root, encoding: 'utf8' });

it('has programs to look at', () => {
  expect(own).toContain('scripts/api.mjs');
  expect(own).not.toContain('scripts/read-flags.mjs');
});

describe.each(share(programs, { every: 4 }))('%s', (program) => {
  it('says what it is for', () => {
    const { status, stdout, stderr } = run(program, '--help');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^[A-Z].*\.\n\n {2}n/);
  });

  it('refuses an option that it has not', () => {
    const { status, stdout, stderr } = run(program, '--mistyped');
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/--mistyped/);
    expect(stderr).toMatch(/See --help\.\n$/);
  });
});
