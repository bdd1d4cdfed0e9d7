// SPDX-License-Identifier: MIT
/**
 * The counters of all threads of the process, for operators. Each attached
 * thread has a slot in memory that workers inherit, and writes its counters
 * there where it has something else to do anyway: when a section was disturbed,
 * when someone asks in this thread, when it is detached or ends by itself. The
 * hot path does not know of it: a call there every so many sections, rare enough
 * to cost nothing, has V8 throw the compiled code away at the first of them.
 *
 * A slot is used again when its thread was detached, or has ended without that.
 * Its figures stay, and the next thread adds its own to them. So nothing is ever
 * moved, and the sum of all slots is right at any time, whoever reads it, and
 * whoever is terminated in the middle of whatever.
 *
 * For that, this module must have been loaded in the main thread before workers
 * are started; a worker that inherits nothing counts itself and its own workers.
 */
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import { portableHost } from '../host/current.ts';

/**
 * How many sections this thread entered, and how those it left have ended. A lock that was not free
 * was no section, unless the thread was disturbed in the attempt.
 */
export interface Stats {
  /** Sections, nested ones too; the others add up to it, less the sections still open. */
  readonly entered: number;
  /** Sections in which nobody wanted the CPU. */
  readonly undisturbed: number;
  /** Sections that finished in an extension, with the CPU given up at their end. */
  readonly yielded: number;
  /** Sections whose extension was over by the time the CPU was to be given up. */
  readonly raced: number;
  /** Sections in which the thread was scheduled out: nothing was granted, or not enough. */
  readonly preempted: number;
  /** Inner layers of nested sections, which ask for nothing of their own. */
  readonly nested: number;
}

/** Counters of a whole process. */
export interface ProcessStats extends Stats {
  /** Threads that were attached so far, each time anew. */
  readonly threads: number;
  /**
   * Those of them that came while 16,384 others had not ended, as far as is known: what they did is
   * not in here.
   */
  readonly uncounted: number;
}

/** What the table must know of threads. A test has its own. */
export interface Owners {
  /**
   * Names the calling thread: positive, and no other thread's. Negative: nobody can tell when it
   * ends.
   */
  readonly current: () => bigint;
  readonly hasEnded: (owner: bigint) => boolean;
}

/** The places of a thread's counters. */
export const Field = {
  Entered: 0,
  Undisturbed: 1,
  Yielded: 2,
  Raced: 3,
  Preempted: 4,
  Nested: 5,
} as const;

/**
 * With a version: another one of this package may be in the same process, and lay the memory out
 * otherwise.
 */
const INHERITED = 'rseq-slice.stats.3';
/** Memory that is not used is not there: 2 MiB in the worst case. */
const MOST_SLOTS = 16_384;

// The memory is in pieces of 128 bytes, so that threads do not slow each other down by sharing a
// cache line. The first one counts; each of the others is a slot: the counters, twice, who has the
// slot, and how often it was written.
//
// The counters are written to the copy that is not the latest, which readers do not look at, and
// then the number of writes says that this one is. So a reader never waits for a thread that lost
// its CPU, or was terminated, in between. They are doubles, written and read by halves: only atomic
// accesses have an order that others see too, and those of 64 bits would allocate.
const PIECE_BYTES = 128;
const FIELDS = Object.keys(Field).length;
const COPY_WORDS = (FIELDS * Float64Array.BYTES_PER_ELEMENT) / Int32Array.BYTES_PER_ELEMENT;
const OWNER = 12;
const VERSION = 26;
// In numbers of 64 bits, of which a piece has so many, and of 32 bits.
const PIECE = PIECE_BYTES / BigInt64Array.BYTES_PER_ELEMENT;
const PIECE_WORDS = PIECE_BYTES / Int32Array.BYTES_PER_ELEMENT;

// In the first piece: two numbers of 64 bits, and one of 32.
const THREADS = 0;
const UNCOUNTED = 1;
/** How many slots were ever used. */
const USED = 4;

