// SPDX-License-Identifier: MIT
/**
 * CMakeLists.txt against binding.gyp, which owns sources and flags, and what people are told where
 * a tool is missing. Nothing is compiled here: `npm run test:cmake` and `npm run test:sanitize` do
 * that. What is made of another binding.gyp is seen by the long suite.
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
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FAULTS, readFaultNames } from '../../scripts/native/sanitizers.mjs';
import { readTarget } from '../../scripts/native/target.mjs';
import type { Target } from '../../scripts/native/target.mjs';
import { findCommand } from '../../packages/vm/lib/guest/packages.mjs';
import { isLong } from '../support/share.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rseq-slice-cmake-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A checkout with no more than CMake reads. */
function checkout(): string {
  const path = join(folder, 'checkout');
  for (const each of [
    'CMakeLists.txt',
    'binding.gyp',
    'native',
    'package.json',
    'scripts/native',
  ]) {
    mkdirSync(dirname(join(path, each)), { recursive: true });
    cpSync(join(root, each), join(path, each), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(path, 'node_modules'));
  return path;
}

type Gyp = {
  targets: [Record<string, unknown> & { sources: string[]; defines: string[]; cflags_c: string[] }];
};
function editGyp(path: string, edit: (target: Gyp['targets'][0]) => void): void {
  const file = join(path, 'binding.gyp');
  const gyp = JSON.parse(readFileSync(file, 'utf8')) as Gyp;
  edit(gyp.targets[0]);
  writeFileSync(file, JSON.stringify(gyp));
}

function configure(path: string) {
  // CMake finds the first node in PATH; let it be this one.
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}` };
  return spawnSync('cmake', ['-S', path, '-B', join(folder, 'build')], { encoding: 'utf8', env });
}

/** How each source is compiled, by its path in the checkout; those of the tests once each. */
function readCommands(path: string): Map<string, string> {
  const commands = JSON.parse(
    readFileSync(join(folder, 'build/compile_commands.json'), 'utf8'),
  ) as { file: string; command: string }[];
  return new Map(commands.map(({ file, command }) => [relative(path, file), command]));
}

function expectCommandsOf(target: Target, commands: ReadonlyMap<string, string>): void {
  const own = [...commands.keys()].filter((file) => !file.startsWith('native/test/'));
  expect(own.sort()).toEqual([...target.sources].sort());
  for (const file of target.sources) {
    const words = commands.get(file)?.split(' ') ?? [];
    const flags = file.endsWith('.c') ? target.cflags_c : target.cflags_cc;
    expect(words, file).toEqual(
      expect.arrayContaining([
        ...target.cflags,
        ...flags,
        ...target.defines.map((name) => `-D${name}`),
      ]),
    );
  }
}

const reason =
  findCommand('cmake') === null
    ? 'no cmake here'
    : findCommand('c++') === null
      ? 'no c++ here'
      : undefined;
if (reason !== undefined) console.log(`what CMake compiles: skipped: ${reason}`);

describe.skipIf(reason !== undefined)('what CMake compiles', () => {
  if (!isLong)
    it('is what binding.gyp says, and the tests as it says, too', () => {
      const path = checkout();
      expect(configure(path)).toMatchObject({ status: 0, signal: null });
      const target = readTarget();
      const commands = readCommands(path);
      expectCommandsOf(target, commands);
      expect(commands.get('native/test/word_cases.c')?.split(' ')).toEqual(
        expect.arrayContaining([...target.cflags, ...target.cflags_c]),
      );
      expect(readFileSync(join(folder, 'build/CTestTestfile.cmake'), 'utf8')).toMatch(
        /shim_with_libc_area[^]*shim_without_libc_area/,
      );
    });

  if (isLong) {
    it('follows binding.gyp when that changes', () => {
      const path = checkout();
      writeFileSync(join(path, 'native/src/more.c'), 'int more;\n');
      editGyp(path, (target) => {
        target.sources.push('native/src/more.c');
        target.defines.push('MORE=1');
        target.cflags_c.push('-Wshadow');
      });
      expect(configure(path)).toMatchObject({ status: 0, signal: null });
      const target = readTarget(path);
      expect(target.sources).toContain('native/src/more.c');
      expectCommandsOf(target, readCommands(path));
    });

    it('is nothing where binding.gyp has what would be ignored', () => {
      const path = checkout();
      editGyp(path, (target) => {
        target['conditions'] = [];
      });
      const { status, stderr } = configure(path);
      expect(status).not.toBe(0);
      expect(stderr).toContain('binding.gyp has conditions');
    });
  }
});

if (!isLong) {
  it('package.json tells cmake-js the Node-API version that binding.gyp has', () => {
    const { binary } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      binary: { napi_versions: number[] };
    };
    expect(readTarget().defines).toContain(`NAPI_VERSION=${binary.napi_versions.join()}`);
  });

  it('every planted fault has the report it must get', () => {
    const [none, ...names] = readFaultNames();
    expect(none).toBe('NONE');
    expect(names).toEqual(FAULTS.map(({ name }) => name));
  });

  describe('where a tool is missing', () => {
    const script = (name: string, ...args: string[]) =>
      spawnSync(process.execPath, [join(root, 'scripts', name), ...args], {
        encoding: 'utf8',
        env: { ...process.env, PATH: folder },
      });

    it.each([
      ['build-cmake.mjs', /no cmake in PATH.*apt-get install cmake/],
      ['test-cmake.mjs', /no cmake in PATH.*apt-get install cmake/],
      ['lint-native.mjs', /no git in PATH.*apt-get install.* clang-format clang-tidy/],
    ])('%s says which, and how to get it', (name, message) => {
      const { status, stderr } = script(name);
      expect(status).toBe(1);
      expect(stderr).toMatch(message);
    });

    it('a sanitizer that cannot be had is a failure, not a skip', () => {
      const { status, stdout } = script('test-sanitize.mjs');
      expect(status).toBe(1);
      expect(stdout).toMatch(
        /^failed: address,undefined: [^]*^failed: thread: [^]*^0 passed, 2 failed, 0 skipped$/m,
      );
    });

    it('test-sanitize.mjs takes no sanitizer that it does not know', () => {
      const { status, stderr } = script('test-sanitize.mjs', '--only', 'memory');
      expect(status).toBe(2);
      expect(stderr).toContain("not 'memory'");
    });
  });
}
