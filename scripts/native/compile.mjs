// The steps from the target's sources to an addon, with whichever compilers: this host's own or a cross compiler. A step
// that fails throws, and its error carries the command and what the compiler said.

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
 * Runs a command in the project's folder.
 * @param {readonly string[]} words
 * @param {string} [step] what it does, for the error
 * @returns {string} its output
 */
export function run(words, step = `running ${words[0]}`) {
  const [command = '', ...args] = words;
  const { status, signal, stdout, stderr, error } = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 });
  if (status === 0) return stdout;
  const said = error?.message ?? `${stderr}${stdout}${signal === null ? '' : `ended by ${signal}`}`;
  throw new Error(`${step} failed:\n${words.join(' ')}\n${said}`.trimEnd());
}

/**
 * @param {Target} target
 * @param {Compilers} compilers
 * @param {string} source
 * @param {string} folder
 * @returns {string} the object file, in that folder
 */
export function compileSource(target, compilers, source, folder) {
  const object = join(folder, `${basename(source)}.o`);
  const headers = [nodeHeaders(target.modules), ...target.include_dirs].map((path) => `-I${path}`);
  const defines = target.defines.map((name) => `-D${name}`);
  const [compiler, flags] = source.endsWith('.c')
    ? [compilers.c, target.cflags_c]
    : [compilers.cxx, [...NODE_FLAGS_CXX, ...target.cflags_cc]];
  const words = [...compiler, ...headers, ...defines, ...NODE_FLAGS, ...target.cflags, ...flags, '-c', source, '-o', object];
  run(words, `compiling ${source}`);
  return object;
}

/**
 * @param {Target} target
 * @param {Compilers} compilers
 * @param {string} folder for what is made
 * @returns {string} the addon, in that folder
 */
export function compileAddon(target, compilers, folder) {
  const objects = target.sources.map((source) => compileSource(target, compilers, source, folder));
  const addon = join(folder, `${target.name}.node`);
  run([...compilers.cxx, '-shared', ...target.ldflags, ...objects, '-o', addon, ...target.libraries], `linking ${target.name}.node`);
  return addon;
}
