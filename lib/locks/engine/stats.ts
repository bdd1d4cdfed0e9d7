// SPDX-License-Identifier: MIT
/** What the object of a lock counts of its waits; the engines do the counting. */

/** What this object has seen in this thread. The way in that meets nobody counts nothing. */
export interface LockStats {
  /** How often the lock was not free at once, tries without a timeout aside. */
  readonly contended: number;
  /** How many of those waits led to a sleep; each that waits in the event loop does. */
  readonly parked: number;
  /** How often others were called. */
  readonly called: number;
  /** How often it was taken over from a holder that had died. */
  readonly abandoned: number;
  /** How often waiting ended without it: a timeout, or an `AbortSignal`. */
  readonly gaveUp: number;
}
