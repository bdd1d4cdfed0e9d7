// SPDX-License-Identifier: MIT
/**
 * `Barrier` as a model for the explorer: threads and event loops that arrive a
 * number of times, die, give up or leave, and someone who resets the barrier or
 * watches over those who never came. Its steps call the functions of
 * `lib/locks/engine/arrivals.ts`.
 */
import {
  arrive,
  arrivedIn,
  beginAnew,
  BELL,
  breakUp,
  CALLS,
  clearPlaces,
  countReset,
  findPlace,
  found,
  generationOf,
  isBroken,
  isLast,
  isMissing,
  LISTENING,
  partiesIn,
  readResets,
  readState,
  takeParty,
  takePlace,
} from '../../../../../lib/locks/engine/arrivals.ts';
import { FIRST } from '../../../../../lib/locks/engine/layout.ts';
import { AGAIN } from '../../../../../lib/simulated/explorer/model.ts';
import type { Model, Step, WorldThread } from '../../../../../lib/simulated/explorer/model.ts';
import { at, id, set, step } from './line.ts';

// Registers.
const STATE_SEEN = 0;
const RESETS_SEEN = 1;
const GENERATION = 2;
const PLACE = 3;
const IS_MEMBER = 4;
const SEEN = 5;
const GIVES_UP = 6;
const ROUND = 7;
/** What comes when all were woken. */
const THEN = 8;
const REGISTERS = 9;

// What comes then.
const LOOK = 0;
const NEXT = 1;
const END = 2;

export type BarrierTurn = 'thread' | 'event loop' | 'drop';

export interface BarrierModelOptions {
  /** What each party does, one time after the other. */
  readonly turns: readonly (readonly BarrierTurn[])[];
  /** Someone resets the barrier at any time. */
  readonly resets?: boolean;
  readonly deaths?: number;
  readonly giveUps?: number;
  readonly polls?: number;
  readonly mistake?:
    | 'wakes before the last has arrived'
    | 'reads the calls after looking'
    | 'listens after looking'
    | 'rings nobody'
    | 'gives up silently'
    | 'asks nobody'
    | 'asks only after those who have come'
    | 'takes its place when it has arrived'
    | 'does not look for resets'
    | 'counts the reset when it is done'
    | 'drops silently'
    | 'breaks what has ended';
}

