// SPDX-License-Identifier: MIT
/**
 * What goes between the host and a guest, as text and bytes: the job's script,
 * the streams and their end, the messages of init, the console. The shell words
 * are tried on this machine's sh; no guest is started.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { describeSplats, explainDeath, scanConsole } from '../../packages/vm/lib/guest/console.mjs';
import { EndMarkerFilter } from '../../packages/vm/lib/guest/end-marker.mjs';
import { ExitCode, HarnessError } from '../../packages/vm/lib/guest/errors.mjs';
import { messageReader, readConsole } from '../../packages/vm/lib/guest/guest-process.mjs';
import {
  commandLineScript,
  coveredPaths,
  guestEnvironment,
  jobScript,
  shellQuote,
  withoutNpx,
} from '../../packages/vm/lib/guest/job-script.mjs';
import { readOptions } from '../../packages/vm/lib/guest/options.mjs';

const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-vm-test-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('the end marker', () => {
  // It begins with a piece of itself, so that a mistake with overlaps shows.
  const marker = 'abac-abad';

  function filter(chunks: readonly Buffer[]) {
    const output: Buffer[] = [];
    const found = new EndMarkerFilter(marker, (chunk) => output.push(chunk));
    for (const chunk of chunks) found.push(chunk);
    return { found, text: () => Buffer.concat(output) };
  }

  it('is found over any two cuts of the stream', () => {
    const output = Buffer.from('abaabac-aba\0\xff', 'latin1');
    const stream = Buffer.concat([output, Buffer.from(marker), Buffer.from('late')]);
    for (let first = 0; first <= stream.length; first++) {
      for (let second = first; second <= stream.length; second++) {
        const { found, text } = filter([
          stream.subarray(0, first),
          stream.subarray(first, second),
          stream.subarray(second),
        ]);
        expect(found.ended, `cut at ${first} and ${second}`).toBe(true);
        expect(text().equals(output), `cut at ${first} and ${second}`).toBe(true);
      }
    }
  });

  it('lets any bytes through in any pieces, and holds back less than itself', () => {
    const bytes = fc.oneof(
      fc.uint8Array(),
      fc.constantFrom('aba', 'abac-', 'abac-aba', 'c-abad').map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 12 }), fc.boolean(), (pieces, end) => {
        const output = Buffer.concat(pieces);
        fc.pre(
          !output.includes(marker) &&
            Buffer.concat([output, Buffer.from(marker)]).indexOf(marker) === output.length,
        );
        const { found, text } = filter([
          ...pieces.map((piece) => Buffer.from(piece)),
          ...(end ? [Buffer.from(marker)] : []),
        ]);
        expect(found.ended).toBe(end);
        expect(output.length - text().length).toBeLessThan(marker.length);
        found.flush();
        expect(text().equals(output)).toBe(true);
      }),
    );
  });

  it('passes on at once what cannot be part of it', () => {
    const { found, text } = filter([Buffer.from('line\nab')]);
    expect(text().toString()).toBe('line\n');
    found.push(Buffer.from('x'));
    expect(text().toString()).toBe('line\nabx');
  });

  it('passes nothing on after it has come', () => {
    const { found, text } = filter([Buffer.from(`out${marker}`), Buffer.from('late')]);
    found.flush();
    expect(text().toString()).toBe('out');
  });
});

it('reads messages of the guest, however they are cut', () => {
  const stream = Buffer.from('init\nfail cannot mount /tmp/Übung  x\nexit 7\npart');
  for (let cut = 0; cut <= stream.length; cut++) {
    const messages: string[][] = [];
    const read = messageReader((word, rest) => messages.push([word, rest]));
    read(stream.subarray(0, cut));
    read(stream.subarray(cut));
    expect(messages, `cut at ${cut}`).toEqual([
      ['init', ''],
      ['fail', 'cannot mount /tmp/Übung  x'],
      ['exit', '7'],
    ]);
  }
});

describe('the console', () => {
  const bad = [
    '[    1.0] BUG: kernel NULL pointer dereference, address: 0000000000000000',
    '[    1.0] kernel BUG at kernel/rseq.c:12!',
    '[    1.0] WARNING: CPU: 0 PID: 1 at kernel/rseq.c:12 rseq_syscall+0x1/0x2',
    '[    1.0] WARNING: kernel/rseq.c:12 at rseq_syscall+0x1/0x2, CPU#0: node/1',
    '[    1.0] vfs limits: WARNING: something that ends in the letters of a mitigation',
    '[    1.0] Oops: 0002 [#1] SMP',
    '[    1.0] general protection fault, probably for non-canonical address',
    '[    1.0] Kernel panic - not syncing: Attempted to kill init!',
    '[    1.0] rcu: INFO: rcu_preempt self-detected stall on CPU',
    '[    1.0] rcu: INFO: rcu_sched detected stalls on CPUs/tasks:',
    '[    1.0] rcu: rcu_preempt kthread starved for 2100 jiffies!',
    '[    1.0] watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [node:1]',
    '[    1.0] INFO: task node:123 blocked for more than 120 seconds.',
    '[    1.0] WARNING: possible circular locking dependency detected',
    '[    1.0] UBSAN: shift-out-of-bounds in kernel/rseq.c:12:3',
    '[    1.0] refcount_t: underflow; use-after-free.',
    '[    1.0] Call Trace:',
  ];
  const good = [
    '[    0.0] Linux version 7.3.4 (rseq-slice@rseq-slice) #1 SMP PREEMPT_DYNAMIC',
    '[    0.0] Kernel command line: console=ttyS0 BUG: WARNING: Call Trace: init=/bin/sh',
    '[    0.0] Command line: console=ttyS0 WARNING:',
    '[    0.1] RETBleed: WARNING: Spectre v2 mitigation leaves CPU vulnerable to RETBleed attacks, data leaks possible!',
    '[    0.1] Spectre V2 : WARNING: Unprivileged eBPF is enabled with eIBRS on',
    '[    0.1] Speculative Return Stack Overflow: SRSO: WARNING: See the documentation',
    '[    2.0] traps: node[57] general protection fault ip:1 sp:2 error:0 in node[1000+2]',
    '[    2.0] traps: my program[57] general protection fault ip:1 sp:2 error:0 in x[1000+2]',
    '[    2.0] node[57]: segfault at 0 ip 1 sp 2 error 4',
    '[    2.0] potentially unexpected fatal signal 11. WARNING:',
    '[    2.0] DEBUG: nothing, WARNINGS: none, Oopsie',
    '',
  ];

  it.each(bad)('complains about: %s', (line) => {
    expect(scanConsole(`[    0.0] before\n${line}\r\nafter`)).toMatchObject([{ line }]);
  });

  it.each(good)('does not mind: %s', (line) => {
    expect(scanConsole(line)).toEqual([]);
  });

  it('says which lines and why, at most ten of them', () => {
    const message = describeSplats(
      scanConsole(Array.from({ length: 12 }, (_, line) => `BUG: ${line}`).join('\n')),
    );
    expect(message).toContain('BUG: 9\n    (the kernel found itself');
    expect(message).not.toContain('BUG: 10');
    expect(message).toContain('and 2 lines more');
  });

  it('explains a death by a breakpoint under emulation by threads, and no other', () => {
    const machine = { accelerator: 'tcg', icount: false, roundRobin: false } as const;
    const fault = '[    6.4] Oops: int3: 0000 [#1] SMP\n[    6.5] CPU: 1';
    expect(explainDeath(fault, machine)).toMatch(
      /^ Its kernel ran into a breakpoint .* --round-robin avoids it\.$/,
    );
    expect(explainDeath('[    6.4] int3: 0000 [#1] PREEMPT SMP NOPTI', machine)).toContain(
      '--round-robin',
    );
    expect(explainDeath('[    6.4] Oops: general protection fault: 0000 [#1] SMP', machine)).toBe(
      '',
    );
    expect(explainDeath(fault, { ...machine, roundRobin: true })).toBe('');
    expect(explainDeath(fault, { ...machine, icount: true })).toBe('');
    expect(explainDeath(fault, { ...machine, accelerator: 'kvm' })).toBe('');
  });

  it('is read without what terminals want, and is empty when not there', () => {
    const file = join(folder, 'console');
    writeFileSync(file, 'a\0\r\nb\xff', 'latin1');
    expect(readConsole(file)).toBe('a\nb\xff');
    expect(readConsole(join(folder, 'none'))).toBe('');
  });

  it('ends the message of a failure with its last 40 lines', () => {
    const console = Array.from({ length: 50 }, (_, line) => `line ${line}`).join('\n');
    const error = new HarnessError('boot', 'It did not boot.', { console });
    expect(error.message).toMatch(/^It did not boot\.\n.*\nline 10\n/);
    expect([error.summary, error.console, error.exitCode]).toEqual([
      'It did not boot.',
      console,
      ExitCode.harness,
    ]);
    expect(new HarnessError('timeout', '').exitCode).toBe(124);
    expect(new HarnessError('interrupted', '').exitCode).toBe(130);
  });
});

describe("the job's script", () => {
  const job = {
    command: ['true'],
    env: {},
    cwd: folder,
    visible: [],
    marker: 'm',
    cpus: 2,
    extension: null,
  };
  /** What a file name cannot hold cannot be in a word either. */
  const word = fc.string({ unit: 'binary', maxLength: 20 }).filter((text) => !text.includes('\0'));
  const NASTY = [
    '',
    ' ',
    "'",
    "''",
    '"$HOME"',
    '$(exit 3)',
    '`exit 3`',
    '\\',
    '\\n',
    '\n',
    '\r\n',
    '-n',
    '--',
    '*',
    '~',
    '!',
    '#',
    'ü€😀',
    '\x01\x02\x7f',
  ];

  /** Runs it as init does, then more, and gives what that printed, cut at NULs. */
  function source(text: string, then: string): string[] {
    const file = join(folder, 'job.sh');
    writeFileSync(file, text);
    const init = `fail() { printf 'failed: %s' "$*"; exit 9; }; show_again() { printf 'show %s\\0' "$1"; }; marker=; extension=; . "$0"; ${then}`;
    const { stdout, stderr } = spawnSync('/bin/sh', ['-c', init, file], { encoding: 'utf8' });
    expect(stderr).toBe('');
    return stdout.split('\0').slice(0, -1);
  }
  const PRINT_WORDS = 'for word; do printf "%s\\0" "$word"; done';

  it('passes nasty words through sh unchanged', () => {
    expect(source(`set -- ${NASTY.map(shellQuote).join(' ')}`, PRINT_WORDS)).toEqual(NASTY);
    expect(source(jobScript({ ...job, command: NASTY }), PRINT_WORDS)).toEqual(NASTY);
  });

  it('passes any words through sh unchanged', () => {
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 5 }), word, (command, value) => {
        const script = jobScript({ ...job, command, env: { A_1: value }, marker: value });
        expect(
          source(script, `${PRINT_WORDS}; job_environment; printf '%s\\0' "$A_1" "$marker"`),
        ).toEqual([...command, value, value]);
      }),
      { numRuns: 60 },
    );
  });

  it('sets what init wants to know, in the working directory', () => {
    const script = jobScript({ ...job, visible: ["/tmp/it's"], cpus: 3, extension: 7000 });
    expect(source(script, 'printf "%s\\0" "$cpus" "$extension" "$PWD"')).toEqual([
      "show /tmp/it's",
      '3',
      '7000',
      folder,
    ]);
    expect(source(jobScript(job), 'printf "<%s>\\0" "$extension" "$terminal"')).toEqual([
      '<>',
      '<>',
    ]);
    const terminal = jobScript({ ...job, terminal: { rows: 33, columns: 101 } });
    expect(source(terminal, 'printf "<%s>\\0" "$terminal"')).toEqual(['<rows 33 cols 101>']);
  });

  it('keeps the environment from init, whose variables may have the same names', () => {
    const env = { io: 'theirs', marker: 'theirs', extension: 'theirs', PATH: '/nowhere', IFS: 'm' };
    const names = Object.keys(env).map((name) => `"$${name}"`);
    const print = `printf '%s\\0' ${names.join(' ')}`;
    const [io, marker, extension, path] = source(jobScript({ ...job, env }), `io=ours; ${print}`);
    expect([io, marker, extension]).toEqual(['ours', 'm', '']);
    expect(path).not.toBe('/nowhere');
    expect(source(jobScript({ ...job, env }), `job_environment; ${print}`)).toEqual(
      Object.values(env),
    );
  });

  it('tells when the working directory is not there', () => {
    const file = join(folder, 'job.sh');
    writeFileSync(file, jobScript({ ...job, cwd: `${folder}/it's gone` }));
    const { stdout, status } = spawnSync(
      '/bin/sh',
      ['-c', 'fail() { printf %s "$*"; exit 9; }; . "$0" 2>/dev/null', file],
      { encoding: 'utf8' },
    );
    expect([stdout, status]).toEqual([
      `the working directory ${folder}/it's gone is not there in the guest`,
      9,
    ]);
  });

  it.each(['1A', 'A B', 'A;B', '', 'A-B'])("refuses '%s' as the name of a variable", (name) => {
    expect(() => jobScript({ ...job, env: { [name]: '' } })).toThrow(/is not a name/);
  });

  it('refuses a NUL in a variable', () => {
    expect(() => jobScript({ ...job, env: { A: 'x\0y' } })).toThrow(/NUL/);
  });
});

