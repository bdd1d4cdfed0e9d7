/**
 * A row of places in shared memory, each empty or with the id of the thread that
 * has it, and an entrance that those pass one by one who find things not as they
 * want them. So it is always known who holds what, and a place of a thread that
 * has died is found; and whoever is at the entrance is overtaken by nobody but
 * those who were in already, or came in before.
 *
 * At the entrance at most one waits at a time for a place to change.
 */
import { Mutex } from './mutex.ts';
import type { Agent } from './agents.ts';
import type { LockKind } from './layout.ts';
import type { PlacementOptions } from './options.ts';
import { createParking } from './parking.ts';
import type { Bed, Parking } from './parking.ts';
import type { Awaited } from './patience.ts';
import { FREE, MOST_WAITERS, STATE, TURNSTILE_WORDS } from './turnstile.ts';

/** The kind's own word, next to the mark in word 0. */
export const OWN = 1;
/** Counted up for the one at the entrance when something has changed. */
export const CHANGES = 2;
const SLEEPERS = 3;
/** 1: somebody at the entrance waits for a change. */
const IS_WATCHED = 4;
const ENTRANCE = 8;
/** The first place. */
export const FIRST: number = ENTRANCE + TURNSTILE_WORDS;
export const EMPTY = 0;

/** Words of a row with so many places, all told. */
export function slotsWords(places: number): number {
  return FIRST + places;
}

/** Takes a place if it is empty, or if a thread has it that has ended: `from` is what was seen there. */
export function claimPlace(words: Int32Array, place: number, from: number, id: number): boolean {
  return Atomics.compareExchange(words, place, from, id) === from;
}

export function clearPlace(words: Int32Array, place: number): void {
  Atomics.store(words, place, EMPTY);
}

/** Has whoever gives a place back from now on tell of it. First this, then a look; they do it the other way round. */
export function watch(words: Int32Array): void {
  Atomics.store(words, IS_WATCHED, 1);
}

export function stopWatching(words: Int32Array): void {
  Atomics.store(words, IS_WATCHED, 0);
}

export function isWatched(words: Int32Array): boolean {
  return Atomics.load(words, IS_WATCHED) !== 0;
}

/** Makes one who is about to sleep look again. */
export function noteChange(words: Int32Array): void {
  Atomics.add(words, CHANGES, 1);
}

/** A place that was had: its number, and whether the one before died in it. */
export interface Place {
  readonly place: number;
  readonly abandoned: boolean;
}

export class Slots {
  readonly entrance: Mutex;
  readonly parking: Parking = createParking();
  readonly #words: Int32Array;
  readonly #bed: Bed;
  readonly #kind: LockKind;
  readonly #agent: Agent;
  /** Where this thread had its place last: it is likely to be empty, and in this CPU's cache. */
  #usual: number;

  /** @param words the whole of a lock, that begins at `byteOffset` of its buffer */
  constructor(kind: LockKind, words: Int32Array, options: PlacementOptions, agent: Agent) {
    this.#words = words;
    this.#bed = { words, sleepers: SLEEPERS };
    this.#agent = agent;
    const offset = words.byteOffset + ENTRANCE * Int32Array.BYTES_PER_ELEMENT;
    // A thread that waits here has chosen to, whichever it is.
    this.entrance = new Mutex(words.buffer as SharedArrayBuffer, offset, { ...options, blockMainThread: true, name: kind });
    this.#kind = kind;
    this.#usual = FIRST + (agent.id % (words.length - FIRST));
  }

  /** Whether somebody is at the entrance, or is about to be: who comes now must line up. */
  isEntranceTaken(): boolean {
    return Atomics.load(this.entrance.turnstile, STATE) !== FREE;
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

  /** Gives a place back. Whoever watches is told by {@link tell}. */
  clear(place: number): void {
    clearPlace(this.#words, place);
  }

  /** Wakes the one at the entrance who waits for a change. */
  tell(): void {
    if (!isWatched(this.#words)) return;
    noteChange(this.#words);
    // All of them: one that has given up may still be asleep in the engine.
    this.parking.wake(this.#bed, CHANGES, MOST_WAITERS);
  }

  /** How many places are taken. */
  count(): number {
    let taken = 0;
    for (let place = FIRST; place < this.#words.length; place++) if (Atomics.load(this.#words, place) !== EMPTY) taken++;
    return taken;
  }

  /** Whether this thread has a place, also through another object. */
  hasOwn(): boolean {
    return this.#words.indexOf(this.#agent.id, FIRST) >= 0;
  }

  /** An empty place, or one of the dead; for whoever is at the entrance. */
  emptyPlace(): Awaited<Place> {
    return this.#watch((isLate) => {
      const place = this.claim();
      if (place >= 0) return { place, abandoned: false };
      return isLate ? this.#inherit() : null;
    });
  }

  /** That every place is empty; for whoever is at the entrance. */
  allEmpty(): Awaited<true> {
    return this.#watch((isLate) => {
      let isEmpty = true;
      for (let place = FIRST; place < this.#words.length; place++) {
        const id = Atomics.load(this.#words, place);
        if (id === EMPTY) continue;
        if (isLate && this.#agent.hasEnded(id)) this.clear(place);
        else isEmpty = false;
      }
      return isEmpty ? true : null;
    });
  }

  /** Nobody watches any more. */
  stopWatching(): void {
    stopWatching(this.#words);
  }

  #watch<T>(look: (isLate: boolean) => T | null): Awaited<T> {
    watch(this.#words);
    return { kind: this.#kind, bed: this.#bed, word: CHANGES, look };
  }

  #inherit(): Place | null {
    for (let place = FIRST; place < this.#words.length; place++) {
      const id = Atomics.load(this.#words, place);
      if (id === EMPTY || !this.#agent.hasEnded(id)) continue;
      if (claimPlace(this.#words, place, id, this.#agent.id)) return { place, abandoned: true };
    }
    return null;
  }
}
