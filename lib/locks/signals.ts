/**
 * The words of a condition and what is done to them: how many wait, how many of
 * them have been notified and have not left yet. Functions that change one word,
 * for the reason given in `turnstile.ts`.
 *
 * A notification is for those who had lined up when it was made: whoever lines
 * up later finds the calls as they are then, and takes nothing until they change.
 */

/** Waiters, and signals that none of them has taken. */
const LINE = 1;
/** Counted up at every notification; waiters sleep on it. */
export const CALLS = 2;
/** Words of a condition; the first is its mark, the last counts those who sleep in the engine. */
export const CONDITION_WORDS = 4;

const WAITER = 1;
const WAITERS = 0x7fff;
const SIGNAL_SHIFT = 15;
const SIGNAL = 1 << SIGNAL_SHIFT;

const waitersIn = (line: number): number => line & WAITERS;
const signalsIn = (line: number): number => line >> SIGNAL_SHIFT;

/** Lines up, which must come before the lock is released. @returns what the calls are at that moment. */
export function lineUp(words: Int32Array): number {
  Atomics.add(words, LINE, WAITER);
  return Atomics.load(words, CALLS);
}

/** Gives signals to waiters who have none. The caller then notes the call, and wakes. @returns how many. */
export function signal(words: Int32Array, count: number): number {
  for (let line = Atomics.load(words, LINE); ; ) {
    const more = Math.min(count, waitersIn(line) - signalsIn(line));
    if (!(more > 0)) return 0;
    const found = Atomics.compareExchange(words, LINE, line, line + more * SIGNAL);
    if (found === line) return more;
    line = found;
  }
}

export function noteCall(words: Int32Array): void {
  Atomics.add(words, CALLS, 1);
}

/** Takes a signal and leaves the line, if there is one for somebody who lined up at these calls. */
export function takeSignal(words: Int32Array, calls: number): boolean {
  if (Atomics.load(words, CALLS) === calls) return false;
  for (let line = Atomics.load(words, LINE); signalsIn(line) > 0; ) {
    const found = Atomics.compareExchange(words, LINE, line, line - SIGNAL - WAITER);
    if (found === line) return true;
    line = found;
  }
  return false;
}

/**
 * Leaves the line because the time is up, taking a signal if there is one that
 * may be ours: we may have been woken for it, and nobody else would be. There is
 * also one when there are as many as waiters, though the call is not noted yet.
 * @returns whether a signal was taken.
 */
export function leaveLine(words: Int32Array, calls: number): boolean {
  for (let line = Atomics.load(words, LINE); ; ) {
    const isOurs = signalsIn(line) > 0 && (signalsIn(line) >= waitersIn(line) || Atomics.load(words, CALLS) !== calls);
    const found = Atomics.compareExchange(words, LINE, line, line - WAITER - (isOurs ? SIGNAL : 0));
    if (found === line) return isOurs;
    line = found;
  }
}
