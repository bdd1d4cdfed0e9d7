// SPDX-License-Identifier: MIT
// What the harness says while nothing of the command is to be seen yet: which machine it makes, and
// how far it is. An emulated guest takes most of a minute to its first line, and whoever waits
// should know for what.

import { startProgress } from '../kernel/progress.mjs';

/** @typedef {Pick<import('./qemu.mjs').Machine, 'accelerator' | 'cpus' | 'icount'>} Machine */

/** @param {Machine} machine @param {string} kernel */
export function describeMachine({ accelerator, cpus, icount }, kernel) {
  const size = `${cpus} CPU${cpus === 1 ? '' : 's'}`;
  if (accelerator === 'kvm') return `starting a guest with ${kernel}, ${size}, under KVM`;
  const time = icount
    ? '; its clock counts instructions, so that an extension is as long as on a real machine'
    : '; most extensions run out here: --icount gives one CPU on which they are as long as on a real machine';
  return `starting a guest with ${kernel}, ${size}, emulated (TCG), which is many times slower than KVM${time}`;
}

/** @param {import('../kernel/progress.mjs').Screen} [stream] */
export function startRemarks(stream = process.stderr) {
  const say = (/** @type {string} */ message) => void stream.write(`vm: ${message}\n`);
  /** @type {import('../kernel/progress.mjs').Progress | undefined} */
  let progress;
  return {
    say,
    /** @param {Machine} machine @param {string} kernel */
    onStart(machine, kernel) {
      progress?.stop();
      say(describeMachine(machine, kernel));
      progress = startProgress('vm', stream);
    },
    /** @param {import('./guest-process.mjs').Phase} phase */
    onPhase: (phase) => progress?.step(phase),
    stop: () => progress?.stop(),
  };
}
