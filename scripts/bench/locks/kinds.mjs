// The locks that can be measured, each behind the same few functions: ours, those a program would write for itself,
// those of Node, of packages and of C. What is not there is skipped, with the reason.

import { asyncMutexTasks, PACKAGE_KINDS } from './packages.mjs';
import { bareCasLock, slicedCasLock, textbookLock } from './textbook.mjs';

/**
 * A lock whose waiters block their thread.
 * @typedef {object} SyncLock
 * @property {() => any} lock what it gives is given back to `unlock`
 * @property {(token: any) => void} unlock
 * @property {() => Readonly<Record<string, number>>} [stats] counters of this worker, since it opened the lock
 */

/**
 * A lock whose waiters wait for a promise.
 * @typedef {object} AsyncLock
 * @property {(section: () => void) => Promise<void>} run the section with the lock held
 * @property {() => Readonly<Record<string, number>>} [stats]
 */

/** @typedef {Pick<import('../../../lib/thread.ts').Thread, 'enter' | 'leave' | 'stats' | 'backend'>} Attached */

/**
 * @typedef {object} Kind
 * @property {string} name
 * @property {string} what one line for people
 * @property {'workers' | 'tasks' | 'program'} runner worker threads; tasks of one thread; a program in C
 * @property {boolean} slices whether it can be had with and without; else it is measured without only
 * @property {boolean} attaches whether it is a lock of this library, which needs a thread that is attached also when
 *   slices are off
 * @property {(find: Find) => Promise<string | null>} missing why it cannot be measured here, or null
 * @property {() => unknown} create what workers share; it is cloned to them
 * @property {(shared: any, thread: Attached | null, find: Find) => Promise<SyncLock | AsyncLock>} open in a worker
 */

/** @typedef {(name: string) => Promise<any>} Find imports an optional package, or rejects */

const LOCK_BYTES = 128;

/** Not the shared memory of the work: the lock has lines of its own. */
const memory = () => new SharedArrayBuffer(LOCK_BYTES);
const nothing = async () => null;
const notHere = async () => {
  throw new Error('this lock is in a program of its own');
};

/** The built library. Imported by need: the other kinds do without it. @returns {Promise<any>} */
export const library = () => import(new URL('../../../dist/index.js', import.meta.url).href);

/**
 * @param {string} name
 * @param {string} className
 * @param {string} what
 * @returns {Kind}
 */
const ours = (name, className, what) => ({
  name,
  what,
  runner: 'workers',
  slices: true,
  attaches: true,
  async missing() {
    try {
      return typeof (await library())[className] === 'function' ? null : `dist/ has no ${className}`;
    } catch (error) {
      return `dist/ is not built: ${error instanceof Error ? error.message.split('\n', 1)[0] : error}`;
    }
  },
  create: memory,
  async open(buffer, thread) {
    const lock = new (await library())[className](buffer, 0, { thread });
    return { lock: () => lock.lock(), unlock: (token) => token.unlock(), stats: () => lock.stats() };
  },
});

/** @type {Omit<Kind, 'name' | 'what'>} */
const byHand = { runner: 'workers', slices: false, attaches: false, missing: nothing, create: memory, open: notHere };

/** @type {Omit<Kind, 'name' | 'what'>} */
const inC = { runner: 'program', slices: true, attaches: false, missing: nothing, create: () => null, open: notHere };

/** @type {readonly Kind[]} */
const ALL = [
  ours('mutex', 'Mutex', 'the Mutex of this library'),
  ours('spin', 'SpinLock', 'the SpinLock of this library'),
  {
    ...byHand,
    name: 'textbook',
    what: 'three states, Atomics.wait and notify (Drepper)',
    open: async (buffer) => textbookLock(new Int32Array(buffer)),
  },
  {
    ...byHand,
    name: 'bare-cas',
    what: 'compare-and-swap until it succeeds; with slices a section around it',
    slices: true,
    open: async (buffer, thread) => (thread === null ? bareCasLock(new Int32Array(buffer)) : slicedCasLock(new Int32Array(buffer), thread)),
  },
  asyncMutexTasks,
  ...PACKAGE_KINDS,
  {
    ...byHand,
    name: 'node-locks',
    what: 'locks of node:worker_threads, held by callbacks',
    async missing() {
      const { locks } = /** @type {any} */ (await import('node:worker_threads'));
      return locks === undefined ? `Node ${process.version} has no worker_threads.locks` : null;
    },
    create: () => 'rseq-slice bench',
    async open(name) {
      const { locks } = /** @type {any} */ (await import('node:worker_threads'));
      return { run: (section) => locks.request(name, section) };
    },
  },
  { ...inC, name: 'pthread-mutex', what: 'pthread_mutex_t in C, with slices the same sections in C' },
  { ...inC, name: 'pthread-spin', what: 'pthread_spinlock_t in C, likewise' },
];

/** @type {ReadonlyMap<string, Kind>} */
export const KINDS = new Map(ALL.map((kind) => [kind.name, kind]));

/** @param {string} name @returns {Kind} */
export function kindOf(name) {
  const kind = KINDS.get(name);
  if (kind === undefined) throw new Error(`No lock is called '${name}'. There is: ${[...KINDS.keys()].join(', ')}.`);
  return kind;
}
