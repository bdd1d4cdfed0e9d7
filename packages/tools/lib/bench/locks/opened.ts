// SPDX-License-Identifier: MIT
/** What a lock is in a worker that opened it: the few functions of each shape, whoever made it. */
import type { Queue } from './queue.ts';

/** A lock whose waiters block their thread. */
export interface SyncLock<Token = unknown> {
  /** What it gives is given back to `unlock`. */
  readonly lock: () => Token;
  unlock(token: Token): void;
  /** Counters of this worker, since it opened the lock. */
  readonly stats?: () => Readonly<Record<string, number>>;
}

/** A lock whose waiters wait for a promise. */
export interface AsyncLock {
  /** The section, with the lock held. */
  readonly run: (section: () => void) => Promise<void>;
  readonly stats?: () => Readonly<Record<string, number>>;
}

/** A lock that readers share. */
export interface ReadWriteLock {
  readonly read: SyncLock;
  readonly write: SyncLock;
  readonly stats?: () => Readonly<Record<string, number>>;
}

export type OpenedLock = SyncLock | AsyncLock | ReadWriteLock | Queue;
