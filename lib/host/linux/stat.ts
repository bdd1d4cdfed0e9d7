// SPDX-License-Identifier: MIT
/**
 * Reads what `/proc` says of a thread. Whose file it is, and what follows from it, is up to those
 * who ask.
 */

/** Field 22 of proc_pid_stat(5), counted from the one behind the name, which is field 3. */
const STARTED = 22 - 3;

/** A thread as the kernel describes it. */
export interface ThreadStat {
  /** The kernel's number. */
  readonly thread: number;
  /** When it began, in ticks since the system was booted. */
  readonly started: number;
  /** It runs no code any more. */
  readonly isEnding: boolean;
}

/** What a `stat` file of `/proc` says of a thread; null: it is no such file. */
export function parseStat(stat: string): ThreadStat | null {
  const thread = /^\d+/.exec(stat)?.[0];
  // A name can have anything in it.
  const rest = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state = ''] = rest;
  const started = rest[STARTED];
  // A thread has a number from 1 on.
  if (
    thread === undefined ||
    Number(thread) === 0 ||
    started === undefined ||
    !/^\d+$/.test(started)
  )
    return null;
  return {
    thread: Number(thread),
    started: Number(started),
    isEnding: state === 'Z' || state === 'X',
  };
}
