// SPDX-License-Identifier: MIT
/**
 * The row of places of `slots.ts` as steps for the explorer: a place is claimed,
 * inherited, cleared by one access each, and a look at all of them is as many
 * steps as there are places.
 */
import { FIRST } from '../../../../../lib/locks/engine/layout.ts';
import { claimPlace, EMPTY } from '../../../../../lib/locks/engine/slots.ts';
import type { Step } from '../../../../../lib/simulated/explorer/model.ts';
import type { World, WorldThread } from '../../../../../lib/simulated/explorer/model.ts';
import { at, id, set, step } from './line.ts';

type Next = (thread: WorldThread) => string;

const ownerOf = (thread: WorldThread, place: number): number =>
  thread.shared[FIRST + place] ?? EMPTY;
const isDead = (thread: WorldThread, owner: number): boolean =>
  owner !== EMPTY && thread.isDead(owner - 1);

/** Whether there is an empty place at this moment, for what a model knows beyond its threads. */
export const hasRoom = ({ shared }: WorldThread | World, places: number): boolean =>
  shared.subarray(FIRST, FIRST + places).includes(EMPTY);
/** Whether a dead thread has a place at this moment. */
export const hasDead = (thread: WorldThread, places: number): boolean =>
  Array.from({ length: places }, (_, place) => place).some((place) =>
    isDead(thread, ownerOf(thread, place)),
  );

/** Labels of the steps below, for those who lead there. */
export const CLAIM = 'claim the usual place';
export const INHERIT = 'is the owner of place 0 dead?';

/**
 * Takes an empty place, as `Slots.claim`.
 * @param register where the place is noted
 */
export function claiming(places: number, register: number, claimed: Next, full: Next): Step[] {
  const take = (thread: WorldThread, place: number): boolean => {
    if (!claimPlace(thread.shared, FIRST + place, EMPTY, id(thread))) return false;
    set(thread, register, FIRST + place);
    return true;
  };
  return [
    step(CLAIM, (thread) =>
      take(thread, id(thread) % places) ? claimed(thread) : 'look at place 0',
    ),
    ...Array.from({ length: places }, (_, place): Step[] => {
      const next: Next = (thread) =>
        place + 1 < places ? `look at place ${place + 1}` : full(thread);
      return [
        step(`look at place ${place}`, (thread) =>
          ownerOf(thread, place) === EMPTY ? `claim place ${place}` : next(thread),
        ),
        step(`claim place ${place}`, (thread) =>
          take(thread, place) ? claimed(thread) : next(thread),
        ),
      ];
    }).flat(),
  ];
}

/**
 * Takes the place of a dead thread, as `Slots.inherit`, or empties those of all, as
 * `Slots.clearDead`.
 * @param seen a register for the owner
 * @param to what is put there
 */
export function searching(
  places: number,
  seen: number,
  to: (thread: WorldThread) => number,
  found: (thread: WorldThread, place: number) => string | undefined,
  none: Next,
): Step[] {
  return Array.from({ length: places }, (_, place): Step[] => {
    const next: Next = (thread) =>
      place + 1 < places ? `is the owner of place ${place + 1} dead?` : none(thread);
    return [
      step(`is the owner of place ${place} dead?`, (thread) => {
        const owner = ownerOf(thread, place);
        if (!isDead(thread, owner)) return next(thread);
        set(thread, seen, owner);
        return `take place ${place} from the dead`;
      }),
      step(`take place ${place} from the dead`, (thread) => {
        const isTaken = claimPlace(thread.shared, FIRST + place, at(thread, seen), to(thread));
        set(thread, seen, 0);
        return (isTaken ? found(thread, FIRST + place) : undefined) ?? next(thread);
      }),
    ];
  }).flat();
}

/**
 * Looks for an empty place, as `Slots.hasRoom`.
 * @param name begins the labels; the first one ends in 0
 */
export function lookingForRoom(places: number, name: string, room: Next, none: Next): Step[] {
  return Array.from({ length: places }, (_, place) =>
    step(`${name} ${place}`, (thread) =>
      ownerOf(thread, place) === EMPTY
        ? room(thread)
        : place + 1 < places
          ? `${name} ${place + 1}`
          : none(thread),
    ),
  );
}

/** Looks whether all places are empty, as `Slots.isEmpty`. */
export function lookingForAny(places: number, name: string, empty: Next, taken: Next): Step[] {
  return Array.from({ length: places }, (_, place) =>
    step(`${name} ${place}`, (thread) =>
      ownerOf(thread, place) !== EMPTY
        ? taken(thread)
        : place + 1 < places
          ? `${name} ${place + 1}`
          : empty(thread),
    ),
  );
}
