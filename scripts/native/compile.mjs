// SPDX-License-Identifier: MIT
// The steps from the target's sources to an addon, with whichever compilers: this host's own or a
// cross compiler. A step that fails throws, and its error carries the command and what the compiler
// said.

import { spawnSync } from 'node:child_process';
import { basename, join } from 'node:path';
import { NODE_FLAGS, NODE_FLAGS_CXX, nodeHeaders, root } from './target.mjs';

/** @typedef {import('./target.mjs').Target} Target */

/**
 * Commands with their first arguments.
 * @typedef {object} Compilers
 * @property {readonly string[]} c
 * @property {readonly string[]} cxx also links
 */

/**
 * @param {readonly string[]} words
 * @param {string} [step] what it does, for the error
 * @param {string} [cwd] default: the project's folder
 * @returns {string} its output
 */
export function run(words, step = `running ${words[0]}`, cwd = root) {
  const [command = '', ...args] = words;
  const { status, signal, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  if (status === 0) return stdout;
  const said = error?.message ?? `${stderr}${stdout}${signal === null ? '' : `ended by ${signal}`}`;
  throw new Error(`${step} failed:\n${words.join(' ')}\n${said}`.trimEnd());
}

/**
 * @param {Target} target
 * @param {Compilers} compilers
 * @param {string} source
 * @param {string} folder
 * @param {string} [project] where the sources are
 * @returns {string} the object file, in that folder
 */
export function compileSource(target, compilers, source, folder, project = root) {
  const object = join(folder, `${basename(source)}.o`);
  const headers = [nodeHeaders(project), ...target.include_dirs].map((path) => `-I${path}`);
  const defines = target.defines.map((name) => `-D${name}`);
  const [compiler, flags] = source.endsWith('.c')
    ? [compilers.c, target.cflags_c]
    : [compilers.cxx, [...NODE_FLAGS_CXX, ...target.cflags_cc]];
  const words = [
    ...compiler,
    ...headers,
    ...defines,
    ...NODE_FLAGS,
    ...target.cflags,
    ...flags,
    '-c',
    source,
    '-o',
    object,
  ];
  run(words, `compiling ${source}`, project);
  return object;
}

/**
 * @param {Target} target
 * @param {Compilers} compilers
 * @param {string} folder for what is made
 * @param {string} [project] where the sources are
 * @returns {string} the addon, in that folder
 */
export function compileAddon(target, compilers, folder, project = root) {
  const objects = target.sources.map((source) =>
    compileSource(target, compilers, source, folder, project),
  );
  const addon = join(folder, `${target.name}.node`);
  run(
    [...compilers.cxx, '-shared', ...target.ldflags, ...objects, '-o', addon, ...target.libraries],
    `linking ${target.name}.node`,
  );
  return addon;
}
