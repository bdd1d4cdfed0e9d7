// SPDX-License-Identifier: MIT
// What of this machine decides whether it can run a guest. Nothing is changed, and no guest is
// started.

import { spawnSync } from 'node:child_process';
import { existsSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { kvmPresent, readVerdict } from '../guest/accelerator.mjs';
import { findCommand, installAdvice, missingNeeds } from '../guest/packages.mjs';
import { cacheDirectory } from '../kernel/cache.mjs';
import { findKernel } from '../kernel/ensure-kernel.mjs';
import { FLAVOURS } from '../kernel/flavours.mjs';

/** The devices of QEMU that every guest has. */
export const DEVICES = ['virtio-9p-pci', 'virtio-serial-pci', 'virtserialport'];

/**
 * @typedef {object} Facts
 * @property {NodeJS.Platform} platform
 * @property {string} arch
 * @property {{ path: string, version: string, missing: readonly string[] } | null} qemu which of
 * {@link DEVICES} it has not got; null: there is no QEMU
 * @property {string | null} qemuAdvice how to get what a guest needs; null: it is there
 * @property {{ exists: boolean, opens: boolean,
 *   verdict: { usable: boolean, reason: string } | null }}
 * kvm verdict: what an earlier guest found out since the host was booted
 * @property {readonly { flavour: string, version: string }[]} kernels that need not be built
 * @property {string | null} buildAdvice how to get what building a kernel needs; null: it is there
 * @property {{ path: string, free: number }} cache bytes
 * @property {{ path: string, free: number }} temporary
 */

/** @param {string} path @returns {number} bytes that this user may still write there */
function freeBytes(path) {
  let folder = path;
  // It may not have been made yet.
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** @returns {Facts['qemu']} */
function lookAtQemu() {
  const path = findCommand('qemu-system-x86_64');
  if (path === null) return null;
  const ask = (/** @type {string[]} */ ...args) => {
    const { stdout, stderr } = spawnSync(path, args, { encoding: 'utf8', timeout: 20_000 });
    return `${stdout ?? ''}${stderr ?? ''}`;
  };
  const version = /version (\S+)/.exec(ask('--version'))?.[1] ?? 'of an unknown version';
  const devices = ask('-device', 'help');
  return { path, version, missing: DEVICES.filter((name) => !devices.includes(`"${name}"`)) };
}

/** @param {string} cache @returns {Facts['kernels']} */
const listKernels = (cache) =>
  [...FLAVOURS.keys()].flatMap((flavour) => {
    const kernel = findKernel(flavour, cache);
    return kernel === null ? [] : [{ flavour, version: kernel.version }];
  });

/** @param {readonly import('../guest/packages.mjs').Purpose[]} purposes */
function adviceFor(purposes) {
  const missing = missingNeeds(purposes);
  return missing.length === 0 ? null : installAdvice(missing);
}

/** @returns {Facts} */
export function gatherFacts() {
  const cache = cacheDirectory();
  const verdict = readVerdict(cache);
  return {
    platform: process.platform,
    arch: process.arch,
    qemu: lookAtQemu(),
    qemuAdvice: adviceFor(['run']),
    kvm: { exists: existsSync('/dev/kvm'), opens: kvmPresent(), verdict },
    kernels: listKernels(cache),
    buildAdvice: adviceFor(['source', 'build']),
    cache: { path: cache, free: freeBytes(cache) },
    temporary: { path: tmpdir(), free: freeBytes(tmpdir()) },
  };
}
