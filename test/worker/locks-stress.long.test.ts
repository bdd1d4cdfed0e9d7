// SPDX-License-Identifier: MIT
/**
 * Runs of the stress run over locks: that a short one of each kind finds
 * nothing, with the addon and without, and that one whose workers make a mistake
 * on purpose finds it. What the checker finds in a history is in
 * `locks-stress.test.ts`.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { LOCKS } from '../../scripts/stress/options.mjs';

const program = fileURLToPath(new URL('../../scripts/stress/main.mjs', import.meta.url));

interface Ending {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

function stress(...args: readonly string[]): Promise<Ending> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [program, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('close', (status, signal) => {
      resolve({ status, signal, stdout, stderr });
    });
  });
}

const WAYS = LOCKS.flatMap(
  (lock) =>
    [
      [lock, 'with the addon'],
      [lock, 'without the addon'],
    ] as const,
);
/** Where threads wait for each other, they take longer to have seen enough to be ended. */
const GATHERINGS = new Set(['barrier', 'queue']);
const flagsOf = (addon: string) => (addon === 'with the addon' ? [] : ['--no-addon']);

// Twice the time it may take to stop, and the machine may be busy with other tests. A run ends with
// what it finds.
describe('a short run', { timeout: 120_000 }, () => {
  it.each(WAYS)('finds nothing with a lock of kind %s, %s', async (lock, addon) => {
    const { status, signal, stdout, stderr } = await stress(
      '--seconds',
      GATHERINGS.has(lock) ? '10' : '5',
      '--lock',
      lock,
      '--patience',
      '3',
      ...flagsOf(addon),
    );
    expect({ status, signal, stderr }, stdout).toEqual({ status: 0, signal: null, stderr: '' });
    expect(stdout).toMatch(/^seed \d+/);
    expect(stdout).toContain(addon === 'with the addon' ? 'addon loaded' : 'addon forbidden');
    expect(stdout).toMatch(/ended: \d/);
    expect(stdout).toMatch(/workers: [1-9]\d* with the package, [1-9]\d* with a copy of it/);
  });

  it.each(WAYS)('finds that wake-ups are lost, with a lock of kind %s, %s', async (lock, addon) => {
    const { status, signal, stdout, stderr } = await stress(
      '--seconds',
      '60',
      '--workers',
      '4',
      '--lock',
      lock,
      '--plant',
      'lost-wake',
      ...flagsOf(addon),
    );
    expect({ status, signal }, stdout).toEqual({ status: 1, signal: null });
    expect(stderr).toMatch(new RegExp(`^${lock}: standstill: .* waits?\\b.*; its words: `));
    expect(stderr).toContain('the last events:');
  });
});
