// SPDX-License-Identifier: MIT
/**
 * A histogram with fixed buckets that many threads observe into at the same time, each in a stripe
 * that is nearly always its CPU's own. An observation is an atomic step on its bucket and one on
 * the sum. The bounds are in the memory too, so that another thread needs the handle alone.
 */
import { currentHost } from '../host/current.ts';
import type { ThreadIds } from '../host/port.ts';
import {
  arrayWhere,
  checkOptions,
  checkValue,
  describeValue,
  invalid,
  numberWithin,
} from '../options.ts';
import type { Check, OptionChecks } from '../options.ts';
import { printAs, refuseCopies } from '../posting.ts';
import { addPiece, addTo, CELL_WORDS, readCell } from './cell.ts';
import { bytesOf, LINE_BYTES, openStriped, placeStriped, STRIPED_CHECKS } from './layout.ts';
import type { Shape, StripedHandle, StripedOptions } from './layout.ts';

/** The bounds of a histogram, and where it lives. */
export interface HistogramOptions extends StripedOptions {
  /**
   * The buckets' upper bounds, each above the one before, from 0 on. One without a bound follows.
   */
  readonly buckets: readonly number[];
  /**
   * The sum is kept in whole multiples of it, each value rounded to the nearest; a value has at
   * most 2^53 - 1 of them, a stripe's sum 2^56. Default: the power of ten in which the smallest
   * bound above 0 has six digits, 1e-8 for 0.001 say, or the highest twelve, if that is more; 1 at
   * most. For whole numbers 1 leaves room for larger sums.
   */
  readonly unit?: number;
}

/** One bucket of a snapshot. */
export interface HistogramBucket {
  /** The most that is in it; Infinity: the last one. */
  readonly upTo: number;
  /** Values in it: above the bound of the bucket before, and up to its own. */
  readonly count: number;
}

/** What a histogram had seen at some time. */
export interface HistogramSnapshot {
  /** How many values. */
  readonly count: number;
  /** Of all values, each rounded to the unit. */
  readonly sum: number;
  /** How many values each bucket has, by their bounds; the last one has none. */
  readonly buckets: readonly HistogramBucket[];
  /**
   * The value that a share of all values does not exceed, interpolated within its bucket as
   * Prometheus does; the highest bound, if it is above that; NaN, if there is no value.
   * @param q the share, from 0 to 1
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION` when it is no share.
   */
  quantile(q: number): number;
}

const MOST_BUCKETS = 1024;
const WORD_BYTES = Int32Array.BYTES_PER_ELEMENT;
const WIDE_BYTES = BigInt64Array.BYTES_PER_ELEMENT;
const FIRST_WIDE: number = LINE_BYTES / WIDE_BYTES;
const SHARE: Check = numberWithin(0, 1);
/** Digits that the smallest bound has at least in the default unit, and the highest at most. */
const LEAST_DIGITS = 6;
const MOST_DIGITS = 12;
/** Smaller powers of ten are no exact doubles, or 0. */
const LEAST_EXPONENT = -300;
const CHECKS: OptionChecks<HistogramOptions> = {
  buckets: arrayWhere(
    `an array of 1 to ${MOST_BUCKETS} numbers from 0 on, each above the one before`,
    (bound, index, all) =>
      Number.isFinite(bound) &&
      (bound as number) >= 0 &&
      (index === 0 || (bound as number) > (all[index - 1] as number)),
    1,
    MOST_BUCKETS,
  ),
  unit: {
    accepts: 'a number above 0',
    isGood: (value) => Number.isFinite(value) && (value as number) > 0,
  },
  ...STRIPED_CHECKS,
};

/**
 * Header, the unit and the bounds, and what drains have taken: of each bucket, and of the sum. A
 * stripe has a cell for each of them.
 */
function shapeFor(bounds: number): Shape {
  const cells = bounds + 2;
  const round = (bytes: number): number => Math.ceil(bytes / LINE_BYTES) * LINE_BYTES;
  return {
    header: round(LINE_BYTES + (1 + bounds + cells) * WIDE_BYTES),
    shift: Math.ceil(Math.log2(round(cells * CELL_WORDS * WORD_BYTES))),
    own: bounds,
    extra: 0,
  };
}

