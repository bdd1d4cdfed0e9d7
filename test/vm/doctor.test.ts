// SPDX-License-Identifier: MIT
/**
 * `rseq-slice-vm doctor`: each way in which a machine cannot run guests, or only slow ones, is told
 * with what to do about it. No guest is started.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { formatFindings } from '../../packages/vm/lib/doctor/command.mjs';
import type { Facts } from '../../packages/vm/lib/doctor/facts.mjs';
import { canRun, examine } from '../../packages/vm/lib/doctor/findings.mjs';
import { ExitCode } from '../../packages/vm/lib/guest/errors.mjs';

const GOOD: Facts = {
  platform: 'linux',
  arch: 'x64',
  qemu: { path: '/usr/bin/qemu-system-x86_64', version: '9.2.0', missing: [] },
  qemuAdvice: null,
  kvm: { exists: true, opens: true, verdict: { usable: true, reason: 'a guest printed' } },
  kernels: [{ flavour: 'mainline', version: '7.3.4' }],
  buildAdvice: null,
  cache: { path: '/cache', free: 20e9 },
  temporary: { path: '/tmp', free: 20e9 },
};
const KVM_OFF = { exists: true, opens: true, verdict: { usable: false, reason: 'No.\nMore.' } };

it('has nothing to say against a good machine', () => {
  expect(examine(GOOD).map(({ mark }) => mark)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok']);
  expect(formatFindings(examine(GOOD))).toBe(
    `This machine can run guests: try 'npx rseq-slice-vm -- uname -r'.

ok    machine   Linux on x86-64.
ok    QEMU      QEMU 9.2.0 (/usr/bin/qemu-system-x86_64).
ok    KVM       A guest has run under it.
ok    kernels   In /cache: mainline (Linux 7.3.4).
ok    room      20.0 GB left in /cache, 20.0 GB in /tmp.
`,
  );
});

it.each<[what: string, facts: Partial<Facts>, mark: string, text: RegExp, remedy: RegExp | null]>([
  ['a Mac', { platform: 'darwin' }, 'FAIL', /darwin on x64/, /x86-64 machine with Linux/],
  ['another processor', { arch: 'arm64' }, 'FAIL', /linux on arm64/, /x86-64 machine/],
  [
    'no QEMU',
    { qemu: null, qemuAdvice: 'Missing: qemu. Install it as root, on Fedora with: dnf install q' },
    'FAIL',
    /no qemu-system-x86_64/,
    /dnf install q\.$/,
  ],
  [
    'a QEMU without 9p',
    { qemu: { path: '/q', version: '9', missing: ['virtio-9p-pci'] } },
    'FAIL',
    /QEMU 9 \(\/q\) was built without virtio-9p-pci/,
    /--enable-virtfs/,
  ],
  [
    'no KVM',
    { kvm: { exists: false, opens: false, verdict: null } },
    'warn',
    /emulated/,
    /kvm_intel/,
  ],
  [
    'no right to KVM',
    { kvm: { exists: true, opens: false, verdict: null } },
    'warn',
    /may not open/,
    /usermod/,
  ],
  [
    'a KVM that fails',
    { kvm: KVM_OFF },
    'warn',
    /does not work here: .* No\.$/,
    /--accelerator kvm/,
  ],
  [
    'an untried KVM',
    { kvm: { exists: true, opens: true, verdict: null } },
    'ok',
    /first guest/,
    null,
  ],
  ['no kernel', { kernels: [] }, 'warn', /about ten minutes/, /npx rseq-slice-vm kernel/],
  [
    'no kernel and no compiler',
    { kernels: [], buildAdvice: 'Missing: gcc. Install it' },
    'warn',
    /what builds one is not there/,
    /^Missing: gcc\. Install it\. Or pass one with --kernel FILE\.$/,
  ],
  [
    'no room to build in',
    { kernels: [], cache: { path: '/c', free: 2e9 } },
    'warn',
    /2\.0 GB left, and building a kernel takes 6\.0 GB/,
    /RSEQ_SLICE_CACHE/,
  ],
  [
    'no room at all',
    { temporary: { path: '/tmp', free: 1e6 } },
    'FAIL',
    /\/tmp has 0\.0 GB/,
    /TMPDIR/,
  ],
])('tells of %s', (_, facts, mark, text, remedy) => {
  const before = examine(GOOD);
  const findings = examine({ ...GOOD, ...facts });
  const [finding] = findings.filter((each, index) => each.text !== before[index]?.text).slice(-1);
  expect(finding).toMatchObject({ mark, text: expect.stringMatching(text) as string });
  if (remedy === null) expect(finding?.remedy).toBeUndefined();
  else expect(finding?.remedy).toMatch(remedy);
  expect(canRun(findings)).toBe(mark !== 'FAIL');
  const page = formatFindings(findings);
  expect(page).toContain(canRun(findings) ? 'can run guests' : 'cannot run guests yet');
  if (finding?.remedy !== undefined)
    expect(page).toContain(`\n${' '.repeat(16)}→ ${finding.remedy}\n`);
});

function run(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const program = fileURLToPath(new URL('../../packages/vm/lib/main.mjs', import.meta.url));
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...environment },
  });
  return { status, signal, stdout, stderr };
}

it('looks at this machine, and says the same in JSON', () => {
  const { status, signal, stdout, stderr } = run(['doctor', '--json']);
  const { works, findings, facts } = JSON.parse(stdout) as {
    works: boolean;
    findings: ReturnType<typeof examine>;
    facts: Facts;
  };
  expect({ status, signal, stderr }).toEqual({ status: works ? 0 : 1, signal: null, stderr: '' });
  expect(findings).toEqual(examine(facts));
  expect(facts).toMatchObject({ platform: process.platform, arch: process.arch });
  expect(facts.temporary.free).toBeGreaterThan(0);
});

it('finds nothing where nothing is, and makes nothing', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-doctor-'));
  try {
    const cache = join(folder, 'cache');
    const { status, stdout } = run(['doctor', '--json'], { PATH: folder, RSEQ_SLICE_CACHE: cache });
    const { facts } = JSON.parse(stdout) as { facts: Facts };
    expect({ status, qemu: facts.qemu, kernels: facts.kernels }).toEqual({
      status: 1,
      qemu: null,
      kernels: [],
    });
    expect(facts.qemuAdvice).toContain('on Alpine Linux with: apk add');
    expect(facts.buildAdvice).toContain('gcc');
    expect(() => {
      rmSync(cache);
    }).toThrow('ENOENT');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it('has a help, and refuses what it does not know', () => {
  expect(run(['doctor', '--help'])).toMatchObject({ status: 0, stderr: '' });
  expect(run(['doctor', '--fast'])).toEqual({
    status: ExitCode.usage,
    signal: null,
    stdout: '',
    stderr: "vm: Unknown option '--fast'. See --help.\n",
  });
});
