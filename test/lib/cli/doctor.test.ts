// SPDX-License-Identifier: MIT
/**
 * The doctor: what facts mean, and that it is asked for real. What it says in
 * other environments is tested by the matrix.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { painter } from '../../../lib/cli/command.ts';
import { format } from '../../../lib/cli/doctor.ts';
import type { Facts } from '../../../lib/cli/doctor/facts.ts';
import { conclude, examine } from '../../../lib/cli/doctor/findings.ts';
import type { Finding } from '../../../lib/cli/doctor/findings.ts';
import { probe } from '../../../lib/index.ts';
import type { ProbeReport } from '../../../lib/index.ts';

const program = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));

const WORKING: Facts = {
  platform: 'linux',
  probe: {
    slices: { available: true, reason: 'available', explanation: 'The kernel grants.', remedy: '' },
    kernel: {
      release: '7.3.4',
      abiVersion: 'mainline',
      featureSize: 33,
      alignment: 64,
      prctl: 0,
      yield: 0,
      extension: 5000,
    },
    libc: {
      name: 'glibc 2.41',
      registered: true,
      size: 64,
      flags: { available: true, enabled: false },
    },
    owner: 'libc',
    users: [],
    addon: { state: 'loaded', path: '/somewhere/rseq_slice.node', origin: 'prebuild' },
    thread: { host: 'linux', registration: 'libc', abiVersion: 'mainline', controlWord: 'mapped' },
    environment: { RSEQ_SLICE: null },
    node: { version: 'v24.1.0', arch: 'x64' },
  },
  config: { path: '/proc/config.gz', value: 'y' },
  commandLine: 'root=/dev/sda1 quiet',
  environment: { RSEQ_SLICE: null, GLIBC_TUNABLES: null },
  container: null,
  isFiltered: false,
  guest: null,
  seesSystem: true,
  guestRemedy: '',
  cpus: { available: 8, load: 0.3 },
  trial: { entered: 123_456, yielded: 12, raced: 1, preempted: 2 },
};

type Part<T> = {
  readonly [K in keyof T]?: T[K] extends object | null ? Part<NonNullable<T[K]>> | T[K] : T[K];
};

/** The facts with some of them other: objects are merged, all else replaces. */
function change<T>(facts: T, part: Part<T>): T {
  const changed = { ...facts } as Record<string, unknown>;
  for (const [name, value] of Object.entries(part)) {
    const old = changed[name];
    changed[name] =
      typeof value === 'object' && value !== null && typeof old === 'object' && old !== null
        ? change(old, value)
        : value;
  }
  return changed as T;
}

const without = (reason: ProbeReport['slices']['reason']): Part<Facts> => ({
  probe: {
    slices: { available: false, reason, explanation: 'Why.', remedy: 'What to do.' },
    thread: { host: 'simulated' },
    kernel: { abiVersion: null },
  },
  trial: null,
});

/** Of a probe without the addon. */
const UNASKED: Part<ProbeReport> = {
  addon: { state: 'missing', path: null, origin: null },
  kernel: { featureSize: null, prctl: null, yield: null },
  libc: { registered: null, size: null, flags: null },
  users: null,
};
/** Where files may not be read. */
const UNSEEN: Part<Facts> = {
  config: null,
  commandLine: null,
  container: 'unknown',
  isFiltered: null,
  seesSystem: false,
  probe: { libc: { name: null } },
};

/** The findings that are not passed, as `name status`. */
function complaints(...parts: readonly Part<Facts>[]): string[] {
  const facts = parts.reduce<Facts>((whole, part) => change(whole, part), WORKING);
  const findings = examine(facts);
  for (const { status, remedy } of findings)
    expect(remedy === '').toBe(['passed', 'follows', 'unknown'].includes(status));
  const { works, first } = conclude(facts, findings);
  expect({ works, isTold: first !== '' }).toEqual({ works, isTold: !works || first !== '' });
  // What is said to come first is the remedy of a line, and of the line that failed where one did.
  const failed = findings.filter(({ status }) => status === 'failed');
  if (first !== '')
    expect((failed.length > 0 ? failed : findings).map(({ remedy }) => remedy)).toContain(first);
  return findings
    .filter(({ status }) => status !== 'passed')
    .map(({ name, status }) => `${name} ${status}`);
}

