// SPDX-License-Identifier: MIT
/**
 * Whether this system is a guest of another one, and whether its CPU is only
 * emulated: times that were measured there are also those of the host, or say
 * nothing of any CPU at all. Told by the files that systemd-detect-virt reads
 * too, as far as a user may read them.
 */
import { readFileSync } from 'node:fs';

export interface Guest {
  /** As people call it; null: not known. */
  readonly hypervisor: string | null;
  /** Its instructions are carried out by a program: QEMU without KVM. */
  readonly isEmulated: boolean;
}

/** By the vendor or product that firmware names. */
const VENDORS: readonly (readonly [RegExp, string])[] = [
  [/QEMU|\bKVM\b|Bochs/, 'QEMU'],
  [/VMware/, 'VMware'],
  [/VirtualBox|innotek/, 'VirtualBox'],
  [/Microsoft/, 'Hyper-V'],
  [/Xen/, 'Xen'],
  [/Parallels/, 'Parallels'],
  [/Amazon EC2/, 'Amazon EC2'],
  [/Google/, 'Google Compute Engine'],
];
/** Those that also make machines which are not guests name themselves there too. */
const ONLY_GUESTS = new Set(['QEMU', 'VMware', 'VirtualBox', 'Xen', 'Parallels']);

const DMI = '/sys/class/dmi/id';
const CLOCKS = '/sys/devices/system/clocksource/clocksource0/available_clocksource';

/** Empty: it is not there, or not for this user. */
export type ReadText = (path: string) => string;

const readText: ReadText = (path) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

/**
 * @returns null: no guest, as far as is told.
 * @param isOurs one of the project's own guests, which say so
 */
export function findGuest(
  read: ReadText = readText,
  isOurs: boolean = process.env['RSEQ_SLICE_GUEST'] !== undefined,
): Guest | null {
  const cpu = read('/proc/cpuinfo');
  const model = /^model name\s*:\s*(.*)$/m.exec(cpu)?.[1] ?? '';
  const firmware = ['sys_vendor', 'product_name', 'board_vendor', 'bios_vendor']
    .map((name) => read(`${DMI}/${name}`))
    .join('\n');
  const named = VENDORS.find(([pattern]) => pattern.test(firmware))?.[1] ?? null;
  const below = read('/proc/device-tree/hypervisor/compatible') + read('/sys/hypervisor/type');
  const isFlagged = /^flags\s*:.*\bhypervisor\b/m.test(cpu);
  // A CPU of x86 tells; others do not, and what firmware says has to do.
  const isGuest =
    isOurs ||
    isFlagged ||
    below !== '' ||
    (!/^flags\s*:/m.test(cpu) && named !== null && ONLY_GUESTS.has(named));
  if (!isGuest) return null;
  const hasKvm = /kvm/.test(read(CLOCKS) + below);
  const isQemu = /\bQEMU\b/.test(model);
  // Without KVM, QEMU's CPU has a name of its own; with it, it may have been given one.
  const isEmulated = /\bTCG\b/.test(model) || (isQemu && !hasKvm);
  return {
    hypervisor: isEmulated
      ? 'QEMU'
      : hasKvm
        ? 'KVM'
        : (named ?? (/xen/.test(below) ? 'Xen' : null)),
    isEmulated,
  };
}

/** For a line about a machine: `guest (KVM)`. */
export function describeGuest({ hypervisor, isEmulated }: Guest): string {
  const more = [hypervisor, isEmulated ? 'emulated' : null].filter((word) => word !== null);
  return more.length === 0 ? 'guest' : `guest (${more.join(', ')})`;
}

/** What to bear in mind of times. */
export function cautionAboutGuest({ isEmulated }: Guest): string {
  return isEmulated
    ? "This is a guest whose CPU is emulated: times here are the emulator's and say nothing of a CPU."
    : 'This is a guest: times here are also those of its host, which may be busy unseen.';
}
