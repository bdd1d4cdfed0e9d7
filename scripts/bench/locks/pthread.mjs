// SPDX-License-Identifier: MIT
// The pthread locks: compiles pthread_loop.c against the shim and runs it, one process for each
// measurement, as it is with the locks in JavaScript.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readTarget, root } from '../../native/target.mjs';
import { runProgram } from '../../../packages/tools/dist/bench/locks/run-program.js';

const source = fileURLToPath(new URL('pthread_loop.c', import.meta.url));

/** Seconds; the calibration itself takes a fraction of one. */
const CALIBRATION_DEADLINE = 60;

/**
 * @param {string} folder where the program goes
 * @returns {string} its path; throws where it cannot be compiled
 */
export function compilePthreadLoop(folder) {
  const program = join(folder, 'pthread_loop');
  const shim = readTarget().sources.filter((file) => file.endsWith('.c'));
  const sources = [source, ...shim.map((file) => join(root, file))];
  const args = [
    '-O2',
    '-std=gnu11',
    '-Wall',
    '-Wextra',
    '-I',
    join(root, 'native/include'),
    '-o',
    program,
    ...sources,
    '-pthread',
    '-ldl',
  ];
  const { error, status, stderr } = spawnSync('cc', args, { encoding: 'utf8' });
  if (error !== undefined) throw new Error(`no C compiler: ${error.message}`);
  if (status !== 0) throw new Error(`pthread_loop.c does not compile:\n${stderr}`);
  return program;
}

/** @param {string} program @returns {Promise<number>} increments in a microsecond, in C */
async function measureSpeed(program) {
  const { unitsPerMicrosecond } = /** @type {{ unitsPerMicrosecond: number }} */ (
    await runProgram(program, ['calibrate'], CALIBRATION_DEADLINE)
  );
  return unitsPerMicrosecond;
}

/**
 * The program as the benchmark wants it.
 * @param {string | null} given compiled already
 * @returns {Promise<import('../../../packages/tools/lib/bench/locks/prepare.ts').LoopProgram>}
 */
export async function preparePthread(given) {
  let program = given;
  if (program === null) {
    const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-locks-'));
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    program = compilePthreadLoop(folder);
  }
  return {
    speed: await measureSpeed(program),
    run: (cell, deadline) => runCell(program, cell, deadline),
  };
}

/**
 * @param {string} program
 * @param {import('../../../packages/tools/lib/bench/locks/jobs.ts').CellJob} cell
 * @param {number} deadline seconds
 * @returns {Promise<import('../../../packages/tools/lib/bench/locks/cell.ts').Measured>}
 */
async function runCell(program, cell, deadline) {
  const { kind, slices, workers, units, gapUnits, seconds, warm, sample, inSection } = cell;
  const numbers = [workers, units, gapUnits, seconds, warm, sample, inSection ? 1 : 0].map(String);
  const measured = await runProgram(
    program,
    [kind === 'pthread-mutex' ? 'mutex' : 'spin', slices, ...numbers],
    deadline,
  );
  return /** @type {import('../../../packages/tools/lib/bench/locks/cell.ts').Measured} */ (
    measured
  );
}
