// SPDX-License-Identifier: MIT
// One loop over one lock in a process that does nothing else. Speaks the protocol of
// packages/tools/lib/bench/sections/child-loop.ts; its argument names the loop. The counter is what
// the lock guards: without it V8 could drop the section.

import { pathToFileURL } from 'node:url';
import { serveLoop } from '../../packages/tools/dist/bench/sections/child-loop.js';
import { timed } from '../../packages/tools/dist/bench/sections/loops.js';

/** @typedef {import('../../lib/index.ts').Mutex | import('../../lib/index.ts').SpinLock} Lock */

const guarded = new Int32Array(new SharedArrayBuffer(64));
const add = () => {
  guarded[0] = ((guarded[0] ?? 0) + 1) | 0;
};

/** @param {Lock} lock */
const entering = (lock) =>
  timed((count) => {
    for (let i = 0; i < count; i++) {
      lock.enter();
      add();
      lock.leave();
    }
  });
/** @param {Lock} lock */
const withLock = (lock) =>
  timed((count) => {
    for (let i = 0; i < count; i++) lock.withLock(add);
  });
/** @param {Lock} lock */
const tokens = (lock) =>
  timed((count) => {
    for (let i = 0; i < count; i++) {
      const token = lock.lock();
      add();
      token.unlock();
    }
  });
const casPair = () =>
  timed((count) => {
    for (let i = 0; i < count; i++) {
      while (Atomics.compareExchange(guarded, 8, 0, 1) !== 0);
      add();
      Atomics.compareExchange(guarded, 8, 1, 0);
    }
  });

/**
 * @type {readonly { name: string, what: string, kind: 'Mutex' | 'SpinLock' | null,
 *   loop: (lock: any) => (count: number) => number }[]}
 */
export const LOOPS = [
  { name: 'cas', what: 'a bare pair of compare-and-swaps', kind: null, loop: casPair },
  { name: 'enter', what: 'mutex.enter(); mutex.leave()', kind: 'Mutex', loop: entering },
  { name: 'withLock', what: 'mutex.withLock(() => {})', kind: 'Mutex', loop: withLock },
  { name: 'token', what: 'mutex.lock(); token.unlock()', kind: 'Mutex', loop: tokens },
  {
    name: 'spin',
    what: 'spinLock.enter(); spinLock.leave()',
    kind: 'SpinLock',
    loop: entering,
  },
];

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const chosen = LOOPS.find(({ name }) => name === process.argv[2]);
  if (chosen === undefined) throw new Error(`No loop is called '${process.argv[2]}'.`);
  const library = await import(new URL('../../dist/index.js', import.meta.url).href);
  const thread = library.attach();
  const run = chosen.loop(
    chosen.kind === null ? null : new library[chosen.kind]({ thread, blockMainThread: true }),
  );
  await serveLoop(`${thread.host}, ${thread.registration}`, run);
}
