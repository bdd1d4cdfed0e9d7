// SPDX-License-Identifier: MIT
/**
 * The addon as `lib/host/linux/` deals with it: not there, not loading, refusing to
 * map the word, reporting why there are no slices. Statuses and the port take a
 * fake addon; the loader is tried on copies of the library whose addon is broken.
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
import { constants, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { ABI_VERSIONS, REGISTRATIONS, STEPS } from '../../../../lib/abi/interface.ts';
import { ENOTSUPP } from '../../../../lib/abi/kernel.ts';
import { RseqSliceError } from '../../../../lib/errors.ts';
import type { Binding, RawAttachment, RawProbe } from '../../../../lib/host/linux/binding.ts';
import { AreaIds } from '../../../../lib/host/linux/ids.ts';
import { LinuxHostThread } from '../../../../lib/host/linux/thread.ts';
import type { HostOptions } from '../../../../lib/host/port.ts';
import { libcKind } from '../../../../lib/host/linux/libc.ts';
import {
  describeAddon,
  describeFailure,
  describeGuestRemedy,
  describeKernelRemedy,
  describeProbe,
  nameErrno,
} from '../../../../lib/host/status.ts';
import { Outcome, Thread } from '../../../../lib/sections/thread.ts';
import { ADDON } from '../../../support/checkout.ts';

const { EAGAIN, EBUSY, EINVAL, EIO, ENOMEM, ENOSYS, ENXIO, EPERM } = constants.errno;
const AUTO: HostOptions = { registration: 'auto', abiVersion: 'auto', mapped: true };

/** An addon that attaches as it is told, with a word of ordinary memory. */
function fakeBinding(attachment: RawAttachment, parts: Partial<Binding> = {}) {
  const binding = {
    probe: vi.fn<Binding['probe']>(),
    attach: vi.fn<Binding['attach']>(() => attachment),
    detach: vi.fn(() => 0),
    controlWord: vi.fn<Binding['controlWord']>(() => new ArrayBuffer(4)),
    enter: vi.fn(() => 1),
    clear: vi.fn(() => 0),
    yieldSlice: vi.fn(() => 0),
    areaIds: vi.fn<Binding['areaIds']>(() => null),
    featureSize: () => 33,
    cpu: () => 3,
    node: () => 1,
    concurrencyId: () => 2,
    flags: () => 48,
    isOwner: () => true,
    nativeApi: () => null,
    futexWait: () => 0,
    futexWake: () => 0,
    schedYield: () => undefined,
    mapFile: () => 0,
  };
  return Object.assign(binding, parts);
}

const ATTACHED: RawAttachment = { errno: 0, step: 0, registration: 1, abiVersion: 1, length: 33 };

function attachFake(binding: Binding, options: HostOptions = AUTO): LinuxHostThread {
  const kernel = LinuxHostThread.attach(binding, new AreaIds(binding), options);
  if (!(kernel instanceof LinuxHostThread)) throw new Error(`not attached: ${kernel.explanation}`);
  return kernel;
}

