// SPDX-License-Identifier: MIT
/**
 * What is said while somebody waits for a kernel or a guest: how far it is, and
 * which machine is made for which command.
 */
import { describe, expect, it, vi } from 'vitest';
import { describeProgress, startProgress } from '../../packages/vm/lib/kernel/progress.mjs';
import { readOptions } from '../../packages/vm/lib/guest/options.mjs';
import { describeMachine, startRemarks } from '../../packages/vm/lib/guest/remarks.mjs';

/** A stream that keeps what is written. */
function openStream(terminal: { isTTY?: true; columns?: number } = {}) {
  const written: string[] = [];
  return { stream: { ...terminal, write: (text: string) => written.push(text) }, written };
}

describe('progress', () => {
  const state = { what: 'building', seconds: 120, stepSeconds: 100, built: 500, expected: 2000 };

  it('has an end where the number of objects is known', () => {
    expect(describeProgress(state)).toBe(
      'building (120 s, 500 of about 2000 objects, about 5 min left)',
    );
    expect(describeProgress({ ...state, built: 1600 })).toBe(
      'building (120 s, 1600 of about 2000 objects, about 25 s left)',
    );
  });

  it.each([
    ['hardly begun', { built: 50 }, 'building (120 s, 50 of about 2000 objects)'],
    ['more than expected', { built: 2100 }, 'building (120 s, 2100 objects)'],
    ['not known', { expected: 0 }, 'building (120 s, 500 objects)'],
    ['none', { built: 0 }, 'building (120 s)'],
  ])('guesses nothing: %s', (_, change, line) => {
    expect(describeProgress({ ...state, ...change })).toBe(line);
  });

  it('is one line of a terminal that is taken back in the end, once', () => {
    vi.stubEnv('TERM', 'xterm');
    const { stream, written } = openStream({ isTTY: true, columns: 20 });
    const progress = startProgress('kernel', stream);
    progress.step('building something large');
    progress.stop();
    progress.stop();
    expect(written).toEqual(['\r\x1b[Kkernel: building so', '\r\x1b[K']);
  });

  it('is lines of their own on a terminal that cannot take them back, and whole where it does not say how wide it is', () => {
    for (const [term, line] of [
      ['dumb', 'vm: booting (0 s)\n'],
      ['xterm', '\r\x1b[Kvm: booting (0 s)'],
    ]) {
      vi.stubEnv('TERM', term);
      const { stream, written } = openStream({ isTTY: true, columns: 0 });
      const progress = startProgress('vm', stream);
      progress.step('booting');
      expect(written).toEqual([line]);
      progress.stop();
    }
    vi.unstubAllEnvs();
  });

  it('says nothing more when it was stopped, whatever goes on', () => {
    const { stream, written } = openStream();
    const progress = startProgress('vm', stream);
    progress.stop();
    progress.step('running the command');
    expect(written).toEqual([]);
  });
});

describe('a guest', () => {
  const kernel = 'Linux 7.3.4 (mainline)';

  it.each([
    [
      { accelerator: 'kvm', cpus: 4, icount: false },
      /^starting a guest with Linux 7\.3\.4 \(mainline\), 4 CPUs, under KVM$/,
    ],
    [
      { accelerator: 'tcg', cpus: 2, icount: false },
      /2 CPUs, emulated \(TCG\).*most extensions run out here: --icount gives one CPU/,
    ],
    [{ accelerator: 'tcg', cpus: 1, icount: true }, /1 CPU, emulated \(TCG\).*counts instructions/],
  ] as const)('is described: %o', (machine, text) => {
    expect(describeMachine(machine, kernel)).toMatch(text);
  });

  it('tells machine and phases, and no more when the command prints', () => {
    const { stream, written } = openStream();
    const remarks = startRemarks(stream);
    remarks.onStart({ accelerator: 'kvm', cpus: 2, icount: false }, kernel);
    remarks.onPhase('booting');
    remarks.stop();
    expect(written).toEqual([
      `vm: starting a guest with ${kernel}, 2 CPUs, under KVM\n`,
      'vm: booting (0 s)\n',
    ]);
  });

  it.each([
    [['npm', 'start'], 'emulated'],
    [['npm', 'run', 'start'], 'emulated'],
    [['npx', 'rseq-slice', 'demo', '--workers', '8'], 'emulated'],
    [['npx', 'rseq-slice-tools', 'demo'], 'emulated'],
    [['npm', 'test'], undefined],
    [['npm', 'startup'], undefined],
    [['--cpus', '2', 'npm', 'start'], undefined],
  ])('counts instructions for a demonstration: %o', (args, icount) => {
    expect(readOptions(args)?.icount).toBe(icount);
  });
});
