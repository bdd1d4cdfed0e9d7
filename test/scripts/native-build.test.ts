// SPDX-License-Identifier: MIT
/**
 * The build of the addon on a machine with nothing but Node and a compiler, and what people are
 * told where it fails. Every build goes into a checkout of its own in a temporary folder, and PATH
 * holds no more than the test says. Two builds are made here, and the others by the long suite.
 */
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readTarget } from '../../scripts/native/target.mjs';
import {
  ADDON,
  BUILD,
  BuildFolder,
  load,
  node,
  QUIET,
  TOOLS,
  whyNoCompiler,
} from '../support/checkout.ts';
import { isLong } from '../support/share.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const ELSEWHERE =
  "data:text/javascript,Object.defineProperty(process,'platform',{value:'freebsd'})";

let folder: BuildFolder;
beforeEach(() => {
  folder = new BuildFolder();
});
afterEach(() => {
  folder.remove();
});

/**
 * An addon of one C and one C++ source, quick to compile because it does without the classes of
 * node-addon-api. The sum it exports needs both sources, and `class` is C only. Our own addon is
 * compiled in native-build.long.test.ts.
 */
const SMALL = {
  'native/src/three.c': 'int three(void)\n{\n\tint class = 3;\n\n\treturn class;\n}\n',
  'native/src/addon.cc': `
#include <node_api.h>
extern "C" int three(void);
static napi_value Init(napi_env env, napi_value exports) {
  napi_value seven;
  napi_create_int32(env, three() + NAPI_VERSION - 4, &seven);
  napi_set_named_property(env, exports, "seven", seven);
  return exports;
}
NAPI_MODULE(rseq_slice, Init)
`,
  'binding.gyp': JSON.stringify({
    targets: [
      {
        target_name: 'rseq_slice',
        sources: ['native/src/addon.cc', 'native/src/three.c'],
        include_dirs: ['<!(node -p "require(\'node-addon-api\').include_dir")'],
        defines: ['NAPI_VERSION=8', 'NAPI_DISABLE_CPP_EXCEPTIONS'],
      },
    ],
  }),
};

if (!isLong)
  describe('the target', () => {
    it('is what binding.gyp says, with its command run', () => {
      const target = readTarget();
      expect(target).toMatchObject({
        name: 'rseq_slice',
        cflags_c: ['-std=gnu11', '-O2'],
        cflags_cc: ['-Os'],
      });
      expect(target.sources).toContain('native/src/addon.cc');
      expect(target.defines).toContain('NAPI_VERSION=8');
      const headers = ['rseq_slice/slice.h', 'napi.h'];
      expect(
        headers.map((name) =>
          target.include_dirs.map((path) => existsSync(join(root, path, name))),
        ),
      ).toEqual([
        [true, false],
        [false, true],
      ]);
    });

    it.each([
      [
        'a key that would be ignored',
        [{ target_name: 'a', sources: [], conditions: [] }],
        /conditions/,
      ],
      ['a second target', [{ target_name: 'a' }, { target_name: 'b' }], /more than one target/],
    ])('is not read past %s', (_, targets, message) => {
      writeFileSync(join(folder.path, 'binding.gyp'), JSON.stringify({ targets }));
      expect(() => readTarget(folder.path)).toThrow(message);
    });
  });

const whyNot = whyNoCompiler();

