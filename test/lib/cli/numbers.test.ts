// SPDX-License-Identifier: MIT
/**
 * Every option of the command line that takes a number refuses what is none, or far too much, and
 * nothing is done.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { share } from '../../support/share.ts';

const program = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));

/** Each with those that may be fractions. */
const OPTIONS: readonly [
  command: readonly string[],
  option: string,
  mayBeFraction?: 'fractions too',
][] = [
  [['demo'], 'workers'],
  [['demo'], 'seconds', 'fractions too'],
  [['bench'], 'rounds'],
  [['bench', 'sections'], 'rounds'],
  [['bench', 'sections'], 'batch', 'fractions too'],
  [['bench', 'locks'], 'rounds'],
  [['bench', 'locks'], 'workers'],
  [['bench', 'locks'], 'section', 'fractions too'],
  [['bench', 'locks'], 'gap', 'fractions too'],
  [['bench', 'locks'], 'seconds', 'fractions too'],
  [['bench', 'locks'], 'warm', 'fractions too'],
  [['bench', 'locks'], 'sample'],
  [['trace'], 'every'],
  [['trace'], 'events'],
];

const CASES = OPTIONS.map(
  ([command, option, mayBeFraction], index) => [command, option, mayBeFraction, index] as const,
);

describe.each(CASES)('%j --%s', (command, option, mayBeFraction, index) => {
  const fractions = mayBeFraction === undefined ? ['15.5'] : [];
  const operands = command[0] === 'trace' ? ['--', process.execPath, '-v'] : [];

  // A value for each, by turns.
  it.each(
    share(['NaN', '-1', 'Infinity', '1e300', '9007199254740993', ...fractions], {
      every: 6,
      first: index % 5,
    }),
  )('refuses %s', (value) => {
    const words = [...command, `--${option}=${value}`, ...operands];
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, [program, ...words], {
      encoding: 'utf8',
      timeout: 10_000,
      killSignal: 'SIGKILL',
    });
    expect({ status, signal, stdout }).toEqual({ status: 2, signal: null, stdout: '' });
    expect(stderr).toContain(`--${option} wants `);
  });
});
