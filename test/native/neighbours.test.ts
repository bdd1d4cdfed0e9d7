// SPDX-License-Identifier: MIT
/**
 * Who else in a process uses rseq: objects with the names that go with it are
 * compiled here, loaded for themselves alone or preloaded, and the shim must
 * find them and leave alone those whom it would harm, on a kernel whose answers
 * are made up. What becomes of them on a real one is tested by the matrix.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { REGISTRATIONS, STEPS, USES } from '../../lib/abi/interface.ts';
import type { Use } from '../../lib/abi/interface.ts';
import { ENOTSUPP } from '../../lib/abi/kernel.ts';
import { loadAddon } from '../../lib/host/linux/binding.ts';
import { nodeHeaders } from '../../scripts/native/target.mjs';
import { compileShim, shim } from '../support/shim.ts';

const tests = fileURLToPath(new URL('../../native/test/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-neighbours-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const { EBUSY } = constants.errno;
/** What libc says when it lacks the area that a test is about. */
const NO_AREA = 'glibc.pthread.rseq=0';
const kindOf = (name: Use): number => USES.indexOf(name) + 1;
const Kind = {
  LibcArea: kindOf('libc-area'),
  Librseq: kindOf('librseq'),
  OwnAreas: kindOf('own-areas'),
} as const;
const Step = {
  None: STEPS.indexOf('none'),
  Enable: STEPS.indexOf('enable'),
  Users: STEPS.indexOf('users'),
} as const;
const Registration = {
  None: REGISTRATIONS.indexOf('auto'),
  Libc: REGISTRATIONS.indexOf('libc'),
  Own: REGISTRATIONS.indexOf('own'),
  Replace: REGISTRATIONS.indexOf('replace'),
} as const;

const program = join(folder, 'users');
const failure = compileShim(
  program,
  [],
  [join(tests, 'users_exec.c'), join(tests, 'harness.c'), ...shim],
);

/** Compiles an object; null where the toolchain has not got what it takes. */
function compile(name: string, flags: readonly string[]): string | null {
  const path = join(folder, `${name}.so`);
  const { status } = spawnSync('cc', [
    '-shared',
    '-fPIC',
    '-O1',
    ...flags,
    join(tests, 'neighbours/neighbour.c'),
    '-o',
    path,
  ]);
  return status === 0 ? path : null;
}

interface Found {
  readonly users: readonly string[];
  readonly attached: Readonly<Record<string, readonly number[]>>;
}

function run(objects: readonly string[], environment: Readonly<Record<string, string>>): Found {
  const { status, signal, stdout, stderr } = spawnSync(program, objects, {
    encoding: 'utf8',
    env: { ...process.env, GLIBC_TUNABLES: '', ...environment },
    timeout: 60_000,
  });
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
  const lines = stdout.trimEnd().split('\n');
  const attached = lines.flatMap((line) => {
    const [, name = '', ...numbers] = /^(auto|by name) (-?\d+) (\d+) (\d+)$/.exec(line) ?? [];
    return name === '' ? [] : [[name, numbers.map(Number)] as const];
  });
  const users = lines
    .filter((line) => line.startsWith('user '))
    .map((line) => line.replace(/\S+$/, (path) => basename(path)));
  return { users, attached: Object.fromEntries(attached) };
}

/** Whether libc here registers an area, which half of these tests are about. */
const hasArea =
  failure === undefined && run([], {}).attached['by name']?.[2] === Registration.Replace;
const reason = failure ?? (hasArea ? undefined : 'libc registers no area here');
if (reason !== undefined) console.log(`neighbours: skipped: ${reason}`);

const AREA_SERVES = {};
const LEGACY = { LEGACY: '1' };
const WITHOUT = { GLIBC_TUNABLES: NO_AREA };
const LEFT_ALONE = [-EBUSY, Step.Users, Registration.None];
const SHARED = [0, Step.None, Registration.Libc];
const OURS = [0, Step.None, Registration.Own];
/** It went on to replace libc's area, in which this kernel grants nothing either. */
const REPLACED_IN_VAIN = [-ENOTSUPP, Step.Enable, Registration.None];