/** Counts values in buckets, in any number of threads, over shared memory. */
export class StripedHistogram {
  /** Plain data that names this histogram in another thread. */
  readonly handle: StripedHandle;
  /** How many stripes there are. */
  readonly stripes: number;
  /** The sum is kept in multiples of it. */
  readonly unit: number;
  readonly #bounds: Float64Array;
  readonly #words: Int32Array;
  readonly #drained: BigInt64Array;
  /** Index of the first stripe. */
  readonly #first: number;
  /** log2 of the words of a stripe. */
  readonly #shift: number;
  readonly #mask: number;
  readonly #ids: ThreadIds;

  static {
    printAs(StripedHistogram.prototype, (histogram) => {
      const { byteOffset } = histogram.handle;
      return `StripedHistogram { at byte ${byteOffset}, ${histogram.snapshot().count} values }`;
    });
  }

  /**
   * Bytes of memory that one with so many bounds and stripes takes.
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION` when those are no such numbers.
   */
  static byteLength(bounds: number, stripes: number): number {
    const caller = 'StripedHistogram.byteLength()';
    checkValue(caller, 'bounds', bounds, {
      accepts: `a whole number from 1 to ${MOST_BUCKETS}`,
      isGood: () => Number.isInteger(bounds) && bounds >= 1 && bounds <= MOST_BUCKETS,
    });
    checkValue(caller, 'stripes', stripes, STRIPED_CHECKS.stripes);
    return bytesOf(shapeFor(bounds), stripes);
  }

  /**
   * The histogram that another thread's `handle` names.
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION` when there is none.
   */
  static from(handle: StripedHandle): StripedHistogram {
    const { own, ...place } = openStriped('StripedHistogram', handle);
    const start = place.byteOffset + LINE_BYTES;
    if (own < 1 || own > MOST_BUCKETS || start + (1 + own) * WIDE_BYTES > place.buffer.byteLength)
      throw invalid('The memory of this StripedHistogram has been overwritten.');
    const about = new Float64Array(place.buffer, start, 1 + own);
    const [unit = 1, ...buckets] = Array.from(about, (number) => (number === 0 ? 0 : number));
    return new StripedHistogram({ ...place, unit, buckets });
  }