export function barrierModel({
  turns,
  resets = false,
  deaths = 0,
  giveUps = 0,
  polls = 0,
  mistake,
}: BarrierModelOptions): Model {
  const parties = turns.length;
  const words = FIRST + parties;
  // Behind the barrier's words: who has come at all, a bit each; whether there is a cause to break
  // it; what went wrong; and how many came in each generation.
  const CAME = words;
  const CAUSE = words + 1;
  const WRONG = words + 2;
  const ENDED = words + 3;
  /** 1: the barrier has been reset. */
  const RESET = words + 4;
  const ARRIVED = words + 5;
  const GENERATIONS = 8;
  const place = (shared: Int32Array): Int32Array => shared.subarray(0, words);
  const turn = (thread: WorldThread): BarrierTurn | undefined =>
    turns[thread.index]?.[at(thread, ROUND)];
  const isLoop = (thread: WorldThread): boolean => turn(thread) === 'event loop';
  const bit = (thread: WorldThread): number => 1 << thread.index;
  const dead =
    (thread: WorldThread) =>
    (other: number): boolean =>
      thread.isDead(other - 1);
  const slot = (generation: number): number => ARRIVED + (generation % GENERATIONS);

  const look = (thread: WorldThread): string => {
    if (isLoop(thread)) return mistake === 'listens after looking' ? 'look' : 'read the bell';
    return mistake === 'reads the calls after looking' ? 'look' : 'read the calls';
  };
  const wakeAll = (thread: WorldThread, then: number): string => {
    set(thread, THEN, then);
    return 'call all';
  };
  const woken = (thread: WorldThread): string => {
    const then = at(thread, THEN);
    set(thread, THEN, 0);
    if (then === END) return 'end';
    if (then === NEXT) return 'next';
    return mistake === 'wakes before the last has arrived' && at(thread, GENERATION) === 0
      ? 'arrive'
      : look(thread);
  };
  const arrived = (thread: WorldThread): string => {
    const seen = at(thread, STATE_SEEN);
    const generation = generationOf(seen);
    thread.shared[CAME] = (thread.shared[CAME] ?? 0) | bit(thread);
    thread.shared[slot(generation)] = (thread.shared[slot(generation)] ?? 0) + 1;
    set(thread, GENERATION, generation);
    set(thread, STATE_SEEN, 0);
    if (mistake === 'takes its place when it has arrived') return 'find a place';
    return isLast(seen) && mistake !== 'wakes before the last has arrived'
      ? wakeAll(thread, LOOK)
      : look(thread);
  };
  const placed = (thread: WorldThread): string => {
    thread.shared[CAME] = (thread.shared[CAME] ?? 0) | bit(thread);
    const seen = at(thread, STATE_SEEN);
    if (mistake === 'takes its place when it has arrived') return wakeAll(thread, LOOK);
    return mistake === 'wakes before the last has arrived' && isLast(seen)
      ? wakeAll(thread, LOOK)
      : 'arrive';
  };
  const told = (thread: WorldThread, wrong: boolean): void => {
    if (wrong) thread.shared[WRONG] = 1;
  };

  const waiting: Step[] = [
    step('found', (thread) => {
      found(place(thread.shared), parties);
      return 'begin';
    }),
    step('begin', (thread) => {
      const next = turn(thread);
      if (next === undefined) return 'end';
      return next === 'drop' ? 'drop' : 'read the state';
    }),
    step('read the state', (thread) => {
      const state = readState(thread.shared);
      if (isBroken(state)) return 'told that it is broken';
      set(thread, STATE_SEEN, state);
      return 'read the resets';
    }),
    step('read the resets', (thread) => {
      set(thread, RESETS_SEEN, readResets(thread.shared));
      return mistake === 'takes its place when it has arrived' ? 'arrive' : 'find a place';
    }),
    step('find a place', (thread) => {
      const generation =
        mistake === 'takes its place when it has arrived'
          ? at(thread, GENERATION)
          : generationOf(at(thread, STATE_SEEN));
      // A place that it has already, since an arrival that failed, is still its.
      const own = place(thread.shared).indexOf(id(thread) | ((generation & 3) << 29), FIRST);
      if (own >= 0) return placed(thread);
      const free = findPlace(place(thread.shared), id(thread), generation, dead(thread));
      set(thread, IS_MEMBER, free < 0 ? 1 : 0);
      set(thread, PLACE, Math.abs(free));
      return free === 0 ? placed(thread) : 'take the place';
    }),
    step('take the place', (thread) => {
      const generation =
        mistake === 'takes its place when it has arrived'
          ? at(thread, GENERATION)
          : generationOf(at(thread, STATE_SEEN));
      return takePlace(place(thread.shared), at(thread, PLACE), id(thread), generation)
        ? placed(thread)
        : 'find a place';
    }),
    step('arrive', (thread) =>
      arrive(thread.shared, at(thread, STATE_SEEN)) ? arrived(thread) : 'read the state',
    ),
    step('read the bell', (thread) => {
      set(thread, SEEN, thread.shared[BELL] ?? 0);
      return 'listen';
    }),
    step('listen', (thread) => {
      Atomics.store(thread.shared, LISTENING, 1);
      return mistake === 'listens after looking' ? 'sleep' : 'look';
    }),
    step('read the calls', (thread) => {
      set(thread, SEEN, thread.shared[CALLS] ?? 0);
      return mistake === 'reads the calls after looking' ? 'sleep' : 'look';
    }),
    step('look', (thread) => {
      const state = readState(thread.shared);
      if (generationOf(state) !== at(thread, GENERATION)) return 'was it reset?';
      if (isBroken(state)) return 'told that it is broken';
      if (at(thread, GIVES_UP) === 1) return 'break it';
      if (mistake === 'reads the calls after looking' && !isLoop(thread)) return 'read the calls';
      return mistake === 'listens after looking' && isLoop(thread) ? 'read the bell' : 'sleep';
    }),
    step('was it reset?', (thread) => {
      if (
        mistake !== 'does not look for resets' &&
        readResets(thread.shared) !== at(thread, RESETS_SEEN)
      )
        return 'told that it is broken';
      const came = thread.shared[slot(at(thread, GENERATION))] ?? 0;
      const left = turns.filter((all) => all.includes('drop')).length;
      told(thread, came < parties - left);
      return 'next';
    }),
    step(
      'sleep',
      (thread) => {
        const ending = thread.park(isLoop(thread) ? BELL : CALLS, at(thread, SEEN));
        if (ending === null) return AGAIN;
        set(thread, SEEN, 0);
        if (thread.gaveUp()) set(thread, GIVES_UP, 1);
        return ending === 'timed-out' && mistake !== 'asks nobody'
          ? 'has anybody died?'
          : look(thread);
      },
      { abortable: true, polls: true },
    ),
    step('has anybody died?', (thread) => {
      const isMember = at(thread, IS_MEMBER) === 1;
      for (let index = FIRST; index < words; index++)
        if (
          isMissing(
            thread.shared,
            index,
            at(thread, GENERATION),
            isMember && mistake !== 'asks only after those who have come',
            dead(thread),
          )
        )
          return 'break it for the dead';
      return look(thread);
    }),
    step('break it for the dead', (thread) =>
      breakUp(thread.shared, at(thread, GENERATION)) ? wakeAll(thread, LOOK) : look(thread),
    ),
    step('break it', (thread) => {
      if (mistake === 'gives up silently') return 'end';
      if (mistake === 'breaks what has ended') {
        const present = generationOf(readState(thread.shared));
        return breakUp(thread.shared, present) ? wakeAll(thread, END) : 'end';
      }
      if (!breakUp(thread.shared, at(thread, GENERATION))) {
        set(thread, GIVES_UP, 0);
        return look(thread);
      }
      thread.shared[CAUSE] = 1;
      return wakeAll(thread, END);
    }),
    step('told that it is broken', (thread) => {
      const cause =
        (thread.shared[CAUSE] ?? 0) === 1 || turns.some((_, other) => thread.isDead(other));
      told(thread, !cause);
      return resets ? 'wait for the reset' : 'break it for good';
    }),
    // It does not come again, and says so to those who come after the reset.
    step('wait for the reset', (thread) => {
      if ((thread.shared[RESET] ?? 0) === 1) return 'break it for good';
      thread.park(RESET, 0);
      return AGAIN;
    }),
    step('break it for good', (thread) => {
      const present = generationOf(readState(thread.shared));
      return breakUp(thread.shared, present) ? wakeAll(thread, END) : 'end';
    }),
    step('drop', (thread) => {
      thread.shared[CAME] = (thread.shared[CAME] ?? 0) | bit(thread);
      set(thread, GENERATION, generationOf(readState(thread.shared)));
      set(thread, SEEN, takeParty(thread.shared) ? 1 : 0);
      return 'clear its places';
    }),
    step('clear its places', (thread) => {
      clearPlaces(place(thread.shared), at(thread, GENERATION), id(thread));
      const ended = at(thread, SEEN) === 1;
      set(thread, GENERATION, 0);
      set(thread, SEEN, 0);
      return ended && mistake !== 'drops silently' ? wakeAll(thread, END) : 'end';
    }),
    step('call all', (thread) => {
      Atomics.add(thread.shared, CALLS, 1);
      return 'wake all';
    }),
    step('wake all', (thread) => {
      thread.wake(CALLS);
      return mistake === 'rings nobody' ? woken(thread) : 'does an event loop listen?';
    }),
    step('does an event loop listen?', (thread) =>
      (thread.shared[LISTENING] ?? 0) === 1 ? 'answer the listeners' : woken(thread),
    ),
    step('answer the listeners', (thread) => {
      Atomics.store(thread.shared, LISTENING, 0);
      return 'ring';
    }),
    step('ring', (thread) => {
      Atomics.add(thread.shared, BELL, 1);
      return 'wake the listeners';
    }),
    step('wake the listeners', (thread) => {
      thread.wake(BELL);
      return woken(thread);
    }),
    step('next', (thread) => {
      const round = at(thread, ROUND) + 1;
      for (let register = 0; register < REGISTERS; register++) set(thread, register, 0);
      set(thread, ROUND, round);
      // Of this generation nobody looks at the count any more when another one has come so far.
      return 'begin';
    }),
    step('end', (thread) => {
      for (let register = 0; register < REGISTERS; register++) set(thread, register, 0);
      thread.shared[ENDED] = (thread.shared[ENDED] ?? 0) + 1;
      thread.wake(ENDED);
      return undefined;
    }),
  ];
  /** Resets the barrier, or ends it for those who wait for one that never came. */
  const watching: Step[] = [
    step('found', (thread) => {
      found(place(thread.shared), parties);
      return resets ? 'break it' : 'watch';
    }),
    step('break it', (thread) => {
      const state = readState(thread.shared);
      thread.shared[CAUSE] = 1;
      breakUp(thread.shared, generationOf(state));
      set(thread, GENERATION, generationOf(state));
      return generationOf(readState(thread.shared)) === generationOf(state)
        ? mistake === 'counts the reset when it is done'
          ? 'begin anew'
          : 'count the reset'
        : 'break it';
    }),
    step('count the reset', (thread) => {
      countReset(thread.shared);
      return mistake === 'counts the reset when it is done' ? 'call all' : 'clear the places';
    }),
    step('clear the places', (thread) => {
      clearPlaces(place(thread.shared), at(thread, GENERATION) + 1);
      return 'begin anew';
    }),
    step('begin anew', (thread) => {
      beginAnew(thread.shared, at(thread, GENERATION));
      return mistake === 'counts the reset when it is done' ? 'count the reset' : 'call all';
    }),
    step(
      'watch',
      (thread) => {
        const came = thread.shared[CAME] ?? 0;
        const lost = turns.some((_, other) => thread.isDead(other) && (came & (1 << other)) === 0);
        const state = readState(thread.shared);
        if (lost && !isBroken(state)) return 'break it for one who never came';
        const left = turns.filter((_, other) => !thread.isDead(other)).length;
        if ((thread.shared[ENDED] ?? 0) >= left) return 'end';
        thread.park(ENDED, thread.shared[ENDED] ?? 0);
        return AGAIN;
      },
      { polls: true },
    ),
    step('break it for one who never came', (thread) => {
      breakUp(thread.shared, generationOf(readState(thread.shared)));
      return 'call all';
    }),
    step('call all', (thread) => {
      Atomics.add(thread.shared, CALLS, 1);
      return 'wake all';
    }),
    step('wake all', (thread) => {
      thread.wake(CALLS);
      Atomics.store(thread.shared, LISTENING, 0);
      return 'ring';
    }),
    step('ring', (thread) => {
      Atomics.add(thread.shared, BELL, 1);
      return 'wake the listeners';
    }),
    step('wake the listeners', (thread) => {
      thread.wake(BELL);
      set(thread, GENERATION, 0);
      return 'tell of the reset';
    }),
    step('tell of the reset', (thread) => {
      thread.shared[RESET] = 1;
      thread.wake(RESET);
      return 'end';
    }),
    step('end', () => undefined),
  ];
  const hasWatch = resets || deaths > 0;
  const about = [
    turns.map((each) => each.join(' + ')).join(' | '),
    ...(resets ? ['a reset'] : []),
    ...(deaths > 0 ? [`deaths ${deaths}`] : []),
    ...(giveUps > 0 ? [`give-ups ${giveUps}`] : []),
    ...(polls > 0 ? [`polls ${polls}`] : []),
    ...(mistake === undefined ? [] : [mistake]),
  ];
  return {
    name: `barrier (${about.join(', ')})`,
    shared: ARRIVED + GENERATIONS,
    deaths,
    giveUps,
    polls,
    threads: [
      ...turns.map((_, cpu) => ({
        cpu,
        registers: REGISTERS,
        unregistered: true,
        steps: waiting,
      })),
      ...(hasWatch
        ? [
            {
              name: 'watch',
              cpu: parties,
              registers: REGISTERS,
              unregistered: true,
              immortal: true,
              steps: watching,
            },
          ]
        : []),
    ],
    invariant({ shared }) {
      const state = readState(shared);
      if (shared[WRONG] === 1)
        return 'one passed before all had come, or was told without a cause that it is broken';
      return state !== 0 && arrivedIn(state) > partiesIn(state) ? 'more have come than can' : null;
    },
  };
}