describe.skipIf(reason !== undefined)('beside', () => {
  const neighbours: [name: string, flags: readonly string[], kind: number][] = [
    ["a user of libc's area", ['-DLIBC_AREA'], Kind.LibcArea],
    [
      'one that exports nothing',
      ['-DLIBC_AREA', '-fvisibility=hidden', '-nostartfiles'],
      Kind.LibcArea,
    ],
    [
      'one with a hole in it',
      [
        '-DLIBC_AREA',
        '-fvisibility=hidden',
        '-nostartfiles',
        '-Wl,--section-start=.dynstr=0x4000000',
      ],
      Kind.LibcArea,
    ],
    ['one with a table of the old kind', ['-DLIBC_AREA', '-Wl,--hash-style=sysv'], Kind.LibcArea],
    ['one of another linker', ['-DLIBC_AREA', '-fuse-ld=gold'], Kind.LibcArea],
    ['one of a third linker', ['-DLIBC_AREA', '-fuse-ld=lld'], Kind.LibcArea],
    ['librseq', ['-DLIBRSEQ'], Kind.Librseq],
    ['librseq with a table of the old kind', ['-DLIBRSEQ', '-Wl,--hash-style=sysv'], Kind.Librseq],
    ['areas of its own', ['-DOWN_AREAS'], Kind.OwnAreas],
  ];
  it.each(neighbours)('%s: it is found and not harmed', (name, flags, kind) => {
    const object = compile(name.replaceAll(/\W/g, '-'), flags);
    if (object === null) {
      console.log(`beside ${name}: skipped: this toolchain has no ${flags.at(-1) ?? ''}`);
      return;
    }
    const users = [`user ${kind} 0 ${basename(object)}`];
    expect(run([object], AREA_SERVES)).toMatchObject({ users, attached: { auto: SHARED } });
    expect(run([object], LEGACY)).toEqual({
      users,
      attached: { auto: LEFT_ALONE, 'by name': REPLACED_IN_VAIN },
    });
    // Who uses libc's area does without where there is none.
    const auto = kind === Kind.LibcArea ? OURS : LEFT_ALONE;
    expect(run([object], WITHOUT)).toEqual({ users, attached: { auto, 'by name': OURS } });
  });

  it('nobody: what can be had is had', () => {
    expect(run([], AREA_SERVES)).toMatchObject({ users: [], attached: { auto: SHARED } });
    expect(run([], LEGACY)).toEqual({
      users: [],
      attached: { auto: REPLACED_IN_VAIN, 'by name': REPLACED_IN_VAIN },
    });
    expect(run([], WITHOUT)).toEqual({ users: [], attached: { auto: OURS, 'by name': OURS } });
  });

  it("the process's own malloc, which has been in each thread before: it is found, and harmed by nothing", () => {
    const object = compile('allocator', ['-DOWN_AREAS', '-DALLOCATOR']) ?? '';
    const preload = { LD_PRELOAD: object };
    const users = ['user 3 1 allocator.so'];
    expect(run([], { ...preload, ...LEGACY })).toEqual({
      users,
      attached: { auto: REPLACED_IN_VAIN, 'by name': REPLACED_IN_VAIN },
    });
    expect(run([], { ...preload, ...WITHOUT })).toEqual({
      users,
      attached: { auto: OURS, 'by name': OURS },
    });
    // The same object as an addon brings it is no malloc.
    expect(run([object], LEGACY)).toMatchObject({
      users: ['user 3 0 allocator.so'],
      attached: { auto: LEFT_ALONE },
    });
  });

  it('one that patchelf has changed, whose names stand before its symbols', (context) => {
    const object =
      compile('patched', ['-DLIBC_AREA', '-fvisibility=hidden', '-nostartfiles']) ?? '';
    const { error, status } = spawnSync('patchelf', [
      '--set-rpath',
      '$ORIGIN/some/longer/path/than/there/was:/opt/lib',
      object,
    ]);
    if (error !== undefined) {
      console.log(`beside one that patchelf has changed: skipped: ${error.message}`);
      context.skip(error.message);
    }
    expect(status).toBe(0);
    expect(run([object], LEGACY)).toMatchObject({
      users: ['user 1 0 patched.so'],
      attached: { auto: LEFT_ALONE },
    });
  });

  it('several: all are listed', () => {
    const objects = ['-DLIBC_AREA', '-DLIBRSEQ', '-DOWN_AREAS'].map(
      (flag, index) => compile(`several-${index}`, [flag]) ?? '',
    );
    expect(run(objects, LEGACY).users).toEqual([
      'user 1 0 several-0.so',
      'user 2 0 several-1.so',
      'user 3 0 several-2.so',
    ]);
  });
});

