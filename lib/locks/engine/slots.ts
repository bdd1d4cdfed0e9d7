// SPDX-License-Identifier: MIT
/**
 * A row of places in shared memory, each empty or with the id of the thread that
 * has it. So it is always known who holds what, and a place of a thread that has
 * died is found. Who waits for a place waits in the line of `turnstile.ts`.
 */
import { FIRST, LINE_WORDS } from './layout.ts';
import { now } from '../../clock.ts';
import type { Agent } from '../../host/port.ts';
import { TRUST } from '../../host/port.ts';

export const EMPTY = 0;

/**
 * Takes a place if it is empty, or if a thread has it that has ended: `from` is what was seen
 * there.
 */
export function claimPlace(words: Int32Array, place: number, from: number, id: number): boolean {
  return Atomics.compareExchange(words, place, from, id) === from;
}

export function clearPlace(words: Int32Array, place: number): void {
  Atomics.store(words, place, EMPTY);
}

/** Where the places of a row are. */
export interface Row {
  readonly places: number;
  /** Cache lines that they lie on, one after the other; 1: they are words in a row. */
  readonly lines: number;
  /** Index of a word that counts who had a place; -1: nobody counts. */
  readonly count: number;
}

export class Slots {
  readonly #words: Int32Array;
  readonly #agent: Agent;
  readonly #count: number;
  /** The word of each place. */
  readonly #places: readonly number[];
  /**
   * Where this thread had its place last: it is likely to be empty, and in this CPU's cache. 0: it
   * never had one.
   */
  #usual = 0;
  /** When all places were last looked through for the dead, and none was found. */
  #searched = -Infinity;

  /** @param words the whole of a lock */
  constructor(words: Int32Array, agent: Agent, { places, lines, count }: Row) {
    this.#words = words;
    this.#agent = agent;
    this.#count = count;
    this.#places = Array.from({ length: places }, (_, place) =>
      lines === 1
        ? FIRST + place
        : FIRST + (place % lines) * LINE_WORDS + Math.floor(place / lines),
    );
  }

  /** Takes an empty place. -1: there is none. */
  claim(): number {
    const words = this.#words;
    const { id } = this.#agent;
    if (this.#usual !== 0 && claimPlace(words, this.#usual, EMPTY, id)) return this.#usual;
    const all = this.#places;
    const begin = this.#usual === 0 ? this.#chooseBegin() : 0;
    for (let i = 0; i < all.length; i++) {
      const place = all[(begin + i) % all.length] ?? 0;
      if (Atomics.load(words, place) !== EMPTY || !claimPlace(words, place, EMPTY, id)) continue;
      this.#usual = place;
      return place;
    }
    return -1;
  }

  /** Each begins somewhere else: on a line of its own, as long as there are lines. */
  #chooseBegin(): number {
    const first = this.#count < 0 ? this.#agent.id : Atomics.add(this.#words, this.#count, 1) >>> 0;
    return first % this.#places.length;
  }

  /** Gives a place back. */
  clear(place: number): void {
    clearPlace(this.#words, place);
  }

  /** Takes the place of a thread that has died. -1: there is none. */
  inherit(): number {
    return this.#findDead((place, id) => claimPlace(this.#words, place, id, this.#agent.id));
  }

  /** Empties the places of the dead. @returns whether there was one. */
  clearDead(): boolean {
    let found = false;
    this.#findDead((place, id) => {
      if (claimPlace(this.#words, place, id, EMPTY)) found = true;
      return false;
    });
    return found;
  }

  /** How many places are taken. */
  count(): number {
    let taken = 0;
    for (const place of this.#places) if (Atomics.load(this.#words, place) !== EMPTY) taken++;
    return taken;
  }

  /** Whether there is an empty place. */
  hasRoom(): boolean {
    for (const place of this.#places) if (Atomics.load(this.#words, place) === EMPTY) return true;
    return false;
  }

  /** Whether every place is empty. */
  isEmpty(): boolean {
    for (const place of this.#places) if (Atomics.load(this.#words, place) !== EMPTY) return false;
    return true;
  }

  /**
   * The same as it was a moment ago, for who only looks when to try: atomic loads cost ten times as
   * much.
   */
  looksEmpty(): boolean {
    for (const place of this.#places) if (this.#words[place] !== EMPTY) return false;
    return true;
  }

  /** How many places this thread has, also through another object. */
  countOwn(): number {
    let own = 0;
    for (const place of this.#places)
      if (Atomics.load(this.#words, place) === this.#agent.id) own++;
    return own;
  }

  /**
   * @param take takes the place of a dead thread; false: look on.
   * @returns the place; -1: none was taken
   */
  #findDead(take: (place: number, id: number) => boolean): number {
    const at = now();
    // A row of a thousand is not looked through for every try that fails.
    if (at - this.#searched < TRUST) return -1;
    for (const place of this.#places) {
      const id = Atomics.load(this.#words, place);
      if (id === EMPTY || !this.#agent.hasEnded(id)) continue;
      if (take(place, id)) return place;
    }
    this.#searched = at;
    return -1;
  }
}
