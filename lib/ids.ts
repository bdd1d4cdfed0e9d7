// SPDX-License-Identifier: MIT
/** Where the calling thread runs: on which CPU, of which node, by which number of its own. */
import { currentHost } from './host/current.ts';
import type { Ids } from './host/port.ts';

/**
 * CPU, NUMA node and concurrency ID of the calling thread, without attaching it and without a
 * system call, on every Linux that has rseq, with slices or without. The same object each time; it
 * works in the thread that asked for it only.
 * @throws never
 */
export function ids(): Ids {
  return currentHost().ids;
}
