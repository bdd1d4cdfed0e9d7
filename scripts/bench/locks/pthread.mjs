// The pthread locks: compiles pthread_loop.c against the shim and runs it, one process for each measurement, as it is
// with the locks in JavaScript.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readTarget, root } from '../../native/target.mjs';
import { runProgram } from './run-program.mjs';

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
  const args = ['-O2', '-std=gnu11', '-Wall', '-Wextra', '-I', join(root, 'native'), '-o', program, ...sources, '-pthread', '-ldl'];
  const { error, status, stderr } = spawnSync('cc', args, { encoding: 'utf8' });
  if (error !== undefined) throw new Error(`no C compiler: ${error.message}`);
  if (status !== 0) throw new Error(`pthread_loop.c does not compile:\n${stderr}`);
  return program;
}

/** @param {string} program @returns {Promise<number>} increments in a microsecond, in C */
export async function measurePthreadSpeed(program) {
  const { unitsPerMicrosecond } = await runProgram(program, ['calibrate'], CALIBRATION_DEADLINE);
  return unitsPerMicrosecond;
}

/**
 * @param {string} program
 * @param {import('./cell.mjs').CellJob} cell
 * @param {number} deadline seconds
 * @returns {Promise<import('./cell.mjs').Measured>}
 */
export function runPthreadCell(program, cell, deadline) {
  const { kind, slices, workers, units, gapUnits, seconds, warm, sample, inSection } = cell;
  const numbers = [workers, units, gapUnits, seconds, warm, sample, inSection ? 1 : 0].map(String);
  return runProgram(program, [kind === 'pthread-mutex' ? 'mutex' : 'spin', slices, ...numbers], deadline);
}
