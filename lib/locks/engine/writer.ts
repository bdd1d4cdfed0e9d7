// SPDX-License-Identifier: MIT
/**
 * The word that says who writes, of a lock for readers and writers: 0 nobody, a
 * thread's id, or that id with a flag while it has only claimed the lock and
 * waits for readers to leave. One more flag says that a writer died with the
 * lock; it stays until another one has had the lock, who can repair what was
 * left. Each function makes one change, so the explorer's models call the same.
 */
import { OWN, STATE } from './turnstile.ts';

/** A writer died, and none has had the lock since. The sign of the word. */
export const TORN = -0x8000_0000;
const CLAIMED = 1 << 30;
/**
 * The claim is an event loop's, which may not come round. In this word, so that nobody takes one
 * claim for another.
 */
const BY_EVENT_LOOP = 1 << 29;
const ID = BY_EVENT_LOOP - 1;

/**
 * A writer that has claimed the lock sleeps on it until readers leave. Counted up, by two, when one
 * does; odd: the writer sleeps, or is about to.
 */
export const DRAIN: number = OWN;
const ASLEEP = 1;
const READER = 2;

/** When an event loop claimed the lock last, or a reader left after that. */
export const CLAIMED_SINCE: number = OWN + 1;

/** Whether someone writes, or has claimed the lock. */
export function isWritten(state: number): boolean {
  return (state & ID) !== 0;
}

/** Whether someone waits with it for readers to leave. */
export function isClaimed(state: number): boolean {
  return (state & CLAIMED) !== 0;
}

/** Whether that is an event loop. */
export function isClaimedByEventLoop(state: number): boolean {
  return (state & BY_EVENT_LOOP) !== 0;
}

/** Who that is. */
export function writerOf(state: number): number {
  return state & ID;
}

/**
 * Claims a lock that was seen in a state in which nobody writes.
 * @returns what it is then; 0: it has changed
 */
export function claimWriting(
  words: Int32Array,
  seen: number,
  id: number,
  isEventLoop: boolean,
): number {
  const claim = seen | CLAIMED | (isEventLoop ? BY_EVENT_LOOP : 0) | id;
  return Atomics.compareExchange(words, STATE, seen, claim) === seen ? claim : 0;
}

/**
 * Says that a writer is about to sleep, which then looks once more whether anybody reads.
 * @returns what `DRAIN` is, to sleep on
 */
export function listenForReaders(words: Int32Array): number {
  return Atomics.or(words, DRAIN, ASLEEP) | ASLEEP;
}

/** The writer does not sleep any more. */
export function stopListening(words: Int32Array): void {
  Atomics.and(words, DRAIN, ~ASLEEP);
}

/** Says that a reader has left. @returns whether the writer must be woken */
export function tellOfReader(words: Int32Array): boolean {
  return (Atomics.add(words, DRAIN, READER) & ASLEEP) !== 0;
}

/** Takes the lock that was claimed. False: the claim was withdrawn meanwhile. */
export function confirmWriting(words: Int32Array, claim: number): boolean {
  return Atomics.compareExchange(words, STATE, claim, writerOf(claim)) === claim;
}

/** Leaves the lock to others, as it was before the claim. False: it was withdrawn meanwhile. */
export function withdrawClaim(words: Int32Array, claim: number): boolean {
  return Atomics.compareExchange(words, STATE, claim, claim & TORN) === claim;
}

/** Takes the lock away from a writer that has died. */
export function leaveTorn(words: Int32Array, seen: number): boolean {
  return Atomics.compareExchange(words, STATE, seen, TORN) === seen;
}

/** The writer has written. */
export function clearWriter(words: Int32Array): void {
  Atomics.store(words, STATE, 0);
}