describe("the guest's CPUs", () => {
  const program = fileURLToPath(new URL('../../packages/vm/lib/guest/cpus.sh', import.meta.url));

  /** What init would say, with such files in the folder of the CPUs. */
  function check(wanted: number, online: string, last: number): string {
    writeFileSync(join(folder, 'online'), `${online}\n`);
    writeFileSync(join(folder, 'kernel_max'), `${last}\n`);
    const script = 'fail() { printf %s "$*"; exit 9; }; . "$0"; check_cpus "$@"; printf fine';
    const { stdout, stderr } = spawnSync(
      '/bin/sh',
      ['-c', script, program, String(wanted), folder],
      { encoding: 'utf8' },
    );
    expect(stderr).toBe('');
    return stdout;
  }

  it.each([
    [1, '0'],
    [2, '0-1'],
    [4, '0-3'],
    [4, '0,2-4'],
    [5, '0-1,3,5-6'],
    [64, '0-63'],
  ])('are counted: %i in %s', (wanted, online) => {
    expect(check(wanted, online, 63)).toBe('fine');
    expect(check(wanted + 1, online, 99)).toContain(
      `it has ${wanted} CPUs, not the ${wanted + 1} that were asked for (--cpus)`,
    );
  });

  it('are fewer than asked for, and it is said what to do', () => {
    expect(check(4, '0-1', 1)).toMatch(
      /^it has 2 CPUs, not the 4 that were asked for \(--cpus\)\. .*CONFIG_NR_CPUS=2: .*'npx rseq-slice-vm kernel', or ask for fewer$/,
    );
    expect(check(4, '0-1', 63)).toMatch(
      /^it has 2 CPUs, not the 4 .* room for 64: .*nr_cpus= and maxcpus= in --append .*, or ask for fewer$/,
    );
    expect(check(64, '0-2', 63)).toContain('--append');
    expect(check(65, '0-2', 63)).toContain('CONFIG_NR_CPUS=64');
  });

  it('are more than asked for', () => {
    expect(check(1, '0-1', 63)).toBe('it has 2 CPUs, not the 1 that were asked for (--cpus)');
  });

  it('have room in every kernel that is built here, as the message says', () => {
    const fragment = readFileSync(
      new URL('../../packages/vm/lib/kernel/fragment.config', import.meta.url),
      'utf8',
    );
    expect(fragment).toMatch(/^CONFIG_NR_CPUS=64$/m);
    expect(() => readOptions(['--cpus', '64', 'x'])).not.toThrow();
    expect(() => readOptions(['--cpus', '65', 'x'])).toThrow(/from 1 to 64/);
  });
});

