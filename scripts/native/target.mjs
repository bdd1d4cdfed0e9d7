// SPDX-License-Identifier: MIT
// The addon's target as binding.gyp describes it, for the scripts that compile without node-gyp,
// and what node-gyp would add to it. binding.gyp owns sources and flags; what is not understood
// here is an error, so that the ways to build cannot drift apart in silence.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { headersFolder, includeFolder } from './headers.mjs';

/** The project's folder, which the paths in binding.gyp start from. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * What node-gyp adds by itself to every target on Linux: Node's common.gypi, as far as code depends
 * on it.
 */
export const NODE_FLAGS = ['-O3', '-fPIC', '-fno-omit-frame-pointer'];
export const NODE_FLAGS_CXX = ['-std=gnu++17', '-fno-rtti', '-fno-exceptions'];

/**
 * Node-API's headers; node-gyp takes those of the running Node.
 * @param {string} [folder] the project's
 * @returns {string} a folder
 */
export const nodeHeaders = (folder = root) => includeFolder('node-api-headers', folder);

/**
 * What is read from the target in binding.gyp. Anything else in it would be ignored here, so it is
 * an error.
 */
const KEYS = /** @type {const} */ ([
  'sources',
  'include_dirs',
  'defines',
  'cflags',
  'cflags_c',
  'cflags_cc',
  'ldflags',
  'libraries',
]);

/** @typedef {{ name: string } & Record<(typeof KEYS)[number], string[]>} Target */

/**
 * A published package has its binding.gyp in native/: package managers compile whatever has one at
 * its top, or warn that they did not.
 */
export const PUBLISHED = 'native/binding.gyp';

/** @param {string} [folder] the project's @returns {Target} */
export function readTarget(folder = root) {
  const path = ['binding.gyp', PUBLISHED]
    .map((name) => join(folder, name))
    .find((name) => existsSync(name));
  if (path === undefined) throw new Error(`There is no binding.gyp in ${folder}.`);
  const [target, ...others] = JSON.parse(readFileSync(path, 'utf8')).targets;
  if (others.length > 0)
    throw new Error(
      'binding.gyp has more than one target: scripts/native/ knows what to do with one.',
    );
  const { target_name: name, ...rest } = target;
  const unknown = Object.keys(rest).filter((key) => !KEYS.some((known) => known === key));
  if (unknown.length > 0)
    throw new Error(
      `binding.gyp has ${unknown.join(', ')}, which scripts/native/ would ignore: teach it.`,
    );
  const entries = KEYS.map((key) => [
    key,
    (rest[key] ?? []).map((/** @type {string} */ value) => expand(value, folder)),
  ]);
  return { name, ...Object.fromEntries(entries) };
}

/**
 * @param {string} value of binding.gyp
 * @param {string} folder
 * @returns {string} with a command in `<!(...)` replaced by what it prints
 */
function expand(value, folder) {
  const command = /^<!\((.*)\)$/.exec(value)?.[1];
  if (command === undefined) return value;
  // The `node` it calls is this one, in PATH or not, and without what the user's own programs load
  // first: that may not be found from here, may print, or may resolve packages in another way.
  const env = {
    ...process.env,
    NODE_OPTIONS: undefined,
    // In the installed package, what it requires is there.
    NODE_PATH: headersFolder(folder),
    PATH: [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter),
  };
  return execFileSync('sh', ['-c', command], { cwd: folder, env, encoding: 'utf8' }).trim();
}
