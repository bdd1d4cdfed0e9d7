// SPDX-License-Identifier: MIT
/**
 * What a recording thread leaves behind: a file of numbers that it fills as
 * memory. A head says which thread that was and counts everything; two rings
 * behind it hold the latest records, one those of undisturbed sections, which
 * are many and much the same, the other all else. Who writes them is
 * `recorder.ts`, who reads them `recordings.ts`.
 *
 * All are doubles, whole numbers up to 2^53: nothing is allocated to store one,
 * and a time in ns is good for a hundred days since boot.
 */

/** 'rst' and a version. */
export const MAGIC = 0x7273_7402;

/** Indices in the head. */
export const Head = {
  Magic: 0,
  Process: 1,
  /** Node's `threadId`; 0 is the main thread. */
  Thread: 2,
  /** Index in `HOST_NAMES`. */
  HostName: 3,
  /** Records in each ring. */
  Capacity: 4,
  /** One section in so many is timed also where nothing happens to it. */
  Every: 5,
  /** When the thread was attached. */
  Started: 6,
  /**
   * 1: what is here is all there was. 0: written when the thread began, and its end was not seen.
   */
  Whole: 7,
  /** By outcome; behind them the sections that were entered. */
  Counts: 8,
  /**
   * When the open section was entered, if it is timed; when the last yield began, and when it was
   * over.
   */
  Stamps: 16,
  /** Records ever written to each ring. */
  Samples: 20,
  Events: 21,
  /** The thread's number in the kernel's own tracing; 0: not known. */
  HostThread: 22,
  Waits: 24,
  /** ns, all together. */
  WaitTime: 25,
  LongestWait: 26,
  GaveUp: 27,
  Abandoned: 28,
  /** Releases of a lock that someone waited for. */
  Releases: 29,
  /** Grants that were given back in time, by how long they were used at most: see `USE_WIDTH`. */
  Uses: 32,
} as const;

/** Behind the outcomes, in `Head.Counts`. */
export const ENTERED = 5;
export const COUNTS = 6;

/** Indices in `Head.Stamps`. */
export const Stamp = { Began: 0, Left: 1, Back: 2 } as const;

/** ns; how wide a class of uses is. The last class is for everything beyond. */
export const USE_WIDTH = 1000;
export const USES = 64;

export const HEAD_LENGTH: number = Head.Uses + USES;

export const HOST_NAMES = ['linux', 'simulated'] as const;

/**
 * What a record is about. A record is four numbers: this with its detail, when
 * it began, when it was over, and one more.
 */
export const Kind = {
  /**
   * Detail: outcome. Begin: 0 if it was not timed. One more: when the thread was back from
   * yielding, or 0.
   */
  Section: 1,
  /** A yield in the middle of a section, since the thread went to sleep. */
  Yield: 2,
  /** Detail: a `WaitEnd`, and the kind of lock. One more: which lock, or `NO_LOCK`. */
  Wait: 3,
  /** Detail: the kind of lock. One more: which lock. */
  Release: 4,
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

export const WaitEnd = { Taken: 0, Abandoned: 1, GaveUp: 2 } as const;
export const WAIT_ENDS = ['taken', 'taken from a dead holder', 'given up'] as const;

/** A wait for something that is no single word, such as that all readers leave. */
export const NO_LOCK = 0;

/** Numbers a record. */
export const RECORD_LENGTH = 4;

/** What a detail is multiplied with, and the kind of lock within it. */
export const DETAIL = 8;
export const LOCK_KIND = 4;

/** Numbers in all, with rings of so many records. */
export function lengthFor(capacity: number): number {
  return HEAD_LENGTH + 2 * capacity * RECORD_LENGTH;
}
