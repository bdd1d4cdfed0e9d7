// SPDX-License-Identifier: MIT
// More locks that ours are compared with than the tools have: those of Node, of packages and of C.
// The package's benchmark loads this module where it measures. What is not there is skipped, with
// the reason.

import { EXCLUSIVE } from '../../../packages/tools/dist/bench/locks/kinds.js';
import { asyncMutexTasks, packageFinder, packageKinds } from './packages.mjs';

/** @typedef {import('../../../packages/tools/lib/bench/locks/kinds.ts').Kind} Kind */

const nothing = async () => null;
const notHere = async () => {
  throw new Error('this lock is in a program of its own');
};

/** @type {Omit<Kind, 'name' | 'what'>} */
const inC = {
  runner: 'program',
  slices: true,
  attaches: false,
  ours: false,
  job: EXCLUSIVE,
  baseline: null,
  missing: nothing,
  create: () => null,
  open: notHere,
};

/** @type {readonly Kind[]} */
const ELSEWHERE = [
  {
    runner: 'workers',
    slices: false,
    attaches: false,
    ours: false,
    job: EXCLUSIVE,
    baseline: null,
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
  {
    ...inC,
    name: 'pthread-mutex',
    what: 'pthread_mutex_t in C, with slices the same sections in C',
  },
  { ...inC, name: 'pthread-spin', what: 'pthread_spinlock_t in C, likewise' },
];

/**
 * @param {string | null} folder with optional packages
 * @returns {readonly Kind[]}
 */
export function createKinds(folder) {
  const find = packageFinder(folder);
  return [asyncMutexTasks(find), ...packageKinds(find), ...ELSEWHERE];
}

/** What the package's benchmark loads. @param {string | null} folder with optional packages */
export const kindsModule = (folder) => ({ url: import.meta.url, argument: folder });