describe('findings', () => {
  it('are all passed where all is well', () => {
    expect(complaints()).toEqual([]);
    expect(examine(WORKING).map(({ name }) => name)).toEqual([
      'kernel',
      'configuration',
      'boot',
      'struct rseq',
      'prctl',
      'yield',
      'extension',
      'libc',
      'rseq users',
      'sandbox',
      'thread',
      'control word',
      'sections',
      'addon',
      'Node.js',
      'CPUs',
    ]);
    const verdict = {
      works: true,
      text: "Slices work here: ABI mainline, registration 'libc', extensions of 5 us.",
      first: '',
      fallsBack: false,
    };
    expect(conclude(WORKING, examine(WORKING))).toEqual(verdict);
  });

  it.each<[string, readonly Part<Facts>[], readonly string[]]>([
    [
      'another system',
      [without('not-linux'), { platform: 'darwin' }],
      ['kernel failed', 'thread follows'],
    ],
    [
      'an old kernel',
      [
        without('kernel-without-feature'),
        {
          config: null,
          probe: { kernel: { release: '6.12.0', featureSize: 28, prctl: 22, yield: 38 } },
        },
      ],
      [
        'kernel failed',
        'configuration follows',
        'struct rseq follows',
        'prctl follows',
        'thread follows',
      ],
    ],
    [
      'an architecture that no kernel has them for',
      [
        without('kernel-without-feature'),
        {
          config: { value: 'unknown' },
          probe: { node: { arch: 'arm64' }, kernel: { featureSize: 28, prctl: 22 } },
        },
      ],
      [
        'kernel failed',
        'configuration follows',
        'struct rseq follows',
        'prctl follows',
        'thread follows',
      ],
    ],
    [
      'a kernel built without',
      [
        without('kernel-without-feature'),
        { config: { value: 'not set' }, probe: { kernel: { prctl: 524 } } },
      ],
      ['configuration failed', 'prctl follows', 'thread follows'],
    ],
    [
      'off at boot',
      [without('off-at-boot'), { commandLine: 'rseq_slice_ext=0' }],
      ['boot failed', 'thread follows'],
    ],
    [
      'a filter',
      [
        without('denied'),
        { isFiltered: true, container: 'docker', probe: { kernel: { prctl: 1 } } },
      ],
      ['prctl follows', 'sandbox failed', 'thread follows'],
    ],
    ['a filtered yield', [{ probe: { kernel: { yield: 1 } } }], ['yield warned']],
    ['debugfs not readable', [{ probe: { kernel: { extension: null } } }], ['extension warned']],
    [
      'no external buffers',
      [{ probe: { thread: { controlWord: 'native' } } }],
      ['control word warned'],
    ],
    ['nobody disturbs', [{ trial: { yielded: 0 } }], ['sections warned']],
    [
      'no addon',
      [without('addon-missing'), { probe: UNASKED }],
      [
        'struct rseq unknown',
        'prctl unknown',
        'rseq users unknown',
        'thread follows',
        'addon failed',
      ],
    ],
    ['a thread that something else keeps from them', [without('foreign-use')], ['thread failed']],
    [
      'an old kernel, and no addon',
      [
        without('addon-missing'),
        { config: null, probe: UNASKED },
        { probe: { kernel: { release: '6.12.0' } } },
      ],
      [
        'kernel failed',
        'configuration follows',
        'struct rseq unknown',
        'prctl unknown',
        'rseq users unknown',
        'thread follows',
        'addon warned',
      ],
    ],
    [
      'nothing that may be looked at',
      [without('addon-forbidden'), UNSEEN, { probe: UNASKED }],
      [
        'configuration unknown',
        'boot unknown',
        'struct rseq unknown',
        'prctl unknown',
        'libc unknown',
        'rseq users unknown',
        'sandbox unknown',
        'thread follows',
        'addon failed',
        'machine unknown',
      ],
    ],
    [
      'slices, and files that may not be read',
      [UNSEEN, { trial: null }],
      ['boot unknown', 'sandbox unknown', 'sections unknown', 'machine unknown'],
    ],
    [
      'a word in the environment that is none',
      [{ environment: { RSEQ_SLICE: 'bogus' } }],
      ['environment failed'],
    ],
    [
      'a choice in the environment',
      [{ environment: { RSEQ_SLICE: 'simulated' } }],
      ['environment warned'],
    ],
    ['a busy machine', [{ cpus: { load: 17 } }], ['CPUs warned']],
  ])('name %s', (_, parts, names) => {
    expect(complaints(...parts)).toEqual(names);
  });

  it('have one cause, and the headline its reason', () => {
    const old = [
      without('addon-forbidden'),
      { probe: UNASKED },
      { probe: { kernel: { release: '6.12.0' } } },
    ].reduce<Facts>((whole, part) => change(whole, part), WORKING);
    expect(conclude(old, examine(old)).text).toBe(
      'No slices here (kernel-without-feature). Linux 6.12.0: time slice extensions came with 7.0.',
    );
    const young = change(old, { probe: { kernel: { release: '7.3.4' } } });
    expect(conclude(young, examine(young)).text).toMatch(
      /^No slices here \(addon-forbidden\)\. .*Why\.$/,
    );
  });

  it('offer a guest, where there is one, beside another kernel', () => {
    const guestRemedy = 'Run the guest.';
    for (const part of [
      { probe: { kernel: { release: '6.12.0' } } },
      { config: { value: 'not set' } },
      { config: null, probe: { kernel: { prctl: 22 } } },
    ] satisfies Part<Facts>[]) {
      const facts = change(change(change(WORKING, without('kernel-without-feature')), part), {
        guestRemedy,
      });
      expect(conclude(facts, examine(facts)).first).toMatch(
        /CONFIG_RSEQ_SLICE_EXTENSION=y.*\. Run the guest\.$/,
      );
    }
  });

  it('advise nothing that an architecture cannot have', () => {
    for (const release of ['6.12.0', '7.3.4']) {
      const facts = change(change(WORKING, without('kernel-without-feature')), {
        config: { value: 'unknown' },
        probe: { node: { arch: 'arm64' }, kernel: { release, prctl: 22 } },
      });
      const remedies = examine(facts)
        .map(({ remedy }) => remedy)
        .join(' ');
      expect(remedies).toMatch(/no time slice extensions for arm64/);
      expect(remedies).not.toMatch(/CONFIG_RSEQ|npm run/);
    }
  });

  it('say that what may not be looked at is not known', () => {
    const facts = { ...WORKING, container: 'unknown', isFiltered: null };
    expect(examine(facts).find(({ name }) => name === 'sandbox')?.text).toMatch(
      /this is a container is not known, whether system calls are filtered is not known/,
    );
  });

  it('name grants that nobody gave back', () => {
    const text = (trial: Partial<NonNullable<Facts['trial']>>) =>
      examine(change(WORKING, { trial: { yielded: 0, raced: 0, preempted: 0, ...trial } })).find(
        ({ name }) => name === 'sections',
      )?.text;
    expect(text({ raced: 400, preempted: 3 })).toMatch(/granted and never yielded/);
    expect(text({ preempted: 3 })).toMatch(/granted none/);
    expect(text({})).not.toMatch(/granted/);
  });

  it('say that a word of the environment means nothing, and what it can be', () => {
    const facts = change(WORKING, { environment: { RSEQ_SLICE: 'bogus' } });
    const verdict = conclude(facts, examine(facts));
    expect(verdict).toMatchObject({
      works: false,
      fallsBack: false,
      first: 'Unset RSEQ_SLICE, or set it to one of auto, linux, simulated.',
    });
    expect(verdict.text).toMatch(/^RSEQ_SLICE=bogus means nothing.*Slices work here/);
  });

  it('say where times are no times', () => {
    const text = (guest: Facts['guest']) =>
      examine({ ...WORKING, guest }).find(({ name }) => name === 'machine')?.text;
    expect(text(null)).toBeUndefined();
    expect(text({ hypervisor: 'KVM', isEmulated: false })).toMatch(/^A guest \(KVM\).*of its host/);
    expect(text({ hypervisor: 'QEMU', isEmulated: true })).toMatch(
      /^A guest \(QEMU, emulated\).*say nothing of a CPU/,
    );
  });

  it('say whose area is used', () => {
    const text = (...parts: readonly Part<Facts>[]) =>
      examine(parts.reduce<Facts>((whole, part) => change(whole, part), WORKING)).find(
        ({ name }) => name === 'libc',
      )?.text;
    expect(text()).toMatch(/can have slices/);
    expect(text({ probe: { libc: { flags: { available: false } } } })).toMatch(/ours replaces it/);
    expect(
      text({
        probe: { libc: { registered: false } },
        environment: { GLIBC_TUNABLES: 'glibc.pthread.rseq=0' },
      }),
    ).toMatch(/as GLIBC_TUNABLES says: ours is used/);
    expect(text({ probe: { libc: { name: null } } })).toMatch(/not glibc/);
    // What may not be looked at is not denied.
    expect(text(UNSEEN)).toMatch(/^This libc registered/);
  });
});

