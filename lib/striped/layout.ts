// SPDX-License-Identifier: MIT
/**
 * Where striped counters and histograms live: a piece of a SharedArrayBuffer that begins with a
 * word telling which of them it is, so that a wrong offset is an error. C adds to a word of its own
 * in each stripe of a counter, so `docs/per-cpu.md` describes that layout.
 */
import { availableParallelism, cpus } from 'node:os';
import { types } from 'node:util';
import { checkRoom, checkValue, describeValue, invalid, withArticle } from '../options.ts';
import type { OptionChecks } from '../options.ts';

/** The class that a piece of memory belongs to. */
export type StripedKind = 'StripedCounter' | 'StripedHistogram';

/** What `postMessage` and `workerData` take: plain data that names a counter or a histogram. */
export interface StripedHandle {
  /** The class that it belongs to. */
  readonly striped: StripedKind;
  /** The memory that it lives in. */
  readonly buffer: SharedArrayBuffer;
  /** Bytes from the buffer's begin. */
  readonly byteOffset: number;
}

/** Where one lives. */
export interface StripedOptions {
  /** The memory that it lives in, which is zero or has it already. Default: new memory. */
  readonly buffer?: SharedArrayBuffer;
  /** Where it begins in `buffer`, in bytes: a multiple of 8. Default: 0. */
  readonly byteOffset?: number;
  /**
   * How many stripes there are, a power of two up to 4096, the same in every thread. Default: that
   * of memory which has it already, else as many as there are CPUs, or the next power of two.
   */
  readonly stripes?: number;
}

const KINDS: readonly StripedKind[] = ['StripedCounter', 'StripedHistogram'];
/** 'rp' and the version of the layout in the upper bytes, the kind in the lowest. */
const MAGIC = 0x72_70_01_00;
/** Words of the header. */
const KIND_WORD = 0;
const STRIPES_WORD = 1;
/** log2 of the bytes of a stripe. */
const SHIFT_WORD = 2;
/** A number of the kind's own: how many bounds a histogram has. */
const OWN_WORD = 3;
const WORD_BYTES = Int32Array.BYTES_PER_ELEMENT;
/**
 * Bytes of the header, and what stripes are a multiple of: two cache lines, which CPUs fetch
 * together.
 */
export const LINE_BYTES = 128;
const MOST_STRIPES = 4096;

export const STRIPED_CHECKS: OptionChecks<StripedOptions> = {
  buffer: {
    accepts: 'a SharedArrayBuffer: other threads could not see anything else',
    isGood: (value: unknown) => types.isSharedArrayBuffer(value),
  },
  byteOffset: {
    accepts: `a multiple of ${BigInt64Array.BYTES_PER_ELEMENT} from 0 on`,
    isGood: (value: unknown) =>
      Number.isSafeInteger(value) &&
      (value as number) >= 0 &&
      (value as number) % BigInt64Array.BYTES_PER_ELEMENT === 0,
  },
  stripes: {
    accepts: `a power of two from 1 to ${MOST_STRIPES}`,
    isGood: (value: unknown) =>
      Number.isSafeInteger(value) &&
      (value as number) >= 1 &&
      (value as number) <= MOST_STRIPES &&
      Number.isInteger(Math.log2(value as number)),
  },
};

/** One in memory. */
export interface StripedPlace {
  readonly handle: StripedHandle;
  /** From its begin on; indexes in it are of the whole of it. */
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly stripes: number;
}

/** What a kind's memory is like. */
export interface Shape {
  /** Bytes before the first stripe. */
  readonly header: number;
  /** log2 of the bytes of a stripe. */
  readonly shift: number;
  /** The number of the kind's own. */
  readonly own: number;
  /** Stripes that are there besides those that are picked from. */
  readonly extra: number;
}

let usual: number | undefined;

/** A stripe for each CPU. */
function usualStripes(): number {
  // cpus() is empty where /proc may not be read.
  usual ??= 2 ** Math.ceil(Math.log2(Math.max(1, cpus().length || availableParallelism())));
  return Math.min(usual, MOST_STRIPES);
}

const isStriped = (value: unknown): value is StripedKind => KINDS.some((kind) => kind === value);

const markOf = (kind: StripedKind): number => MAGIC | (KINDS.indexOf(kind) + 1);

/** Bytes that one takes. */
export function bytesOf({ header, shift, extra }: Shape, stripes: number): number {
  return header + ((stripes + extra) << shift);
}

