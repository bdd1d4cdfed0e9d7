// SPDX-License-Identifier: MIT
/**
 * Programs in processes of their own, whose exit code and signal count, and
 * second copies of the library for those that need one.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
export const programs: string = fileURLToPath(new URL('../worker/programs/', import.meta.url));
export const hasAddon: boolean = existsSync(join(root, 'build/Release/rseq_slice.node'));

/** Runs a command that must end well and say nothing on its standard error. @returns its output */
export function run(command: readonly string[], timeout = 110_000): string {
  const [file = '', ...rest] = command;
  const { status, signal, stdout, stderr } = spawnSync(file, rest, {
    encoding: 'utf8',
    env: { ...process.env, RSEQ_SLICE: '', NODE_OPTIONS: '' },
    timeout,
  });
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
  return stdout;
}

/** Runs one of the programs beside the worker tests. @returns what it printed, as JSON */
export function runProgram(
  name: string,
  rest: readonly string[] = [],
  flags: readonly string[] = [],
): unknown {
  return JSON.parse(run([process.execPath, ...flags, join(programs, name), ...rest]));
}

/**
 * A copy of the library with an addon of its own, in a folder that is there.
 * @returns its index.js
 */
export function copyLibrary(folder: string, name: string): string {
  const copy = mkdtempSync(join(folder, name));
  for (const part of ['dist', 'package.json'])
    cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  // A link would be the same addon.
  if (hasAddon)
    cpSync(
      join(root, 'build/Release/rseq_slice.node'),
      join(copy, 'build/Release/rseq_slice.node'),
      { recursive: true },
    );
  return join(copy, 'dist/index.js');
}
