// SPDX-License-Identifier: MIT
/**
 * What the threads of one measurement agree on: the word that tells them when to
 * start, to be measured and to stop, and where in the guarded memory the count of
 * sections is. One place, because a cell and its workers must not differ.
 */

/** Index of the phase in the control words. */
export const PHASE = 0;

/** The values of that word, in the order in which they come. */
export const Phase = {
  /** Workers get ready and sleep. */
  idle: 0,
  /** Everybody contends, nothing is measured: V8 compiles what it will run. */
  warm: 1,
  timed: 2,
  stop: 3,
} as const;
export type Phase = (typeof Phase)[keyof typeof Phase];

/**
 * Index in the guarded words of a count that each section increments without atomics: it is right
 * if the lock is.
 */
export const SECTIONS = 0;
/** The workload's own words start on another cache line. */
export const HEADER_WORDS = 16;

/** What a worker's first message is; its report is the second and last. */
export const READY = 'ready';
