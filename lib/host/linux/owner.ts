// SPDX-License-Identifier: MIT
/**
 * Names a thread of this process in one number that fits into shared memory, and
 * tells whether that thread has ended, in whatever way. Node tells only the
 * parent when a worker is terminated, so the kernel is asked: `/proc` lists the
 * threads there are and, since their numbers are used again, when each began.
 */
import { readFileSync } from 'node:fs';

/** A thread that cannot be named, since `/proc` cannot be read. It never counts as ended. */
export const NAMELESS = -1n;

const OWN = '/proc/thread-self/stat';
/**
 * The kernel's number of the thread is in the low half; as much of its start time as fits, in the
 * high one.
 */
const THREAD_BITS = 32n;
const THREAD_MASK = (1n << THREAD_BITS) - 1n;
const STARTED_MASK = 0x7fff_ffffn;
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

/** Reads a file as text, as `fs` does. */
export type ReadText = (path: string) => string;
const readText: ReadText = (path) => readFileSync(path, 'latin1');

let own: bigint | undefined;

/** The calling thread: a positive number, or {@link NAMELESS}. */
export function currentOwner(): bigint {
  if (own === undefined) {
    const found = identify(OWN, readText);
    own = typeof found === 'bigint' ? found : NAMELESS;
  }
  return own;
}

/** Whether a thread of this process has ended. False also when that cannot be told just now. */
export function hasEnded(owner: bigint, read: ReadText = readText): boolean {
  if (owner <= 0n) return false;
  const found = identify(`/proc/self/task/${owner & THREAD_MASK}/stat`, read);
  if (found === 'unknown') return false;
  if (found !== 'gone') return found !== owner;
  // Unless it is /proc that is gone.
  return typeof identify(OWN, read) === 'bigint';
}

function identify(path: string, read: ReadText): bigint | 'gone' | 'unknown' {
  let stat: string;
  try {
    stat = read(path);
  } catch (error) {
    // ESRCH: it ended between opening and reading. Anything else, no file descriptors left say, is
    // no answer.
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ESRCH' ? 'gone' : 'unknown';
  }
  const found = parseStat(stat);
  if (found === null) return 'unknown';
  return ((BigInt(found.started) & STARTED_MASK) << THREAD_BITS) | BigInt(found.thread);
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
