// SPDX-License-Identifier: MIT
/**
 * Commands under Node's permission model: each names the option that allows what
 * it needs, and none ends with a stack trace.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { fixturePath, GUEST } from '../../support/records.ts';

const program = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
const model = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission';

it.each([
  [['demo'], 1, 'starting workers', '--allow-worker'],
  [['bench', 'sections'], 1, 'starting programs', '--allow-child-process'],
  [['trace', '--', 'true'], 2, 'starting programs, writing ', '--allow-child-process'],
  [['report', fixturePath(GUEST)], 1, 'writing /', '--allow-fs-write=/*'],
])('%j', (args, code, what, option) => {
  const { status, signal, stderr } = spawnSync(
    process.execPath,
    ['--no-warnings', model, '--allow-fs-read=*', program, ...args],
    { cwd: '/', encoding: 'utf8' },
  );
  expect({ status, signal }).toEqual({ status: code, signal: null });
  expect(stderr).toMatch(
    /^rseq-slice \w+: [^\n]*Node's permission model forbids [^\n]*: start Node with [^\n]*\n$/,
  );
  expect(stderr).toContain(`forbids ${what}`);
  expect(stderr).toContain(`start Node with ${option}`);
});

it('traces with all the options that it names at once', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-test-'));
  try {
    const own = [
      `--allow-fs-read=${dirname(program)}/../*`,
      `--allow-fs-read=${fileURLToPath(new URL('../../../node_modules/*', import.meta.url))}`,
      `--allow-fs-read=${fileURLToPath(new URL('../../../packages/*', import.meta.url))}`,
      `--allow-fs-read=${fileURLToPath(new URL('../../../package.json', import.meta.url))}`,
    ];
    const trace = (...flags: readonly string[]) =>
      spawnSync(
        process.execPath,
        [
          '--no-warnings',
          model,
          ...own,
          ...flags,
          program,
          'trace',
          '--out',
          join(folder, 'trace.json'),
          '--',
          'true',
        ],
        { cwd: '/', encoding: 'utf8' },
      );
    const { status, stderr } = trace();
    expect(status).toBe(2);
    const [, said = ''] = /start Node with (.*) as well/.exec(stderr) ?? [];
    expect(said.split(' ')).toEqual(
      expect.arrayContaining([
        '--allow-child-process',
        expect.stringMatching(/^--allow-fs-read=/),
        `--allow-fs-write=${folder}/*`,
      ]),
    );
    expect(trace(...said.split(' '))).toMatchObject({ status: 0 });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it('leaves doctor with lines for what is not known, and one cause', () => {
  const folders = ['dist', 'node_modules', 'packages/tools', 'package.json'].map(
    (name) => `--allow-fs-read=${fileURLToPath(new URL(`../../../${name}`, import.meta.url))}`,
  );
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--no-warnings', model, ...folders, program, 'doctor'],
    { cwd: '/', encoding: 'utf8' },
  );
  expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
  expect(stdout.match(/^FAIL {2}/gm)).toHaveLength(1);
  const unknown = [...stdout.matchAll(/^\? {5}(.{15})/gm)].map(([, name = '']) => name.trim());
  // Of a kernel that is too old it is known how it was built.
  expect(unknown.filter((name) => name !== 'configuration')).toEqual([
    'boot',
    'struct rseq',
    'prctl',
    'libc',
    'rseq users',
    'sandbox',
    'machine',
  ]);
  const old = /^FAIL {2}kernel/m.test(stdout);
  expect(stdout).toMatch(
    old
      ? /^No slices here \(kernel-without-feature\)\. Linux /
      : /^No slices here \(addon-forbidden\)\. Node's permission model forbids native addons/,
  );
});
