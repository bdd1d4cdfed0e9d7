// SPDX-License-Identifier: MIT
/**
 * The clock and the timers that waiting is built on. They are Node's own modules'
 * and not the global ones, which tests replace, maybe before this is loaded: a
 * test that fakes the timers of its process must not stop a thread that waits.
 * Timeouts of asynchronous waits are the caller's and use the timers of the
 * moment.
 */
import { performance } from 'node:perf_hooks';
import { hrtime } from 'node:process';
import { clearInterval, setInterval } from 'node:timers';

/** ms of the calling thread's own clock, which nobody can set. */
export const now: () => number = performance.now.bind(performance);
export const startInterval: typeof setInterval = setInterval;
export const stopInterval: typeof clearInterval = clearInterval;

const [seconds, nanoseconds] = hrtime();
/** What this thread's clock lacks to the one that all threads share. */
const offset = seconds * 1000 + nanoseconds / 1e6 - now();

/**
 * ms as 32 bits, on a clock that all threads of the process share. It wraps, so only differences
 * mean something.
 */
export function sharedNow(): number {
  return (now() + offset) | 0;
}

/** ms from one reading of {@link sharedNow} to a later one. */
export function since(earlier: number, later: number): number {
  return (later - earlier) | 0;
}

/** ms until a moment of {@link now}. */
export function leftUntil(deadline: number): number {
  return deadline === Infinity ? Infinity : deadline - now();
}
