/**
 * The doctor: what facts mean, and that it is asked for real. What it says in
 * other environments is tested by the matrix.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { painter } from '../../lib/cli/command.ts';
import { format } from '../../lib/cli/doctor.ts';
import type { Facts } from '../../lib/cli/doctor/facts.ts';
import { conclude, examine } from '../../lib/cli/doctor/findings.ts';
import type { Finding } from '../../lib/cli/doctor/findings.ts';
import { probe } from '../../lib/index.ts';
import type { ProbeReport } from '../../lib/index.ts';

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

const WORKING: Facts = {
  platform: 'linux',
  probe: {
    slices: { available: true, reason: 'available', explanation: 'The kernel grants.', remedy: '' },
    kernel: { release: '7.3.4', flavour: 'mainline', featureSize: 33, alignment: 64, prctl: 0, yield: 0, extension: 5000 },
    libc: { name: 'glibc 2.41', registered: true, size: 64, flags: { available: true, enabled: false } },
    owner: 'libc',
    users: [],
    addon: { state: 'loaded', path: '/somewhere/rseq_slice.node', origin: 'prebuild' },
    thread: { backend: 'linux', registration: 'libc', flavour: 'mainline', controlWord: 'mapped' },
    environment: { RSEQ_SLICE: null },
    node: { version: 'v24.1.0', arch: 'x64' },
  },
  config: { path: '/proc/config.gz', value: 'y' },
  commandLine: 'root=/dev/sda1 quiet',
  environment: { RSEQ_SLICE: null, GLIBC_TUNABLES: null },
  container: null,
  isFiltered: false,
  cpus: { available: 8, load: 0.3 },
  trial: { entered: 123_456, yielded: 12, raced: 1, revoked: 2 },
};

type Part<T> = { readonly [K in keyof T]?: T[K] extends object | null ? Part<NonNullable<T[K]>> | T[K] : T[K] };

/** The facts with some of them other: objects are merged, all else replaces. */
function change<T>(facts: T, part: Part<T>): T {
  const changed = { ...facts } as Record<string, unknown>;
  for (const [name, value] of Object.entries(part)) {
    const old = changed[name];
    changed[name] = typeof value === 'object' && value !== null && typeof old === 'object' && old !== null ? change(old, value) : value;
  }
  return changed as T;
}

const without = (reason: ProbeReport['slices']['reason']): Part<Facts> => ({
  probe: { slices: { available: false, reason, explanation: 'Why.', remedy: 'What to do.' }, thread: { backend: 'simulated' }, kernel: { flavour: null } },
  trial: null,
});

/** The findings that are not passed, as `name status`. */
function complaints(...parts: readonly Part<Facts>[]): string[] {
  const facts = parts.reduce<Facts>((whole, part) => change(whole, part), WORKING);
  const findings = examine(facts);
  for (const { status, remedy } of findings) expect(remedy === '').toBe(status === 'passed');
  return findings.filter(({ status }) => status !== 'passed').map(({ name, status }) => `${name} ${status}`);
}

