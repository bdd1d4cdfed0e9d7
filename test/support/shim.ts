// SPDX-License-Identifier: MIT
/**
 * The shim's test program: how it is compiled, as the addon's own sources are,
 * and how its output is read. It runs on the host and in guests.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

interface Target {
  readonly sources: readonly string[];
  readonly cflags: readonly string[];
  readonly cflags_c: readonly string[];
  readonly libraries: readonly string[];
}
const { targets } = JSON.parse(readFileSync(join(root, 'binding.gyp'), 'utf8')) as {
  targets: [Target];
};
const [target] = targets;
export const shim: readonly string[] = target.sources
  .filter((file) => file.endsWith('.c'))
  .map((file) => join(root, file));
/** Where the public headers are. */
export const include: string = join(root, 'native/include');

/** Without the programs that are compiled for themselves. */
export const suite: readonly string[] = readdirSync(join(root, 'native/test'))
  .filter((file) => file.endsWith('.c') && !/_(check|exec)\.c$/.test(file))
  .map((file) => join(root, 'native/test', file));

/** @returns why there is no program; undefined when there is. */
export function compileShim(
  path: string,
  flags: readonly string[],
  sources: readonly string[],
): string | undefined {
  const all = [
    ...target.cflags,
    ...target.cflags_c,
    '-Werror',
    '-g',
    '-O2',
    '-pthread',
    '-I',
    include,
    ...flags,
  ];
  const { error, status, stderr } = spawnSync(
    'cc',
    [...all, ...sources, '-o', path, ...target.libraries],
    {
      encoding: 'utf8',
    },
  );
  return error?.message ?? (status === 0 ? undefined : stderr);
}

export interface Case {
  readonly result: string;
  readonly name: string;
  readonly reason: string;
}

/** What the program printed: its cases, and how many it said it had. */
export function readCases(stdout: string): {
  readonly announced: number;
  readonly cases: readonly Case[];
} {
  const cases = stdout.split('\n').flatMap((line) => {
    const [, result = '', name = '', reason = ''] =
      /^(ok|not ok|SKIP) ([^:]+)(?:: (.*))?$/.exec(line) ?? [];
    return name === '' ? [] : [{ result, name, reason }];
  });
  return { announced: Number(/^1\.\.(\d+)$/m.exec(stdout)?.[1]), cases };
}
