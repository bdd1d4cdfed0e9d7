// SPDX-License-Identifier: MIT
// What the facts mean for whoever wants to run a guest, a finding each, and what to do about it.

/** @typedef {import('./facts.mjs').Facts} Facts */

/**
 * @typedef {object} Finding
 * @property {'ok' | 'warn' | 'FAIL'} mark FAIL: no guest can be run
 * @property {string} name
 * @property {string} text
 * @property {string} [remedy]
 */

/** What a build takes while it goes on, with the source and the tree that is kept. */
const BUILD_BYTES = 6e9;
/** The streams of a guest and its job's folder. */
const RUN_BYTES = 1e8;

/** @param {number} bytes */
const inGigabytes = (bytes) => `${(bytes / 1e9).toFixed(1)} GB`;

/** @param {Facts} facts @returns {Finding} */
function examineMachine({ platform, arch }) {
  const name = 'machine';
  if (platform === 'linux' && arch === 'x64') return { mark: 'ok', name, text: 'Linux on x86-64.' };
  return {
    mark: 'FAIL',
    name,
    text: `Guests are Linux on x86-64 and see the files of this machine, which is ${platform} on ${arch}.`,
    remedy: 'Use an x86-64 machine with Linux, as the standard runners of GitHub Actions are.',
  };
}

/** @param {Facts} facts @returns {Finding} */
function examineQemu({ qemu, qemuAdvice }) {
  const name = 'QEMU';
  if (qemu === null || qemuAdvice !== null)
    return {
      mark: 'FAIL',
      name,
      text: 'There is no qemu-system-x86_64.',
      ...(qemuAdvice === null ? {} : { remedy: `${qemuAdvice}.` }),
    };
  if (qemu.missing.length > 0)
    return {
      mark: 'FAIL',
      name,
      text: `QEMU ${qemu.version} (${qemu.path}) was built without ${qemu.missing.join(' and ')}.`,
      remedy: 'Install the QEMU of your distribution, or build it with --enable-virtfs.',
    };
  return { mark: 'ok', name, text: `QEMU ${qemu.version} (${qemu.path}).` };
}

const SLOW = 'guests are emulated, which is many times slower.';

/** @param {Facts} facts @returns {Finding} */
function examineKvm({ kvm: { exists, opens, verdict } }) {
  const name = 'KVM';
  if (!exists)
    return {
      mark: 'warn',
      name,
      text: `There is no /dev/kvm: ${SLOW}`,
      remedy:
        'Switch virtualization on in the firmware and load kvm_intel or kvm_amd; in a virtual machine, its host has to allow nested ones.',
    };
  if (!opens)
    return {
      mark: 'warn',
      name,
      text: `You may not open /dev/kvm: ${SLOW}`,
      remedy:
        'Join the group that owns it (sudo usermod --append --groups kvm $USER, and log in again), or on a runner: sudo chmod 666 /dev/kvm.',
    };
  if (verdict === null)
    return {
      mark: 'ok',
      name,
      text: '/dev/kvm opens; the first guest will show whether it works.',
    };
  if (verdict.usable) return { mark: 'ok', name, text: 'A guest has run under it.' };
  return {
    mark: 'warn',
    name,
    text: `It was tried and does not work here: ${SLOW} ${verdict.reason.split('\n', 1)[0]}`,
    remedy:
      'Try it again with --accelerator kvm. It is tried anyway after this machine was booted.',
  };
}

/** @param {Facts} facts @returns {Finding} */
function examineKernels({ kernels, buildAdvice, cache }) {
  const name = 'kernels';
  if (kernels.length > 0) {
    const list = kernels.map(({ flavour, version }) => `${flavour} (Linux ${version})`);
    return { mark: 'ok', name, text: `In ${cache.path}: ${list.join(', ')}.` };
  }
  if (buildAdvice !== null)
    return {
      mark: 'warn',
      name,
      text: `There is none in ${cache.path}, and what builds one is not there either.`,
      remedy: `${buildAdvice}. Or pass one with --kernel FILE.`,
    };
  return {
    mark: 'warn',
    name,
    text: `There is none in ${cache.path}: the first guest builds one, in about ten minutes.`,
    remedy: "Do that now with 'npx rseq-slice-vm kernel', or pass one with --kernel FILE.",
  };
}

/** @param {Facts} facts @returns {Finding} */
function examineRoom({ kernels, cache, temporary }) {
  const name = 'room';
  if (temporary.free < RUN_BYTES)
    return {
      mark: 'FAIL',
      name,
      text: `${temporary.path} has ${inGigabytes(temporary.free)} left, and a guest needs ${inGigabytes(RUN_BYTES)} there.`,
      remedy: 'Make room, or name another folder with TMPDIR.',
    };
  if (kernels.length === 0 && cache.free < BUILD_BYTES)
    return {
      mark: 'warn',
      name,
      text: `${cache.path} has ${inGigabytes(cache.free)} left, and building a kernel takes ${inGigabytes(BUILD_BYTES)}.`,
      remedy: 'Make room, or name another folder with RSEQ_SLICE_CACHE.',
    };
  return {
    mark: 'ok',
    name,
    text: `${inGigabytes(cache.free)} left in ${cache.path}, ${inGigabytes(temporary.free)} in ${temporary.path}.`,
  };
}

/** @param {Facts} facts @returns {Finding[]} */
export const examine = (facts) => [
  examineMachine(facts),
  examineQemu(facts),
  examineKvm(facts),
  examineKernels(facts),
  examineRoom(facts),
];

/** @param {readonly Finding[]} findings */
export const canRun = (findings) => findings.every(({ mark }) => mark !== 'FAIL');
