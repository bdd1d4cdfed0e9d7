/**
 * `rseq-slice build`, in a copy of what is installed: neither the sources as files nor packages with headers are in reach,
 * and PATH holds no more than the test says.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stripComments } from '../../scripts/native/archive.mjs';
import { isThere } from '../../scripts/native/compilers.mjs';
import { findCommand } from '../../scripts/vm/packages.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const ADDON = 'build/Release/rseq_slice.node';
const ELSEWHERE = "data:text/javascript,Object.defineProperty(process,'platform',{value:'freebsd'})";

/** Why nothing can be compiled here; undefined when it can. */
const whyNot =
  process.platform !== 'linux' ? 'only Linux compiles' : isThere(['cc']) && isThere(['c++']) ? undefined : 'no cc and c++ here';

let folder: string;
let installed: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "rseq-slice 'build' "));
  installed = join(folder, 'node_modules/rseq-slice');
  for (const name of ['dist', 'package.json', 'scripts/native']) cpSync(join(root, name), join(installed, name), { recursive: true });
  for (const name of ['cac', 'node-gyp-build']) symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Runs the command with these commands of the host in PATH, and programs for sh. */
function build(commands: readonly string[], programs: Readonly<Record<string, string>> = {}, { node = [], args = [] }: { node?: string[]; args?: string[] } = {}) {
  const PATH = mkdtempSync(join(folder, 'bin-'));
  for (const name of commands) {
    const path = findCommand(name);
    if (path !== null) symlinkSync(path, join(PATH, name));
  }
  for (const [name, text] of Object.entries(programs)) writeFileSync(join(PATH, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [...node, join(installed, 'dist/cli/main.js'), 'build', ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, CC: undefined, CXX: undefined, NODE_PATH: undefined, PATH },
  });
  return { status, signal, stdout, stderr };
}

describe.skipIf(whyNot !== undefined)(`with a compiler${whyNot === undefined ? '' : ` (skipped: ${whyNot})`}`, () => {
  it('compiles what was installed, and the library loads it', () => {
    const { stdout, ...ended } = build(['sh', 'cc', 'c++', 'as', 'ld'], {}, { args: ['--json'] });
    expect(ended).toEqual({ status: 0, signal: null, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({ path: join(installed, ADDON), error: null });
    expect(readdirSync(join(installed, 'build')), 'nothing is left over').toEqual(['Release']);
    const source = "import('rseq-slice').then(({ probe }) => console.log(JSON.stringify(probe().addon)))";
    const child = spawnSync(process.execPath, ['-e', source], { cwd: folder, encoding: 'utf8' });
    expect(JSON.parse(child.stdout)).toEqual({ state: 'loaded', path: join(installed, ADDON), origin: 'build' });
  });

  it('tells what the compiler said, and leaves the addon that was there', () => {
    mkdirSync(join(installed, 'build/Release'), { recursive: true });
    writeFileSync(join(installed, ADDON), 'an older one');
    const broken = 'test "$1" = --version || { echo broken today >&2; exit 1; }';
    const { status, signal, stdout, stderr } = build(['sh'], { cc: broken, 'c++': broken });
    expect({ status, signal, stdout }).toEqual({ status: 1, signal: null, stdout: '' });
    expect(stderr).toMatch(/^rseq-slice build: compiling native\/addon\.cc failed:\n.*\nbroken today\n[^]*apt-get install g\+\+/);
    expect(readFileSync(join(installed, ADDON), 'utf8')).toBe('an older one');
    expect(readdirSync(join(installed, 'build'))).toEqual(['Release']);
  });

  it('tells when what was compiled does not load', () => {
    // Says it did, and made nothing that is an addon.
    const hollow = 'while test $# -gt 0; do test "$1" = -o && : > "$2"; shift; done';
    const { status, stdout } = build(['sh'], { cc: hollow, 'c++': hollow }, { args: ['--json'] });
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toEqual({ path: join(installed, ADDON), error: expect.stringMatching(/was compiled, and does not load: [^]*file too short/) as string });
  });
});

it.runIf(process.platform === 'linux')('names the compiler that is missing', () => {
  const { status, signal, stdout, stderr } = build(['sh']);
  expect({ status, signal, stdout }).toEqual({ status: 1, signal: null, stdout: '' });
  expect(stderr).toBe('rseq-slice build: There is no C++ compiler: no c++, g++, clang++ in PATH. On Debian, as root: apt-get install g++\n');
});

it.runIf(process.platform === 'linux')('tells when there is nothing to compile in the package', () => {
  rmSync(join(installed, 'dist/native.br'));
  const { status, stderr } = build(['sh'], { cc: 'exit 0', 'c++': 'exit 0' });
  expect(status).toBe(1);
  expect(stderr).toMatch(/native\.br is missing\. Install the package anew\./);
});

it('has nothing to do elsewhere than on Linux', () => {
  const { status, stdout, stderr } = build([], {}, { node: ['--import', ELSEWHERE] });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/^Nothing to compile for freebsd/);
  expect(existsSync(join(installed, 'build'))).toBe(false);
});

it('takes comments out of headers, and nothing else', () => {
  expect(stripComments('a /* b\n c */ d // e\n\n"/* f */" \'"\' // "g\n#define H "\\"//" /**/ i\n')).toBe('a   d\n"/* f */" \'"\'\n#define H "\\"//"   i\n');
});
