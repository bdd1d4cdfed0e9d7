// SPDX-License-Identifier: MIT
// Bundlers, tracers, test runners and runtimes that the package is tried with, at the versions of
// tools/package-lock.json. They are installed into build/, once for each list, so that `npm ci`
// need not bring 400 packages for one command.

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from '../native/target.mjs';

const source = fileURLToPath(new URL('tools', import.meta.url));
const LOCK = 'package-lock.json';
const folder = join(root, 'build/package-tools');

/** @returns {string} the folder they are in */
export function installTools() {
  const lock = readFileSync(join(source, LOCK), 'utf8');
  const isInstalled =
    existsSync(join(folder, 'node_modules/.package-lock.json')) &&
    readFileSync(join(folder, LOCK), 'utf8') === lock;
  if (!isInstalled) rmSync(folder, { recursive: true, force: true });
  for (const name of readdirSync(source).filter((name) => name !== 'node_modules'))
    cpSync(join(source, name), join(folder, name));
  if (isInstalled) return folder;
  const { status, stdout, stderr } = spawnSync(
    'npm',
    ['ci', '--ignore-scripts', '--no-audit', '--no-fund'],
    { cwd: folder, encoding: 'utf8' },
  );
  if (status !== 0)
    throw new Error(`The tools for test:package could not be installed:\n${stdout}${stderr}`);
  return folder;
}

/**
 * A program of one of the tools.
 * @param {string} program
 * @param {string} [packageName] default: called the same
 * @returns {string[]} a command
 */
export function tool(program, packageName = program) {
  const path = join(folder, 'node_modules', packageName);
  const { bin } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
  return [process.execPath, join(path, typeof bin === 'string' ? bin : bin[program])];
}

/** One of the scripts in tools/. @param {string} name */
export const script = (name) => [process.execPath, join(folder, name)];

/**
 * The program of a runtime that npm brings for this platform; null: it brings none.
 * @param {'deno' | 'bun'} runtime
 */
export function findRuntime(runtime) {
  const [scope, name] = runtime === 'deno' ? ['@deno', 'deno'] : ['@oven', 'bin/bun'];
  const packages = join(folder, 'node_modules', scope);
  if (!existsSync(packages)) return null;
  return (
    readdirSync(packages)
      .map((found) => join(packages, found, name))
      .find((path) => existsSync(path)) ?? null
  );
}
