// SPDX-License-Identifier: MIT
// Decides between KVM and emulation. A /dev/kvm can be there and useless: virtual machines are
// created and never print a byte. Trying costs seconds, so the verdict is remembered until the host
// boots again.

import { accessSync, constants, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** @typedef {'auto' | 'kvm' | 'tcg'} AcceleratorChoice */

/** @typedef {{ host: string, usable: boolean, reason: string }} Verdict */

/** @returns {string} this boot of this host, for this user */
function hostIdentity() {
  /** @type {string} */
  let boot = 'unknown';
  try {
    boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    // No boot id: the verdict then lasts for ever, and --accelerator kvm is how to ask again.
  }
  return `${boot} uid ${process.getuid?.() ?? 'unknown'}`;
}

/** @param {string} cache @returns {string} */
function verdictFile(cache) {
  return join(cache, 'kvm.json');
}

/** @returns {boolean} whether this user may open /dev/kvm */
export function kvmPresent() {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {string} cache
 * @returns {Verdict | null} what an earlier guest found out about this boot of this host
 */
export function readVerdict(cache) {
  try {
    /** @type {Verdict} */
    const verdict = JSON.parse(readFileSync(verdictFile(cache), 'utf8'));
    return verdict.host === hostIdentity() ? verdict : null;
  } catch {
    return null;
  }
}

/**
 * @param {string} cache
 * @param {boolean} usable
 * @param {string} reason
 * @returns {void}
 */
export function writeVerdict(cache, usable, reason) {
  try {
    mkdirSync(cache, { recursive: true });
    writeFileSync(
      verdictFile(cache),
      `${JSON.stringify({ host: hostIdentity(), usable, reason })}\n`,
    );
  } catch {
    // A cache that cannot be written costs five seconds the next time, no more.
  }
}

/**
 * The accelerators to try, in order.
 * @param {AcceleratorChoice} choice
 * @param {{ icount: boolean, present: boolean, verdict: Verdict | null }} circumstances
 * @returns {import('./qemu.mjs').Accelerator[]}
 */
export function acceleratorsToTry(choice, { icount, present, verdict }) {
  if (choice === 'tcg' || (choice === 'auto' && icount)) return ['tcg'];
  if (choice === 'kvm') return ['kvm'];
  return present && verdict?.usable !== false ? ['kvm', 'tcg'] : ['tcg'];
}
