// SPDX-License-Identifier: MIT
// Configures and builds a kernel and its own slice selftest in a tree that is already there. It
// knows nothing of caches.

import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { missingOptions, parseConfig } from './config.mjs';
import { runLogged } from './run-logged.mjs';

/**
 * @typedef {{ log: string, progress: import('./progress.mjs').Progress, jobs?: number }}
 * BuildOptions
 */

/** Who and when would make two builds of one source differ. */
const BUILD_ENVIRONMENT = {
  KBUILD_BUILD_USER: 'rseq-slice',
  KBUILD_BUILD_HOST: 'rseq-slice',
  KBUILD_BUILD_TIMESTAMP: 'Thu Jan 1 00:00:00 UTC 1970',
  LC_ALL: 'C',
};

/**
 * @param {string} tree
 * @param {readonly string[]} targets
 * @param {BuildOptions} options
 * @returns {Promise<void>}
 */
async function make(tree, targets, { log, progress, jobs = availableParallelism() }) {
  // A MAKEFLAGS of a make or npm around us would turn into options of the kernel's make.
  const {
    MAKEFLAGS: _flags,
    MAKELEVEL: _level,
    ARCH: _arch,
    CROSS_COMPILE: _cross,
    ...env
  } = process.env;
  await runLogged('make', [`-j${jobs}`, 'ARCH=x86_64', ...targets], {
    cwd: tree,
    log,
    progress,
    env: { ...env, ...BUILD_ENVIRONMENT },
  });
}

/**
 * Applies a flavour's edits. Throws, naming the edit and the file, when one of them finds nothing
 * to change.
 * @param {string} tree
 * @param {readonly import('./edits.mjs').Edit[]} edits
 * @returns {void}
 */
export function applyEdits(tree, edits) {
  for (const edit of edits) {
    const path = join(tree, edit.file);
    if (!existsSync(path))
      throw new Error(
        `The edit '${edit.name}' wants to change ${edit.file}, which this source has not got.`,
      );
    const before = readFileSync(path, 'utf8');
    const after = edit.apply(before);
    if (after === before)
      throw new Error(
        `The edit '${edit.name}' changed nothing in ${edit.file}: this source needs another edit.`,
      );
    writeFileSync(path, after);
  }
}

/**
 * tinyconfig plus our fragment plus a flavour's own lines, read back: throws when the kernel would
 * come out without something that was asked for.
 * @param {string} tree
 * @param {string} fragment path
 * @param {readonly string[]} own
 * @param {BuildOptions} options
 * @returns {Promise<void>}
 */
export async function configure(tree, fragment, own, options) {
  options.progress.step('configuring');
  await make(tree, ['tinyconfig'], options);
  const lines = join(tree, '.rseq-slice-config');
  writeFileSync(lines, own.map((line) => `${line}\n`).join(''));
  await runLogged('scripts/kconfig/merge_config.sh', ['-m', '.config', fragment, lines], {
    cwd: tree,
    log: options.log,
  });
  await make(tree, ['olddefconfig'], options);
  const got = readFileSync(join(tree, '.config'), 'utf8');
  const theirs = parseConfig(readFileSync(lines, 'utf8'));
  const asked = [...parseConfig(readFileSync(fragment, 'utf8'))]
    .filter(([name]) => !theirs.has(name))
    .map(([name, value]) => `${name}=${value}`);
  const missing = missingOptions(asked.join('\n'), got);
  // What a flavour asks for is its point, so here 'off' counts too.
  for (const [name, value] of theirs) {
    const actual = parseConfig(got).get(name) ?? 'n';
    if (actual !== value) missing.push(`${name}: asked for ${value}, got ${actual}`);
  }
  if (missing.length > 0) {
    throw new Error(
      `This kernel cannot be configured as packages/vm/lib/kernel/fragment.config asks:\n  ${missing.join('\n  ')}\n` +
        'Either the source is too old (7.0 has the first time slice extension) or an option lost something it depends on.',
    );
  }
}

/**
 * Makes the tools of a copied tree again without making them look new. Their rules hold absolute
 * paths, so make builds them again wherever a tree is copied to, and every object file depends on
 * objtool: all of the kernel would follow.
 * @param {string} tree a copy of a built tree
 * @param {BuildOptions} options
 * @returns {Promise<void>}
 */
export async function settleTools(tree, options) {
  options.progress.step('settling the tools of the copied tree');
  const tools = join(tree, 'tools', 'objtool');
  const before = join(tree, '.rseq-slice-before');
  await runLogged('touch', ['--reference', join(tools, 'objtool'), before], { log: options.log });
  await make(tree, ['prepare'], options);
  await runLogged(
    'find',
    [tools, '-newer', before, '-exec', 'touch', '--reference', before, '{}', '+'],
    { log: options.log },
  );
}

/**
 * @param {string} tree
 * @param {BuildOptions} options
 * @param {number} [objects] how many that is likely to be
 * @returns {Promise<string>} the image
 */
export async function buildImage(tree, options, objects) {
  options.progress.step('building', objects);
  await make(tree, ['bzImage'], options);
  return join(tree, 'arch', 'x86', 'boot', 'bzImage');
}

/**
 * Builds the kernel's own slice_test against the tree's headers, static so that it runs on any root
 * file system.
 * @param {string} tree
 * @param {string} output path of the program
 * @param {BuildOptions} options
 * @returns {Promise<void>}
 */
export async function buildSliceTest(tree, output, options) {
  options.progress.step("building the kernel's slice_test");
  await make(tree, ['headers'], options);
  const tests = join(tree, 'tools', 'testing', 'selftests');
  const includes = [
    join(tree, 'usr', 'include'),
    join(tree, 'tools', 'include'),
    join(tests, 'rseq'),
    tests,
  ];
  const args = ['-O2', '-static', '-w', ...includes.flatMap((path) => ['-I', path]), '-o', output];
  await runLogged(
    'gcc',
    [
      ...args,
      join(tests, 'rseq', 'slice_test.c'),
      join(tests, 'rseq', 'rseq.c'),
      '-lpthread',
      '-ldl',
    ],
    options,
  );
}

/**
 * @param {string} tree
 * @param {BuildOptions} options
 * @returns {Promise<string>} `make kernelversion`
 */
export async function kernelVersion(tree, options) {
  const file = join(tree, '.rseq-slice-version');
  await runLogged('sh', ['-c', 'make -s kernelversion >"$1"', 'sh', file], {
    cwd: tree,
    log: options.log,
  });
  return readFileSync(file, 'utf8').trim();
}

/**
 * Copies what is worth keeping of a built tree next to the image.
 * @param {string} tree
 * @param {string} image
 * @param {string} entry
 * @returns {void}
 */
export function keepResults(tree, image, entry) {
  mkdirSync(entry, { recursive: true });
  copyFileSync(image, join(entry, 'bzImage'));
  copyFileSync(join(tree, '.config'), join(entry, '.config'));
}
