// SPDX-License-Identifier: MIT
/**
 * The words of a barrier and what is done to them. Functions that change one word, for the reason
 * given in `turnstile.ts`.
 *
 * `STATE` counts who has arrived and how many must, says which generation it is and whether that is
 * broken: so of one generation all pass or none. Whoever arrives first takes a place: an id, and of
 * which generation. By it the others find one that has died, be it while it waited or before it
 * came again.
 */
import { FIRST } from './layout.ts';
import { EMPTY } from './slots.ts';

const STATE = 1;
/** Counted up when a generation ends; threads sleep on it. */
export const CALLS = 2;
/** Counts threads that sleep in the engine. */
export const SLEEPERS = 3;
/** Event loops sleep on it, and are rung as those of a lock are. */
export const BELL = 4;
/** 1: an event loop wants to be rung. */
export const LISTENING = 5;
/** How often the barrier was reset. */
const RESETS = 6;

const COUNT = 0xff;
const PARTIES_SHIFT = 8;
const PARTY = 1 << PARTIES_SHIFT;
const PARTIES = COUNT << PARTIES_SHIFT;
const BROKEN = 1 << 16;
const GENERATION_SHIFT = 17;
// A multiple of four of them, so that two bits tell the last from this one; none is 0.
const FIRST_GENERATION = 4;
const LAST_GENERATION = 0x7fff;
const TAG_SHIFT = 29;
const TAGS = 3;
const ID = (1 << TAG_SHIFT) - 1;

/** How a wait stands. */
export const Outcome = { Waiting: 0, Passed: 1, Broken: 2 } as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];

/** When one arrived. */
export interface Arrival {
  generation: number;
  resets: number;
}

export const generationOf = (state: number): number => state >>> GENERATION_SHIFT;
export const arrivedIn = (state: number): number => state & COUNT;
export const partiesIn = (state: number): number => (state & PARTIES) >>> PARTIES_SHIFT;
export const isBroken = (state: number): boolean => (state & BROKEN) !== 0;
/** Whether one more is all that is missing. */
export const isLast = (state: number): boolean => arrivedIn(state) + 1 >= partiesIn(state);

export const readState = (words: Int32Array): number => Atomics.load(words, STATE);
/** Comes before an arrival: a reset that comes after it is counted then. */
export const readResets = (words: Int32Array): number => Atomics.load(words, RESETS);

/** Makes a barrier of fresh memory. */
export function found(words: Int32Array, parties: number): void {
  const state = (FIRST_GENERATION << GENERATION_SHIFT) | (parties << PARTIES_SHIFT);
  Atomics.compareExchange(words, STATE, 0, state);
}

/** The state in which the next generation begins. */
function next(state: number): number {
  const generation = generationOf(state);
  const following = generation === LAST_GENERATION ? FIRST_GENERATION : generation + 1;
  return (state & PARTIES) | (following << GENERATION_SHIFT);
}

const change = (words: Int32Array, seen: number, to: number): boolean =>
  Atomics.compareExchange(words, STATE, seen, to) === seen;

/** Arrives at a barrier that was seen in a state; the last one ends the generation. */
export function arrive(words: Int32Array, seen: number): boolean {
  return change(words, seen, isLast(seen) ? next(seen) : seen + 1);
}

/**
 * Takes away a party.
 * @returns whether that ended the generation, because it was the only one to be missing
 */
export function takeParty(words: Int32Array): boolean {
  for (;;) {
    const seen = readState(words);
    if (partiesIn(seen) === 0) return false;
    const ends = !isBroken(seen) && arrivedIn(seen) > 0 && isLast(seen);
    if (change(words, seen, ends ? next(seen - PARTY) : seen - PARTY)) return ends;
  }
}

/** Breaks a generation. False: it has ended, or is broken already. */
export function breakUp(words: Int32Array, generation: number): boolean {
  for (;;) {
    const seen = readState(words);
    if (generationOf(seen) !== generation || isBroken(seen)) return false;
    if (change(words, seen, seen | BROKEN)) return true;
  }
}

/** Counts a reset of a broken generation, before {@link beginAnew}. */
export function countReset(words: Int32Array): void {
  Atomics.add(words, RESETS, 1);
}

/** Begins the next generation after a broken one. */
export function beginAnew(words: Int32Array, generation: number): void {
  for (;;) {
    const seen = readState(words);
    if (generationOf(seen) !== generation || change(words, seen, next(seen))) return;
  }
}

/** How the wait of one who has arrived stands. */
export function outcomeOf(words: Int32Array, { generation, resets }: Arrival): Outcome {
  const state = readState(words);
  if (generationOf(state) === generation) return isBroken(state) ? Outcome.Broken : Outcome.Waiting;
  // Which of the two came first cannot be told any more; who resets wants all to begin anew.
  return readResets(words) === resets ? Outcome.Passed : Outcome.Broken;
}

const tagOf = (generation: number): number => (generation & TAGS) << TAG_SHIFT;
const isOf = (place: number, generation: number): boolean =>
  (place & (TAGS << TAG_SHIFT)) === tagOf(generation);

/**
 * Looks for a place for a thread, which is only where to begin: {@link takePlace} takes it.
 * @returns its index, with a minus if the thread has it since the generation before; 0: none
 */
export function findPlace(
  words: Int32Array,
  id: number,
  generation: number,
  hasEnded: (id: number) => boolean,
): number {
  let free = 0;
  let empty = 0;
  for (let place = FIRST; place < words.length; place++) {
    const found = Atomics.load(words, place);
    if (found === EMPTY) empty ||= place;
    // A thread may wait more than once, in its event loop.
    else if (isOf(found, generation)) continue;
    else if ((found & ID) !== id) free ||= place;
    else return isOf(found, generation - 1) ? -place : place;
  }
  if (empty !== 0 || free === 0) return empty;
  // Another one of those before: rather one that cannot come again.
  for (let place = free; place < words.length; place++) {
    const found = Atomics.load(words, place);
    if (!isOf(found, generation) && hasEnded(found & ID)) return place;
  }
  return free;
}

/** False: another thread was faster. */
export function takePlace(
  words: Int32Array,
  place: number,
  id: number,
  generation: number,
): boolean {
  const seen = Atomics.load(words, place);
  return (
    (seen === EMPTY || !isOf(seen, generation)) &&
    Atomics.compareExchange(words, place, seen, id | tagOf(generation)) === seen
  );
}

/** Gives up the places of those who are in none but a generation, or of one of their threads. */
export function clearPlaces(words: Int32Array, generation: number, id = 0): void {
  for (let place = FIRST; place < words.length; place++) {
    const seen = Atomics.load(words, place);
    if (seen === EMPTY || isOf(seen, generation) || (id !== 0 && (seen & ID) !== id)) continue;
    Atomics.compareExchange(words, place, seen, EMPTY);
  }
}

/**
 * Whether one of some places is of a thread that has died after it came, or, if the caller passed
 * with it, before it came again.
 */
export function isMissing(
  words: Int32Array,
  place: number,
  generation: number,
  isMember: boolean,
  hasEnded: (id: number) => boolean,
): boolean {
  const seen = Atomics.load(words, place);
  return (
    seen !== EMPTY &&
    (isOf(seen, generation) || (isMember && isOf(seen, generation - 1))) &&
    hasEnded(seen & ID)
  );
}
