// SPDX-License-Identifier: MIT
/**
 * A row of places in shared memory, each empty or with the id of the thread that
 * has it. So it is always known who holds what, and a place of a thread that has
 * died is found. Who waits for a place waits in the line of `turnstile.ts`.
 */
import { FIRST } from './layout.ts';
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

export class Slots {
  readonly #words: Int32Array;
  readonly #agent: Agent;
  /** Where this thread had its place last: it is likely to be empty, and in this CPU's cache. */
  #usual: number;
  /** When all places were last looked through for the dead, and none was found. */
  #searched = -Infinity;

  /** @param words the whole of a lock */
  constructor(words: Int32Array, agent: Agent) {
    this.#words = words;
    this.#agent = agent;
    this.#usual = FIRST + (agent.id % (words.length - FIRST));
  }

  /** Takes an empty place. -1: there is none. */
  claim(): number {
    const words = this.#words;
    const { id } = this.#agent;
    if (claimPlace(words, this.#usual, EMPTY, id)) return this.#usual;
    for (let place = FIRST; place < words.length; place++) {
      if (Atomics.load(words, place) !== EMPTY || !claimPlace(words, place, EMPTY, id)) continue;
      this.#usual = place;
      return place;
    }
    return -1;
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
    for (let place = FIRST; place < this.#words.length; place++)
      if (Atomics.load(this.#words, place) !== EMPTY) taken++;
    return taken;
  }

  /** Whether there is an empty place. */
  hasRoom(): boolean {
    for (let place = FIRST; place < this.#words.length; place++)
      if (Atomics.load(this.#words, place) === EMPTY) return true;
    return false;
  }

  /** Whether every place is empty. */
  isEmpty(): boolean {
    for (let place = FIRST; place < this.#words.length; place++)
      if (Atomics.load(this.#words, place) !== EMPTY) return false;
    return true;
  }

  /** How many places this thread has, also through another object. */
  countOwn(): number {
    let own = 0;
    for (let place = FIRST; place < this.#words.length; place++)
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
    for (let place = FIRST; place < this.#words.length; place++) {
      const id = Atomics.load(this.#words, place);
      if (id === EMPTY || !this.#agent.hasEnded(id)) continue;
      if (take(place, id)) return place;
    }
    this.#searched = at;
    return -1;
  }
}