describe.skipIf(reason !== undefined)('in JavaScript', () => {
  const library = fileURLToPath(new URL('../../dist/index.js', import.meta.url));
  const guest = fileURLToPath(new URL('../kernel/guest/', import.meta.url));
  const kernel = join(folder, 'fake-kernel');
  const why = compileShim(
    kernel,
    [],
    [join(tests, 'fake_kernel_exec.c'), join(tests, 'harness.c'), ...shim],
  );

  function compileAddon(name: string, flags: readonly string[]): string {
    const path = join(folder, `${name}.node`);
    const { status, stderr } = spawnSync(
      'cc',
      ['-shared', '-fPIC', '-O1', `-I${nodeHeaders()}`, ...flags, '-o', path],
      { encoding: 'utf8' },
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return path;
  }

  function runNode(source: string, environment: Readonly<Record<string, string>>): unknown {
    expect(why).toBeUndefined();
    const program = `import * as lib from ${JSON.stringify(library)};
      import { createRequire } from 'node:module';
      const require = createRequire(import.meta.url);
      ${source}`;
    const { status, signal, stdout, stderr } = spawnSync(
      kernel,
      [process.execPath, '--input-type=module', '-e', program],
      {
        encoding: 'utf8',
        cwd: folder,
        env: { ...process.env, RSEQ_SLICE: '', GLIBC_TUNABLES: '', ...environment },
      },
    );
    expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
    return JSON.parse(stdout);
  }

  const LOOK = `
    const look = () => { const { slices, owner, users } = lib.probe(); return [slices.reason, owner, users.map(({ object, use, isAllocator }) => [object.split('/').at(-1), use, isAllocator])]; };
    const before = look();
    const thread = lib.attach();
    const found = [before, thread.host, thread.registration, look()];
    thread.detach();
    console.log(JSON.stringify([...found, look()[1]]));`;

  it('probe() says of the calling thread what attach() does there, and who has its area', () => {
    expect(runNode(LOOK, {})).toEqual([
      ['available', 'libc', []],
      'linux',
      'libc',
      ['available', 'libc', []],
      'libc',
    ]);
    expect(runNode(LOOK, WITHOUT)).toEqual([
      ['available', 'nobody', []],
      'linux',
      'own',
      ['available', 'rseq-slice', []],
      'nobody',
    ]);
  });

  it('a thread that another library has registered is told of before and after', () => {
    const owner = compileAddon('owner', [join(guest, 'owner.c')]);
    const users = [['owner.node', 'own-areas', false]];
    expect(runNode(`require(${JSON.stringify(owner)}).use();${LOOK}`, WITHOUT)).toEqual([
      ['foreign-registration', 'other', users],
      'simulated',
      'simulated',
      ['foreign-registration', 'other', users],
      'other',
    ]);
    // It has not been used, and must find its threads as they are.
    expect(runNode(`require(${JSON.stringify(owner)});${LOOK}`, WITHOUT)).toEqual([
      ['foreign-use', 'nobody', users],
      'simulated',
      'simulated',
      ['foreign-use', 'nobody', users],
      'nobody',
    ]);
  });

  it('the error names who would be harmed, and the user’s word is taken', () => {
    const owner = compileAddon('owner', [join(guest, 'owner.c')]);
    const source = `require(${JSON.stringify(owner)});
      let message;
      try { lib.attach({ host: 'linux' }); } catch (error) { message = [error.code, error.message]; }
      const thread = lib.attach({ registration: 'own' });
      console.log(JSON.stringify([message, thread.host, thread.registration]));`;
    expect(runNode(source, WITHOUT)).toEqual([
      [
        'ERR_RSEQ_UNAVAILABLE',
        expect.stringMatching(
          /owner\.node registers rseq areas of its own in this process.*registration: 'replace'/,
        ),
      ],
      'linux',
      'own',
    ]);
  });

  it("a malloc with areas of its own goes its way in every thread, with libc's areas and without", () => {
    const allocator = join(folder, 'allocator-of-its-own.so');
    const { status, stderr } = spawnSync(
      'cc',
      ['-shared', '-fPIC', '-O1', join(tests, 'neighbours/allocator.c'), '-o', allocator],
      { encoding: 'utf8' },
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const worker = `import { parentPort } from 'node:worker_threads';
      import(${JSON.stringify(library)}).then((lib) => {
        const thread = lib.attach();
        thread.critical(() => 1);
        parentPort.postMessage([thread.registration, lib.probe().slices.reason]);
        thread.detach();
      });`;
    const source = `
      import { Worker } from 'node:worker_threads';
      const start = () => new Promise((resolve, reject) => new Worker(${JSON.stringify(worker)}, { eval: true }).once('message', resolve).once('error', reject));
      const before = await start();
      const thread = lib.attach();
      const found = [thread.registration, before, await start()];
      thread.detach();
      console.log(JSON.stringify([...found, await start()]));`;
    const shared = ['libc', 'available'];
    expect(runNode(source, { LD_PRELOAD: allocator })).toEqual(['libc', shared, shared, shared]);
    const alone = ['simulated', 'foreign-registration'];
    expect(runNode(source, { ...WITHOUT, LD_PRELOAD: allocator })).toEqual([
      'simulated',
      alone,
      alone,
      alone,
    ]);
  });

  it('two copies of the addon share what libc registered, and the second keeps its slices when the first detaches', () => {
    const addon = loadAddon();
    expect(addon.state).toBe('loaded');
    const copy = join(folder, 'copy.node');
    copyFileSync('path' in addon ? addon.path : '', copy);
    const source = `
      const [first, second] = [${JSON.stringify('path' in addon ? addon.path : '')}, ${JSON.stringify(copy)}].map((path) => require(path));
      const attached = [first, second].map((binding) => { const { errno, step, registration } = binding.attach(0, 0); return [errno, step, registration]; });
      console.log(JSON.stringify([attached, first.detach(), second.detach()]));`;
    expect(runNode(source, {})).toEqual([
      [
        [0, 0, Registration.Libc],
        [0, 0, Registration.Libc],
      ],
      0,
      0,
    ]);
    expect(runNode(source, WITHOUT)).toEqual([
      [
        [0, 0, Registration.Own],
        [EBUSY, 4, null],
      ],
      0,
      0,
    ]);
  });
});