describe('what is printed', () => {
  const findings: Finding[] = [
    { name: 'kernel', status: 'failed', text: 'Bad.', remedy: 'Mend it.' },
    { name: 'prctl', status: 'follows', text: 'Bad too.', remedy: '' },
    { name: 'libc', status: 'passed', text: 'Fine.', remedy: '' },
    { name: 'CPUs', status: 'warned', text: 'Busy.', remedy: 'Wait.' },
    { name: 'boot', status: 'unknown', text: 'Not known here.', remedy: '' },
  ];
  const verdict = { works: false, text: 'No slices.', first: 'Mend it.', fallsBack: true };

  it('begins with the verdict and the one thing to do, and says what its marks mean', () => {
    expect(format(findings, verdict, { paint: painter(false), width: 100 })).toBe(`No slices.
First: Mend it.
Until then the simulated kernel serves: everything works, and nothing is granted.

FAIL  kernel         Bad.
-     prctl          Bad too.
ok    libc           Fine.
warn  CPUs           Busy.
                     → Wait.
?     boot           Not known here.

FAIL: this is why; -: follows from the FAIL; warn: worth a look; ?: not known here.
`);
  });

  it('is coloured only when asked', () => {
    expect(format(findings, verdict, { paint: painter(true), width: 100 })).toContain(
      '\x1b[31mFAIL',
    );
  });

  it.each([80, 120])('fits into %i columns', (width) => {
    const long = findings.map((finding) => ({
      ...finding,
      text: 'Some words. '.repeat(20),
      remedy: finding.remedy && 'Many words. '.repeat(20),
    }));
    const lines = format(
      long,
      { ...verdict, text: 'No slices. '.repeat(20) },
      { paint: painter(false), width },
    ).split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
  });
});