const FREE = 0n;
/** To ask about a thread takes the kernel some 50 us, and someone waits for `attach`. */
const RECLAIMED_AT_ONCE = 64;

/** Where an attached thread writes its counters. */
export class Slot {
  readonly #table: SlotTable;
  readonly #piece: number;
  /** The counters of those who had the slot before. */
  readonly #before: Float64Array;
  readonly #sums: Float64Array = new Float64Array(FIELDS);
  readonly #words: Int32Array = new Int32Array(this.#sums.buffer);
  /** What the thread has counted itself. */
  readonly counters: Float64Array = new Float64Array(FIELDS);
  #isOpen = true;

  /** @internal Use {@link SlotTable.open}. */
  constructor(table: SlotTable, piece: number, before: Float64Array) {
    this.#table = table;
    this.#piece = piece;
    this.#before = before;
  }

  /**
   * Lets others see {@link counters}. It allocates nothing: this is done on the way out of
   * disturbed sections.
   */
  publish(): void {
    if (!this.#isOpen) return;
    const sums = this.#sums;
    for (let field = 0; field < FIELDS; field++)
      sums[field] = (this.#before[field] ?? 0) + (this.counters[field] ?? 0);
    this.#table.write(this.#piece, this.#words);
  }

  /** Gives the slot to the next thread. What was published stays. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#table.release(this.#piece);
  }
}

/** The slots of all threads that share a buffer. */
export class SlotTable {
  readonly #owners: Owners;
  readonly #slots: number;
  /** Of the slots, from 0, the one that this thread has freed last. */
  #freed = 0;
  /** The slot to be looked at next for whether its thread has ended. */
  #next = 0;
  // Views of all of it.
  readonly #longs: BigInt64Array;
  readonly #words: Int32Array;

  /** @param buffer zeroed at first, and {@link SlotTable.byteLength} long */
  constructor(buffer: SharedArrayBuffer, owners: Owners) {
    this.#owners = owners;
    this.#slots = buffer.byteLength / PIECE_BYTES - 1;
    this.#longs = new BigInt64Array(buffer);
    this.#words = new Int32Array(buffer);
  }

  static byteLength(slots: number): number {
    return (1 + slots) * PIECE_BYTES;
  }

  /**
   * For a thread that is attached; null: all slots are taken, by threads that have not ended as far
   * as is known.
   */
  open(): Slot | null {
    Atomics.add(this.#longs, THREADS, 1n);
    const piece = this.#claim();
    if (piece === null) {
      Atomics.add(this.#longs, UNCOUNTED, 1n);
      return null;
    }
    return new Slot(this, piece, this.#read(piece));
  }

  sum(): ProcessStats {
    const total = new Float64Array(FIELDS);
    const used = Atomics.load(this.#words, USED);
    for (let piece = 1; piece <= used; piece++) {
      const counters = this.#read(piece);
      for (let field = 0; field < FIELDS; field++)
        total[field] = (total[field] ?? 0) + (counters[field] ?? 0);
    }
    const at = (field: number): number => total[field] ?? 0;
    return {
      threads: Number(Atomics.load(this.#longs, THREADS)),
      uncounted: Number(Atomics.load(this.#longs, UNCOUNTED)),
      entered: at(Field.Entered),
      undisturbed: at(Field.Undisturbed),
      yielded: at(Field.Yielded),
      raced: at(Field.Raced),
      preempted: at(Field.Preempted),
      nested: at(Field.Nested),
    };
  }

  /** @internal For the slot's owner. @param counters the halves of the doubles */
  write(piece: number, counters: Int32Array): void {
    const version = piece * PIECE_WORDS + VERSION;
    const next = (Atomics.load(this.#words, version) + 1) | 0;
    const copy = piece * PIECE_WORDS + (next & 1) * COPY_WORDS;
    for (let word = 0; word < COPY_WORDS; word++)
      Atomics.store(this.#words, copy + word, counters[word] ?? 0);
    Atomics.store(this.#words, version, next);
  }

  /** @internal For the slot's owner. */
  release(piece: number): void {
    this.#freed = piece - 1;
    Atomics.store(this.#longs, piece * PIECE + OWNER, FREE);
  }

  /** The counters of one moment. */
  #read(piece: number): Float64Array {
    const counters = new Float64Array(FIELDS);
    const words = new Int32Array(counters.buffer);
    const version = piece * PIECE_WORDS + VERSION;
    let latest: number;
    // Again only when there were later ones meanwhile, which go where this has read from the time
    // after that.
    do {
      latest = Atomics.load(this.#words, version);
      const copy = piece * PIECE_WORDS + (latest & 1) * COPY_WORDS;
      for (let word = 0; word < COPY_WORDS; word++)
        words[word] = Atomics.load(this.#words, copy + word);
    } while (Atomics.load(this.#words, version) !== latest);
    return counters;
  }

  /** @returns the piece of a slot that the calling thread has now; null: there is none left. */
  #claim(): number | null {
    const owner = this.#owners.current();
    return (
      this.#claimFree(owner) ??
      this.#claimNew(owner) ??
      (this.#reclaim() ? this.#claimFree(owner) : null)
    );
  }

  #claimFree(owner: bigint): number | null {
    const used = Atomics.load(this.#words, USED);
    // From where this thread has freed one last: those before it may be many, and taken.
    for (let looks = 0; looks < used; looks++) {
      const piece = 1 + ((this.#freed + looks) % used);
      if (this.#replaceOwner(piece, FREE, owner)) return piece;
    }
    return null;
  }

  #claimNew(owner: bigint): number | null {
    for (;;) {
      const used = Atomics.load(this.#words, USED);
      if (used === this.#slots) return null;
      // First it is used, then owned: nobody's slot is left out of the sum. Someone else may take
      // it in between.
      const isOurs = Atomics.compareExchange(this.#words, USED, used, used + 1) === used;
      if (isOurs && this.#replaceOwner(used + 1, FREE, owner)) return used + 1;
    }
  }

  /**
   * Frees some slots of threads that have ended without being detached.
   * @returns whether there are any.
   */
  #reclaim(): boolean {
    let found = 0;
    for (let looks = 0; looks < this.#slots && found < RECLAIMED_AT_ONCE; looks++) {
      const piece = 1 + this.#next;
      this.#next = (this.#next + 1) % this.#slots;
      const owner = Atomics.load(this.#longs, piece * PIECE + OWNER);
      const isFree = owner === FREE || (owner > FREE && this.#owners.hasEnded(owner));
      if (!isFree) continue;
      if (owner !== FREE) this.#replaceOwner(piece, owner, FREE);
      if (found++ === 0) this.#freed = piece - 1;
    }
    return found > 0;
  }

  /**
   * An owner that has ended is no later one's name, so a slot that was reclaimed by two is not
   * freed twice.
   */
  #replaceOwner(piece: number, from: bigint, to: bigint): boolean {
    const index = piece * PIECE + OWNER;
    return (
      this.#longs[index] === from && Atomics.compareExchange(this.#longs, index, from, to) === from
    );
  }
}

// Who has ended, every host knows; this one does not load the addon where nobody wants it.
const table = new SlotTable(inheritBuffer(), {
  current: () => BigInt(portableHost().agent().id),
  hasEnded: (owner) => portableHost().agent().hasEnded(Number(owner)),
});

function inheritBuffer(): SharedArrayBuffer {
  const inherited: unknown = getEnvironmentData(INHERITED);
  if (inherited instanceof SharedArrayBuffer) return inherited;
  const buffer = new SharedArrayBuffer(SlotTable.byteLength(MOST_SLOTS));
  setEnvironmentData(INHERITED, buffer);
  return buffer;
}

/** A slot for a thread that is attached; null: they are used up. */
export function openSlot(): Slot | null {
  return table.open();
}

/** All slots together. */
export function sumSlots(): ProcessStats {
  return table.sum();
}
