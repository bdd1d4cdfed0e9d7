// SPDX-License-Identifier: MIT
/** What the short and the long tests of the command `bench` have in common. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

export const program: string = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function bench(args: readonly string[], env: NodeJS.ProcessEnv = {}): Ended {
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    [program, 'bench', ...args],
    { encoding: 'utf8', env: { ...process.env, ...env } },
  );
  return { status, signal, stdout, stderr };
}

export const SHORT_SECTIONS: readonly string[] = ['--rounds', '15', '--batch', '0.2'];
export const SHORT_LOCKS: readonly string[] = [
  '--workers',
  '2',
  '--lock',
  'mutex',
  '--slices',
  'off',
  '--seconds',
  '0.2',
  '--warm',
  '0.05',
];

/** A copy with one value changed. */
export function broken(record: object, path: readonly string[], value: unknown): unknown {
  const copy = structuredClone(record) as Record<string, unknown>;
  const last = path.at(-1) ?? '';
  const at = path
    .slice(0, -1)
    .reduce<Record<string, unknown>>((part, name) => part[name] as Record<string, unknown>, copy);
  expect(at, path.join('.')).toHaveProperty([last]);
  if (value === undefined) Reflect.deleteProperty(at, last);
  else at[last] = value;
  return copy;
}
