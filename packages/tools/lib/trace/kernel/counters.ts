// SPDX-License-Identifier: MIT
/**
 * What the kernel itself counts of slices, for the whole system, where it may be
 * read: only it knows which grants expired. Source: `rseq/stats` of debugfs, of
 * a kernel built with CONFIG_RSEQ_STATS.
 */
import { readFileSync } from 'node:fs';

export interface KernelCounters {
  readonly granted: number;
  /** The timer ran out before they were given back; each also ended in one of the ways below. */
  readonly expired: number;
  /** Ended by being scheduled out. */
  readonly revoked: number;
  /** Ended by yielding. */
  readonly yielded: number;
  /** Ended by another system call. */
  readonly aborted: number;
}

const FILE = '/sys/kernel/debug/rseq/stats';
const NAMES = {
  granted: 'sgrant',
  expired: 'sexpir',
  revoked: 'srevok',
  yielded: 'syield',
  aborted: 'sabort',
} as const;

/** null: this kernel has no such counters, or this user may not read them. */
export function readKernelCounters(): KernelCounters | null {
  try {
    return parseKernelCounters(readFileSync(FILE, 'utf8'));
  } catch {
    return null;
  }
}

/** null: one is missing. */
export function parseKernelCounters(text: string): KernelCounters | null {
  const found = new Map(
    Array.from(text.matchAll(/^(\w+):\s+(\d+)$/gm), ([, name = '', value]) => [
      name,
      Number(value),
    ]),
  );
  return mapNames((name) => found.get(NAMES[name]) ?? null);
}

/** What was counted between two readings. */
export function countedBetween(
  before: KernelCounters | null,
  after: KernelCounters | null,
): KernelCounters | null {
  if (before === null || after === null) return null;
  return mapNames((name) => after[name] - before[name]);
}

function mapNames(of: (name: keyof KernelCounters) => number | null): KernelCounters | null {
  const [granted, expired, revoked, yielded, aborted] = [
    of('granted'),
    of('expired'),
    of('revoked'),
    of('yielded'),
    of('aborted'),
  ];
  if (
    granted === null ||
    expired === null ||
    revoked === null ||
    yielded === null ||
    aborted === null
  )
    return null;
  return { granted, expired, revoked, yielded, aborted };
}