describe.skipIf(whyNot !== undefined)(
  `a build${whyNot === undefined ? '' : ` (skipped: ${whyNot})`}`,
  () => {
    if (!isLong)
      it('compiles C with a C++ compiler that comes alone', () => {
        const path = folder.checkout(SMALL);
        expect(node(path, folder.pathWith(['c++', ...TOOLS]), BUILD)).toMatchObject(QUIET);
        expect(load(path, 'addon')).toEqual({ seven: 7 });
      });

    if (isLong)
      it('is direct on demand, make and Python being there', () => {
        const path = folder.checkout(SMALL);
        const called = { make: 'echo make >&2', python3: 'echo python3 >&2' };
        expect(
          node(path, folder.pathWith(['cc', 'c++', ...TOOLS], called), BUILD, '--direct'),
        ).toMatchObject(QUIET);
        expect(load(path, 'addon')).toEqual({ seven: 7 });
      });

    if (isLong)
      it('goes on with the compiler alone where node-gyp fails', () => {
        const path = folder.checkout(SMALL);
        const hollow = { make: 'exit 0', python3: 'exit 0' };
        const child = node(path, folder.pathWith(['cc', 'c++', ...TOOLS], hollow), BUILD);
        expect(child).toMatchObject({ signal: null, status: 0 });
        expect(child.stderr).toMatch(/gyp ERR![^]*build-native: node-gyp failed/);
        expect(load(path, 'addon')).toEqual({ seven: 7 });
      });

    if (!isLong)
      it('tells what the compiler said, and leaves no addon of other sources', () => {
        const path = folder.checkout({
          ...SMALL,
          'native/src/three.c': '#error three is missing\n',
        });
        mkdirSync(join(path, 'build/Release'), { recursive: true });
        writeFileSync(join(path, ADDON), '');
        const child = node(path, folder.pathWith(['cc', 'c++', ...TOOLS]), BUILD);
        expect(child).toMatchObject({ signal: null, status: 1, stdout: '' });
        expect(child.stderr).toContain('compiling native/src/three.c failed');
        expect(child.stderr).toMatch(/three\.c:1:2: error: .*three is missing/);
        expect(child.stderr).toContain('apt-get install g++');
        expect(existsSync(join(path, ADDON))).toBe(false);
      });

    if (isLong)
      it('is made once: ensure-built builds what is missing or stale', () => {
        const path = folder.checkout(SMALL);
        const environment = folder.pathWith(['node', 'npm', 'cc', 'c++', ...TOOLS]);
        const ensure = () => node(path, environment, 'scripts/ensure-built.mjs');
        const made = () => statSync(join(path, ADDON)).mtimeMs;

        expect(ensure()).toMatchObject({
          signal: null,
          status: 0,
          stderr: expect.stringContaining('build:native') as string,
        });
        const first = made();
        expect(load(path, 'addon')).toEqual({ seven: 7 });
        expect(ensure()).toEqual({ ...QUIET, stdout: '' });
        expect(made()).toBe(first);
        writeFileSync(join(path, 'native/src/three.c'), 'int three(void) { return 4; }\n');
        ensure();
        expect(load(path, 'addon')).toEqual({ seven: 8 });
      });
  },
);

if (!isLong)
  describe('where nothing can be compiled', () => {
    it.runIf(process.platform === 'linux')('names the package that is missing', () => {
      const child = node(folder.checkout(SMALL), folder.pathWith([]), BUILD);
      expect(child).toMatchObject({ signal: null, status: 1 });
      expect(child.stderr).toMatch(/no C\+\+ compiler.*On Debian.*apt-get install g\+\+/);
    });

    it.runIf(process.platform === 'linux')('names a variable whose compiler is not there', () => {
      const child = node(
        folder.checkout(SMALL),
        { ...folder.pathWith(['cc', 'c++']), CC: 'ccache nothing' },
        BUILD,
      );
      expect(child).toMatchObject({ signal: null, status: 1 });
      expect(child.stderr).toContain("$CC is 'ccache nothing', and that does not run");
    });

    it('has nothing to do on another platform, and says so once', () => {
      const path = folder.checkout(SMALL);
      const environment = folder.pathWith([]);
      const child = node(path, environment, '--import', ELSEWHERE, BUILD);
      expect(child).toMatchObject({ signal: null, status: 0 });
      expect(child.stderr).toContain('nothing to compile for freebsd');
      expect(node(path, environment, '--import', ELSEWHERE, 'scripts/ensure-built.mjs')).toEqual({
        ...QUIET,
        stdout: '',
      });
    });

    it('takes no option that it does not know', () => {
      expect(node(root, folder.pathWith([]), BUILD, '--indirect')).toMatchObject({
        signal: null,
        status: 2,
      });
    });
  });
