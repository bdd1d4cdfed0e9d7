// SPDX-License-Identifier: MIT
// Mistakes to make on purpose in workers, to see that they are found.

import { loaderOf } from './copies.mjs';

/**
 * ms that whoever sleeps does not look by himself: long enough to be noticed, and the run still
 * ends.
 */
const DEAF = 1000;
/** ms between two looks of an event loop by itself, in the library. */
const POLL = 50;

/**
 * As `PLANTED` of `options.mjs` names them; each gets the module that loads the addon.
 * @type {Readonly<Record<string, (loader: any) => void>>}
 */
const MISTAKES = {
  /** Wake-ups are lost, and nobody looks by himself in time. */
  'lost-wake': ({ loadAddon }) => {
    Atomics.notify = () => 0;
    const { wait } = Atomics;
    Atomics.wait = /** @type {any} */ (
      (
        /** @type {Int32Array} */ words,
        /** @type {number} */ index,
        /** @type {number} */ value,
        /** @type {number | undefined} */ ms,
      ) => wait(words, index, value, ms === undefined ? undefined : Math.max(ms, DEAF))
    );
    const { setInterval } = globalThis;
    globalThis.setInterval = /** @type {any} */ (
      (/** @type {() => void} */ run, /** @type {number} */ ms) =>
        setInterval(run, ms === POLL ? DEAF : ms)
    );
    const addon = loadAddon();
    if (addon.state !== 'loaded') return;
    const { futexWait } = addon.binding;
    addon.binding.futexWait = (
      /** @type {Int32Array} */ words,
      /** @type {number} */ index,
      /** @type {number} */ value,
      /** @type {number} */ ms,
    ) => futexWait(words, index, value, Math.max(ms, DEAF));
    addon.binding.futexWake = () => 0;
  },
};

/**
 * Makes the mistake in the calling thread, before the library is loaded.
 * @param {string} name
 * @param {string} url the library's
 */
export async function plant(name, url) {
  MISTAKES[name]?.(await import(loaderOf(url)));
}
