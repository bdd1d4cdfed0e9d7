// SPDX-License-Identifier: MIT
/**
 * What `rseq-slice build` says, in a copy of what is installed. Nothing is compiled here;
 * build.long.test.ts does that, and loads what it gets.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ADDON, whyNoCompiler } from '../../support/checkout.ts';
import { Installation } from '../../support/installed.ts';

const ELSEWHERE =
  "data:text/javascript,Object.defineProperty(process,'platform',{value:'freebsd'})";

const whyNot = whyNoCompiler();

let installation: Installation;
let installed: string;
beforeEach(() => {
  installation = new Installation();
  installed = installation.path;
});
afterEach(() => {
  installation.remove();
});

describe.skipIf(whyNot !== undefined)(
  `with a compiler${whyNot === undefined ? '' : ` (skipped: ${whyNot})`}`,
  () => {
    it('tells what the compiler said, and leaves the addon that was there', () => {
      mkdirSync(join(installed, 'build/Release'), { recursive: true });
      writeFileSync(join(installed, ADDON), 'an older one');
      const broken = 'test "$1" = --version || { echo broken today >&2; exit 1; }';
      const { status, signal, stdout, stderr } = installation.build(['sh'], {
        cc: broken,
        'c++': broken,
      });
      expect({ status, signal, stdout }).toEqual({ status: 1, signal: null, stdout: '' });
      expect(stderr).toMatch(
        /^rseq-slice build: compiling native\/src\/addon\.cc failed:\n.*\nbroken today\n[^]*apt-get install g\+\+/,
      );
      expect(readFileSync(join(installed, ADDON), 'utf8')).toBe('an older one');
      expect(readdirSync(join(installed, 'build'))).toEqual(['Release']);
    });

    it.each([
      ['is not found from elsewhere', '--require ./preload.cjs', 'exports.here = true;'],
      ['prints', '--require ./preload.cjs', "console.log('good morning');"],
      [
        'resolves packages in its own way',
        '--require ./preload.cjs',
        `const { Module } = require('node:module');
      const original = Module._resolveFilename;
      Module._resolveFilename = (request, ...rest) => {
        if (request.startsWith('node-a')) throw new Error('not a dependency of the program');
        return original(request, ...rest);
      };`,
      ],
    ])("finds its headers where the user's preload %s", (_, option, text) => {
      writeFileSync(join(installation.folder, 'preload.cjs'), text);
      const seen = 'test "$1" = --version || { echo "$@" >&2; exit 1; }';
      const { stderr } = installation.build(
        ['sh'],
        { cc: seen, 'c++': seen },
        { environment: { NODE_OPTIONS: option } },
      );
      const include = (name: string) => `-I${installed}/dist/headers/${name}`;
      expect(stderr).toMatch(
        new RegExp(
          `^rseq-slice build: compiling native/src/addon\\.cc failed:\n.* ${include('node-api-headers')} -Inative/include ${include('node-addon-api')} `,
        ),
      );
    });

    it('advises to install compilers only where one failed', () => {
      rmSync(join(installed, 'dist/headers'), { recursive: true });
      expect(installation.build(['sh'], { cc: 'exit 0', 'c++': 'exit 0' }).stderr).not.toContain(
        'apt-get',
      );
    });

    it('tells when what was compiled does not load', () => {
      // Says it did, and made nothing that is an addon.
      const hollow = 'while test $# -gt 0; do test "$1" = -o && : > "$2"; shift; done';
      const { status, stdout } = installation.build(
        ['sh'],
        { cc: hollow, 'c++': hollow },
        { args: ['--json'] },
      );
      expect(status).toBe(1);
      expect(JSON.parse(stdout)).toEqual({
        path: join(installed, ADDON),
        error: expect.stringMatching(
          /was compiled, but does not load: [^]*file too short/,
        ) as string,
      });
    });
  },
);

it.runIf(process.platform === 'linux')('names the compiler that is missing', () => {
  const { status, signal, stdout, stderr } = installation.build(['sh']);
  expect({ status, signal, stdout }).toEqual({ status: 1, signal: null, stdout: '' });
  expect(stderr).toBe(
    'rseq-slice build: There is no C++ compiler: no c++, g++, clang++ in PATH. On Debian, as root: apt-get install g++\n',
  );
});

it.runIf(process.platform === 'linux')(
  "names Node's permission model where that forbids it",
  () => {
    const model = process.allowedNodeEnvironmentFlags.has('--permission')
      ? '--permission'
      : '--experimental-permission';
    const { status, stderr } = installation.build(
      ['sh'],
      {},
      { node: ['--no-warnings', model, '--allow-fs-read=*'] },
    );
    expect(status).toBe(1);
    expect(stderr).toMatch(/permission model forbids.*without --permission/);
  },
);

it.runIf(process.platform === 'linux')('tells when there are no headers in the package', () => {
  rmSync(join(installed, 'dist/headers'), { recursive: true });
  const { status, stderr } = installation.build(['sh'], { cc: 'exit 0', 'c++': 'exit 0' });
  expect(status).toBe(1);
  expect(stderr).toMatch(/dist\/headers\/node-a\S+ is missing\. Install the package anew\./);
});

it('has nothing to do elsewhere than on Linux', () => {
  const { status, stdout, stderr } = installation.build([], {}, { node: ['--import', ELSEWHERE] });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/^Nothing to compile for freebsd/);
  expect(existsSync(join(installed, 'build'))).toBe(false);
});