describe('attaching', () => {
  it('passes every policy and ABI version on by number, and reads every answer', () => {
    for (const [policy, registration] of REGISTRATIONS.entries()) {
      for (const [index, abiVersion] of (['auto', ...ABI_VERSIONS] as const).entries()) {
        const binding = fakeBinding({
          ...ATTACHED,
          registration: policy || 1,
          abiVersion: index || 1,
        });
        const kernel = attachFake(binding, { registration, abiVersion, mapped: true });
        expect(binding.attach.mock.calls).toEqual([[policy, index]]);
        expect(kernel).toMatchObject({
          host: 'linux',
          registration: REGISTRATIONS[policy || 1],
          abiVersion: ABI_VERSIONS[(index || 1) - 1],
        });
        expect([kernel.cpu(), kernel.node(), kernel.concurrencyId()]).toEqual([3, 1, 2]);
      }
    }
  });

  it('takes an answer that means nothing for a failure', () => {
    for (const attachment of [
      { errno: 0, step: 0 },
      { ...ATTACHED, registration: 0 },
      { ...ATTACHED, abiVersion: 9 },
    ]) {
      const binding = fakeBinding(attachment);
      expect(LinuxHostThread.attach(binding, new AreaIds(binding), AUTO)).toMatchObject({
        reason: 'system-error',
      });
      expect(binding.controlWord).not.toHaveBeenCalled();
    }
  });

  it('tells an errno when the kernel does not take the registration back, and is detached', () => {
    const onDetach = vi.fn();
    const binding = fakeBinding(ATTACHED);
    binding.detach.mockImplementation(() => EPERM);
    const thread = new Thread(attachFake(binding), onDetach);
    thread.critical(() => 7);
    thread.retain();
    thread.detach();
    expect(onDetach).not.toHaveBeenCalled();
    expect(() => {
      thread.detach();
    }).toThrow(
      expect.objectContaining({
        code: 'ERR_RSEQ_SYSTEM',
        errno: EPERM,
        syscall: 'rseq',
      }) as RseqSliceError,
    );
    expect(onDetach).toHaveBeenCalledOnce();
    for (const use of [
      () => {
        thread.detach();
      },
      () => {
        thread.enter();
      },
    ]) {
      expect(use).toThrow(expect.objectContaining({ code: 'ERR_RSEQ_DETACHED' }) as RseqSliceError);
    }
    expect(thread.stats()).toMatchObject({ entered: 1, undisturbed: 1 });
    expect(binding.detach).toHaveBeenCalledOnce();
    expect(onDetach).toHaveBeenCalledOnce();
  });
});

describe.each([
  ['the runtime forbids to map it', { ...AUTO }, () => null],
  [
    "it is asked for with controlWord: 'native'",
    { ...AUTO, mapped: false },
    () => new ArrayBuffer(4),
  ],
])('a control word behind calls, since %s', (_, options, controlWord) => {
  it('is entered and cleared through the addon', () => {
    const answers = [0, 1, 1, 3];
    const yields = [1, 0, 0];
    const binding = fakeBinding(ATTACHED, { controlWord });
    binding.clear.mockImplementation(() => answers.shift() ?? -1);
    binding.yieldSlice.mockImplementation(() => yields.shift() ?? -1);
    const kernel = attachFake(binding, options);
    expect(kernel.controlWord).toBeNull();
    const thread = new Thread(kernel, () => undefined);
    const outcomes = [0, 1, 2, 3].map(() => {
      thread.enter();
      return thread.leave();
    });
    expect(outcomes).toEqual([
      Outcome.Undisturbed,
      Outcome.Yielded,
      Outcome.Raced,
      Outcome.Preempted,
    ]);
    expect(binding.enter).toHaveBeenCalledTimes(4);
    expect(binding.yieldSlice).toHaveBeenCalledTimes(3);
  });

  it('is left to a foreign layer that has it', () => {
    const binding = fakeBinding(ATTACHED, { controlWord, enter: () => 0 });
    const thread = new Thread(attachFake(binding, options), () => undefined);
    thread.enter();
    expect(thread.leave()).toBe(Outcome.Nested);
    expect(binding.clear).not.toHaveBeenCalled();
  });
});

