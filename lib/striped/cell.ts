// SPDX-License-Identifier: MIT
/**
 * A cell: three words that many threads add to and that hold a number up to 2^56. `Atomics` on 64
 * bits would take BigInts, which are allocated. So the number is kept in pieces, and whoever reads
 * mends what an adder has not yet written:
 *
 * - LOW, the sum of all pieces below 2^24, modulo 2^32. Its upper 8 bits are how often it went past
 *   a multiple of 2^24, modulo 256;
 * - HIGH, how often it did that: each adder that sees it happen counts here in its next step, so it
 *   may lag;
 * - BIG, units of 2^24 that were added at once.
 *
 * An adder makes one step, or two once in a while, and waits for nobody. The explorer of
 * test/lib/striped/interleavings.ts goes through every order of the steps.
 */

/** Words of a cell, one of which is not used. */
export const CELL_WORDS = 4;
/** Where its words are, from its begin. */
export const LOW = 0;
export const HIGH = 1;
export const BIG = 2;
/** What is added in one piece is below 2^24. */
export const PIECE_BITS = 24;
export const MOST_PIECE: number = 2 ** PIECE_BITS - 1;
/** The most that can be added at once. */
export const MOST: number = Number.MAX_SAFE_INTEGER;

const UNIT = 2 ** PIECE_BITS;
const CROSSINGS = 0xff;
/**
 * How often LOW may be seen to cross while it is read: half of what its upper bits can tell. The
 * other half is for adders between their two steps.
 */
const MOST_CROSSED = 127;

/** Adds a whole number from 0 to {@link MOST_PIECE}. */
export function addPiece(words: Int32Array, cell: number, piece: number): void {
  const before = Atomics.add(words, cell + LOW, piece);
  if ((before & MOST_PIECE) + piece > MOST_PIECE) Atomics.add(words, cell + HIGH, 1);
}

/** Adds a whole number from 0 to {@link MOST}: the larger part first, so that no sum goes back. */
export function addTo(words: Int32Array, cell: number, amount: number): void {
  if (amount > MOST_PIECE) Atomics.add(words, cell + BIG, Math.floor(amount / UNIT));
  addPiece(words, cell, amount % UNIT);
}

/** What has been added to a cell: never less than what anyone has read before. */
export function readCell(words: Int32Array, cell: number): bigint {
  for (;;) {
    const high = Atomics.load(words, cell + HIGH);
    const low = Atomics.load(words, cell + LOW);
    // More went past than the upper bits of LOW can tell: this thread was not running meanwhile.
    if (((Atomics.load(words, cell + HIGH) - high) | 0) > MOST_CROSSED) continue;
    const lag = ((low >>> PIECE_BITS) - high) & CROSSINGS;
    const units = ((high + lag) >>> 0) + (Atomics.load(words, cell + BIG) >>> 0);
    const rest = low & MOST_PIECE;
    return units < UNIT ? BigInt(units * UNIT + rest) : BigInt(units) * BigInt(UNIT) + BigInt(rest);
  }
}
