// SPDX-License-Identifier: MIT
/**
 * `Semaphore` as a model for the explorer: the door and the way out of `semaphore.ts` at the line
 * of `line.ts`.
 */
import { FIRST } from '../../../../../lib/locks/engine/layout.ts';
import { clearPlace } from '../../../../../lib/locks/engine/slots.ts';
import { chooseNext, hasWaiters } from '../../../../../lib/locks/engine/turnstile.ts';
import { AGAIN } from '../../../../../lib/simulated/explorer/model.ts';
import type { Model, Step } from '../../../../../lib/simulated/explorer/model.ts';
import type { WorldThread } from '../../../../../lib/simulated/explorer/model.ts';
import {
  ASKS,
  at,
  id,
  LATE,
  LEASE_IS_OVER,
  LINE_REGISTERS,
  LINE_WORDS,
  lineOf,
  MAY_TAKE,
  set,
  step,
} from './line.ts';
import type { Line, LineMistake, Turn } from './line.ts';
import { CLAIM, claiming, hasDead, hasRoom, INHERIT, lookingForRoom, searching } from './places.ts';

// Registers, behind those of the line.
const PLACE = LINE_REGISTERS;
const SEEN = LINE_REGISTERS + 1;
const REGISTERS = LINE_REGISTERS + 2;

export type SemaphoreTurn =
  | Turn
  /** Waits, and keeps the permit until all others who do this have one, too. */
  | 'meet';

export interface SemaphoreOptions {
  /**
   * How each thread goes for a permit, one time after the other; a number: it waits for it so
   * often.
   */
  readonly turns: readonly (number | readonly SemaphoreTurn[])[];
  readonly permits: number;
  /** Releases until the gate closes. */
  readonly limit: number;
  readonly deaths?: number;
  readonly giveUps?: number;
  readonly polls?: number;
  readonly mistake?:
    | LineMistake
    | 'does not call the next'
    | 'looks who waits before it is free'
    | 'tries ask nobody';
}

export function semaphoreModel({
  turns: given,
  permits,
  limit,
  deaths = 0,
  giveUps = 0,
  polls = 0,
  mistake,
}: SemaphoreOptions): Model {
  const turns = given.map((each) =>
    typeof each === 'number' ? Array.from({ length: each }, (): SemaphoreTurn => 'lock') : each,
  );
  /** A bit for each thread that has a permit. */
  const HOLDERS = FIRST + permits + LINE_WORDS;
  /** A bit for each that has come to a meeting. */
  const MET = HOLDERS + 1;
  const expected = turns.reduce(
    (all, each, index) => all | (each.includes('meet') ? 1 << index : 0),
    0,
  );
  const using = (thread: WorldThread): string => (line.turn(thread) === 'meet' ? 'meet' : 'use it');
  const line: Line = lineOf({
    turns,
    words: FIRST + permits,
    begin(thread) {
      const turn = line.turn(thread);
      if (turn.endsWith('try')) set(thread, LATE, turn === 'try' ? ASKS : LEASE_IS_OVER);
      return 'attempt';
    },
    expect: (thread) => {
      line.expectTry(thread, hasRoom(thread, permits), hasDead(thread, permits));
    },
    door: (thread) => (at(thread, MAY_TAKE) === 1 ? CLAIM : inherits(thread)),
    isOpen: 'is there room at 0',
    isFree: (thread) => hasRoom(thread, permits),
    inside: using,
    arrived: (thread) =>
      mistake === 'does not call the next' ? using(thread) : 'does anybody else wait?',
    mistake,
  });
  const inherits = (thread: WorldThread): string =>
    at(thread, LATE) !== 0 && mistake !== 'tries ask nobody'
      ? INHERIT
      : line.settle(thread, 'not yet');
  const gotIt = (thread: WorldThread): string => {
    line.got(thread);
    thread.shared[HOLDERS] = (thread.shared[HOLDERS] ?? 0) | (1 << thread.index);
    return line.settle(thread, 'in');
  };
  const steps: Step[] = [
    line.first,
    ...claiming(permits, PLACE, gotIt, inherits),
    ...searching(
      permits,
      SEEN,
      id,
      (thread, place) => {
        set(thread, PLACE, place);
        return gotIt(thread);
      },
      (thread) => line.settle(thread, 'not yet'),
    ),
    ...lookingForRoom(permits, 'is there room at', () => 'open the gate if it is stuck', line.shut),
    step('does anybody else wait?', (thread) =>
      hasWaiters(thread.shared) ? 'is there more room at 0' : using(thread),
    ),
    ...lookingForRoom(
      permits,
      'is there more room at',
      (thread) => line.callNext(thread, using(thread)),
      using,
    ),
    step('meet', (thread) => {
      const { shared } = thread;
      const met = (shared[MET] ?? 0) | (1 << thread.index);
      if (met !== shared[MET]) {
        shared[MET] = met;
        thread.wake(MET);
      }
      if (met === expected) return 'use it';
      thread.park(MET, met);
      return AGAIN;
    }),
    step('use it', () =>
      mistake === 'looks who waits before it is free' ? 'is anybody there?' : 'give it back',
    ),
    step('give it back', (thread) => {
      clearPlace(thread.shared, at(thread, PLACE));
      set(thread, PLACE, 0);
      thread.shared[HOLDERS] = (thread.shared[HOLDERS] ?? 0) & ~(1 << thread.index);
      if (mistake !== 'looks who waits before it is free') return 'is anybody there?';
      const isAwaited = at(thread, SEEN) === 1;
      set(thread, SEEN, 0);
      return isAwaited ? 'choose the next' : 'count';
    }),
    step('is anybody there?', (thread) => {
      const isAwaited = hasWaiters(thread.shared);
      if (mistake !== 'looks who waits before it is free')
        return isAwaited ? 'choose the next' : 'count';
      set(thread, SEEN, isAwaited ? 1 : 0);
      return 'give it back';
    }),
    step('choose the next', (thread) => {
      chooseNext(thread.shared, { every: -1, looks: limit }, () => 0);
      return line.callNext(thread, 'count');
    }),
    ...line.steps,
  ];
  const about = [
    given.map((each) => (typeof each === 'number' ? String(each) : each.join(' + '))).join(' | '),
    `permits ${permits}`,
    `limit ${limit}`,
    ...(deaths > 0 ? [`deaths ${deaths}`] : []),
    ...(giveUps > 0 ? [`give-ups ${giveUps}`] : []),
    ...(polls > 0 ? [`polls ${polls}`] : []),
    ...(mistake === undefined ? [] : [mistake]),
  ];
  return {
    name: `semaphore (${about.join(', ')})`,
    shared: MET + 1,
    deaths,
    giveUps,
    polls,
    arrivalOrder: true,
    threads: turns.map((_, cpu) => ({ cpu, registers: REGISTERS, unregistered: true, steps })),
    invariant(world) {
      const holders = world.threads.filter(
        ({ index }) => ((world.shared[HOLDERS] ?? 0) & (1 << index)) !== 0 && !world.isDead(index),
      ).length;
      return holders > permits
        ? `${holders} have one of ${permits} permits`
        : line.violation(world);
    },
  };
}
