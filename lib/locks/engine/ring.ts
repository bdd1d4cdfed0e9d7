// SPDX-License-Identifier: MIT
/**
 * The words of a queue and what is done to them: two lines as in `turnstile.ts`, of those who push
 * and of those who pop, and a ring of records. Functions that change one word, for the reason given
 * there.
 *
 * Those who push have the ring's end one at a time, those who pop its front; each is a word with
 * the id of the one who has it. A record is in the queue when `TAIL` was moved on, and out of it
 * when `HEAD` was, and not before: so one who dies in between leaves nothing half done, and the
 * next one takes over. `TAIL` says as well whether the queue is closed, so no push is done in a
 * queue that those who pop have found closed and empty.
 */
import { STATE, TURNSTILE_WORDS } from './turnstile.ts';

/** The line of those who pop begins here, that of those who push at 0. */
export const POPPERS: number = TURNSTILE_WORDS;
/** Where the next record goes, twice, and whether the queue is closed. */
const TAIL = 2 * TURNSTILE_WORDS;
/** Where the next record is. In a line of the cache of its own, as the tail. */
const HEAD = 3 * TURNSTILE_WORDS;
/** The first word of the records: each has its length in front. */
export const RECORDS: number = 4 * TURNSTILE_WORDS;

const CLOSED = 1;
const NOBODY = 0;

/** Words of a record's place. */
export const placeWords = (recordBytes: number): number => 1 + ((recordBytes + 3) >>> 2);

/** Who has an end of the ring: words of that end's line. */
export const holderOf = (line: Int32Array): number => Atomics.load(line, STATE);

/** Takes an end of the ring that nobody has, or one who has ended. */
export function takeEnd(line: Int32Array, seen: number, id: number): boolean {
  return Atomics.compareExchange(line, STATE, seen, id) === seen;
}

/** Gives it back. */
export function giveEnd(line: Int32Array): void {
  Atomics.store(line, STATE, NOBODY);
}

export const readTail = (words: Int32Array): number => Atomics.load(words, TAIL);
export const readHead = (words: Int32Array): number => Atomics.load(words, HEAD);
export const isClosed = (tail: number): boolean => (tail & CLOSED) !== 0;

// Both go round twice as far as there are records, so that a full ring and an empty one differ.

/** How many records are in the queue. */
export function countRecords(tail: number, head: number, capacity: number): number {
  const count = (tail >> 1) - head;
  return count < 0 ? count + 2 * capacity : count;
}

const after = (position: number, capacity: number): number =>
  position + 1 < 2 * capacity ? position + 1 : 0;

/** The record at a position: how many there are before it. */
export const recordAt = (position: number, capacity: number): number =>
  position < capacity ? position : position - capacity;
export const tailPosition = (tail: number): number => tail >> 1;

/** Puts the record at the tail into the queue. False: it was closed meanwhile. */
export function commitPush(words: Int32Array, tail: number, capacity: number): boolean {
  const next = after(tail >> 1, capacity) << 1;
  return Atomics.compareExchange(words, TAIL, tail, next) === tail;
}

/** Takes the record at the head out of the queue. */
export function commitPop(words: Int32Array, head: number, capacity: number): void {
  Atomics.store(words, HEAD, after(head, capacity));
}

/** Closes the queue. @returns whether it was open */
export function close(words: Int32Array): boolean {
  return (Atomics.or(words, TAIL, CLOSED) & CLOSED) === 0;
}
