// SPDX-License-Identifier: MIT
/**
 * The states an exploration has seen: an exact set, no state is ever taken for
 * another because of a hash. States are arrays of small numbers, so each is kept
 * packed, a byte for a number that fits one, in one growing block of memory.
 */

const WIDE = 0x80;
const INITIAL_BYTES = 1 << 20;
const INITIAL_SLOTS = 1 << 14;
const EMPTY = -1;

export class StateSet {
  /** How many states there are; they are numbered in the order of their adding. */
  size = 0;
  /** How the last `add` ended: whether the state was new. */
  wasNew = false;
  readonly #words: number;
  /** Packed states one behind the other. */
  #bytes: Uint8Array = new Uint8Array(INITIAL_BYTES);
  #used = 0;
  /** Where each state begins in `#bytes`. */
  #offsets: Float64Array = new Float64Array(INITIAL_SLOTS);
  #hashes: Int32Array = new Int32Array(INITIAL_SLOTS);
  /** Open addressing, at most half full: the number of the state, or EMPTY. */
  #table: Int32Array = new Int32Array(2 * INITIAL_SLOTS).fill(EMPTY);
  readonly #packed: Uint8Array;

  /** @param words of a state */
  constructor(words: number) {
    this.#words = words;
    this.#packed = new Uint8Array(words * 5);
  }

  /** @returns the state's number, old or new; `wasNew` tells which. */
  add(state: Int32Array): number {
    if (this.size === this.#offsets.length) this.#grow();
    const length = this.#pack(state);
    const hash = hashBytes(this.#packed, length);
    const mask = this.#table.length - 1;
    let slot = hash & mask;
    for (;;) {
      const known = this.#table[slot] ?? EMPTY;
      if (known === EMPTY) break;
      if (this.#hashes[known] === hash && this.#isAt(known, length)) {
        this.wasNew = false;
        return known;
      }
      slot = (slot + 1) & mask;
    }
    this.wasNew = true;
    this.#table[slot] = this.size;
    this.#append(length, hash);
    return this.size++;
  }

  /** Writes a state of the set into `state`. */
  read(number: number, state: Int32Array): void {
    const bytes = this.#bytes;
    let at = this.#offsets[number] ?? 0;
    for (let word = 0; word < this.#words; word++) {
      const byte = bytes[at++] ?? 0;
      if (byte !== WIDE) {
        state[word] = (byte << 24) >> 24;
        continue;
      }
      state[word] =
        (bytes[at] ?? 0) |
        ((bytes[at + 1] ?? 0) << 8) |
        ((bytes[at + 2] ?? 0) << 16) |
        ((bytes[at + 3] ?? 0) << 24);
      at += 4;
    }
  }

  #pack(state: Int32Array): number {
    const packed = this.#packed;
    let at = 0;
    for (let word = 0; word < this.#words; word++) {
      const value = state[word] ?? 0;
      if (value > -128 && value < 128) {
        packed[at++] = value;
        continue;
      }
      packed[at] = WIDE;
      packed[at + 1] = value;
      packed[at + 2] = value >> 8;
      packed[at + 3] = value >> 16;
      packed[at + 4] = value >> 24;
      at += 5;
    }
    return at;
  }

  #isAt(number: number, length: number): boolean {
    const bytes = this.#bytes;
    const packed = this.#packed;
    const offset = this.#offsets[number] ?? 0;
    const end = number + 1 < this.size ? (this.#offsets[number + 1] ?? 0) : this.#used;
    if (end - offset !== length) return false;
    for (let i = 0; i < length; i++) if (bytes[offset + i] !== packed[i]) return false;
    return true;
  }

  #append(length: number, hash: number): void {
    if (this.#used + length > this.#bytes.length) {
      const bytes = new Uint8Array(2 * this.#bytes.length);
      bytes.set(this.#bytes);
      this.#bytes = bytes;
    }
    this.#bytes.set(this.#packed.subarray(0, length), this.#used);
    this.#offsets[this.size] = this.#used;
    this.#hashes[this.size] = hash;
    this.#used += length;
  }

  #grow(): void {
    const offsets = new Float64Array(2 * this.size);
    offsets.set(this.#offsets);
    this.#offsets = offsets;
    const hashes = new Int32Array(2 * this.size);
    hashes.set(this.#hashes);
    this.#hashes = hashes;
    const table = new Int32Array(4 * this.size).fill(EMPTY);
    const mask = table.length - 1;
    for (let number = 0; number < this.size; number++) {
      let slot = (hashes[number] ?? 0) & mask;
      while (table[slot] !== EMPTY) slot = (slot + 1) & mask;
      table[slot] = number;
    }
    this.#table = table;
  }
}

/** FNV-1a with a final mix, which spreads what the low bits alone would not. */
function hashBytes(bytes: Uint8Array, length: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ (bytes[i] ?? 0), 0x01000193);
  hash ^= hash >>> 15;
  return Math.imul(hash, 0x2c1b3c6d) ^ (hash >>> 12);
}
