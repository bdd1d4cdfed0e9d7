/**
 * The build of the addon on a machine with nothing but Node and a compiler, and what people are told where it fails.
 * Every build goes into a checkout of its own in a temporary folder, and PATH holds no more than the test says.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Binding } from '../../lib/linux/binding.ts';
import { isThere } from '../../scripts/native/compilers.mjs';
import { readTarget } from '../../scripts/native/target.mjs';
import { findCommand } from '../../scripts/vm/packages.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const BUILD = 'scripts/build-native.mjs';
const ADDON = 'build/Release/rseq_slice.node';

/** What a compiler calls by name. */
const TOOLS = ['as', 'ld'];

const EXPORTS: Record<keyof Binding, 'function'> = {
  probe: 'function',
  attach: 'function',
  detach: 'function',
  controlWord: 'function',
  enter: 'function',
  clear: 'function',
  yieldSlice: 'function',
  cpu: 'function',
  node: 'function',
  concurrencyId: 'function',
  flags: 'function',
  isOwner: 'function',
  nativeApi: 'function',
  futexWait: 'function',
  futexWake: 'function',
  mapFile: 'function',
};

/** An addon of one C and one C++ source, quick to compile. The sum it exports needs both, and `class` is C only. */
const SMALL = {
  'native/three.c': 'int three(void)\n{\n\tint class = 3;\n\n\treturn class;\n}\n',
  'native/addon.cc': `
#include <napi.h>
extern "C" int three(void);
Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports["seven"] = Napi::Number::New(env, three() + NAPI_VERSION - 4);
  return exports;
}
NODE_API_MODULE(rseq_slice, Init)
`,
  'binding.gyp': JSON.stringify({
    targets: [
      {
        target_name: 'rseq_slice',
        sources: ['native/addon.cc', 'native/three.c'],
        include_dirs: ['<!(node -p "require(\'node-addon-api\').include_dir")'],
        defines: ['NAPI_VERSION=8', 'NAPI_DISABLE_CPP_EXCEPTIONS'],
      },
    ],
  }),
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rseq-slice-build-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A checkout with no more than the build needs; `files` stand in the place of its own. */
function checkout(files: Readonly<Record<string, string>> = {}): string {
  const path = join(folder, 'checkout');
  for (const each of ['binding.gyp', 'native', 'package.json', 'scripts']) cpSync(join(root, each), join(path, each), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(path, 'node_modules'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

/** A PATH with these commands of the host and nothing else; `programs` are scripts for sh. */
function pathWith(names: readonly string[], programs: Readonly<Record<string, string>> = {}): { PATH: string } {
  const path = join(folder, 'bin');
  mkdirSync(path);
  for (const name of ['sh', ...names]) {
    const command = findCommand(name);
    if (command !== null) symlinkSync(command, join(path, name));
  }
  for (const [name, text] of Object.entries(programs)) writeFileSync(join(path, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return { PATH: path };
}

/** Runs Node in the checkout. What this process was told about compilers and guests is not passed on. */
function node(cwd: string, environment: Readonly<Record<string, string>>, ...args: string[]) {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, CC: undefined, CXX: undefined, RSEQ_SLICE_GUEST: undefined, ...environment },
  });
  return { status, signal, stdout, stderr };
}

/** What an addon exports, told by a child process that loads it. */
function load(path: string, expression: string): unknown {
  const child = node(path, {}, '-p', `const addon = require('./${ADDON}'); JSON.stringify(${expression})`);
  expect(child).toMatchObject({ signal: null, status: 0, stderr: '' });
  return JSON.parse(child.stdout);
}

const QUIET = { signal: null, status: 0, stderr: '' };
const ELSEWHERE = "data:text/javascript,Object.defineProperty(process,'platform',{value:'freebsd'})";

/** Why nothing can be compiled here; undefined when it can. */
const whyNot =
  process.platform !== 'linux' ? 'only Linux compiles' : isThere(['cc']) && isThere(['c++']) ? undefined : 'no cc and c++ here';

describe('the target', () => {
  it('is what binding.gyp says, with its command run', () => {
    const target = readTarget();
    expect(target).toMatchObject({ name: 'rseq_slice', cflags_c: ['-std=gnu11', '-O2'], cflags_cc: ['-Os'] });
    expect(target.sources).toContain('native/addon.cc');
    expect(target.defines).toContain('NAPI_VERSION=8');
    expect(target.include_dirs.map((path) => existsSync(join(root, path, 'napi.h')))).toEqual([true]);
  });

  it.each([
    ['a key that would be ignored', [{ target_name: 'a', sources: [], conditions: [] }], /conditions/],
    ['a second target', [{ target_name: 'a' }, { target_name: 'b' }], /more than one target/],
  ])('is not read past %s', (_, targets, message) => {
    writeFileSync(join(folder, 'binding.gyp'), JSON.stringify({ targets }));
    expect(() => readTarget(folder)).toThrow(message);
  });
});

describe.skipIf(whyNot !== undefined)(`a build${whyNot === undefined ? '' : ` (skipped: ${whyNot})`}`, () => {
  it('needs neither make nor Python: the addon loads, and asks the kernel', () => {
    const path = checkout();
    expect(node(path, pathWith(['cc', 'c++', ...TOOLS]), BUILD)).toMatchObject(QUIET);
    expect(load(path, 'Object.fromEntries(Object.entries(addon).map(([name, value]) => [name, typeof value]))')).toEqual(EXPORTS);
    expect(load(path, 'addon.probe()')).toMatchObject({ error: 0, libcSize: expect.any(Number) as number });
    expect(readdirSync(join(path, 'build')), 'nothing is left over').toEqual(['Release']);
    expect(readdirSync(join(path, 'build/Release'))).toEqual(['rseq_slice.node']);
  });

  it('compiles C with a C++ compiler that comes alone', () => {
    const path = checkout(SMALL);
    expect(node(path, pathWith(['c++', ...TOOLS]), BUILD)).toMatchObject(QUIET);
    expect(load(path, 'addon')).toEqual({ seven: 7 });
  });

  it('is direct on demand, make and Python being there', () => {
    const path = checkout(SMALL);
    const called = { make: 'echo make >&2', python3: 'echo python3 >&2' };
    expect(node(path, pathWith(['cc', 'c++', ...TOOLS], called), BUILD, '--direct')).toMatchObject(QUIET);
    expect(load(path, 'addon')).toEqual({ seven: 7 });
  });

  it('goes on with the compiler alone where node-gyp fails', () => {
    const path = checkout(SMALL);
    const hollow = { make: 'exit 0', python3: 'exit 0' };
    const child = node(path, pathWith(['cc', 'c++', ...TOOLS], hollow), BUILD);
    expect(child).toMatchObject({ signal: null, status: 0 });
    expect(child.stderr).toMatch(/gyp ERR![^]*build-native: node-gyp failed/);
    expect(load(path, 'addon')).toEqual({ seven: 7 });
  });

  it('tells what the compiler said, and leaves no addon of other sources', () => {
    const path = checkout({ ...SMALL, 'native/three.c': '#error three is missing\n' });
    mkdirSync(join(path, 'build/Release'), { recursive: true });
    writeFileSync(join(path, ADDON), '');
    const child = node(path, pathWith(['cc', 'c++', ...TOOLS]), BUILD);
    expect(child).toMatchObject({ signal: null, status: 1, stdout: '' });
    expect(child.stderr).toContain('compiling native/three.c failed');
    expect(child.stderr).toMatch(/three\.c:1:2: error: .*three is missing/);
    expect(child.stderr).toContain('apt-get install g++');
    expect(existsSync(join(path, ADDON))).toBe(false);
  });

  it('is made once: ensure-built builds what is missing or stale', () => {
    const path = checkout(SMALL);
    const environment = pathWith(['node', 'npm', 'cc', 'c++', ...TOOLS]);
    const ensure = () => node(path, environment, 'scripts/ensure-built.mjs');
    const made = () => statSync(join(path, ADDON)).mtimeMs;

    expect(ensure()).toMatchObject({ signal: null, status: 0, stderr: expect.stringContaining('build:native') as string });
    const first = made();
    expect(load(path, 'addon')).toEqual({ seven: 7 });
    expect(ensure()).toEqual({ ...QUIET, stdout: '' });
    expect(made()).toBe(first);
    writeFileSync(join(path, 'native/three.c'), 'int three(void) { return 4; }\n');
    ensure();
    expect(load(path, 'addon')).toEqual({ seven: 8 });
  });
});

describe('where nothing can be compiled', () => {
  it.runIf(process.platform === 'linux')('names the package that is missing', () => {
    const child = node(checkout(SMALL), pathWith([]), BUILD);
    expect(child).toMatchObject({ signal: null, status: 1 });
    expect(child.stderr).toMatch(/no C\+\+ compiler.*On Debian.*apt-get install g\+\+/);
  });

  it.runIf(process.platform === 'linux')('names a variable whose compiler is not there', () => {
    const child = node(checkout(SMALL), { ...pathWith(['cc', 'c++']), CC: 'ccache nothing' }, BUILD);
    expect(child).toMatchObject({ signal: null, status: 1 });
    expect(child.stderr).toContain("$CC is 'ccache nothing', and that does not run");
  });

  it('has nothing to do on another platform, and says so once', () => {
    const path = checkout(SMALL);
    const environment = pathWith([]);
    const child = node(path, environment, '--import', ELSEWHERE, BUILD);
    expect(child).toMatchObject({ signal: null, status: 0 });
    expect(child.stderr).toContain('nothing to compile for freebsd');
    expect(node(path, environment, '--import', ELSEWHERE, 'scripts/ensure-built.mjs')).toEqual({ ...QUIET, stdout: '' });
  });

  it('takes no option that it does not know', () => {
    expect(node(root, pathWith([]), BUILD, '--indirect')).toMatchObject({ signal: null, status: 2 });
  });
});
