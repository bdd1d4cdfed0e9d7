// SPDX-License-Identifier: MIT
/**
 * How workers and processes end, attached or not, inside a section or not, and
 * who loads the library when. Each program runs in a process of its own, whose
 * exit code and signal count: on the simulated kernel, on this host's, and on one
 * that says it has slices, where registrations are real and nothing is granted.
 * In `npm test` each kernel has its share of the endings.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { Outcome } from '../../lib/index.ts';
import { isLong, share } from '../support/share.ts';
import { include, shim } from '../support/shim.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const programs = fileURLToPath(new URL('programs/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-lifecycle-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface Ending {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

function spawn(command: readonly string[], environment: Readonly<Record<string, string>>): Ending {
  const [file = '', ...rest] = command;
  const { status, signal, stdout, stderr } = spawnSync(file, rest, {
    encoding: 'utf8',
    env: { ...process.env, RSEQ_SLICE: '', ...environment },
    timeout: 60_000,
  });
  return { status, signal, stdout, stderr };
}

/** See native/test/fake_kernel_exec.c. */
function compileFakeKernel(): string {
  const path = join(folder, 'fake-kernel');
  const files = [
    ...['fake_kernel_exec.c', 'harness.c'].map((file) => join(root, 'native/test', file)),
    ...shim,
  ];
  spawnSync('cc', ['-std=gnu11', '-O2', '-pthread', '-I', include, ...files, '-o', path, '-ldl']);
  return path;
}