describe("the command's environment", () => {
  const host = {
    PATH: '/opt/bin',
    HOME: '/home/me',
    LANG: 'de_DE',
    TZ: 'UTC',
    SECRET: 'x',
    TMPDIR: '/big',
  };

  it('takes only what means something there from the host', () => {
    const env = guestEnvironment(host, {}, { sameRoot: true });
    expect(env).toMatchObject({
      PATH: '/opt/bin:/run/rseq-slice/bin',
      LANG: 'de_DE',
      TZ: 'UTC',
      TMPDIR: '/tmp',
      RSEQ_SLICE_GUEST: '1',
    });
    expect(env).not.toHaveProperty('SECRET');
    expect(env['HOME']).not.toBe('/home/me');
  });

  it("has a standard PATH on another root, and the caller's wishes over all", () => {
    expect(guestEnvironment(host, {}, { sameRoot: false })['PATH']).toMatch(
      /^\/usr\/local\/sbin:.*:\/bin$/,
    );
    expect(guestEnvironment({}, {}, { sameRoot: true })['PATH']).toMatch(
      /:\/bin:\/run\/rseq-slice\/bin$/,
    );
    const own = { LANG: 'C', SECRET: 'y', PATH: '/mine', RSEQ_SLICE_GUEST: '' };
    expect(guestEnvironment(host, own, { sameRoot: true })).toMatchObject(own);
  });
});

