// SPDX-License-Identifier: MIT
// The command `npm run lint:native`: clang-tidy over every source that CMake compiles, as .clang-tidy says.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { configureWithCMake } from './native/cmake.mjs';
import { root } from './native/target.mjs';
import { findCommand } from './vm/packages.mjs';

const folder = join(root, 'build/cmake');

/** @returns {number} the exit code */
function main() {
  const missing = ['clang-tidy', 'run-clang-tidy'].find((command) => findCommand(command) === null);
  if (missing !== undefined) throw new Error(`There is no ${missing} in PATH. On Debian, as root: apt-get install clang-tidy`);
  configureWithCMake(folder);
  const commands = JSON.parse(readFileSync(join(folder, 'compile_commands.json'), 'utf8'));
  const { size } = new Set(commands.map((/** @type {{ file: string }} */ { file }) => file));
  const { status, error, stdout, stderr } = spawnSync('run-clang-tidy', ['-quiet', '-p', folder], { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 });
  if (status === 0) console.log(`clang-tidy finds nothing in ${size} sources.`);
  else console.error(error?.message ?? `${stdout}${stderr}`);
  return status === 0 ? 0 : 1;
}

try {
  process.exitCode = main();
} catch (error) {
  console.error(`lint-native: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