/** Step, errno, and what must come of them. */
const FAILURES = [
  [
    'feature',
    EINVAL,
    'kernel-without-feature',
    'prctl',
    /EINVAL \(22\)/,
    /CONFIG_RSEQ_SLICE_EXTENSION=y/,
  ],
  ['boot', ENOTSUPP, 'off-at-boot', 'prctl', /ENOTSUPP \(524\)/, /rseq_slice_ext=0/],
  [
    'legacy',
    ENOTSUPP,
    'legacy-registration',
    'prctl',
    /32 bytes.*ENOTSUPP/,
    /registration: 'auto'/,
  ],
  ['foreign', EBUSY, 'foreign-registration', 'rseq', /Another library/, /without that library/],
  ['register', ENOSYS, 'denied', 'rseq', /^rseq was denied \(ENOSYS/, /seccomp profile/],
  ['register', EIO, 'system-error', 'rseq', /^rseq failed \(EIO/, /report this/],
  ['unregister', EPERM, 'denied', 'rseq', /^rseq was denied \(EPERM/, /seccomp profile/],
  ['enable', EPERM, 'denied', 'prctl', /^prctl was denied \(EPERM/, /operation 79/],
  ['enable', ENXIO, 'system-error', 'prctl', /^prctl failed \(ENXIO/, /probe\(\)/],
  ['memory', ENOMEM, 'out-of-memory', undefined, /ENOMEM/, /memory/],
  ['memory', EAGAIN, 'out-of-memory', undefined, /EAGAIN/, /limit on threads/],
  [
    'policy',
    ENXIO,
    'no-libc-registration',
    undefined,
    /libc registered no rseq area/,
    /'auto' or 'own'/,
  ],
  ['policy', EBUSY, 'legacy-registration', undefined, /libc has registered/, /'replace'/],
  [
    'abi-version',
    EINVAL,
    'wrong-abi-version',
    undefined,
    /another ABI version/,
    /abiVersion: 'auto'/,
  ],
] as const;
describe('a failure', () => {
  it.each(FAILURES)(
    'at step %s with errno %i is %s',
    (step, errno, reason, syscall, explanation, remedy) => {
      const binding = fakeBinding({ errno, step: STEPS.indexOf(step) });
      const status = LinuxHostThread.attach(binding, new AreaIds(binding), AUTO);
      expect(status).toEqual({
        reason,
        errno,
        explanation: expect.stringMatching(explanation) as string,
        remedy: expect.stringMatching(remedy) as string,
        ...(syscall === undefined ? {} : { syscall }),
      });
    },
  );

  it('is told in sentences, whatever the numbers', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -1, max: 20 }),
        fc.integer({ min: 1, max: 4095 }),
        (step, errno) => {
          const status = describeFailure(step, errno);
          expect(status.reason).not.toBe('available');
          expect(status.errno).toBe(errno);
          expect(status.explanation).toMatch(/^\S.*\.$/);
          expect(status.remedy).toMatch(/^[A-Z].*\.$/);
          expect(status.explanation + status.remedy).not.toContain('undefined');
        },
      ),
    );
  });

  it('names every errno that the system has, and numbers the others', () => {
    for (const errno of Object.values(constants.errno))
      expect(nameErrno(errno)).toMatch(`(${errno})`);
    expect(nameErrno(EINVAL)).toBe('EINVAL (22)');
    expect(nameErrno(ENOTSUPP)).toBe('ENOTSUPP (524)');
    expect(nameErrno(4000)).toBe('error 4000');
  });
});

