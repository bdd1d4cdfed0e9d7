// SPDX-License-Identifier: MIT
/**
 * Who a thread is in the words of locks, and whether another one has ended.
 *
 * On Linux a thread is named by the kernel's thread id and a hash of when it
 * began, and /proc tells whether that thread still exists. So every copy of
 * this library knows of every death in the process, with an addon and without.
 * Where /proc cannot be read, a thread is named by Node's number, and parents
 * note the ends of their workers; for that this module must have been loaded in
 * the parent, and the parent's event loop must run. A thread that nobody can
 * tell about counts as alive: no lock is ever taken from the living.
 */
import { subscribe } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import {
  getEnvironmentData,
  isMainThread,
  setEnvironmentData,
  threadId,
} from 'node:worker_threads';
import type { Worker } from 'node:worker_threads';
import { parseStat } from './linux/stat.ts';
import { now } from '../clock.ts';
import { TRUST } from './port.ts';
import type { Agent } from './port.ts';

/** Linux numbers threads below 2^22. */
const TID_BITS = 22;
const TID = (1 << TID_BITS) - 1;
/** 0 is left for threads that Node has numbered. */
const HASHES = 127;
/** How many are remembered as alive. */
const MOST_SEEN = 256;

const REGISTRY = 'rseq-slice.ended';
/** Bits of the registry; workers beyond that are taken for alive for ever. */
const MOST_AGENTS = 1 << 16;

let present: Agent | undefined;
/**
 * Where /proc is not there, or may not be read: from now on, for the first lock may be made long
 * after a worker has begun.
 */
const watched = process.platform !== 'linux' || isRestricted() ? watchWorkers() : undefined;

/** The calling thread. */
export function currentAgent(): Agent {
  present ??= agentByKernel(readStat) ?? {
    id: (threadId + 1) & TID,
    hasEnded: watched ?? watchWorkers(),
  };
  return present;
}

/**
 * The calling thread as the kernel names it; null: the kernel cannot be asked.
 * @param read the `stat` file of the calling thread (undefined) or of a thread of this process;
 * null: there is none
 */
export function agentByKernel(read: (tid?: number) => string | null): Agent | null {
  let id: number | null;
  try {
    id = idIn(read());
  } catch {
    return null;
  }
  if (id === null) return null;
  const seen = new Map<number, number>();
  return {
    id,
    hasEnded: (other) => {
      // Named by Node: that thread could not read /proc, so nobody in this process can, or it is
      // none of this process.
      if (other >> TID_BITS === 0) return false;
      const at = now();
      const last = seen.get(other);
      if (last !== undefined && at - last < TRUST) return false;
      let stat: string | null;
      try {
        stat = read(other & TID);
        // Unless it is /proc that is gone.
        if (stat === null && read() === null) return false;
      } catch {
        // The kernel cannot be asked any more: then nobody is dead.
        return false;
      }
      if (idIn(stat) !== other) return true;
      if (seen.size >= MOST_SEEN) seen.clear();
      seen.set(other, at);
      return false;
    },
  };
}

function readStat(tid?: number): string | null {
  if (process.platform !== 'linux') return null;
  try {
    return readFileSync(
      tid === undefined ? '/proc/thread-self/stat' : `/proc/self/task/${tid}/stat`,
      'latin1',
    );
  } catch (error) {
    // The kernel says ESRCH of a thread that ended between opening and reading.
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ESRCH') return null;
    throw error;
  }
}

/** The id of the thread that a `stat` file describes; null: it has ended. */
function idIn(stat: string | null): number | null {
  const found = stat === null ? null : parseStat(stat);
  if (found === null || found.isEnding || found.thread > TID) return null;
  return found.thread | ((1 + (found.started % HASHES)) << TID_BITS);
}

/** Whether Node's permission model is on. */
function isRestricted(): boolean {
  return (process as { readonly permission?: unknown }).permission !== undefined;
}

/** The way without /proc: a bit per thread in memory that workers inherit, set by the parent. */
function watchWorkers(): (id: number) => boolean {
  const inherited: unknown = getEnvironmentData(REGISTRY);
  const buffer =
    inherited instanceof SharedArrayBuffer ? inherited : new SharedArrayBuffer(MOST_AGENTS / 8);
  if (isMainThread && inherited !== buffer) setEnvironmentData(REGISTRY, buffer);
  const ended = new Int32Array(buffer);
  subscribe('worker_threads', (message) => {
    const { worker } = message as { readonly worker: Worker };
    const id = worker.threadId + 1;
    worker.once('exit', () => {
      if (id < MOST_AGENTS) Atomics.or(ended, id >> 5, 1 << (id & 31));
    });
  });
  return (id) => id < MOST_AGENTS && (Atomics.load(ended, id >> 5) & (1 << (id & 31))) !== 0;
}
