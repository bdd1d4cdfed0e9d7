// SPDX-License-Identifier: MIT
/**
 * The clock of the benchmark and what reading it costs. It is read inside sections,
 * where a system call would end a grant and be the very thing that is measured; so
 * it must be known whether the kernel lets programs read it themselves.
 */
import { readFileSync } from 'node:fs';

/**
 * Clock sources that the vDSO can read. With others, such as hpet, jiffies and acpi_pm, it makes a
 * system call.
 */
const READ_IN_USERSPACE = [
  'tsc',
  'tsc-early',
  'kvm-clock',
  'hyperv_clocksource_tsc_page',
  'arch_sys_counter',
  'riscv_clocksource',
  'tod',
  'stable_counter',
];

const SYSFS = '/sys/devices/system/clocksource/clocksource0/current_clocksource';

export interface Clock {
  /** null: not known. */
  readonly source: string | null;
  /** Whether sections may read it; else waits are measured around them, lock() to unlock(). */
  readonly inSection: boolean;
}

export function describeClock(file: string = SYSFS): Clock {
  let source: string | null = null;
  try {
    source = readFileSync(file, 'utf8').trim();
  } catch {
    // Not Linux, or no sysfs: not known, and then it is better not to count on it.
  }
  return { source, inSection: source !== null && READ_IN_USERSPACE.includes(source) };
}

/** ns since some time ago. Not process.hrtime.bigint(), which allocates. */
export const now = (): number => performance.now() * 1e6;
