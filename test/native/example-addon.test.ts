// SPDX-License-Identifier: MIT
/**
 * Addons of others on this host: the example, compiled with the compiler alone, and what a consumer
 * is told that was compiled for another table. Where the host has no slices, errors are told and
 * the work is done. The example as node-gyp builds it is in example-addon.long.test.ts, and the
 * header alone in header.test.ts.
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
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findCompilers } from '../../scripts/native/compilers.mjs';
import { nodeHeaders } from '../../scripts/native/target.mjs';
import { loadAddon } from '../../lib/host/linux/binding.ts';
import { buildDirectly, expectWorkDone, installExample, KINDS, run } from '../support/example.ts';
import type { ExampleReport, Tally } from '../support/example.ts';
import { isLong, share } from '../support/share.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const native = join(root, 'native');
const workersProgram = join(root, 'test/native/programs/example-workers.mjs');
const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-example-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function whyNot(): string | undefined {
  if (process.platform !== 'linux') return 'slices are a feature of Linux';
  try {
    findCompilers();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const addon = loadAddon();
  return addon.state === 'loaded' ? undefined : `the addon is ${addon.state}`;
}
const reason = whyNot();
if (reason !== undefined) console.log(`addons of others: skipped: ${reason}`);

function expectAttachedOrTold(report: ExampleReport, why: string | null): void {
  for (const kind of KINDS) {
    const { errno, step } = report[kind];
    expect(report[kind].why, kind).toBe(why);
    expect(errno === 0, kind).toBe(why === null);
    expect(step === 0, kind).toBe(why === null || why === 'addon-missing');
    expect(report.nested.errno, kind).toBe(errno);
  }
}

if (!isLong)
  describe.skipIf(reason !== undefined)('the example addon', () => {
    const example = join(folder, 'example');
    /** What `probe()` says of this host. */
    let why: string | null;
    beforeAll(() => {
      installExample(example);
      buildDirectly(example);
      const { available, reason: found } = run(example, [
        '--input-type=module',
        '-e',
        "import { probe } from 'rseq-slice'; console.log(JSON.stringify(probe().slices));",
      ]) as { available: boolean; reason: string };
      why = available ? null : found;
    });

    it('books from three kinds of thread, nested in JavaScript too, with slices or told why not', () => {
      const report = run(example, ['main.mjs', '100']) as ExampleReport;
      expectWorkDone(report);
      expectAttachedOrTold(report, why);
    });

    it('works in each of several workers, also in those that end attached', () => {
      const workers = run(example, [workersProgram, example]) as {
        exitCode: number;
        tally: Tally & { attached: number };
      }[];
      expect(workers).toHaveLength(9);
      for (const { exitCode, tally } of workers) {
        expect(exitCode).toBe(0);
        expect(tally.attached).toBe(tally.errno);
        expect(tally.errno === 0).toBe(why === null);
        expect(tally.booked).toBeGreaterThan(0);
      }
    });

    it('does its work without slices where rseq-slice has no addon', () => {
      const bare = join(folder, 'bare');
      mkdirSync(join(bare, 'native'), { recursive: true });
      for (const part of ['dist', 'package.json', 'native/include'])
        cpSync(join(root, part), join(bare, part), { recursive: true });
      symlinkSync(join(root, 'node_modules'), join(bare, 'node_modules'));
      const copy = join(folder, 'example-bare');
      installExample(copy, bare);
      // The header is to be found without the addon.
      buildDirectly(copy);
      const report = run(copy, ['main.mjs', '20']) as ExampleReport;
      expectWorkDone(report);
      expectAttachedOrTold(report, 'addon-missing');
    });
  });