describe('what attaching would say', () => {
  const raw: RawProbe = {
    error: 0,
    featureSize: 33,
    alignment: 64,
    query: 0,
    yieldResult: 0,
    yieldRfcResult: -ENOSYS,
    abiVersion: 1,
    enabled: 0,
    libcExported: true,
    libcRegistered: true,
    libcSize: 32,
    libcFlags: 0,
    isRegistered: 1,
    users: [],
    errno: 0,
    step: 0,
    registration: 3,
  };
  const users: RawProbe['users'] = [
    { object: '/opt/counter.so', kind: 1, isAllocator: false },
    { object: '/opt/librseq.so.1', kind: 2, isAllocator: false },
    { object: '/opt/libtcmalloc.so', kind: 3, isAllocator: true },
  ];

  it('is told as it is when it is said', () => {
    expect(describeProbe(raw).reason).toBe('available');
    expect(describeProbe({ ...raw, errno: EBUSY, step: 11, users })).toEqual(
      describeFailure(11, EBUSY, users),
    );
    expect(describeProbe({ ...raw, errno: EPERM, step: 5 })).toMatchObject({
      reason: 'denied',
      syscall: 'rseq',
    });
    expect(describeProbe({ ...raw, errno: EPERM, step: 7 })).toMatchObject({
      reason: 'denied',
      syscall: 'prctl',
    });
  });

  it('names who would be harmed, and what can be done', () => {
    const { reason, explanation, remedy } = describeFailure(11, EBUSY, users);
    expect(reason).toBe('foreign-use');
    expect(explanation).toContain(
      '/opt/counter.so uses the areas that libc registers; /opt/librseq.so.1 is librseq in this process',
    );
    // The process's malloc was there first, and knows what it may do.
    expect(explanation).not.toContain('tcmalloc');
    expect(remedy).toMatch(/glibc 2\.41.*registration: 'replace'/);
    expect(describeFailure(11, EBUSY).explanation).toContain('Some other code uses rseq');
  });
});

