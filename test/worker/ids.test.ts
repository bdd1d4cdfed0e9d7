// SPDX-License-Identifier: MIT
/**
 * What ids() says on the kernel of this machine, in the main thread and in workers: compared with
 * what the kernel itself says, on one CPU, while CPUs are taken away and given, where there is no
 * area, no addon or no permission.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hasAddon, programs } from '../support/program.ts';

const program = join(programs, 'ids.mjs');
const [major = 0] = process.versions.node.split('.').map(Number);

interface Seen {
  readonly source: string;
  readonly numbers: readonly number[];
  readonly threadId: number;
  readonly kernel: number | null;
  readonly isSame: boolean;
}

function run<T = Seen>(
  before: readonly string[],
  flags: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
  ...rest: readonly string[]
): [T, T] {
  const [file = '', ...more] = [...before, process.execPath, ...flags, program, ...rest];
  const { status, signal, stdout, stderr } = spawnSync(file, more, {
    encoding: 'utf8',
    env: {
      ...process.env,
      RSEQ_SLICE: '',
      NODE_OPTIONS: '',
      NODE_NO_WARNINGS: '1',
      ...environment,
    },
  });
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
  return JSON.parse(stdout) as [T, T];
}

const cpus = Array.from({ length: Math.min(availableParallelism(), 4) }, (_, cpu) => cpu);
const canPin =
  hasAddon &&
  spawnSync('taskset', ['-c', String(cpus.at(-1)), 'true']).status === 0 &&
  spawnSync('taskset', ['-c', '0', 'true']).status === 0;
if (!canPin) console.log('ids on one CPU: skipped: there is no addon, or no taskset for CPU 0');

const pinned = (cpu: number): string[] => ['taskset', '-c', String(cpu)];
/** Without an area: glibc's is switched off. */
const NO_AREA = { GLIBC_TUNABLES: 'glibc.pthread.rseq=0' };

describe.skipIf(!canPin)('on one CPU', () => {
  it.each(cpus)('the number of that CPU is read: %i', (cpu) => {
    for (const { source, numbers, kernel, isSame } of run(pinned(cpu))) {
      expect(['area', 'call']).toContain(source);
      expect([numbers[0], kernel, isSame]).toEqual([cpu, cpu, true]);
      expect(numbers[2]).toBeLessThan(1024);
    }
  });

  it('it is asked for where there is no area', () => {
    const cpu = cpus.at(-1) ?? 0;
    for (const { source, numbers, kernel } of run(pinned(cpu), [], NO_AREA))
      expect([source, numbers[0], numbers[2], kernel]).toEqual(['call', cpu, cpu, cpu]);
  });

  it('nothing changes by attaching and detaching', () => {
    const cpu = cpus.at(-1) ?? 0;
    type Three = Readonly<Record<'before' | 'during' | 'after', Seen>>;
    for (const environment of [{}, NO_AREA])
      for (const three of run<Three>(pinned(cpu), [], environment, 'attach'))
        for (const { numbers, isSame } of Object.values(three))
          expect([numbers[0], isSame]).toEqual([cpu, true]);
  });
});

describe.skipIf(!canPin || cpus.length < 2)('while CPUs are taken away and given', () => {
  it('it is never another than the kernel says', async () => {
    const child = spawn(process.execPath, [program, 'storm', '1500'], {
      env: { ...process.env, RSEQ_SLICE: '', NODE_OPTIONS: '' },
    });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    await once(child.stderr, 'data');
    const ended = once(child, 'close');
    for (let turn = 0; child.exitCode === null && child.signalCode === null; turn++) {
      const mover = spawn('taskset', ['-apc', String(turn % 2), String(child.pid)], {
        stdio: 'ignore',
      });
      await once(mover, 'close');
    }
    expect((await ended).slice(0, 2)).toEqual([0, null]);
    for (const { seen, differing } of JSON.parse(stdout) as {
      readonly seen: Readonly<Record<string, number>>;
      readonly differing: number;
    }[]) {
      expect(differing).toBe(0);
      expect(Object.keys(seen)).toEqual(['0', '1']);
    }
  });
});

describe('where nobody is there to ask', () => {
  const flag = major >= 24 ? '--permission' : '--experimental-permission';
  it.each([
    ['no addons', ['--no-addons']],
    ['no permission', [flag, '--allow-fs-read=*', '--allow-worker']],
  ])('the thread has its number and nothing else: %s', (_, flags) => {
    for (const { source, numbers, threadId } of run([], flags))
      expect([source, ...numbers]).toEqual(['none', 0, 0, threadId]);
  });

  it.skipIf(!hasAddon)('unless addons are permitted', () => {
    const flags = [flag, '--allow-fs-read=*', '--allow-worker', '--allow-addons'];
    for (const { source } of run([], flags)) expect(source).not.toBe('none');
  });
});
