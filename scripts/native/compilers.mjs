// SPDX-License-Identifier: MIT
// Which of this host's compilers to take: $CC and $CXX, else the first there is. A command counts
// as there when it runs: a version manager's stand-in for a program it does not have is in PATH
// too.

import { spawnSync } from 'node:child_process';

/** @typedef {import('./compile.mjs').Compilers} Compilers */

const C = ['cc', 'gcc', 'clang'];
const CXX = ['c++', 'g++', 'clang++'];

/** @param {readonly string[]} words of a command @returns {boolean} */
export function isThere([command = '', ...args]) {
  return spawnSync(command, [...args, '--version'], { stdio: 'ignore' }).status === 0;
}

/**
 * @param {string} variable of the environment
 * @param {readonly string[]} names
 * @returns {string[] | undefined} a command's words
 */
function choose(variable, names) {
  // As make has it: the value may carry arguments, as in `ccache gcc`.
  const words = (process.env[variable] ?? '').split(/\s+/).filter((word) => word !== '');
  if (words.length === 0) return names.map((name) => [name]).find(isThere);
  if (isThere(words)) return words;
  throw new Error(
    `$${variable} is '${words.join(' ')}', and that does not run. Unset it, or name a compiler that is in PATH.`,
  );
}

/** @returns {Compilers} */
export function findCompilers() {
  const cxx = choose('CXX', CXX);
  if (cxx === undefined) {
    throw new Error(
      `There is no C++ compiler: no ${CXX.join(', ')} in PATH. On Debian, as root: apt-get install g++`,
    );
  }
  // A C++ compiler that comes alone compiles C when it is told that it is C.
  return { c: choose('CC', C) ?? [...cxx, '-x', 'c'], cxx };
}
