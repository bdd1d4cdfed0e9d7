// SPDX-License-Identifier: MIT
/**
 * The C shim, tested in C: `native/test/` is compiled here as the addon's own
 * sources are, once as it is, and for native.long.test.ts with sanitizers and
 * static, and each case of the program is a test of its own. With and without an
 * area of libc's.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { isLong, share } from '../support/share.ts';
import { compileShim, readCases, shim, suite } from '../support/shim.ts';
import type { Case } from '../support/shim.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-native-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface Compiled {
  readonly path: string;
  /** Why there is no program; undefined when there is. */
  readonly failure: string | undefined;
}

function compile(name: string, flags: readonly string[], sources: readonly string[]): Compiled {
  const path = join(folder, name);
  return { path, failure: compileShim(path, flags, sources) };
}

/**
 * Why this toolchain cannot make and run a program with these flags at all; undefined when it can.
 */
function whyNot(flags: readonly string[]): string | undefined {
  const source = join(folder, 'empty.c');
  writeFileSync(source, 'int main(void) { return 0; }\n');
  const { path, failure } = compile('empty', flags, [source]);
  if (failure !== undefined) return failure.trim().split('\n').at(-1);
  const { error, status, signal } = spawnSync(path);
  return status === 0
    ? undefined
    : `an empty program ends with ${error?.message ?? signal ?? status ?? 'nothing'}`;
}

interface Run {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stderr: string;
  /** How many cases it said it had. */
  readonly announced: number;
  readonly cases: readonly Case[];
}

function run(path: string, tunables: string): Run {
  const { status, signal, stdout, stderr } = spawnSync(path, {
    encoding: 'utf8',
    env: {
      ...process.env,
      GLIBC_TUNABLES: tunables,
      UBSAN_OPTIONS: 'print_stacktrace=1',
      RSEQ_SLICE_PERCPU_TIMES: percpuTimes,
    },
    timeout: 300_000,
  });
  return { status, signal, stderr, ...readCases(stdout) };
}

/** How much longer the tests of per-CPU data go on: a thousand million adds. */
const percpuTimes = isLong ? '100' : '1';

/** Each reason once: on a host without the feature one of them is that of many cases. */
function printSkips(title: string, cases: readonly Case[]): void {
  const reasons = cases.filter(({ result }) => result === 'SKIP').map(({ reason }) => reason);
  for (const reason of new Set(reasons)) {
    const count = reasons.filter((other) => other === reason).length;
    console.log(`${title}: ${count} skipped: ${reason}`);
  }
}

const BUILDS = [
  { build: 'dynamic', flags: [] },
  {
    build: 'sanitized',
    flags: ['-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-fno-omit-frame-pointer'],
  },
  { build: 'static', flags: ['-static'] },
];
const LIBCS = [
  { libc: "libc's area", tunables: 'glibc.pthread.rseq=1' },
  { libc: "no area of libc's", tunables: 'glibc.pthread.rseq=0' },
];

const noCompiler = process.platform === 'linux' ? whyNot([]) : 'the shim is for Linux';

for (const { build, flags } of share(BUILDS, { every: BUILDS.length })) {
  const reason = noCompiler ?? whyNot(flags);
  if (reason !== undefined) {
    it(`the shim, ${build}`, (context) => {
      console.log(`the shim, ${build}: skipped: ${reason}`);
      context.skip(reason);
    });
    continue;
  }
  const { path, failure } = compile(build, flags, [...suite, ...shim]);
  it(`the shim and its tests compile, ${build}`, () => {
    expect(failure).toBeUndefined();
  });
  if (failure !== undefined) continue;
  describe.each(LIBCS)(`the shim, ${build}, with $libc`, ({ libc, tunables }) => {
    const { cases, announced, ...ending } = run(path, tunables);
    printSkips(`${build}, ${libc}`, cases);

    it('runs all cases and ends well', () => {
      const passed = cases.every(({ result }) => result !== 'not ok');
      expect(ending).toEqual({
        status: passed ? 0 : 1,
        signal: null,
        stderr: passed ? '' : ending.stderr,
      });
      expect(cases).toHaveLength(announced);
      expect(cases.filter(({ result }) => result === 'ok').length).toBeGreaterThan(10);
    });

    it.for(cases)('$name', ({ result, reason }, context) => {
      if (result === 'SKIP') context.skip(reason);
      expect(result, `${reason}\n${ending.stderr}`).toBe('ok');
    });
  });
}

if (!isLong)
  it("allocates nothing for a thread's first look for its area", (context) => {
    const isMusl = !(
      'glibcVersionRuntime' in (process.report.getReport() as { header: object }).header
    );
    const missing = noCompiler ?? (isMusl ? "the program counts glibc's allocations" : undefined);
    if (missing !== undefined) {
      console.log(`allocations of a first look: skipped: ${missing}`);
      context.skip(missing);
    }
    // Exported, or libc would not allocate by the program's functions, nor find the shim's.
    const exported = '-fvisibility=default';
    const object = compile('shim.so', ['-shared', '-fPIC', '-Wl,-z,nodelete', exported], shim);
    const program = compile('slot', [exported], [join(root, 'native/test/slot_exec.c')]);
    expect(object.failure ?? program.failure).toBeUndefined();
    const { status, signal, stdout, stderr } = spawnSync(program.path, [object.path], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect({ status, signal, stdout, stderr }).toEqual({
      status: 0,
      signal: null,
      stdout: '0\n0\n',
      stderr: '',
    });
  });

if (!isLong)
  it('tells a failed check, a crash, an exit and a skip apart', (context) => {
    if (noCompiler !== undefined) {
      console.log(`the harness of the shim's tests: skipped: ${noCompiler}`);
      context.skip(noCompiler);
    }
    const sources = ['harness_check.c', 'harness.c'].map((file) => join(root, 'native/test', file));
    const { path, failure } = compile('harness-check', [], [...sources, ...shim]);
    expect(failure).toBeUndefined();
    expect(run(path, '')).toEqual({
      status: 4,
      signal: null,
      stderr: '',
      announced: 7,
      cases: [
        {
          result: 'not ok',
          name: 'equality',
          reason: 'harness_check.c:20: 1 + 1 is 2, not 3 (exit code 1)',
        },
        {
          result: 'not ok',
          name: 'thread',
          reason: 'harness_check.c:25: unused != NULL (exit code 1)',
        },
        { result: 'not ok', name: 'crash', reason: 'killed by signal 9 (Killed)' },
        { result: 'not ok', name: 'early', reason: 'ended with no reason (exit code 3)' },
        { result: 'SKIP', name: 'skip', reason: 'because of 7' },
        { result: 'SKIP', name: 'prepared', reason: 'because of 7' },
        { result: 'ok', name: 'pass', reason: '' },
      ],
    });
  });