describe('the addon', () => {
  it('is told of by its state', () => {
    const binding = fakeBinding(ATTACHED);
    expect(describeAddon({ state: 'loaded', path: 'p', binding }).reason).toBe('available');
    expect(describeAddon({ state: 'not-linux' })).toMatchObject({
      reason: 'not-linux',
      remedy: expect.stringMatching(/simulated/) as string,
    });
    expect(describeAddon({ state: 'missing', isBundled: true, libc: null }).remedy).toMatch(
      /external.*prebuilds next to the bundle/,
    );
    expect(describeAddon({ state: 'failed', path: 'a.node', reason: 'ELF' }).explanation).toMatch(
      /a\.node.*ELF\.$/,
    );
  });

  it('that is missing is built in the way of who reads it', () => {
    const missing = { state: 'missing', isBundled: false, libc: 'musl' } as const;
    const installed = describeAddon(missing, { isCheckout: false, arch: 'riscv64' });
    expect(installed.explanation).toContain('riscv64 and musl');
    expect(installed.remedy).toContain('npx rseq-slice build');
    expect(describeAddon(missing, { isCheckout: true, arch: 'x64' }).remedy).toContain(
      'npm run build:native',
    );
  });

  it('that does not load has a remedy for its cause', () => {
    const remedyOf = (reason: string) =>
      describeAddon(
        { state: 'failed', path: '/p/a.node', reason },
        { isCheckout: false, arch: 'x64' },
      ).remedy;
    // As glibc 2.36 and musl 1.2 say it.
    for (const [reason, remedy] of [
      ['it is cut off after 5000 bytes', /^Install the package again/],
      [
        'it is of another version of this package, and has no mapFile()',
        /^Install the package again, and copy/,
      ],
      ['it is for another architecture than x64', /^Install the package on this machine/],
      [
        'libstdc++.so.6: cannot open shared object file: No such file or directory',
        /^Install the C\+\+ library.*apk add libstdc\+\+/,
      ],
      [
        'Error loading shared library libstdc++.so.6: No such file or directory (needed by /p/a.node)',
        /^Install the C\+\+ library/,
      ],
      [
        '/p/a.node: cannot open shared object file: Permission denied',
        /^Let this user read the file/,
      ],
      ['/p/a.node: failed to map segment from shared object', /noexec/],
      [
        "/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.99' not found (required by /p/a.node)",
        /^It is for another libc, or a newer one.*npx rseq-slice build/,
      ],
      [
        "/lib/x86_64-linux-gnu/libstdc++.so.6: version `GLIBCXX_3.4.99' not found (required by /p/a.node)",
        /^It is for another libc, or a newer one.*npx rseq-slice build/,
      ],
      [
        'libc.musl-x86_64.so.1: cannot open shared object file: No such file or directory',
        /^It is for another libc/,
      ],
      [
        'Error loading shared library ld-linux-x86-64.so.2: No such file or directory (needed by /p/a.node)',
        /^It is for another libc/,
      ],
      [
        'Error relocating /p/a.node: gnu_get_libc_version: symbol not found',
        /^It is for another libc/,
      ],
      ['Module did not self-register', /npx rseq-slice build.*anew/],
    ] as const)
      expect(remedyOf(reason), reason).toMatch(remedy);
  });

  it('that is forbidden says which option of Node does it', () => {
    const forbidden = describeAddon({ state: 'forbidden', path: '/p/a.node', what: 'reading' });
    expect(forbidden).toMatchObject({
      reason: 'addon-forbidden',
      remedy: expect.stringContaining('--allow-fs-read=/p/a.node') as string,
    });
    expect(
      describeAddon({ state: 'forbidden', path: '/p/a.node', what: 'addons' }).remedy,
    ).toContain('without --no-addons');
  });

  it('of a kernel without slices says what to do on this architecture, and from here', () => {
    const remedies = (arch: string) =>
      [true, false].map((isCheckout) => describeKernelRemedy({ isCheckout, arch }));
    expect(remedies('x64')).toEqual([
      expect.stringMatching(/CONFIG_RSEQ_SLICE_EXTENSION=y.* in a guest: npm run vm -- COMMAND/),
      expect.stringMatching(
        /CONFIG_RSEQ_SLICE_EXTENSION=y.* in a guest: npx rseq-slice-vm -- COMM/,
      ),
    ]);
    // By itself it finds that this is a checkout.
    if (process.arch === 'x64') expect(describeGuestRemedy()).toContain('npm run vm');
    for (const remedy of remedies('riscv64'))
      expect(remedy).toMatch(/CONFIG_RSEQ_SLICE_EXTENSION=y\.$/);
    for (const remedy of remedies('arm64')) {
      expect(remedy).toMatch(/no time slice extensions for arm64.*x86, RISC-V, s390, LoongArch/);
      expect(remedy).not.toMatch(/CONFIG|npm run/);
    }
  });

  const root = fileURLToPath(new URL('../../../../', import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-binding-'));
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  interface Report {
    readonly probe: {
      readonly slices: { reason: string; remedy: string };
      readonly addon: { state: string; path: string | null };
    };
    readonly error: {
      readonly code: string;
      readonly message: string;
      readonly errno?: number;
    } | null;
    readonly host: string | null;
    readonly result: number | null;
  }

  /**
   * A copy of the library with the files of an addon that the test wants; attach with and without
   * demanding Linux.
   */
  function report(
    addon: Readonly<Record<string, () => string | Buffer>>,
    environment: Readonly<Record<string, string>> = {},
    node: readonly string[] = [],
  ): Report {
    const copy = mkdtempSync(join(folder, 'copy-'));
    for (const part of ['dist', 'package.json'])
      cpSync(join(root, part), join(copy, part), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    for (const [name, content] of Object.entries(addon)) {
      const path = join(copy, 'build/Release', name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content());
    }
    const source = `
      import { attach, probe } from './dist/index.js';
      let error = null, thread = null;
      try { attach({ host: 'linux' }); } catch ({ code, message, errno }) { error = { code, message, errno }; }
      try { thread = attach(); } catch ({ code, message, errno }) { error = { code, message, errno }; }
      console.log(JSON.stringify({
        probe: probe(), error, host: thread?.host ?? null, result: thread?.critical(() => 7) ?? null,
      }));`;
    const { status, signal, stdout, stderr } = spawnSync(
      process.execPath,
      [...node, '--input-type=module', '-e', source],
      {
        cwd: copy,
        encoding: 'utf8',
        env: { ...process.env, RSEQ_SLICE: '', ...environment },
      },
    );
    expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
    return JSON.parse(stdout) as Report;
  }

  /** The addon there is, changed. */
  const real = (change: (file: Buffer) => Buffer): Buffer =>
    change(readFileSync(join(root, ADDON)));
  const patch = (at: number, byte: number) =>
    real((file) => {
      file[at] = byte;
      return file;
    });
  const replace = (from: string, to: string) =>
    real((file) => Buffer.from(file.toString('latin1').replaceAll(from, to), 'latin1'));
  const ARCHITECTURE = { arm64: 183, x64: 62 };
  const OTHER = process.arch === 'arm64' ? 'x64' : 'arm64';

  const BUILD = /npx rseq-slice build/;
  const BROKEN: readonly (readonly [
    what: string,
    state: string,
    Readonly<Record<string, () => string | Buffer>>,
    words: RegExp,
    reason: string,
    remedy: RegExp,
  ])[] = [
    ['there is none', 'missing', {}, /no native addon/, 'addon-missing', BUILD],
    [
      'something else is there',
      'missing',
      { 'rseq_slice.txt': () => 'not one' },
      /no native addon/,
      'addon-missing',
      BUILD,
    ],
    [
      'it is text',
      'failed',
      { 'rseq_slice.node': () => 'no library' },
      /rseq_slice\.node did not load: it is no shared library/,
      'addon-failed',
      BUILD,
    ],
    [
      'it is empty',
      'failed',
      { 'rseq_slice.node': () => '' },
      /it is no shared library, or only the beginning/,
      'addon-failed',
      BUILD,
    ],
    // The dynamic linker would map what is not there, and the process die of SIGBUS.
    [
      'half of it is there',
      'failed',
      { 'rseq_slice.node': () => real((file) => file.subarray(0, 5000)) },
      /it is cut off after 5000 bytes/,
      'addon-failed',
      /Install the package again/,
    ],
    // glibc says that there is no such file.
    [
      'it is for another architecture',
      'failed',
      { 'rseq_slice.node': () => patch(18, ARCHITECTURE[OTHER]) },
      /it is for another architecture/,
      'addon-failed',
      /on this machine instead of copying/,
    ],
    [
      'it is for 32 bits',
      'failed',
      { 'rseq_slice.node': () => patch(4, 1) },
      /it is for another architecture/,
      'addon-failed',
      /on this machine instead of copying/,
    ],
    [
      'the C++ library is missing',
      'failed',
      { 'rseq_slice.node': () => replace('libstdc++.so.6', 'libstdc++.so.9') },
      /libstdc\+\+\.so\.9: cannot open/,
      'addon-failed',
      /Install the C\+\+ library/,
    ],
    [
      'it is for another libc',
      'failed',
      { 'rseq_slice.node': () => replace('libc.so.6', 'libc.musl') },
      /libc\.musl: cannot open/,
      'addon-failed',
      /for another libc/,
    ],
    [
      'it is of another version',
      'failed',
      { 'rseq_slice.node': () => replace('mapFile\0', 'mapFilm\0') },
      /has no mapFile\(\)/,
      'addon-failed',
      /Install the package again/,
    ],
  ];

  it.runIf(process.platform === 'linux').each(BROKEN)(
    '%s: %s, the simulated kernel serves, and says why',
    (_, state, files, words, reason, remedy) => {
      const { probe, error, host, result } = report(files);
      expect({ host, result }).toEqual({ host: 'simulated', result: 7 });
      expect(probe.addon.state).toBe(state);
      expect(probe.addon.path === null).toBe(state === 'missing');
      expect(probe.slices.reason).toBe(reason);
      expect(probe.slices.remedy).toMatch(remedy);
      expect(probe).toMatchObject({
        kernel: { abiVersion: null, featureSize: null },
        libc: { registered: null, size: null, flags: null },
      });
      expect(error).toEqual({
        code: 'ERR_RSEQ_UNAVAILABLE',
        message: expect.stringMatching(words) as string,
      });
      expect(error?.message).toContain(probe.slices.remedy);
    },
  );

  const WHOLE = { 'rseq_slice.node': () => real((file) => file) };
  const libc = libcKind() ?? 'glibc';
  const prebuilt = (tag: string, arch: string = process.arch) =>
    `../../prebuilds/linux-${arch}/rseq-slice.${tag}.node`;

  it.runIf(process.platform === 'linux')(
    'is found in the package, whatever variables say that are meant for installing',
    () => {
      const environment = {
        npm_config_arch: OTHER,
        npm_config_platform: 'darwin',
        LIBC: libc === 'glibc' ? 'musl' : 'glibc',
        ARM_VERSION: '6',
        PREBUILDS_ONLY: '1',
        RSEQ_SLICE_PREBUILD: '/nowhere',
      };
      for (const name of ['rseq_slice.node', prebuilt(libc)]) {
        const files = {
          [prebuilt('musl')]: () => 'not one',
          [prebuilt('glibc')]: () => 'not one',
          [prebuilt(libc, OTHER)]: () => 'not one',
          [name]: WHOLE['rseq_slice.node'],
        };
        expect(report(files, environment).probe.addon, name).toMatchObject({
          state: 'loaded',
          path: expect.stringContaining(name.replace('../..', '')) as string,
        });
      }
    },
  );

  const MODEL = [
    '--no-warnings',
    process.allowedNodeEnvironmentFlags.has('--permission')
      ? '--permission'
      : '--experimental-permission',
  ];
  const FORBIDDEN = [
    ['--no-addons', ['--no-addons'], {}, /started with --no-addons/, /without --no-addons/],
    [
      '--no-addons in NODE_OPTIONS',
      [],
      { NODE_OPTIONS: '--no-addons' },
      /started with --no-addons/,
      /without --no-addons/,
    ],
    [
      'the permission model',
      [...MODEL, '--allow-fs-read=*'],
      {},
      /permission model forbids native addons/,
      /with --allow-addons/,
    ],
  ] as const;

  it.runIf(process.platform === 'linux').each(FORBIDDEN)(
    'forbidden by %s: the simulated kernel serves, and the remedy is the option',
    (_, node, environment, words, remedy) => {
      const { probe, error, host, result } = report(WHOLE, environment, node);
      expect({ host, result, state: probe.addon.state, reason: probe.slices.reason }).toEqual({
        host: 'simulated',
        result: 7,
        state: 'forbidden',
        reason: 'addon-forbidden',
      });
      expect(error?.message).toMatch(words);
      expect(probe.slices.remedy).toMatch(remedy);
    },
  );

  it('does not matter to a recording that is forbidden: the error names the options', () => {
    const error = report({}, { RSEQ_SLICE_TRACE: '/nowhere/recording' }, [
      ...MODEL,
      `--allow-fs-read=${folder}/*`,
    ]).error;
    expect(error).toMatchObject({
      code: 'ERR_RSEQ_SYSTEM',
      message: expect.stringMatching(
        /--allow-fs-read=\/nowhere\/recording\/\* and --allow-fs-write=/,
      ) as string,
    });
  });

  it.runIf(process.platform === 'linux')(
    'is loaded where the permission model lets nothing be read but the package',
    () => {
      const files = { ...WHOLE, [prebuilt(libc)]: WHOLE['rseq_slice.node'] };
      expect(
        report(files, {}, [...MODEL, `--allow-fs-read=${folder}/*`, '--allow-addons']).probe.addon
          .state,
      ).toBe('loaded');
    },
  );

  it.each([
    ['auto', 'simulated', /no native addon/],
    ['simulated', 'simulated', /no native addon/],
    ['linux', null, /no native addon/],
  ])('missing, with RSEQ_SLICE=%s: attach() gives %s', (value, host, words) => {
    const found = report({}, { RSEQ_SLICE: value });
    expect(found.host).toBe(host);
    expect(found.error).toMatchObject({
      code: 'ERR_RSEQ_UNAVAILABLE',
      message: expect.stringMatching(words) as string,
    });
  });
});
