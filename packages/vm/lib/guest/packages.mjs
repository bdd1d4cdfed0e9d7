// SPDX-License-Identifier: MIT
// Looks for the programs and headers the kernel build and the guest need, and installs the packages
// that bring them where that is possible (root on Debian). Presence is judged by the files
// themselves, so a machine that has everything pays nothing, and any other is told what to install,
// in the words of its package manager.

import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * @typedef {'source' | 'build' | 'run' | 'root' | 'musl' | 'neighbours'} Purpose
 * @typedef {object} Need
 * @property {readonly string[]} anyOf command names, or absolute paths of files, of which one must
 * be there
 * @property {string} debian the package that brings it on Debian
 * @property {Readonly<Partial<Record<'fedora' | 'arch' | 'alpine', string>>>} [elsewhere] where it
 * has another name than on Debian
 * @property {readonly Purpose[]} purposes
 *
 * @typedef {object} Manager of packages
 * @property {string} command
 * @property {string} system that has it
 * @property {string} install how it is told to
 * @property {(need: Need) => string} nameOf what it calls a package
 */

/** @type {readonly Manager[]} */
export const MANAGERS = [
  {
    command: 'apt-get',
    system: 'Debian and Ubuntu',
    install: 'apt-get install --no-install-recommends',
    nameOf: ({ debian }) => debian,
  },
  {
    command: 'dnf',
    system: 'Fedora',
    install: 'dnf install',
    nameOf: ({ debian, elsewhere }) => elsewhere?.fedora ?? debian,
  },
  {
    command: 'pacman',
    system: 'Arch Linux',
    install: 'pacman -S --needed',
    nameOf: ({ debian, elsewhere }) => elsewhere?.arch ?? debian,
  },
  {
    command: 'apk',
    system: 'Alpine Linux',
    install: 'apk add',
    nameOf: ({ debian, elsewhere }) => elsewhere?.alpine ?? debian,
  },
];

/** @type {readonly Need[]} */
export const NEEDS = [
  {
    anyOf: ['xz'],
    debian: 'xz-utils',
    elsewhere: { fedora: 'xz', arch: 'xz', alpine: 'xz' },
    purposes: ['source'],
  },
  { anyOf: ['tar'], debian: 'tar', purposes: ['source'] },
  { anyOf: ['flock'], debian: 'util-linux', purposes: ['build'] },
  { anyOf: ['gcc'], debian: 'gcc', purposes: ['build'] },
  { anyOf: ['make'], debian: 'make', purposes: ['build'] },
  { anyOf: ['flex'], debian: 'flex', purposes: ['build'] },
  { anyOf: ['bison'], debian: 'bison', purposes: ['build'] },
  { anyOf: ['bc'], debian: 'bc', purposes: ['build'] },
  { anyOf: ['cpio'], debian: 'cpio', purposes: ['build'] },
  {
    anyOf: ['/usr/include/gelf.h'],
    debian: 'libelf-dev',
    elsewhere: { fedora: 'elfutils-libelf-devel', arch: 'libelf', alpine: 'elfutils-dev' },
    purposes: ['build'],
  },
  {
    anyOf: ['/usr/include/openssl/ssl.h'],
    debian: 'libssl-dev',
    elsewhere: { fedora: 'openssl-devel', arch: 'openssl', alpine: 'openssl-dev' },
    purposes: ['build'],
  },
  {
    anyOf: ['/usr/lib/x86_64-linux-gnu/libc.a', '/usr/lib64/libc.a', '/usr/lib/libc.a'],
    debian: 'libc6-dev',
    elsewhere: { fedora: 'glibc-static', arch: 'glibc', alpine: 'musl-dev' },
    purposes: ['build'],
  },
  {
    anyOf: ['qemu-system-x86_64'],
    debian: 'qemu-system-x86',
    elsewhere: { fedora: 'qemu-system-x86-core', alpine: 'qemu-system-x86_64' },
    purposes: ['run'],
  },
  { anyOf: ['debootstrap'], debian: 'debootstrap', purposes: ['root'] },
  { anyOf: ['musl-gcc'], debian: 'musl-tools', purposes: ['musl'] },
  {
    anyOf: ['/usr/lib/x86_64-linux-gnu/libjemalloc.so.2'],
    debian: 'libjemalloc2',
    purposes: ['neighbours'],
  },
  {
    anyOf: [
      '/usr/lib/x86_64-linux-gnu/libmimalloc.so.2.0',
      '/usr/lib/x86_64-linux-gnu/libmimalloc.so.3',
    ],
    debian: 'libmimalloc2.0',
    purposes: ['neighbours'],
  },
  {
    anyOf: ['/usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4'],
    debian: 'libtcmalloc-minimal4',
    purposes: ['neighbours'],
  },
  {
    anyOf: ['/usr/lib/x86_64-linux-gnu/liblttng-ust.so.1'],
    debian: 'liblttng-ust1',
    purposes: ['neighbours'],
  },
];

/**
 * Finds a command in PATH.
 * @param {string} name
 * @returns {string | null} its path
 */
export function findCommand(name) {
  // Administrators' commands are not in everybody's PATH.
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  for (const folder of folders) {
    if (folder === '') continue;
    try {
      accessSync(join(folder, name), constants.X_OK);
      return join(folder, name);
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

/**
 * @param {readonly Purpose[]} purposes
 * @param {(item: string) => boolean} [present]
 * @returns {Need[]}
 */
export function missingNeeds(
  purposes,
  present = (item) => (item.startsWith('/') ? existsSync(item) : findCommand(item) !== null),
) {
  return NEEDS.filter(
    (need) =>
      need.purposes.some((purpose) => purposes.includes(purpose)) && !need.anyOf.some(present),
  );
}

/**
 * The sentence for a person who has to install it by hand: by the package manager that is there, or
 * by each of those that are known.
 * @param {readonly Need[]} missing
 * @param {(command: string) => boolean} [isThere]
 * @returns {string}
 */
export function installAdvice(missing, isThere = (command) => findCommand(command) !== null) {
  const things = missing.map((need) => need.anyOf.join(' or ')).join(', ');
  const own = MANAGERS.filter(({ command }) => isThere(command)).slice(0, 1);
  const ways = (own.length > 0 ? own : MANAGERS).map(
    ({ system, install, nameOf }) =>
      `on ${system} with: ${install} ${missing.map(nameOf).join(' ')}`,
  );
  return `Missing: ${things}. Install it as root, ${ways.join('; ')}`;
}

/**
 * Makes sure that what the purposes need is there, installing it when this is Debian and we are
 * root.
 * @param {readonly Purpose[]} purposes
 * @param {(message: string) => void} say
 * @returns {void}
 */
export function ensurePackages(purposes, say) {
  const missing = missingNeeds(purposes);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || findCommand('apt-get') === null)
    throw new Error(installAdvice(missing));
  const packages = missing.map((need) => need.debian);
  say(`installing ${packages.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const args of [['update'], ['install', '--yes', '--no-install-recommends', ...packages]]) {
    const run = spawnSync('apt-get', args, { encoding: 'utf8', env, maxBuffer: 64 << 20 });
    // A failing update is not the end: the lists that are there may still do. A failing install is.
    if (run.status !== 0 && args[0] === 'install') {
      throw new Error(`apt-get ${args.join(' ')} failed:\n${run.stdout}${run.stderr}`);
    }
  }
  const still = missingNeeds(purposes);
  if (still.length > 0)
    throw new Error(
      `The packages were installed, and yet something is not there. ${installAdvice(still)}`,
    );
}
