// SPDX-License-Identifier: MIT
// The command `npm run lint:native`: the layout of the C and C++ sources as .clang-format says, and
// clang-tidy over those that CMake compiles as .clang-tidy says. `npm run format` lays them out.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { configureWithCMake } from './native/cmake.mjs';
import { root } from './native/target.mjs';
import { readFlags } from './read-flags.mjs';
import { findCommand } from '../packages/vm/lib/guest/packages.mjs';

const HELP = `Looks through the C and C++ sources with clang-format and clang-tidy.

  node scripts/lint-native.mjs [options]

  --format   lays them out as .clang-format says, and does nothing else
  --help     this text

Exit codes: 0 nothing was found, 1 something was, or a program is missing; 2 wrong usage.
`;

const folder = join(root, 'build/cmake');

/** Headers in the shapes of other projects stay as those have them. */
const SOURCES = ['*.c', '*.h', '*.cc', ':!test/fixtures/shapes'];

/** @param {readonly string[]} commands that must be in PATH */
function requireCommands(...commands) {
  const missing = commands.find((command) => findCommand(command) === null);
  if (missing === undefined) return;
  throw new Error(
    `There is no ${missing} in PATH. On Debian, as root: apt-get install git clang-format clang-tidy`,
  );
}

/**
 * @param {readonly string[]} how what clang-format is to do with a source
 * @returns {number} the exit code
 */
function format(...how) {
  requireCommands('git', 'clang-format');
  const listed = spawnSync('git', ['ls-files', '-z', ...SOURCES], { cwd: root, encoding: 'utf8' });
  const sources = listed.stdout.split('\0').filter((name) => name !== '');
  if (sources.length === 0) throw new Error('git lists no C sources here.');
  const { status } = spawnSync('clang-format', [...how, ...sources], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) console.error('Run npm run format.');
  return status === 0 ? 0 : 1;
}

/** @returns {number} the exit code */
function tidy() {
  requireCommands('clang-tidy', 'run-clang-tidy');
  configureWithCMake(folder);
  const commands = JSON.parse(readFileSync(join(folder, 'compile_commands.json'), 'utf8'));
  const { size } = new Set(commands.map((/** @type {{ file: string }} */ { file }) => file));
  const { status, error, stdout, stderr } = spawnSync('run-clang-tidy', ['-quiet', '-p', folder], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  if (status === 0) console.log(`clang-tidy finds nothing in ${size} sources.`);
  else console.error(error?.message ?? `${stdout}${stderr}`);
  return status === 0 ? 0 : 1;
}

/** @param {boolean} isToFormat @returns {number} the exit code */
function lint(isToFormat) {
  try {
    return isToFormat ? format('-i') : Math.max(format('--dry-run', '-Werror'), tidy());
  } catch (error) {
    console.error(`lint-native: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

const flags = readFlags('lint-native', HELP, 'format');
if (flags !== null) process.exitCode = lint(flags.format);
