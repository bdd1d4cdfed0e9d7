// SPDX-License-Identifier: MIT
/** What a lock prints of itself, and what becomes of one that is posted. */
import type { LockHandle } from './layout.ts';

export { printAs, refuseCopies } from '../../posting.ts';

/** The line that `console.log` prints of a lock. */
export function describeLock({ lock, byteOffset }: LockHandle, state: string): string {
  return `${lock} { at byte ${byteOffset}, ${state} }`;
}
