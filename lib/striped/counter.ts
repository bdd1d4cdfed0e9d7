// SPDX-License-Identifier: MIT
/**
 * A counter that many threads add to at the same time, each on a cache line that is nearly always
 * its CPU's own. Reading adds the lines up. Adding is right wherever the thread is moved to in
 * between, since it is an atomic step whichever stripe it is made on.
 */
import { currentHost } from '../host/current.ts';
import type { ThreadIds } from '../host/port.ts';
import { checkOptions, checkValue, wholeNumber } from '../options.ts';
import type { Check } from '../options.ts';
import { addTo, HIGH, LOW, MOST, MOST_PIECE, readCell } from './cell.ts';
import { bytesOf, LINE_BYTES, openStriped, placeStriped, STRIPED_CHECKS } from './layout.ts';
import type { StripedHandle, StripedOptions } from './layout.ts';
import { printAs, refuseCopies } from '../posting.ts';

const WORD_BYTES = Int32Array.BYTES_PER_ELEMENT;
const WIDE_BYTES = BigInt64Array.BYTES_PER_ELEMENT;
const SHIFT: number = Math.log2(LINE_BYTES);
/** One more stripe than are picked from: C adds there for threads without an ID. */
const SHAPE = { header: LINE_BYTES, shift: SHIFT, own: 0, extra: 1 };
/** In the header, in 64-bit words: what drains have taken. */
const DRAINED: number = 16 / WIDE_BYTES;
/** In a stripe, in 64-bit words: what C has added, which may be less than 0. */
const NATIVE: number = 16 / WIDE_BYTES;

// The hot path has constants of its own: see `control-word.ts`.
const FIRST: number = LINE_BYTES / WORD_BYTES;
const STRIPE_SHIFT: number = SHIFT - Math.log2(WORD_BYTES);
const LOW_WORD = LOW;
const HIGH_WORD = HIGH;
const PIECE = MOST_PIECE;

const AMOUNT: Check = wholeNumber(0, MOST);

/** Counts in any number of threads, over shared memory. */
export class StripedCounter {
  /** Plain data that names this counter in another thread. */
  readonly handle: StripedHandle;
  /** How many stripes there are. */
  readonly stripes: number;
  /** Written once, and so constants for V8: see `Thread.word`. */
  declare private readonly words: Int32Array;
  readonly #wide: BigInt64Array;
  declare private readonly mask: number;
  declare private readonly ids: ThreadIds;

  static {
    printAs(StripedCounter.prototype, (counter) => {
      const { byteOffset } = counter.handle;
      return `StripedCounter { at byte ${byteOffset}, ${counter.sumBigInt()} }`;
    });
  }

  /**
   * Bytes of memory that one with so many stripes takes.
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION` when that is no number of stripes.
   */
  static byteLength(stripes: number): number {
    checkValue('StripedCounter.byteLength()', 'stripes', stripes, STRIPED_CHECKS.stripes);
    return bytesOf(SHAPE, stripes);
  }

  /**
   * The counter that another thread's `handle` names.
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION` when there is none.
   */
  static from(handle: StripedHandle): StripedCounter {
    const { buffer, byteOffset, stripes } = openStriped('StripedCounter', handle);
    return new StripedCounter({ buffer, byteOffset, stripes });
  }

  /**
   * A counter in shared memory: one that is there, or a fresh one where memory is zero.
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`, also when something else is there, or a
   * counter that has another number of stripes.
   */
  constructor(options: StripedOptions = {}) {
    refuseCopies(this, 'StripedCounter');
    checkOptions('new StripedCounter()', options, STRIPED_CHECKS);
    const { handle, words, stripes } = placeStriped('StripedCounter', SHAPE, options);
    this.handle = handle;
    this.stripes = stripes;
    this.words = words;
    this.#wide = new BigInt64Array(words.buffer, words.byteOffset, words.byteLength / WIDE_BYTES);
    this.mask = stripes - 1;
    this.ids = currentHost().ids;
  }

  /**
   * Adds a whole number from 0 to `Number.MAX_SAFE_INTEGER`; 1 if it is left out. It waits for
   * nobody, makes no system call and allocates nothing.
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION` when it is no such number.
   */
  add(amount = 1): void {
    if (typeof amount !== 'number' || (amount & PIECE) !== amount) {
      this.#addMuch(amount);
      return;
    }
    const words = this.words;
    const cell = FIRST + ((this.ids.stripe() & this.mask) << STRIPE_SHIFT);
    const before = Atomics.add(words, cell + LOW_WORD, amount);
    if ((before & PIECE) + amount > PIECE) Atomics.add(words, cell + HIGH_WORD, 1);
  }

  /**
   * What has been added up to now, exact up to 2^53; beyond that see {@link sumBigInt}. What is
   * added meanwhile may be in it or not. If nobody but `add()` adds, it never goes back.
   */
  sum(): number {
    return Number(this.sumBigInt());
  }

  /** The same, exact up to 2^56 per stripe. */
  sumBigInt(): bigint {
    let sum = 0n;
    for (let stripe = 0; stripe <= this.stripes; stripe++) {
      const cell = FIRST + (stripe << STRIPE_SHIFT);
      const native = (LINE_BYTES / WIDE_BYTES) * (stripe + 1) + NATIVE;
      sum += readCell(this.words, cell) + Atomics.load(this.#wide, native);
    }
    return sum;
  }

  /**
   * Takes what has been added since the last drain, in whichever thread that was. Of drains at the
   * same time each takes something else: nothing is lost, nothing is taken twice. {@link sum} goes
   * on as if nobody had drained.
   */
  drain(): number {
    for (;;) {
      const before = Atomics.load(this.#wide, DRAINED);
      const sum = this.sumBigInt();
      if (Atomics.compareExchange(this.#wide, DRAINED, before, sum) === before)
        // What the header keeps goes round at 2^64, as C's lanes do.
        return Number(BigInt.asIntN(64, sum - before));
    }
  }

  #addMuch(amount: number): void {
    checkValue('add()', 'amount', amount, AMOUNT);
    addTo(this.words, FIRST + ((this.ids.stripe() & this.mask) << STRIPE_SHIFT), amount);
  }
}
