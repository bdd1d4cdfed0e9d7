// SPDX-License-Identifier: MIT
/**
 * The words of a condition and what is done to them: how many wait, how many of
 * them have been notified and have not left yet. Functions that change one word,
 * for the reason given in `turnstile.ts`.
 *
 * A notification is for those who had lined up when it was made: whoever lines
 * up later finds the calls as they are then, and takes nothing until they change.
 *
 * Whoever dies while it waits leaves its count behind. So each thread says in a
 * place of its own how many of those who are counted are its: after it lines up
 * and before it leaves, so that no death between the two takes away more than
 * was there. {@link forget} takes that out of the line.
 */
import { CONDITION_HEAD, CONDITION_PLACES, PLACE_WORDS } from './layout.ts';

/** Waiters, and signals that none of them has taken. */
const LINE = 1;
/** Counted up at every notification; threads sleep on it. */
export const CALLS = 2;
/** Counts threads that sleep in the engine. */
export const SLEEPERS = 3;
/** Event loops sleep on it, and are rung as those of a lock are. */
export const BELL = 4;
/** 1: an event loop wants to be rung. */
export const LISTENING = 5;
/**
 * How many threads sleep, or are about to, so that a notification makes a system call only for
 * them. One that died asleep stays counted, as those do whose waker died before it counted them
 * out: that costs such calls and no more.
 */
export const ASLEEP = 6;

const WAITER = 1;
const WAITERS = 0x7fff;
const SIGNAL_SHIFT = 15;
const SIGNAL = 1 << SIGNAL_SHIFT;
/** How many can wait at a time. */
export const MOST_WAITING: number = WAITERS;

const waitersIn = (line: number): number => line & WAITERS;
const signalsIn = (line: number): number => line >> SIGNAL_SHIFT;

/** Whether anybody waits, the dead that were not missed yet included. */
export function isAwaited(words: Int32Array): boolean {
  return waitersIn(Atomics.load(words, LINE)) > 0;
}

/**
 * Lines up, which must come before the lock is released. False: more wait already than can be
 * counted.
 */
export function lineUp(words: Int32Array): boolean {
  for (let line = Atomics.load(words, LINE); ;) {
    if (waitersIn(line) === WAITERS) return false;
    const found = Atomics.compareExchange(words, LINE, line, line + WAITER);
    if (found === line) return true;
    line = found;
  }
}

/** What the calls are, which a waiter reads before it lines up. */
export function readCalls(words: Int32Array): number {
  return Atomics.load(words, CALLS);
}

/**
 * Gives signals to waiters who have none. The caller then notes the call, and wakes.
 * @returns how many.
 */
export function signal(words: Int32Array, count: number): number {
  for (let line = Atomics.load(words, LINE); ;) {
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

/**
 * Counts a thread that goes to sleep on the calls as they were before it looked, or one that awoke
 * by itself. A notification that does not see it is noted by then, and it does not sleep.
 */
export function countAsleep(words: Int32Array, change: 1 | -1): void {
  Atomics.add(words, ASLEEP, change);
}

/** Counts out those whom the caller has woken, who do not do it themselves then. */
export function countWoken(words: Int32Array, count: number): void {
  if (count > 0) Atomics.sub(words, ASLEEP, count);
}

/** Whether a call must be made in the kernel. Whoever asks has noted the call. */
export function isAsleep(words: Int32Array): boolean {
  return Atomics.load(words, ASLEEP) > 0;
}

/** How many signals there are that nobody has taken. */
export function countSignals(words: Int32Array): number {
  return signalsIn(Atomics.load(words, LINE));
}

/** Takes a signal and leaves the line, if there is one for someone who lined up at these calls. */
export function takeSignal(words: Int32Array, calls: number): boolean {
  if (Atomics.load(words, CALLS) === calls) return false;
  for (let line = Atomics.load(words, LINE); signalsIn(line) > 0;) {
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
  for (let line = Atomics.load(words, LINE); ;) {
    const isOurs =
      signalsIn(line) > 0 &&
      (signalsIn(line) >= waitersIn(line) || Atomics.load(words, CALLS) !== calls);
    const found = Atomics.compareExchange(words, LINE, line, line - WAITER - (isOurs ? SIGNAL : 0));
    if (found === line) return isOurs;
    line = found;
  }
}

/**
 * Takes waiters out of the line that have died, and signals that nobody is left for. Another one
 * may have a signal of theirs then, who came after it was made, and must be woken for it.
 */
export function forget(words: Int32Array, count: number): void {
  for (let line = Atomics.load(words, LINE); ;) {
    const waiters = Math.max(0, waitersIn(line) - count);
    const found = Atomics.compareExchange(
      words,
      LINE,
      line,
      waiters + Math.min(waiters, signalsIn(line)) * SIGNAL,
    );
    if (found === line) return;
    line = found;
  }
}

/** The places of threads: each an id, and how many of those in the line are that thread's. */
export function placeOf(words: Int32Array, id: number): number {
  let free = -1;
  for (
    let place = CONDITION_HEAD;
    place < CONDITION_HEAD + CONDITION_PLACES * PLACE_WORDS;
    place += PLACE_WORDS
  ) {
    // Not atomic, which costs ten times as much: nobody else writes our id, and who takes what
    // looks free makes sure of it.
    const found = words[place];
    if (found === id) return place;
    if (found === 0 && free < 0) free = place;
  }
  return free;
}

/** Makes a place the calling thread's. False: it is another's. */
export function ownPlace(words: Int32Array, place: number, id: number): boolean {
  const found = Atomics.compareExchange(words, place, 0, id);
  return found === 0 || found === id;
}

/** Counts in a place of the calling thread's. @returns what the count is then */
export function changeCount(words: Int32Array, place: number, change: number): number {
  return Atomics.add(words, place + 1, change) + change;
}

/**
 * Takes a place whose owner has ended, so that nobody else forgets its count, or what the next
 * owner counts there.
 * @param by who does that; its id with a minus stands there meanwhile, for it may die, too
 */
export function takeDead(words: Int32Array, place: number, owner: number, by: number): boolean {
  return Atomics.compareExchange(words, place, owner, -by) === owner;
}

/** Takes all of a place's count. */
export function takeCount(words: Int32Array, place: number): number {
  return Atomics.exchange(words, place + 1, 0);
}

/** Gives up a place of the calling thread's that counts nothing. */
export function freePlace(words: Int32Array, place: number): void {
  Atomics.store(words, place, 0);
}

/**
 * Says how many of those in the line are the calling thread's.
 * @param place as {@link placeOf} says; -1: it has none
 */
export function countOwn(words: Int32Array, place: number, id: number, change: number): void {
  if (place < 0) return;
  // Another thread was faster.
  if (!ownPlace(words, place, id)) {
    countOwn(words, placeOf(words, id), id, change);
    return;
  }
  if (changeCount(words, place, change) > 0) return;
  takeCount(words, place);
  freePlace(words, place);
}

/** Forgets the waiters of threads that have ended. @param id the calling thread's */
export function forgetDead(words: Int32Array, id: number, hasEnded: (id: number) => boolean): void {
  for (
    let place = CONDITION_HEAD;
    place < CONDITION_HEAD + CONDITION_PLACES * PLACE_WORDS;
    place += PLACE_WORDS
  ) {
    const owner = Atomics.load(words, place);
    if (owner === 0 || !hasEnded(Math.abs(owner)) || !takeDead(words, place, owner, id)) continue;
    const count = takeCount(words, place);
    if (count > 0) forget(words, count);
    freePlace(words, place);
  }
}
