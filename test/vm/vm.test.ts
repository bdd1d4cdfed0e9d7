// SPDX-License-Identifier: MIT
/**
 * What the guest runner decides before a guest starts: its command line, QEMU's
 * arguments, the accelerator, what is missing on the machine. No guest is
 * started here; test/kernel/harness.test.ts does that.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import {
  acceleratorsToTry,
  readVerdict,
  writeVerdict,
} from '../../packages/vm/lib/guest/accelerator.mjs';
import {
  HELP,
  readEnvironment,
  readOptions,
  splitCommand,
  UsageError,
} from '../../packages/vm/lib/guest/options.mjs';
import {
  findCommand,
  installAdvice,
  missingNeeds,
  NEEDS,
} from '../../packages/vm/lib/guest/packages.mjs';
import * as qemu from '../../packages/vm/lib/guest/qemu.mjs';
import { runInGuest } from '../../packages/vm/lib/guest/run-in-guest.mjs';

describe('splitCommand', () => {
  it.each([
    [['node', '-e', '1'], [], ['node', '-e', '1']],
    [['--', 'node'], [], ['node']],
    [['--', '--', 'node'], [], ['--', 'node']],
    [['--icount', 'node', '--cpus', '4'], ['--icount'], ['node', '--cpus', '4']],
    [['--cpus', '4', 'node'], ['--cpus', '4'], ['node']],
    [['--cpus=4', 'node'], ['--cpus=4'], ['node']],
    [
      ['--env', 'A=B', '--env', 'C', '--', 'sh', '--'],
      ['--env', 'A=B', '--env', 'C'],
      ['sh', '--'],
    ],
    [['--cpus', '4'], ['--cpus', '4'], []],
    [['--cpus'], ['--cpus'], []],
    [['--unknown', 'node'], ['--unknown'], ['node']],
    [[''], [], ['']],
    [[], [], []],
  ])('divides %j', (args, own, command) => {
    expect(splitCommand(args)).toEqual([own, command]);
  });

  it('loses no word, and ours end at the first --', () => {
    const word = fc.oneof(
      fc.constantFrom('--', '--cpus', '--icount', '--env', '-x', 'node'),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(word), fc.array(fc.string()), (before, after) => {
        const [own, command] = splitCommand([...before, '--', ...after]);
        const whole = [...own, ...command];
        const given = [...before, '--', ...after];
        expect([whole.length, whole.length + 1]).toContain(given.length);
        expect(given.slice(0, own.length)).toEqual(own);
        expect(given.slice(given.length - command.length)).toEqual(command);
      }),
    );
  });
});

describe('readOptions', () => {
  it('reads every option', () => {
    const args =
      '--accelerator tcg --cpus 3 --memory 512 --flavour mainline --source s --append a=b --extension 5000 --root r --cwd c --job j --timeout 1.5 --console f --allow-splats --quiet --env A=1 -- prog --help';
    expect(readOptions(args.split(' '))).toEqual({
      command: ['prog', '--help'],
      env: { A: '1' },
      accelerator: 'tcg',
      cpus: 3,
      memory: 512,
      flavour: 'mainline',
      source: 's',
      append: 'a=b',
      extension: 5000,
      root: 'r',
      cwd: 'c',
      job: 'j',
      timeout: 1.5,
      console: 'f',
      allowSplats: true,
      quiet: true,
      shell: false,
    });
    expect(readOptions(['--icount', 'x'])).toEqual({
      command: ['x'],
      env: {},
      accelerator: 'auto',
      icount: true,
      quiet: false,
      shell: false,
    });
    expect(readOptions(['--round-robin', 'x'])).toEqual({
      command: ['x'],
      env: {},
      accelerator: 'auto',
      roundRobin: true,
      quiet: false,
      shell: false,
    });
  });

  it('has a shell for a command, or a command on the terminal, for as long as someone sits there', () => {
    const shell = process.env['SHELL'];
    try {
      process.env['SHELL'] = '/bin/mysh';
      const read = (...args: readonly string[]) => readOptions(['--shell', ...args]);
      expect(read()).toMatchObject({ command: ['/bin/mysh'], shell: true, timeout: 2_000_000 });
      expect(read('--root', '/other')).toMatchObject({ command: ['/bin/sh'] });
      expect(read('--timeout', '9', '--', 'node')).toMatchObject({ command: ['node'], timeout: 9 });
      delete process.env['SHELL'];
      expect(read()).toMatchObject({ command: ['/bin/sh'] });
    } finally {
      if (shell !== undefined) process.env['SHELL'] = shell;
    }
  });

  it('gives null for --help, which names every option', () => {
    expect(readOptions(['--help'])).toBeNull();
    for (const name of [
      'accelerator',
      'round-robin',
      'flavour',
      'append',
      'extension',
      'job',
      'allow-splats',
    ])
      expect(HELP).toContain(`--${name}`);
  });

  it.each([
    [[], /no command/],
    [['--'], /no command/],
    [['--nothing', 'x'], /--nothing/],
    [['-n', 'x'], /-n/],
    [['--icount=yes', 'x'], /icount/],
    [['--accelerator', 'hvf', 'x'], /auto, kvm or tcg, not 'hvf'/],
    [['--icount', '--accelerator', 'kvm', 'x'], /--icount is emulation/],
    [['--icount', '--cpus', '2', 'x'], /one CPU/],
    [['--flavour', 'vanilla', 'x'], /'vanilla'.*mainline/],
    [['--kernel', 'k', '--source', 's', 'x'], /leave one of them out/],
    [['--env', '1A=2', 'x'], /'1A=2'/],
    ...['0', '65', '1.5', 'two', '', ' ', 'NaN', 'Infinity', '0x'].map(
      (value): [string[], RegExp] => [['--cpus', value, 'x'], /--cpus wants a number/],
    ),
    ...['127', '128.5'].map((value): [string[], RegExp] => [
      ['--memory', value, 'x'],
      /--memory wants/,
    ]),
    ...['4999', '50001'].map((value): [string[], RegExp] => [
      ['--extension', value, 'x'],
      /from 5000 to 50000/,
    ]),
    ...['0', 'never', '1e9'].map((value): [string[], RegExp] => [
      ['--timeout', value, 'x'],
      /--timeout wants/,
    ]),
    [['--timeout=-1', 'x'], /--timeout wants/],
  ])('refuses %j', (args, message) => {
    const read = () => readOptions(args);
    expect(read).toThrow(UsageError);
    expect(read).toThrow(message);
  });

  it('takes values from the host only where the host has them', () => {
    const settings = ['A', 'B=', 'C=x=y', 'D=two\nlines', 'GONE'];
    expect(readEnvironment(settings, { A: 'host', B: 'host' })).toEqual({
      A: 'host',
      B: '',
      C: 'x=y',
      D: 'two\nlines',
    });
  });
});

describe("QEMU's arguments", () => {
  const machine: qemu.Machine = {
    ...{
      accelerator: 'kvm',
      cpus: 4,
      memory: 256,
      icount: false,
      roundRobin: false,
      kernel: '/k,1',
      append: '',
      root: '/',
    },
    ...{ harness: '/h', job: '/a,b=c,,d', console: '/co,n', privileged: true },
  };

  it('writes commas in values twice', () => {
    expect(qemu.optionValue('a,b,,c')).toBe('a,,b,,,,c');
    const args = qemu.qemuArguments(machine);
    expect(args).toContainEqual(
      expect.stringContaining('path=/a,,b=c,,,,d,security_model=passthrough'),
    );
    expect(args).toContain('file,id=console,path=/co,,n');
    // -kernel is no list of options: its comma stays.
    expect(args[args.indexOf('-kernel') + 1]).toBe('/k,1');
  });

  it.each([
    [{ accelerator: 'kvm', icount: false, roundRobin: false, cpus: 4 }, ['kvm', 'host', '4']],
    [{ accelerator: 'kvm', icount: false, roundRobin: true, cpus: 4 }, ['kvm', 'host', '4']],
    [
      { accelerator: 'tcg', icount: false, roundRobin: false, cpus: 4 },
      ['tcg,thread=multi', 'max', '4'],
    ],
    [
      { accelerator: 'tcg', icount: false, roundRobin: true, cpus: 4 },
      ['tcg,thread=single', 'max', '4'],
    ],
    [
      { accelerator: 'tcg', icount: true, roundRobin: false, cpus: 1 },
      ['tcg,thread=single', 'max', '1'],
    ],
  ] as const)('chooses accelerator and CPUs for %j', (options, [accel, cpu, smp]) => {
    const args = qemu.cpuArguments(options);
    const after = (name: string) => args[args.indexOf(name) + 1];
    expect([after('-accel'), after('-cpu'), after('-smp')]).toEqual([accel, cpu, smp]);
    expect(args.includes('-icount')).toBe(options.icount);
  });

  it('shares everything read-only but the job', () => {
    const shares = qemu.qemuArguments(machine).filter((arg) => arg.startsWith('local,'));
    const readonly = shares
      .filter((share) => share.endsWith(',readonly=on'))
      .map((share) => /id=(\w+)/.exec(share)?.[1]);
    expect(shares).toHaveLength(3);
    expect(readonly).toEqual(['root', 'harness']);
    expect(qemu.shareArguments('t', '/', { readonly: true, privileged: false })[1]).toContain(
      'security_model=none',
    );
  });

  it('gives each stream its descriptor and its name', () => {
    const args = qemu.streamArguments().join(' ');
    for (const [name, descriptor] of [
      ['stdout', 3],
      ['stderr', 4],
      ['control', 5],
    ] as const) {
      expect(args).toContain(
        `socket,id=${name},fd=${descriptor} -device virtserialport,chardev=${name},name=rseq-slice.${name}`,
      );
    }
  });

  it('has a terminal on the first port where one is asked for', () => {
    expect(qemu.streamArguments().join(' ')).not.toContain('virtconsole');
    expect(qemu.streamArguments(true).join(' ')).toMatch(
      /^-device virtio-serial-pci -chardev socket,id=terminal,fd=6 -device virtconsole,chardev=terminal -chardev/,
    );
  });

  it('puts what is appended before init, whose arguments end the line', () => {
    const line = qemu.kernelCommandLine({ append: 'rseq_debug=1', icount: false });
    expect(line).toMatch(/ rseq_debug=1 init=\/bin\/sh -- -c "[^"]*"$/);
    expect(line).toContain('panic=-1');
    expect(qemu.kernelCommandLine({ append: '', icount: false })).not.toContain('  ');
  });

  it('keeps the tick where time jumps to the next timer', () => {
    expect(qemu.kernelCommandLine({ append: '', icount: true })).toContain(' nohz=off ');
    expect(qemu.kernelCommandLine({ append: '', icount: false })).not.toContain('nohz');
  });
});

it('does not start a guest whose time counts instructions with more CPUs than it can have', async () => {
  const run = runInGuest({ command: ['true'], icount: true, cpus: 2 });
  await expect(run).rejects.toMatchObject({
    kind: 'setup',
    summary: expect.stringMatching(/has one CPU, not 2/) as string,
  });
});

describe('the accelerator', () => {
  const usable = { host: 'here', usable: true, reason: '' };
  const useless = { ...usable, usable: false };

  it.each([
    ['tcg', false, true, usable, ['tcg']],
    ['tcg', true, true, usable, ['tcg']],
    ['kvm', false, false, null, ['kvm']],
    ['kvm', false, true, useless, ['kvm']],
    ['auto', false, true, usable, ['kvm', 'tcg']],
    ['auto', false, true, null, ['kvm', 'tcg']],
    ['auto', false, true, useless, ['tcg']],
    ['auto', false, false, usable, ['tcg']],
    ['auto', false, false, null, ['tcg']],
    ['auto', true, true, usable, ['tcg']],
    ['auto', true, false, null, ['tcg']],
  ] as const)(
    'for %s, icount %j, /dev/kvm %j, verdict %j is %j',
    (choice, icount, present, verdict, expected) => {
      expect(acceleratorsToTry(choice, { icount, present, verdict })).toEqual(expected);
    },
  );

  it('is remembered until the host boots again', () => {
    const cache = mkdtempSync(join(tmpdir(), 'rseq-slice-verdict-'));
    try {
      expect(readVerdict(cache)).toBeNull();
      writeVerdict(cache, false, 'silent');
      const verdict = readVerdict(cache);
      expect(verdict).toMatchObject({ usable: false, reason: 'silent' });
      writeFileSync(join(cache, 'kvm.json'), JSON.stringify({ ...verdict, host: 'another boot' }));
      expect(readVerdict(cache)).toBeNull();
      writeFileSync(join(cache, 'kvm.json'), '{');
      expect(readVerdict(cache)).toBeNull();
    } finally {
      rmSync(cache, { recursive: true, force: true });
    }
  });
});

describe('packages', () => {
  it('misses what is not there, for the purposes at hand only', () => {
    const without = (...gone: readonly string[]) =>
      missingNeeds(['build'], (item) => !gone.includes(item));
    expect(without()).toEqual([]);
    expect(without('flex', 'qemu-system-x86_64', '/usr/lib64/libc.a')).toEqual([
      expect.objectContaining({ debian: 'flex' }),
    ]);
    expect(
      missingNeeds(['source', 'build', 'run', 'root', 'musl', 'neighbours'], () => false),
    ).toEqual(NEEDS);
  });

  it.each([
    [
      'apt-get',
      'Debian and Ubuntu',
      'apt-get install --no-install-recommends',
      'libelf-dev libssl-dev libc6-dev qemu-system-x86',
    ],
    [
      'dnf',
      'Fedora',
      'dnf install',
      'elfutils-libelf-devel openssl-devel glibc-static qemu-system-x86-core',
    ],
    ['pacman', 'Arch Linux', 'pacman -S --needed', 'libelf openssl glibc qemu-system-x86'],
    ['apk', 'Alpine Linux', 'apk add', 'elfutils-dev openssl-dev musl-dev qemu-system-x86_64'],
  ])('says what to install with %s', (manager, system, install, packages) => {
    const gone = /gelf|ssl|libc\.a|qemu/;
    const missing = missingNeeds(['build', 'run'], (item) => !gone.test(item));
    const advice = installAdvice(missing, (command) => command === manager);
    expect(advice).toMatch(/^Missing: \/usr\/include\/gelf\.h, .*, qemu-system-x86_64\. /);
    expect(advice).toContain(`Install it as root, on ${system} with: ${install} ${packages}`);
    expect(advice).not.toContain(';');
  });

  it('says all ways where it knows of no package manager', () => {
    const advice = installAdvice(
      missingNeeds(['run', 'source'], () => false),
      () => false,
    );
    expect(advice).toBe(
      'Missing: xz, tar, qemu-system-x86_64. Install it as root, on Debian and Ubuntu with: apt-get install --no-install-recommends xz-utils tar qemu-system-x86; on Fedora with: dnf install xz tar qemu-system-x86-core; on Arch Linux with: pacman -S --needed xz tar qemu-system-x86; on Alpine Linux with: apk add xz tar qemu-system-x86_64',
    );
  });

  it('finds commands in PATH and where administrators keep theirs', () => {
    expect(findCommand('sh')).toMatch(/\/sh$/);
    expect(findCommand('no-such-command')).toBeNull();
    vi.stubEnv('PATH', '');
    try {
      expect(findCommand('sh')).toBeNull();
    } finally {
      vi.unstubAllEnvs();
    }
  });
});