interface Kernel {
  readonly kernel: string;
  /** Before the command. */
  readonly prefix: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

const fakeKernel = compileFakeKernel();
const FAKED: readonly Kernel[] = [
  { kernel: 'a kernel that says it has slices', prefix: [fakeKernel], environment: {} },
  {
    kernel: "a kernel that says it has slices, without an area of libc's",
    prefix: [fakeKernel],
    environment: { GLIBC_TUNABLES: 'glibc.pthread.rseq=0' },
  },
];
const KERNELS: readonly Kernel[] = [
  { kernel: 'the simulated kernel', prefix: [], environment: { RSEQ_SLICE: 'simulated' } },
  { kernel: 'this kernel', prefix: [], environment: {} },
  ...FAKED,
];

/**
 * Why a kernel cannot be tried; undefined when it can. What else goes wrong there is for the tests
 * to find.
 */
function whyNot({ prefix: [launcher], environment }: Kernel): string | undefined {
  if (launcher === undefined) return undefined;
  if (!existsSync(launcher)) return 'the launcher does not compile here';
  if (!existsSync(join(root, 'build/Release/rseq_slice.node'))) return 'the addon is not built';
  const { status, stderr } = spawn([launcher, 'true'], environment);
  return status === 77 ? stderr.trim() : undefined;
}

/** The host that threads get there. */
function hostOn({ prefix, environment }: Kernel): string {
  const { href } = new URL('../../dist/index.js', import.meta.url);
  const source = `import(${JSON.stringify(href)}).then(({ attach }) => console.log(attach().host))`;
  return spawn([...prefix, process.execPath, '-e', source], environment).stdout.trim();
}

/** How the process ends, in which state, and beside busy workers or not. */
const ENDINGS = ['end', 'exit', 'throw', 'reject'].flatMap((ending) => [
  [ending, 'inside'],
  [ending, 'outside'],
  [ending, 'detached'],
  [ending, 'inside', 'busy'],
]);
const TOGETHER = ['one by one', 'together'] as const;
const SHARING = ['sharing the addon', 'each with its own addon'] as const;

describe.each(KERNELS.map((kernel, index) => ({ ...kernel, index })))(
  'on $kernel',
  ({ index, ...kernel }) => {
    const reason = whyNot(kernel);
    if (reason !== undefined) {
      it('workers and processes end', (context) => {
        console.log(`on ${kernel.kernel}: skipped: ${reason}`);
        context.skip(reason);
      });
      return;
    }
    const host = kernel.prefix.length > 0 ? 'linux' : hostOn(kernel);

    function run(program: string, ...rest: readonly string[]): Ending {
      return spawn(
        [...kernel.prefix, process.execPath, join(programs, program), ...rest],
        kernel.environment,
      );
    }

    function json(program: string, ...rest: readonly string[]): unknown {
      const { stdout, ...ending } = run(program, ...rest);
      expect(ending).toEqual({ status: 0, signal: null, stderr: '' });
      return JSON.parse(stdout);
    }

    // In `npm test` one by one, on the first kernel where registrations are real.
    it.each(share(TOGETHER, { every: 2 * KERNELS.length, first: 2 * index + KERNELS.length }))(
      'workers end in every way, %s',
      (how) => {
        const { ends, ...after } = json('worker-endings.mjs', how) as {
          ends: readonly { ending: string; state: string }[];
        };
        expect(ends).toHaveLength(how === 'together' ? 24 : 12);
        const exitCodes: Record<string, number> = { end: 0, terminate: 1, throw: 1, exit: 5 };
        for (const { ending, state, ...rest } of ends) {
          const error = ending === 'throw' ? 'on purpose' : null;
          expect(rest, `${ending} ${state}`).toEqual({
            host,
            exitCode: exitCodes[ending],
            error,
          });
        }
        expect(after).toEqual({ result: 7, asFound: true });
      },
    );

    const endings = share(ENDINGS, { every: 11, first: 2 * index });
    it.each(endings)('the process ends: %s, %s a section %s', (ending = '', ...rest) => {
      const { status, signal, stdout, stderr } = run('process-ending.mjs', ending, ...rest);
      const code = { end: 0, exit: 5 }[ending] ?? 1;
      expect({ status, signal, stdout }).toEqual({
        status: code,
        signal: null,
        stdout: `${host}\nexit ${code}\n`,
      });
      if (code === 1) expect(stderr).toContain('Error: on purpose');
      else expect(stderr).toBe('');
    });

    it.each(share(SHARING, { every: KERNELS.length, first: index }))(
      'two copies in one thread, %s',
      (sharing) => {
        const isShared = sharing === 'sharing the addon';
        const copies = ['first', 'second'].map((name) => {
          const copy = mkdtempSync(join(folder, name));
          for (const part of ['dist', 'package.json'])
            cpSync(join(root, part), join(copy, part), { recursive: true });
          symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
          if (isShared) symlinkSync(join(root, 'build'), join(copy, 'build'));
          else if (existsSync(join(root, 'build')))
            cpSync(join(root, 'build/Release'), join(copy, 'build/Release'), { recursive: true });
          return join(copy, 'dist/index.js');
        });
        const { hosts, ...report } = json('two-copies.mjs', ...copies) as {
          hosts: unknown[];
        };
        expect(hosts[0]).toBe(host);
        // One area, one word: the second finds it in use. Where it got none it has a word of its
        // own.
        const inner = hosts[1] === 'linux' ? Outcome.Nested : Outcome.Undisturbed;
        expect(report).toEqual({
          same: false,
          inner,
          outer: Outcome.Undisturbed,
          foreignError: { own: true, other: false, is: true },
          inWorker: { inner, outer: Outcome.Undisturbed },
          exitCode: 0,
          left: 7,
          again: Outcome.Undisturbed,
        });
        if (host === 'linux' && isShared) expect(hosts[1]).toBe('linux');
      },
    );

    if (!isLong)
      it('the mapped word stays with its thread', (context) => {
        if (kernel.prefix.length === 0) context.skip('only where the word is mapped');
        const { refused, ...report } = json('posted.mjs') as { refused: string | null };
        expect([null, 'DataCloneError']).toContain(refused);
        expect(report).toEqual({ word: [0, 0, 0, 0], outcome: 7, entered: 1 });
      });

    const loads = share(['first'], { every: KERNELS.length, first: index + KERNELS.length - 1 });
    it.each(loads)('a worker loads the addon %s, and is gone when the main thread does', () => {
      expect(json('worker-first.mjs')).toEqual([
        [host, 1000, 0],
        [host, 1000],
        [host, 1000, 0],
        [host, 2000],
      ]);
    });
  },
);
