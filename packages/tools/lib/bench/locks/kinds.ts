// SPDX-License-Identifier: MIT
/**
 * The locks that can be measured, each behind the same few functions. Those of this
 * library are here; more come from a module that is named in each job, because the
 * processes and threads that measure load it too.
 */
import type { Thread } from 'rseq-slice';

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

export interface Kind {
  readonly name: string;
  /** One line for people. */
  readonly what: string;
  /** Worker threads; tasks of one thread; a program that is not JavaScript. */
  readonly runner: 'workers' | 'tasks' | 'program';
  /** Whether it can be had with and without; else it is measured without only. */
  readonly slices: boolean;
  /**
   * Whether it is a lock of this library, which needs a thread that is attached also when slices
   * are off.
   */
  readonly attaches: boolean;
  /** What it is used for: those of one job are compared. */
  readonly job: string;
  /** The lock that a program would write for itself in its place; null: it is one, or none. */
  readonly baseline: string | null;
  /** Why it cannot be measured here, or null. */
  readonly missing: () => Promise<string | null>;
  /** What workers share; it is cloned to them. */
  readonly create: () => unknown;
  /** In a worker. */
  readonly open: (shared: unknown, thread: Thread | null) => Promise<SyncLock | AsyncLock>;
}

export type Kinds = ReadonlyMap<string, Kind>;

/** A module with `createKinds(argument): readonly Kind[]`. */
export interface KindsModule {
  /** Its address. */
  readonly url: string;
  /** What it is to know, such as a folder. */
  readonly argument: string | null;
}

const LOCK_BYTES = 128;

/** Imported by need: other kinds do without it. */
const library = (): Promise<typeof import('rseq-slice')> => import('rseq-slice');

/** One thread at a time. */
export const EXCLUSIVE = 'exclusive';

function ours(name: string, className: 'Mutex' | 'SpinLock', what: string, baseline: string): Kind {
  return {
    ...{ name, what, baseline, job: EXCLUSIVE },
    ...{ runner: 'workers', slices: true, attaches: true },
    missing: () => Promise.resolve(null),
    // Not the shared memory of the work: the lock has lines of its own.
    create: () => new SharedArrayBuffer(LOCK_BYTES),
    async open(buffer, thread) {
      if (thread === null) throw new TypeError('A lock of this library wants a thread.');
      // Both have the same functions; the type of one says so.
      const Lock = (await library())[className];
      const lock = new Lock({ buffer: buffer as SharedArrayBuffer, thread });
      const opened: SyncLock<ReturnType<typeof lock.lock>> = {
        lock: () => lock.lock(),
        unlock: (token) => {
          token.unlock();
        },
        stats: () => ({ ...lock.stats() }),
      };
      return opened;
    },
  };
}

/** Those of this library. */
export const OWN_KINDS: readonly Kind[] = [
  ours('mutex', 'Mutex', 'the Mutex of this library', 'textbook'),
  ours('spin', 'SpinLock', 'the SpinLock of this library', 'bare-cas'),
];

/** @param module null: no others than ours */
export async function loadKinds(module: KindsModule | null): Promise<Kinds> {
  const more =
    module === null
      ? []
      : (
          (await import(module.url)) as { createKinds(argument: string | null): readonly Kind[] }
        ).createKinds(module.argument);
  return new Map([...OWN_KINDS, ...more].map((kind) => [kind.name, kind]));
}

export function kindOf(kinds: Kinds, name: string): Kind {
  const kind = kinds.get(name);
  if (kind === undefined)
    throw new Error(`No lock is called '${name}'. There is: ${[...kinds.keys()].join(', ')}.`);
  return kind;
}