  /**
   * A histogram in shared memory: one that is there, or a fresh one where memory is zero.
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`, also when something else is there, or a
   * histogram that has other bounds, another unit or another number of stripes.
   */
  constructor(options: HistogramOptions) {
    refuseCopies(this, 'StripedHistogram');
    const caller = 'new StripedHistogram()';
    checkOptions(caller, options, CHECKS, 'new StripedHistogram({ buckets })');
    checkValue(caller, 'buckets', options.buckets, CHECKS.buckets);
    const { buckets, unit = usualUnit(options.buckets), ...place } = options;
    const shape = shapeFor(buckets.length);
    const { handle, words, stripes } = placeStriped('StripedHistogram', shape, place);
    const { buffer, byteOffset } = handle;
    const about = [unit, ...buckets];
    agreeOn(new BigInt64Array(buffer, byteOffset + LINE_BYTES, about.length), about);
    this.handle = handle;
    this.stripes = stripes;
    this.unit = unit;
    this.#bounds = Float64Array.from(buckets);
    this.#words = words;
    this.#drained = new BigInt64Array(
      buffer,
      byteOffset + (FIRST_WIDE + about.length) * WIDE_BYTES,
      buckets.length + 2,
    );
    this.#first = shape.header / WORD_BYTES;
    this.#shift = shape.shift - Math.log2(WORD_BYTES);
    this.#mask = stripes - 1;
    this.#ids = currentHost().ids;
  }

  /** The buckets' upper bounds. */
  get bounds(): readonly number[] {
    return [...this.#bounds];
  }

  /**
   * Counts a value, from 0 on. It waits for nobody, makes no system call and allocates nothing.
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION` when it is less than 0, no number, or more
   * than 2^53 - 1 units.
   */
  observe(value: number): void {
    const units = typeof value === 'number' ? Math.round(value / this.unit) : NaN;
    // Of NaN nothing is true.
    if (!(units <= Number.MAX_SAFE_INTEGER && value >= 0)) refuseValue(value, this.unit);
    const bounds = this.#bounds;
    let bucket = 0;
    for (let end = bounds.length; bucket < end;) {
      const middle = (bucket + end) >>> 1;
      if (value <= (bounds[middle] as number)) end = middle;
      else bucket = middle + 1;
    }
    const stripe = this.#first + ((this.#ids.stripe() & this.#mask) << this.#shift);
    addPiece(this.#words, stripe + bucket * CELL_WORDS, 1);
    addTo(this.#words, stripe + (bounds.length + 1) * CELL_WORDS, units);
  }

  /** What has been observed up to now. What is observed meanwhile may be in it or not. */
  snapshot(): HistogramSnapshot {
    return new Snapshot(this.#bounds, this.#sums(), this.unit);
  }

  /**
   * Takes what has been observed since the last drain, in whichever thread that was. Of drains at
   * the same time each takes something else: no value is lost, none is taken twice; but one may
   * take a value's count, and another what it adds to the sum. {@link snapshot} goes on as if
   * nobody had drained.
   */
  drain(): HistogramSnapshot {
    const taken = Array.from(this.#drained, (_, cell) => this.#drainCell(cell));
    return new Snapshot(this.#bounds, taken, this.unit);
  }

  #drainCell(cell: number): number {
    for (;;) {
      const before = Atomics.load(this.#drained, cell);
      const sum = this.#sumOf(cell);
      if (Atomics.compareExchange(this.#drained, cell, before, sum) === before)
        return Number(sum - before);
    }
  }

  #sums(): number[] {
    return Array.from(this.#drained, (_, cell) => Number(this.#sumOf(cell)));
  }

  #sumOf(cell: number): bigint {
    let sum = 0n;
    for (let stripe = 0; stripe < this.stripes; stripe++)
      sum += readCell(this.#words, this.#first + (stripe << this.#shift) + cell * CELL_WORDS);
    return sum;
  }
}

class Snapshot implements HistogramSnapshot {
  readonly count: number;
  readonly sum: number;
  readonly buckets: readonly HistogramBucket[];

  /** @param cells the buckets' counts, and the sum in units */
  constructor(bounds: Float64Array, cells: readonly number[], unit: number) {
    this.buckets = Array.from(cells.slice(0, -1), (count, at) => ({
      upTo: bounds[at] ?? Infinity,
      count,
    }));
    this.count = this.buckets.reduce((sum, { count }) => sum + count, 0);
    this.sum = inUnits(cells.at(-1) ?? 0, unit);
  }

  quantile(q: number): number {
    checkValue('quantile()', 'q', q, SHARE);
    if (this.count === 0) return NaN;
    const rank = q * this.count;
    let below = 0;
    let from = 0;
    for (const { upTo, count } of this.buckets) {
      if (upTo === Infinity) break;
      if (count > 0 && below + count >= rank)
        return from + (upTo - from) * Math.max(0, (rank - below) / count);
      below += count;
      from = upTo;
    }
    return from;
  }
}

/**
 * Whoever comes first writes the unit and the bounds down, each as the bits of a double. A bound of
 * 0 is a negative one there: all bits clear is what nobody has written yet.
 */
function agreeOn(there: BigInt64Array, wanted: readonly number[]): void {
  const marked = Float64Array.from(wanted, (number) => (number === 0 ? -0 : number));
  const bits = new BigInt64Array(marked.buffer);
  for (const [index, wide] of bits.entries()) {
    const found = Atomics.compareExchange(there, index, 0n, wide);
    if (found === 0n || found === wide) continue;
    const [number] = new Float64Array(BigInt64Array.of(found).buffer);
    const what = index === 0 ? 'another unit' : `other bounds, the ${index}. of them`;
    throw invalid(
      `This StripedHistogram has ${what}: ${String(number)}, not ${String(wanted[index])}.`,
    );
  }
}

/** See {@link HistogramOptions.unit}. */
function usualUnit(bounds: readonly number[]): number {
  const least = bounds.find((bound) => bound > 0);
  const most = bounds.at(-1);
  if (least === undefined || most === undefined) return 1;
  const exponent = Math.max(
    exponentOf(least) - (LEAST_DIGITS - 1),
    exponentOf(most) - (MOST_DIGITS - 1),
  );
  return Number(`1e${Math.min(0, Math.max(exponent, LEAST_EXPONENT))}`);
}

/** Of a number that is not 0: 2 of 100 to 999. Not by a logarithm, which is rounded. */
const exponentOf = (number: number): number => Number(number.toExponential().split('e')[1]);

/** So many units, rounded once: 0.1 is no double, but 10 is, by which can be divided. */
function inUnits(count: number, unit: number): number {
  const perOne = Math.round(1 / unit);
  return 1 / perOne === unit ? count / perOne : count * unit;
}

function refuseValue(value: unknown, unit: number): never {
  const most = inUnits(Number.MAX_SAFE_INTEGER, unit);
  throw invalid(
    `observe() does not accept ${describeValue(value)}. It accepts a number from 0 to ${most}, which is 2^53 - 1 units of ${unit}.`,
  );
}