describe.skipIf(reason !== undefined)('a consumer in C++', () => {
  /** Compiles it with the header changed as told, into a folder of its own. */
  function compileConsumer(
    name: string,
    change: (header: string) => string = (header) => header,
    defines: readonly string[] = [],
  ): string {
    const copy = join(folder, name);
    // What the package has of native/, and nothing else: the header must do with it.
    cpSync(join(native, 'include'), join(copy, 'include'), { recursive: true });
    const header = join(copy, 'include/rseq_slice/slice.h');
    writeFileSync(header, change(readFileSync(header, 'utf8')));
    const flags = [
      '-shared',
      '-fPIC',
      '-O2',
      '-std=c++17',
      '-Wall',
      '-Wextra',
      '-Wpedantic',
      '-Wshadow',
      '-Wconversion',
      '-Werror',
      '-DNAPI_VERSION=8',
    ];
    const [command = '', ...words] = findCompilers().cxx;
    const args = [
      ...words,
      ...flags,
      ...defines,
      '-isystem',
      nodeHeaders(),
      '-I',
      join(copy, 'include'),
      join(root, 'test/native/programs/consumer.cc'),
      '-o',
      join(copy, 'consumer.node'),
    ];
    const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    return join(copy, 'consumer.node');
  }

  /**
   * What reading a value gives: the value, or the error. `expression` sees `api` and `consumer`.
   */
  function read(consumer: string, expression: string, name = 'read'): unknown {
    const source = `
      import { createRequire } from 'node:module';
      import { api } from ${JSON.stringify(pathToFileURL(join(root, 'dist/native.js')).href)};
      const consumer = createRequire(import.meta.url)(${JSON.stringify(consumer)});
      let result;
      try { result = consumer.${name}(${expression}); } catch ({ name, code, message }) { result = { name, code, message }; }
      console.log(JSON.stringify({ result, usable: api !== null }));
    `;
    return (run(root, ['--input-type=module', '-e', source]) as { result: unknown }).result;
  }

  let consumer: string;
  beforeAll(() => {
    consumer = compileConsumer('as-it-is');
  });

  if (!isLong)
    it('has the table, and no table for null', () => {
      expect(read(consumer, 'api')).toBe(true);
      expect(read(consumer, 'null')).toBe(null);
    });

  if (!isLong)
    it.each(['undefined', '', '{}', '0', '() => api', 'consumer.foreign()'])(
      'refuses what is no table: %s',
      (expression) => {
        expect(read(consumer, expression)).toEqual({
          name: 'TypeError',
          code: 'ERR_INVALID_ARG_TYPE',
          message: "This is not the api of 'rseq-slice/native', nor null.",
        });
      },
    );

  /** @returns the header with `pattern` replaced, which must be there */
  const replace =
    (pattern: RegExp, by: string) =>
    (header: string): string => {
      const changed = header.replace(pattern, by);
      expect(changed).not.toBe(header);
      return changed;
    };
  const major = (value: number) =>
    replace(/(#define RSEQ_SLICE_API_MAJOR )\d+u/, `$1${String(value)}u`);

  /** What the header has, which both sides here are compiled with. */
  const minor =
    /#define RSEQ_SLICE_API_MINOR (\d+)u/.exec(
      readFileSync(join(native, 'include/rseq_slice/slice.h'), 'utf8'),
    )?.[1] ?? '';

  const MAJORS = [
    ['the next major version', 'next', 2],
    ['the major version before', 'before', 0],
  ] as const;
  it.each(share(MAJORS, { every: 2 }))('that was compiled for %s is told so', (_, name, value) => {
    const error = read(compileConsumer(name, major(value)), 'api');
    expect(error).toMatchObject({
      name: 'Error',
      code: 'ERR_RSEQ_API_VERSION',
      message: expect.stringMatching(
        new RegExp(
          `compiled for version ${String(value)}\\.${minor} .* loaded has 1\\.${minor}\\. The first`,
        ),
      ) as string,
    });
  });

  if (isLong)
    it('that was compiled with a newer header works, and is told what the table has not', () => {
      const newer = (header: string): string =>
        [
          replace(/(#define RSEQ_SLICE_API_MINOR )\d+u/, '$199u'),
          replace(/(struct rseq_slice_api \{[^]*?)\n\};/, '$1\n\tint (*new_function)(void);\n};'),
          replace(/(struct rseq_slice_section \{[^]*?)\n\};/, '$1\n\tint new_fact;\n};'),
        ].reduce((text, change) => change(text), header);
      const ahead = compileConsumer('newer', newer, ['-DMEMBER=new_function']);
      expect(read(ahead, 'api')).toBe(true);
      expect(read(ahead, 'api', 'hasMember')).toBe(false);
      const level = compileConsumer('level', undefined, ['-DMEMBER=yield_cpu']);
      expect(read(level, 'api', 'hasMember')).toBe(true);
    });

  if (isLong)
    it('that was compiled with an older header works', () => {
      const older = (header: string): string =>
        [
          replace(
            /(\n\tint \(\*is_owner\)[^;]*;)[^]*?\n\};\n\n\/\* Bytes of/,
            '$1\n};\n\n/* Bytes of',
          ),
          replace(
            /(#define RSEQ_SLICE_API_SIZE_1_0[^]*?)yield_cpu([^]*?)yield_cpu/,
            '$1is_owner$2is_owner',
          ),
        ].reduce((text, change) => change(text), header);
      const behind = compileConsumer('older', older, ['-DMEMBER=is_owner']);
      expect(read(behind, 'api')).toBe(true);
      expect(read(behind, 'api', 'hasMember')).toBe(true);
    });
});

/** `createRequire` in a file of CommonJS, as a binding.gyp has it. */
if (!isLong)
  it('tells where the header is, by require too', () => {
    const source =
      "const native = require('rseq-slice/native'); console.log(JSON.stringify(native.include));";
    const include = run(root, ['--input-type=commonjs', '-e', source]) as string;
    expect(include).toBe(join(native, 'include'));
    expect(readFileSync(join(include, 'rseq_slice/slice.h'), 'utf8')).toContain(
      'RSEQ_SLICE_SLICE_H',
    );
    const { api, unavailable } = createRequire(import.meta.url)('rseq-slice/native') as {
      api: unknown;
      unavailable: unknown;
    };
    expect(api === null).toBe(unavailable !== null);
  });