describe('the command line of the checkout', () => {
  it('is what npx means there, and there only', () => {
    const command = ['npx', 'rseq-slice', 'doctor', '--json'];
    expect(withoutNpx(command, true)).toEqual(['rseq-slice', 'doctor', '--json']);
    expect(withoutNpx(command, false)).toEqual(command);
    expect(withoutNpx(['npx', 'tsc'], true)).toEqual(['npx', 'tsc']);
  });

  it('is a program of the guest, wherever the checkout is', () => {
    const script = join(folder, 'rseq-slice');
    writeFileSync(script, commandLineScript(fileURLToPath(new URL('../..', import.meta.url))), {
      mode: 0o755,
    });
    expect(spawnSync(script, ['--version'], { encoding: 'utf8' })).toMatchObject({
      status: 0,
      stderr: '',
      stdout: expect.stringContaining('rseq-slice/') as string,
    });
    expect(commandLineScript("/it's here")).toContain(`'/it'\\''s here/dist/cli/main.js'`);
  });
});

it('shows again what the guest covers, once each', () => {
  const paths = [
    '/tmp/b',
    '/tmp/a',
    '/tmp/b',
    '/run/x/y',
    '/dev/shm/z',
    '/tmp',
    '/tmpfile',
    '/running/x',
    '/dev/shmall',
    '/home/tmp/x',
    '/',
  ];
  expect(coveredPaths(paths)).toEqual(['/dev/shm/z', '/run/x/y', '/tmp/a', '/tmp/b']);
});