/**
 * Finds one in memory, or makes a fresh one of memory that is all zero.
 * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION` when it does not fit, or something else is
 * there.
 */
export function placeStriped(
  kind: StripedKind,
  shape: Shape,
  { buffer, byteOffset = 0, stripes }: StripedOptions,
): StripedPlace {
  if (buffer === undefined && byteOffset !== 0)
    throw invalid(`new ${kind}() has byteOffset without buffer: pass the buffer that it is in.`);
  const count = stripes ?? (buffer === undefined ? null : stripesAt(kind, buffer, byteOffset));
  const wanted = count ?? usualStripes();
  const size = bytesOf(shape, wanted);
  const memory = buffer ?? new SharedArrayBuffer(size);
  checkRoom(kind, memory, byteOffset, size);
  const words = new Int32Array(memory, byteOffset, size / WORD_BYTES);
  const mark = markOf(kind);
  if (Atomics.load(words, KIND_WORD) === 0) {
    const data = words.findIndex((_, index) => Atomics.load(words, index) !== 0);
    // Another thread may have made the same one meanwhile.
    if (data >= 0 && Atomics.load(words, KIND_WORD) !== mark)
      throw invalid(
        `${withArticle(kind, 'A')} does not fit at byte ${byteOffset} of this buffer: there is other data at byte ${byteOffset + data * WORD_BYTES}. It begins in memory that is all zero.`,
      );
    Atomics.compareExchange(words, KIND_WORD, 0, mark);
  }
  if (Atomics.load(words, KIND_WORD) !== mark) throw notThere(kind, byteOffset);
  agree(kind, 'stripes', words, STRIPES_WORD, wanted);
  agree(kind, 'bounds', words, OWN_WORD, shape.own);
  agree(kind, 'bits in the size of a stripe', words, SHIFT_WORD, shape.shift);
  return { handle: { striped: kind, buffer: memory, byteOffset }, words, stripes: wanted };
}

/** Whoever comes first says how many there are. */
function agree(
  kind: StripedKind,
  what: string,
  words: Int32Array,
  index: number,
  wanted: number,
): void {
  const found = Atomics.compareExchange(words, index, 0, wanted);
  if (found === 0 || found === wanted) return;
  throw invalid(`This ${kind} has another number of ${what}: ${found}, not ${wanted}.`);
}

/** As many as the one has that is in memory; null: there is none, or it is of another kind. */
function stripesAt(
  kind: StripedKind,
  buffer: SharedArrayBuffer,
  byteOffset: number,
): number | null {
  if (byteOffset + LINE_BYTES > buffer.byteLength) return null;
  const words = new Int32Array(buffer, byteOffset, LINE_BYTES / WORD_BYTES);
  const found = Atomics.load(words, KIND_WORD) === markOf(kind);
  return found ? Atomics.load(words, STRIPES_WORD) || null : null;
}

const notThere = (kind: StripedKind, byteOffset: number) =>
  invalid(
    `There is no ${kind} at byte ${byteOffset} of this buffer, but something else: it begins in memory that is all zero.`,
  );

/**
 * Checks what came from another thread.
 * @returns where it is, how many stripes it has, and the number of the kind's own
 * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION` when it names none.
 */
export function openStriped(
  kind: StripedKind,
  handle: unknown,
): Required<StripedOptions> & { readonly own: number } {
  const caller = `${kind}.from()`;
  const given = (
    typeof handle === 'object' && handle !== null ? handle : {}
  ) as Partial<StripedHandle>;
  if (given.striped !== kind)
    throw invalid(
      `${caller} takes the handle of ${withArticle(kind)}, not ${isStriped(given.striped) ? `that of a ${given.striped}` : describeValue(handle)}.`,
    );
  const { buffer, byteOffset } = given as StripedHandle;
  checkValue(caller, 'buffer of the handle', buffer, STRIPED_CHECKS.buffer);
  checkValue(caller, 'byteOffset of the handle', byteOffset, STRIPED_CHECKS.byteOffset);
  checkRoom(kind, buffer, byteOffset, LINE_BYTES);
  const words = new Int32Array(buffer, byteOffset, LINE_BYTES / WORD_BYTES);
  if (Atomics.load(words, KIND_WORD) !== markOf(kind)) throw notThere(kind, byteOffset);
  const stripes = Atomics.load(words, STRIPES_WORD);
  checkValue(caller, 'stripes in memory', stripes, STRIPED_CHECKS.stripes);
  return { buffer, byteOffset, stripes, own: Atomics.load(words, OWN_WORD) };
}
