// SPDX-License-Identifier: MIT
/** The command line as a whole: what it offers, and how it refuses what means nothing. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { formatTable } from '../../../lib/cli/table.ts';

const program = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
const { version } = JSON.parse(
  readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
) as { version: string };

function run(...args: readonly string[]) {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    encoding: 'utf8',
  });
  return { status, signal, stdout, stderr };
}

/** The commands that the help lists. */
const listed = [
  ...(/Commands:\n([^]*?)\n\n/.exec(run('--help').stdout)?.[1] ?? '').matchAll(/^ {2}(\w+) /gm),
].map(([, name = '']) => name);

describe('help', () => {
  it('lists the commands', () => {
    expect(listed).toEqual(['doctor', 'demo', 'bench', 'report', 'trace', 'vm', 'build']);
  });

  it('lists them with a sentence each', () => {
    const commands =
      /Commands:\n([^]*?)\n\n/.exec(run('--help').stdout)?.[1]?.split(/\n(?= {2}\w)/) ?? [];
    expect(commands).toHaveLength(listed.length);
    for (const command of commands) expect(command).toMatch(/^[^.]*(?:\.\.\.[^.]*)?\.$/);
  });

  it.each(listed.filter((name) => name !== 'vm'))(
    'of %s says what it does, its options and its exit codes',
    (name) => {
      const { status, signal, stdout, stderr } = run(name, '--help');
      expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
      expect(stdout).toMatch(new RegExp(`rseq-slice ${name} .*\\[options\\]`));
      expect(stdout).toMatch(/Exit codes:\s+(0 |the program's)/);
      expect(stdout).toMatch(/--json/);
      expect(stdout).toMatch(/Examples?:/);
    },
  );
});

it('may be run as it is built, which npx in a checkout does', () => {
  const { status, stdout, stderr, error } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  expect({ status, stderr, error }).toEqual({ status: 0, stderr: '', error: undefined });
  expect(stdout).toContain(`rseq-slice/${version}`);
});

it('tells its version', () => {
  expect(run('--version')).toMatchObject({
    status: 0,
    signal: null,
    stderr: '',
    stdout: expect.stringContaining(`rseq-slice/${version}`) as string,
  });
});

it.each([
  [[], /^rseq-slice: Name a command: .*doctor/],
  [['doktor'], /^rseq-slice: Unknown command 'doktor'\. Commands: .*doctor/],
  [
    ['doctor', '--colour'],
    /^rseq-slice doctor: Unknown option `--colour`\. See rseq-slice doctor --help\.\n$/,
  ],
  [['doctor', 'now'], /^rseq-slice doctor: Unused args: `now`/],
] as const)('refuses %j', (args, complaint) => {
  const { status, signal, stdout, stderr } = run(...args);
  expect({ status, signal, stdout }).toEqual({ status: 2, signal: null, stdout: '' });
  expect(stderr).toMatch(complaint);
});

it("leaves another program's arguments as they are", () => {
  const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-main-'));
  try {
    const { status, stdout } = run(
      'trace',
      '--no-kernel',
      '--out',
      join(folder, 'trace.json'),
      '--',
      process.execPath,
      '-p',
      'process.argv.slice(1).join(" ")',
      '--',
      '--file',
      '-',
      '007',
    );
    expect({ status, stdout }).toEqual({ status: 0, stdout: '--file - 007\n' });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('aligns the columns of a table', () => {
  const table = formatTable(
    ['name', 'count'],
    [
      ['a', '1'],
      ['longer name', '12,345'],
    ],
  );
  expect(table).toBe(
    ['name          count', 'a                 1', 'longer name  12,345', ''].join('\n'),
  );
  expect(formatTable(['a'], [['b']], { paint: (colour, text) => `<${colour}>${text}` })).toBe(
    '<bold>a\nb\n',
  );
});
