// SPDX-License-Identifier: MIT
// Builds and tests with CMake, by way of cmake-js. CMakeLists.txt says what is built; here is how
// it is called.

import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { isThere } from './compilers.mjs';
import { root } from './target.mjs';

/**
 * @param {'configure' | 'compile'} command of cmake-js
 * @param {string} folder for what is made
 * @param {Readonly<Record<string, string>>} variables of CMakeLists.txt
 */
function callCMakeJs(command, folder, variables) {
  if (!isThere(['cmake']))
    throw new Error(
      'There is no cmake in PATH. On Debian, as root: apt-get install cmake make g++',
    );
  const cmakeJs = createRequire(import.meta.url).resolve('cmake-js/bin/cmake-js');
  const options = Object.entries(variables).map(([name, value]) => `--CD${name}=${value}`);
  const { status, error, stdout, stderr } = spawnSync(
    process.execPath,
    [cmakeJs, command, '--out', folder, ...options],
    {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: undefined },
      maxBuffer: 64 << 20,
    },
  );
  if (status !== 0)
    throw new Error(
      `cmake-js ${command} in ${folder} failed:\n${error?.message ?? stdout + stderr}`,
    );
}

/**
 * Makes compile_commands.json, and nothing else.
 * @param {string} folder
 */
export function configureWithCMake(folder) {
  callCMakeJs('configure', folder, {});
}

/**
 * @param {string} folder for what is made; the addon is in its folder Release
 * @param {Readonly<Record<string, string>>} [variables] of CMakeLists.txt
 */
export function buildWithCMake(folder, variables = {}) {
  callCMakeJs('compile', folder, variables);
}

/**
 * Runs the C tests, with what a failing one prints.
 * @param {string} folder of the build
 * @param {readonly string[]} [prefix] a command to run ctest with
 * @returns {boolean} whether all passed
 */
export function runCTests(folder, prefix = []) {
  const [command = '', ...args] = [
    ...prefix,
    'ctest',
    '--test-dir',
    folder,
    '--output-on-failure',
    '--no-tests=error',
  ];
  return spawnSync(command, args, { stdio: 'inherit' }).status === 0;
}