describe('the command', () => {
  function doctor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const { status, signal, stdout, stderr } = spawnSync(
      process.execPath,
      [program, 'doctor', ...args],
      { encoding: 'utf8', env: { ...process.env, ...env } },
    );
    return { status, signal, stdout, stderr };
  }
  const { available, reason } = probe().slices;

  it('begins with whether slices work', () => {
    const { status, signal, stdout, stderr } = doctor([]);
    expect({ status, signal, stderr }).toEqual({
      status: available ? 0 : 1,
      signal: null,
      stderr: '',
    });
    expect(stdout).toMatch(
      available ? /^Slices work here: / : new RegExp(`^No slices here \\(${reason}\\)`),
    );
    expect(stdout).not.toContain('\x1b');
    expect(stdout.match(/^FAIL {2}/gm) ?? []).toHaveLength(available ? 0 : 1);
  });

  it('puts a choice in the environment aside, and says so', () => {
    const { status, stdout } = doctor(['--json'], { RSEQ_SLICE: 'linux' });
    const { verdict, findings, facts } = JSON.parse(stdout) as {
      verdict: { works: boolean };
      findings: Finding[];
      facts: Facts;
    };
    expect({ status, works: verdict.works }).toEqual({
      status: available ? 0 : 1,
      works: available,
    });
    expect(findings.find(({ name }) => name === 'environment')?.text).toMatch(/RSEQ_SLICE=linux/);
    expect(facts.environment.RSEQ_SLICE).toBe('linux');
  });

  it('refuses a registration that there is not', () => {
    expect(doctor(['--registration', 'mine'])).toMatchObject({
      status: 2,
      signal: null,
      stdout: '',
      stderr: expect.stringMatching(
        /--registration wants one of auto, libc, own, replace, not 'mine'/,
      ) as string,
    });
  });
});
