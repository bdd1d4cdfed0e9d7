#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// The command `rseq-slice-vm`: runs a command in a guest, makes the kernels that guests boot, or
// says what of all that this machine has.
// `rseq-slice vm` calls the same function where both packages are installed.

import { existsSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runDoctor } from './doctor/command.mjs';
import { run } from './guest/run.mjs';
import { buildKernel } from './kernel/command.mjs';

/**
 * @param {readonly string[]} argv the words behind the program's name
 * @returns {Promise<number>} the exit code
 */
export async function main(argv) {
  const [word, ...rest] = argv;
  if (word === 'kernel') return buildKernel(rest);
  return word === 'doctor' ? runDoctor(rest) : run(argv);
}

/** Whether Node was started with this file, also by a link to it. */
function isProgram() {
  const [, program] = process.argv;
  // With `node -e` that may be any word.
  if (program === undefined || !existsSync(program)) return false;
  return realpathSync(program) === fileURLToPath(import.meta.url);
}

if (isProgram()) process.exitCode = await main(process.argv.slice(2));
