// SPDX-License-Identifier: MIT
// How long threads had no CPU though they wanted one, as the kernel counts it: what a thread could
// not do in that time is no lock's fault. Where the kernel does not count that, only the main
// thread's own lateness is left to go by.

import { readdirSync, readFileSync } from 'node:fs';

const NANOSECONDS = 1e6;

/** @typedef {{ ran: number, delayed: number }} Sample */

export class CpuTime {
  /** @type {Map<number, Sample>} */
  #samples = new Map();
  /** Whether the kernel counts it. */
  isCounted = read(process.pid) !== null;
  /** The engine's own: a thread that collects garbage waits for them, and not for a CPU. */
  #helpers = this.isCounted ? helperThreads() : [];

  /** Begins anew with the next look. */
  forget() {
    this.#samples.clear();
  }

  /**
   * The same of the engine's own threads, the most of them.
   * @param {number} passed ms
   * @returns {number}
   */
  lostByHelpers(passed) {
    return Math.max(0, ...this.#helpers.map((thread) => this.lost(thread, passed)));
  }

  /**
   * ms that a thread wanted a CPU and had none since it was looked at last; infinite when it was
   * not, or is gone.
   * @param {number} thread @param {number} passed ms since then
   * @returns {number}
   */
  lost(thread, passed) {
    if (!this.isCounted) return 0;
    const before = this.#samples.get(thread);
    const sample = read(thread);
    if (sample === null) return Infinity;
    this.#samples.set(thread, sample);
    if (before === undefined) return Infinity;
    // The kernel counts a delay when it is over; one that goes on shows by the thread's state.
    if (sample.ran === before.ran && sample.delayed === before.delayed)
      return isRunnable(thread) ? passed : 0;
    return (sample.delayed - before.delayed) / NANOSECONDS;
  }
}

/**
 * The threads of this process but the calling one, before there are workers.
 * @returns {number[]}
 */
function helperThreads() {
  return readdirSync('/proc/self/task')
    .map(Number)
    .filter((thread) => thread !== process.pid);
}

/** @param {number} thread @returns {Sample | null} */
function read(thread) {
  try {
    const [ran, delayed] = readFileSync(`/proc/self/task/${thread}/schedstat`, 'latin1').split(' ');
    return { ran: Number(ran), delayed: Number(delayed) };
  } catch {
    return null;
  }
}

/** @param {number} thread */
function isRunnable(thread) {
  try {
    const stat = readFileSync(`/proc/self/task/${thread}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) === 'R';
  } catch {
    return false;
  }
}