describe('findings', () => {
  it('are all passed where all is well', () => {
    expect(complaints()).toEqual([]);
    expect(examine(WORKING).map(({ name }) => name)).toEqual([
      'kernel', 'configuration', 'boot', 'struct rseq', 'prctl', 'yield', 'extension', 'libc', 'users', 'sandbox', 'thread', 'control word', 'sections', 'addon', 'Node.js', 'CPUs',
    ]);
    expect(conclude(WORKING)).toEqual({ works: true, text: "Slices work here: ABI mainline, registration 'libc', extensions of 5 us." });
  });

  it.each<[string, readonly Part<Facts>[], readonly string[]]>([
    ['another system', [without('not-linux'), { platform: 'darwin' }], ['kernel failed', 'thread failed']],
    ['an old kernel', [without('kernel-without-feature'), { config: null, probe: { kernel: { release: '6.12.0', featureSize: 28, prctl: 22, yield: 38 } } }], ['kernel failed', 'configuration warned', 'struct rseq failed', 'prctl failed', 'thread failed']],
    ['a kernel built without', [without('kernel-without-feature'), { config: { value: 'not set' }, probe: { kernel: { prctl: 524 } } }], ['configuration failed', 'prctl failed', 'thread failed']],
    ['off at boot', [without('off-at-boot'), { commandLine: 'rseq_slice_ext=0' }], ['boot failed', 'thread failed']],
    ['a filter', [without('denied'), { isFiltered: true, container: 'docker', probe: { kernel: { prctl: 1 } } }], ['prctl failed', 'sandbox failed', 'thread failed']],
    ['a filtered yield', [{ probe: { kernel: { yield: 1 } } }], ['yield warned']],
    ['debugfs not readable', [{ probe: { kernel: { extension: null } } }], ['extension warned']],
    ['no external buffers', [{ probe: { thread: { controlWord: 'native' } } }], ['control word warned']],
    ['nobody disturbs', [{ trial: { yielded: 0 } }], ['sections warned']],
    ['no addon', [without('addon-missing'), { probe: { addon: { state: 'missing', path: null, origin: null }, kernel: { featureSize: null, prctl: null, yield: null } } }], ['thread failed', 'addon failed']],
    ['a choice in the environment', [{ environment: { RSEQ_SLICE: 'off' } }], ['environment warned']],
    ['a busy machine', [{ cpus: { load: 17 } }], ['CPUs warned']],
  ])('name %s', (_, parts, names) => {
    expect(complaints(...parts)).toEqual(names);
  });

  it('say whose area is used', () => {
    const text = (...parts: readonly Part<Facts>[]) => examine(parts.reduce<Facts>((whole, part) => change(whole, part), WORKING)).find(({ name }) => name === 'libc')?.text;
    expect(text()).toMatch(/can have slices/);
    expect(text({ probe: { libc: { flags: { available: false } } } })).toMatch(/ours replaces it/);
    expect(text({ probe: { libc: { registered: false } }, environment: { GLIBC_TUNABLES: 'glibc.pthread.rseq=0' } })).toMatch(/as GLIBC_TUNABLES says: ours is used/);
    expect(text({ probe: { libc: { name: null } } })).toMatch(/not glibc/);
  });
});

it('is printed with what to do below a line, coloured only when asked', () => {
  const findings: Finding[] = [
    { name: 'kernel', status: 'passed', text: 'Fine.', remedy: '' },
    { name: 'yield', status: 'failed', text: 'Bad.', remedy: 'Mend it.' },
  ];
  const verdict = { works: false, text: 'No slices.' };
  expect(format(findings, verdict, painter(false))).toBe('ok    kernel         Fine.\nFAIL  yield          Bad.\n                     → Mend it.\n\nNo slices.\n');
  expect(format(findings, verdict, painter(true))).toContain('\x1b[31mFAIL\x1b[39m');
});

describe('the command', () => {
  function doctor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, [program, 'doctor', ...args], { encoding: 'utf8', env: { ...process.env, ...env } });
    return { status, signal, stdout, stderr };
  }
  const { available, reason } = probe().slices;

  it('ends with one line that says whether slices work', () => {
    const { status, signal, stdout, stderr } = doctor([]);
    expect({ status, signal, stderr }).toEqual({ status: available ? 0 : 1, signal: null, stderr: '' });
    expect(stdout.trimEnd().split('\n').at(-1)).toMatch(available ? /^Slices work here: / : new RegExp(`^No slices here \\(${reason}\\)`));
    expect(stdout).not.toContain('\x1b');
  });

  it('puts a choice in the environment aside, and says so', () => {
    const { status, stdout } = doctor(['--json'], { RSEQ_SLICE: 'linux' });
    const { verdict, findings, facts } = JSON.parse(stdout) as { verdict: { works: boolean }; findings: Finding[]; facts: Facts };
    expect({ status, works: verdict.works }).toEqual({ status: available ? 0 : 1, works: available });
    expect(findings.find(({ name }) => name === 'environment')?.text).toMatch(/RSEQ_SLICE=linux/);
    expect(facts.environment.RSEQ_SLICE).toBe('linux');
  });

  it('refuses a registration that there is not', () => {
    expect(doctor(['--registration', 'mine'])).toMatchObject({ status: 2, signal: null, stdout: '', stderr: expect.stringMatching(/--registration wants one of auto, libc, own, replace, not 'mine'/) as string });
  });
});
