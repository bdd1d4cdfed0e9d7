// SPDX-License-Identifier: MIT
/**
 * How `rseq-slice NAME` gets to the commands of the packages beside the library, where those are
 * installed and where they are not.
 */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cac } from 'cac';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PASSED_ON } from '../../../lib/cli/packages.ts';
import { COMMANDS } from '../../../packages/tools/lib/commands.ts';
import { Installation } from '../../support/installed.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string;
};

const installation = new Installation();
const place = (name: string): string => join(installation.folder, 'node_modules', name);
afterEach(() => {
  for (const name of ['rseq-slice-tools', 'rseq-slice-vm'])
    rmSync(place(name), { recursive: true, force: true });
});
afterAll(() => {
  installation.remove();
});

const run = (...args: readonly string[]) => runIn(installation.folder, ...args);

function runIn(cwd: string, ...args: readonly string[]) {
  const program = join(installation.path, 'dist/cli/main.js');
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd,
    encoding: 'utf8',
  });
  return { status, signal, stdout, stderr };
}

it('knows the commands of the tools also where they are not installed', () => {
  const cli = cac('rseq-slice');
  for (const add of COMMANDS) add(cli);
  const names = Object.keys(PASSED_ON).filter((name) => PASSED_ON[name] === 'rseq-slice-tools');
  expect(cli.commands.map(({ name }) => name)).toEqual(names);
});

it.each(Object.entries(PASSED_ON))('says what to install for %s: %s', (name, from) => {
  expect(run(name, '--seconds', '3', 'word')).toEqual({
    status: 2,
    signal: null,
    stdout: '',
    stderr: expect.stringContaining(
      `Install it with: npm install --save-dev ${from}@${version}.`,
    ) as string,
  });
  expect(run('--help').stdout).toMatch(new RegExp(`^ {2}${name} .*`, 'm'));
});

it('runs its own commands without the others', () => {
  const { status, signal, stdout } = run('doctor', '--json');
  expect(signal).toBeNull();
  expect([0, 1]).toContain(status);
  expect(JSON.parse(stdout)).toHaveProperty('verdict');
});

it.each(['rseq-slice-tools', 'rseq-slice-vm'])('passes on to %s next to it', (name) => {
  symlinkSync(join(root, 'packages', name.slice('rseq-slice-'.length)), place(name));
  const command = name === 'rseq-slice-vm' ? 'vm' : 'report';
  const { status, signal, stdout, stderr } = run(command, '--help');
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
  expect(stdout).toMatch(command === 'vm' ? /--accelerator/ : /rseq-slice report/);
});

it.each(['commands', 'other'])('takes no package of another version: with %s', (entry) => {
  writePackage('rseq-slice-tools', '0.9.0', entry, 'process.exit(99)');
  const { status, stderr } = run('demo');
  expect(status).toBe(2);
  const why = `which is installed in version 0.9.0, while rseq-slice has version ${version}`;
  expect(stderr.replaceAll(/\s+/g, ' ')).toContain(`in the package rseq-slice-tools, ${why}.`);
  expect(run('demo', '--help').stdout.replaceAll(/\s+/g, ' ')).toContain(why);
});

describe('in a folder elsewhere, with tools of its own', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rseq-slice-elsewhere-'));
    const tools = join(folder, 'node_modules/rseq-slice-tools');
    const from = join(root, 'packages/tools');
    for (const name of ['dist', 'package.json'])
      cpSync(join(from, name), join(tools, name), { recursive: true });
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('does not take tools that find no library', () => {
    expect(runIn(folder, 'demo')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining(
        `which is installed where it finds no rseq-slice of version ${version}.`,
      ) as string,
    });
  });

  it('does not take tools that find a library of another version', () => {
    const library = join(folder, 'node_modules/rseq-slice');
    mkdirSync(library);
    writeFileSync(join(library, 'package.json'), '{ "version": "0.9.0", "exports": {} }');
    expect(runIn(folder, 'demo')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('where it finds no rseq-slice of version') as string,
    });
  });

  it('takes those tools, and not others next to the library that have another version', () => {
    symlinkSync(root, join(folder, 'node_modules/rseq-slice'));
    writePackage('rseq-slice-tools', '0.9.0', 'commands', 'process.exit(99)');
    expect(runIn(folder, 'demo', '--help')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('--workers <n>') as string,
    });
  });

  it('refuses wrong usage also where the tools have another copy of the library', () => {
    symlinkSync(root, join(folder, 'node_modules/rseq-slice'));
    expect(runIn(folder, 'demo', '--workers', 'x')).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^rseq-slice demo: --workers wants/) as string,
    });
  });
});

it('says what to install in a folder that has been removed', () => {
  const folder = join(installation.folder, 'removed');
  mkdirSync(folder);
  const program = join(installation.path, 'dist/cli/main.js');
  const script = 'rmdir "$PWD" && exec "$0" "$@"';
  const { status, stderr } = spawnSync('sh', ['-c', script, process.execPath, program, 'demo'], {
    cwd: folder,
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({
    status: 2,
    stderr: expect.stringContaining('Install it with') as string,
  });
});

it('leaves it to the guests what a closed pipe means', () => {
  writePackage(
    'rseq-slice-vm',
    version,
    'main',
    `export const main = () => new Promise((resolve) => {
      const late = setTimeout(resolve, 10_000, 8);
      process.stdout.on('error', () => {
        clearTimeout(late);
        setImmediate(resolve, 7);
      });
      setInterval(() => process.stdout.write('x'), 1).unref();
    });`,
  );
  const program = join(installation.path, 'dist/cli/main.js');
  const script = '{ "$0" "$@"; echo $? >&2; } | true';
  const { stderr } = spawnSync('sh', ['-c', script, process.execPath, program, 'vm'], {
    cwd: installation.folder,
    encoding: 'utf8',
  });
  expect(stderr).toBe('7\n');
});

/** A package that has nothing but one entry. */
function writePackage(name: string, ofVersion: string, entry: string, text: string): void {
  mkdirSync(place(name), { recursive: true });
  const exports = { [`./${entry}`]: `./${entry}.mjs`, './package.json': './package.json' };
  const description = { name, version: ofVersion, exports };
  writeFileSync(join(place(name), 'package.json'), JSON.stringify(description));
  writeFileSync(join(place(name), `${entry}.mjs`), text);
}
