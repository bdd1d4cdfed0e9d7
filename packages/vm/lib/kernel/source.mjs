// SPDX-License-Identifier: MIT
// Turns what the user gave (nothing, a tarball, a tree) into a source with an identity, which goes
// into the cache key, and into a tree that may be written to, which is what a build wants.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { downloadDebianSource, downloadedTarball, PINNED } from './debian.mjs';
import { runLogged } from './run-logged.mjs';

/**
 * @typedef {object} Source
 * @property {string} identity changes when the source does; part of the cache key
 * @property {string} description for people
 * @property {'tarball' | 'directory'} kind
 * @property {() => string} locate gives the tarball or directory, downloading it when needed
 */

/**
 * Files of the tree that an x86 build never opens, as tar patterns: headers of one graphics driver
 * and the code of other architectures, together nearly half a gigabyte that would be unpacked,
 * copied for each flavour and kept. Their Kconfig files stay, because those of x86 include some of
 * them.
 */
export const NEVER_UNPACKED = [
  '*/drivers/gpu/drm/amd/include/*',
  ...otherArchitectures().flatMap((name) => [`*/arch/${name}/*.[chS]`, `*/arch/${name}/*.dts*`]),
];

/** @returns {string[]} */
function otherArchitectures() {
  return 'alpha arc arm arm64 csky hexagon loongarch m68k microblaze mips nios2 openrisc parisc powerpc riscv s390 sh sparc xtensa'.split(
    ' ',
  );
}

/**
 * Whether one is cached is asked often and has to be answered without a network, so the version
 * found the last time is remembered; it stays the answer until the pinned version in this project
 * changes.
 * @param {string} cache
 * @returns {string}
 */
function rememberedVersion(cache) {
  const file = join(cache, 'sources', `instead-of-${PINNED.version}`);
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : PINNED.version;
}

/**
 * @param {string} cache
 * @param {(message: string) => void} say
 * @returns {Source}
 */
function debianSource(cache, say) {
  const version = rememberedVersion(cache);
  const source = {
    identity: `debian ${version}`,
    description: `Debian's linux-source ${version}`,
    kind: /** @type {const} */ ('tarball'),
    locate() {
      const present = downloadedTarball(cache, version);
      if (present !== null) return present;
      const got = downloadDebianSource(cache, say);
      if (got.version !== version) {
        mkdirSync(join(cache, 'sources'), { recursive: true });
        writeFileSync(join(cache, 'sources', `instead-of-${PINNED.version}`), `${got.version}\n`);
        // The key depends on the version, and this build was begun under another one.
        source.identity = `debian ${got.version}`;
        source.description = `Debian's linux-source ${got.version}`;
      }
      return got.tarball;
    },
  };
  return source;
}

/**
 * @param {string} directory
 * @returns {string} a checksum over the names, sizes and times of the files of a tree: reading them
 * all would take minutes
 */
function treeFingerprint(directory) {
  const find = spawnSync(
    'find',
    ['.', '-name', '.git', '-prune', '-o', '-type', 'f', '-printf', '%p %s %T@\\n'],
    {
      cwd: directory,
      encoding: 'latin1',
      maxBuffer: 256 << 20,
    },
  );
  if (find.status !== 0)
    throw new Error(`The source tree ${directory} cannot be read: ${find.stderr.trim()}`);
  return createHash('sha256').update(find.stdout.split('\n').sort().join('\n')).digest('hex');
}

/**
 * @param {string | undefined} given a tarball or tree of the user's own, or nothing for Debian's
 * @param {string} cache
 * @param {(message: string) => void} say
 * @returns {Source}
 */
export function openSource(given, cache, say) {
  if (given === undefined) return debianSource(cache, say);
  const path = resolve(given);
  if (!existsSync(path))
    throw new Error(
      `There is no kernel source at ${path}. --source wants a tarball or a source tree.`,
    );
  if (statSync(path).isDirectory()) {
    if (!existsSync(join(path, 'kernel', 'rseq.c'))) {
      throw new Error(`${path} does not look like a kernel source tree: it has no kernel/rseq.c.`);
    }
    return {
      identity: `tree ${treeFingerprint(path)}`,
      description: `the tree ${path}`,
      kind: 'directory',
      locate: () => path,
    };
  }
  const checksum = createHash('sha256').update(readFileSync(path)).digest('hex');
  return {
    identity: `tarball ${checksum}`,
    description: `the tarball ${path}`,
    kind: 'tarball',
    locate: () => path,
  };
}

/**
 * Puts a source where it may be written to: a tarball is unpacked, a tree is copied, for the user's
 * own stays untouched.
 * @param {Source} source
 * @param {string} tree folder to create
 * @param {{ log: string, progress: import('./progress.mjs').Progress }} options
 * @returns {Promise<void>}
 */
export async function unpackSource(source, tree, { log, progress }) {
  const from = source.locate();
  mkdirSync(tree, { recursive: true });
  if (source.kind === 'directory') {
    progress.step(`copying ${from}`);
    await runLogged(
      'tar',
      ['--create', '--file', `${tree}.tar`, '--exclude-vcs', '--directory', from, '.'],
      { log, progress },
    );
    await runLogged('tar', ['--extract', '--file', `${tree}.tar`, '--directory', tree], {
      log,
      progress,
    });
    await runLogged('rm', [`${tree}.tar`], { log });
    // Left-overs of the user's own build would decide about ours.
    await runLogged('make', ['mrproper'], { cwd: tree, log, progress });
    return;
  }
  progress.step(`unpacking ${source.description}`);
  const excludes = NEVER_UNPACKED.map((pattern) => `--exclude=${pattern}`);
  await runLogged(
    'tar',
    ['--extract', '--file', from, '--strip-components=1', '--directory', tree, ...excludes],
    {
      log,
      progress,
      env: { ...process.env, XZ_DEFAULTS: '--threads=0' },
    },
  );
}
