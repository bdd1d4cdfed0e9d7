// SPDX-License-Identifier: MIT
/**
 * `RwLock` as a model for the explorer: the doors of `rw-lock.ts` at the line of
 * `line.ts`, with the word of `writer.ts`. When a claim was made is left out: one
 * of an event loop is overdue for whoever polled because nobody could go on.
 */
import { FIRST } from '../../../../../lib/locks/engine/layout.ts';
import { clearPlace, EMPTY } from '../../../../../lib/locks/engine/slots.ts';
import { chooseNext, hasWaiters, STATE } from '../../../../../lib/locks/engine/turnstile.ts';
import {
  claimWriting,
  clearWriter,
  confirmWriting,
  DRAIN,
  isClaimed,
  isClaimedByEventLoop,
  isWritten,
  leaveTorn,
  listenForReaders,
  stopListening,
  tellOfReader,
  TORN,
  withdrawClaim,
  writerOf,
} from '../../../../../lib/locks/engine/writer.ts';
import { AGAIN } from '../../../../../lib/simulated/explorer/model.ts';
import type { Model, Step } from '../../../../../lib/simulated/explorer/model.ts';
import type { WorldThread } from '../../../../../lib/simulated/explorer/model.ts';
import {
  ASKS,
  at,
  GIVES_UP,
  id,
  LATE,
  LEASE_IS_OVER,
  LINE_REGISTERS,
  LINE_WORDS,
  lineOf,
  MAY_TAKE,
  SEEN_AT,
  set,
  step,
  wrap,
} from './line.ts';
import type { Line, LineMistake } from './line.ts';
import {
  CLAIM as CLAIM_A_PLACE,
  claiming,
  hasDead,
  hasRoom,
  INHERIT as CLEAR_DEAD,
  lookingForAny,
  lookingForRoom,
  searching,
} from './places.ts';

/** A writer that has claimed the lock sleeps on it. */

// Registers, behind those of the line.
const PLACE = LINE_REGISTERS;
const SEEN = LINE_REGISTERS + 1;
/** What it has put into the writer's word. */
const CLAIM = LINE_REGISTERS + 2;
/** It has found a dead one. */
const FOUND = LINE_REGISTERS + 3;
/** It steps back, and tries again. */
const STEPS_BACK = LINE_REGISTERS + 4;
/** Who has a place, and has died. */
const OWNER = LINE_REGISTERS + 5;
const REGISTERS = LINE_REGISTERS + 6;

export type RwTurn =
  | 'read'
  | 'write'
  | 'read try'
  | 'write try'
  /** Wait until all others have ended, and try then. */
  | 'read last try'
  | 'write last try'
  | 'async read'
  | 'async write'
  /** Reads until all others who do this read, too, once those who write have ended. */
  | 'read meet';

export interface RwLockOptions {
  /** How each thread goes for the lock, one time after the other. */
  readonly turns: readonly (readonly RwTurn[])[];
  readonly places: number;
  /** Releases until the gate closes. Default: it never does. */
  readonly limit?: number;
  readonly deaths?: number;
  readonly giveUps?: number;
  readonly polls?: number;
  readonly mistake?:
    | LineMistake
    | 'does not call the next'
    | 'looks before it has its place'
    | 'confirms without comparing'
    | 'withdraws the claims of threads'
    | 'clears what is torn'
    | 'forgets what is torn'
    | 'reads the drain after looking'
    | 'sleeps unheard'
    | 'tells no writer'
    | 'steps back silently'
    | 'leaves its claim behind'
    | 'keeps the claims of the dead'
    | 'keeps the claims of event loops'
    | 'counts dead readers'
    | 'withdraws silently';
}

export function rwLockModel({
  turns,
  places,
  limit = Infinity,
  deaths = 0,
  giveUps = 0,
  polls = 0,
  mistake,
}: RwLockOptions): Model {
  const LINE = FIRST + places;
  // Bits for threads: who reads, who writes, and of the dead, who wrote and nobody has repaired it;
  const READING = LINE + LINE_WORDS;
  const WRITING = READING + 1;
  /** who has come to a meeting; */
  const MET = READING + 2;
  /** and whether one was told wrongly. */
  const TOLD = READING + 3;
  const expected = turns.reduce(
    (all, each, index) => all | (each.includes('read meet') ? 1 << index : 0),
    0,
  );

  const isWriter = (thread: WorldThread): boolean => line.turn(thread).includes('write');
  const isLoop = (thread: WorldThread): boolean => line.turn(thread).startsWith('async');
  const isTry = (thread: WorldThread): boolean => line.turn(thread).endsWith('try');
  const isDead = (thread: WorldThread, state: number): boolean =>
    isWritten(state) && thread.isDead(writerOf(state) - 1);
  const mark = ({ shared, index }: WorldThread, word: number): void => {
    shared[word] = (shared[word] ?? 0) | (1 << index);
  };
  const unmark = ({ shared, index }: WorldThread, word: number): void => {
    shared[word] = (shared[word] ?? 0) & ~(1 << index);
  };
  /** Of those marked, the dead. */
  const deadIn = (thread: WorldThread, word: number): number =>
    turns.reduce((all, _, index) => (thread.isDead(index) ? all | (1 << index) : all), 0) &
    (thread.shared[word] ?? 0);
  const isEmpty = (thread: WorldThread, andDead: boolean): boolean =>
    thread.shared
      .subarray(LINE - places, LINE)
      .every((owner) => owner === EMPTY || (andDead && thread.isDead(owner - 1)));
  /** One is in. @param isTold whether it was told that a writer died */
  const told = (thread: WorldThread, isTold: boolean): void => {
    if (isTold !== (deadIn(thread, WRITING) !== 0)) thread.shared[TOLD] = 1;
  };

  const line: Line = lineOf({
    turns,
    words: LINE,
    begin(thread) {
      if (isTry(thread))
        set(thread, LATE, line.turn(thread).endsWith('last try') ? LEASE_IS_OVER : ASKS);
      return 'attempt';
    },
    expect(thread) {
      const state = thread.shared[STATE] ?? 0;
      const isFree = !isWritten(state) || isDead(thread, state);
      line.expectTry(
        thread,
        isFree &&
          (isWriter(thread)
            ? isEmpty(thread, true)
            : hasRoom(thread, places) || hasDead(thread, places)),
        false,
      );
    },
    door: (thread) => (at(thread, CLAIM) === 0 ? 'look at the writer' : 'is it claimed still?'),
    isOpen: 'is it free of writers?',
    isFree: (thread) =>
      !isWritten(thread.shared[STATE] ?? 0) && (isWriter(thread) || hasRoom(thread, places)),
    timed(thread) {
      // The claim of an event loop that does not come round, though nobody reads.
      const state = thread.shared[STATE] ?? 0;
      const claimant = writerOf(state) - 1;
      return (
        isClaimed(state) &&
        turns[claimant]?.some((turn) => turn === 'async write') === true &&
        isEmpty(thread, true)
      );
    },
    inside: (thread) =>
      !isWriter(thread) ? reading(thread) : isLoop(thread) ? 'write' : drain(thread),
    arrived: (thread) =>
      isWriter(thread) || mistake === 'does not call the next'
        ? insideOf(thread)
        : 'does anybody else wait?',
    cancel: (thread) => (at(thread, CLAIM) === 0 ? undefined : 'withdraw the claim'),
    mistake,
  });
  const { settle } = line;
  const reading = (thread: WorldThread): string =>
    line.turn(thread) === 'read meet' ? 'meet' : 'read';
  const drain = (thread: WorldThread): string => {
    set(thread, LATE, ASKS);
    return mistake === 'reads the drain after looking' ? 'is it claimed still?' : 'read the drain';
  };
  const insideOf = (thread: WorldThread): string =>
    !isWriter(thread) ? reading(thread) : isLoop(thread) ? 'write' : drain(thread);

  /** After looking if the lock that was claimed can be had. */
  const confirmed = (thread: WorldThread, result: 'in' | 'not yet' | 'again'): string => {
    if (isLoop(thread)) return settle(thread, result);
    if (isTry(thread)) {
      if (result === 'in') return 'write';
      return result === 'again' ? line.failed(thread) : 'withdraw the claim';
    }
    if (result === 'in') return 'listen no more, and write';
    if (result === 'again') {
      set(thread, GIVES_UP, 0);
      return 'listen no more, and line up';
    }
    if (at(thread, GIVES_UP) === 1) return 'listen no more, and withdraw the claim';
    return mistake === 'reads the drain after looking' ? 'read the drain' : 'sleep on the drain';
  };
  /** Tells a writer that has claimed the lock that a reader has left. */
  const tell = (thread: WorldThread): string =>
    mistake === 'tells no writer' ||
    (mistake === 'steps back silently' && at(thread, STEPS_BACK) === 1)
      ? notTold(thread)
      : 'has one claimed it?';
  const notTold = (thread: WorldThread): string => {
    if (at(thread, STEPS_BACK) === 0) return 'is anybody there?';
    set(thread, STEPS_BACK, 0);
    return settle(thread, 'again');
  };
  const wasTold = (thread: WorldThread): string => {
    const then = at(thread, STEPS_BACK) === 0 ? 'count' : settle(thread, 'again');
    set(thread, STEPS_BACK, 0);
    return then;
  };

  const steps: Step[] = [
    line.first,
    step('is it free of writers?', (thread) => {
      if (isWritten(thread.shared[STATE] ?? 0)) return line.shut(thread);
      return isWriter(thread) ? 'open the gate if it is stuck' : 'is there room at 0';
    }),
    ...lookingForRoom(places, 'is there room at', () => 'open the gate if it is stuck', line.shut),
    step('look at the writer', (thread) => {
      const state = thread.shared[STATE] ?? 0;
      if (!isWritten(state)) {
        if (at(thread, MAY_TAKE) === 0) return settle(thread, 'not yet');
        if (!isWriter(thread)) return CLAIM_A_PLACE;
        set(thread, SEEN, state);
        return 'claim the lock';
      }
      if (
        at(thread, LATE) !== 0 &&
        isDead(thread, state) &&
        !(mistake === 'keeps the claims of the dead' && isClaimed(state))
      ) {
        set(thread, SEEN, state);
        return isClaimed(state) ? 'withdraw another claim' : 'take it from the dead';
      }
      const mayWithdraw =
        isClaimedByEventLoop(state) ||
        (mistake === 'withdraws the claims of threads' && isClaimed(state));
      if (
        !mayWithdraw ||
        at(thread, LATE) !== LEASE_IS_OVER ||
        mistake === 'keeps the claims of event loops'
      )
        return settle(thread, 'not yet');
      set(thread, SEEN, state);
      return mistake === 'counts dead readers' ? 'does anybody read at 0' : CLEAR_DEAD;
    }),
    step('take it from the dead', (thread) => {
      if (mistake === 'forgets what is torn')
        Atomics.compareExchange(thread.shared, STATE, at(thread, SEEN), 0);
      else leaveTorn(thread.shared, at(thread, SEEN));
      set(thread, SEEN, 0);
      return settle(thread, 'again');
    }),
    ...lookingForAny(
      places,
      'does anybody read at',
      () => 'withdraw another claim',
      (thread) => {
        set(thread, SEEN, 0);
        return settle(thread, 'not yet');
      },
    ),
    step('withdraw another claim', (thread) => {
      withdrawClaim(thread.shared, at(thread, SEEN));
      set(thread, SEEN, 0);
      // The next claim is a new one.
      if (at(thread, LATE) === LEASE_IS_OVER) set(thread, LATE, ASKS);
      return settle(thread, 'again');
    }),

    // Readers.
    ...claiming(
      places,
      PLACE,
      (thread) => {
        line.got(thread);
        if (mistake !== 'looks before it has its place') return 'look at the writer again';
        mark(thread, READING);
        return settle(thread, 'in');
      },
      (thread) => (at(thread, LATE) === 0 ? settle(thread, 'not yet') : CLEAR_DEAD),
    ),
    step('look at the writer again', (thread) => {
      const state = thread.shared[STATE] ?? 0;
      if (isWritten(state)) return 'step back';
      mark(thread, READING);
      told(thread, state === TORN);
      return mistake === 'clears what is torn' && state === TORN
        ? 'clear what is torn'
        : settle(thread, 'in');
    }),
    step('clear what is torn', (thread) => {
      Atomics.compareExchange(thread.shared, STATE, TORN, 0);
      return settle(thread, 'in');
    }),
    step('step back', (thread) => {
      clearPlace(thread.shared, at(thread, PLACE));
      set(thread, PLACE, 0);
      set(thread, STEPS_BACK, 1);
      return tell(thread);
    }),
    // Of a reader that found no place, and of a writer that has claimed the lock.
    ...searching(
      places,
      OWNER,
      () => EMPTY,
      (thread) => {
        set(thread, FOUND, 1);
        return undefined;
      },
      (thread) => {
        const found = at(thread, FOUND) === 1;
        set(thread, FOUND, 0);
        if (at(thread, SEEN) !== 0) return 'does anybody read at 0';
        if (isWriter(thread)) return 'is anybody left at 0';
        return settle(thread, found ? 'again' : 'not yet');
      },
    ),
    step('does anybody else wait?', (thread) =>
      hasWaiters(thread.shared) ? 'does one write now?' : reading(thread),
    ),
    step('does one write now?', (thread) =>
      isWritten(thread.shared[STATE] ?? 0) ? reading(thread) : 'is there more room at 0',
    ),
    ...lookingForRoom(
      places,
      'is there more room at',
      (thread) => line.callNext(thread, reading(thread)),
      reading,
    ),
    step('meet', (thread) => {
      const { shared } = thread;
      const met = (shared[MET] ?? 0) | (1 << thread.index);
      if (met !== shared[MET]) {
        shared[MET] = met;
        thread.wake(MET);
      }
      if (
        met === expected ||
        turns.some(
          (each, other) =>
            each.some((turn) => turn.includes('write')) && !line.hasEnded(thread, other),
        )
      )
        return 'read';
      thread.park(MET, met);
      return AGAIN;
    }),
    step('read', (thread) => {
      clearPlace(thread.shared, at(thread, PLACE));
      unmark(thread, READING);
      set(thread, PLACE, 0);
      return tell(thread);
    }),
    step('has one claimed it?', (thread) =>
      isClaimed(thread.shared[STATE] ?? 0) ? 'call who drains' : notTold(thread),
    ),
    step('call who drains', (thread) => {
      const sleeps = tellOfReader(thread.shared);
      wrap(thread, DRAIN);
      if (sleeps) return 'wake who drains';
      return line.ring(thread, wasTold(thread));
    }),
    step('wake who drains', (thread) => {
      thread.wake(DRAIN);
      return line.ring(thread, wasTold(thread));
    }),

    // Writers.
    step('claim the lock', (thread) => {
      const claim = claimWriting(thread.shared, at(thread, SEEN), id(thread), isLoop(thread));
      set(thread, SEEN, 0);
      if (claim === 0) return settle(thread, 'again');
      line.got(thread);
      set(thread, CLAIM, claim);
      return isLoop(thread) || isTry(thread) ? 'is it claimed still?' : settle(thread, 'in');
    }),
    step('read the drain', (thread) => {
      set(
        thread,
        SEEN_AT,
        mistake === 'sleeps unheard'
          ? (thread.shared[DRAIN] ?? 0)
          : listenForReaders(thread.shared),
      );
      return mistake === 'reads the drain after looking'
        ? 'sleep on the drain'
        : 'is it claimed still?';
    }),
    step('is it claimed still?', (thread) => {
      if (thread.shared[STATE] !== at(thread, CLAIM)) return 'confirm';
      return at(thread, LATE) === 0 ? 'is anybody left at 0' : CLEAR_DEAD;
    }),
    ...lookingForAny(
      places,
      'is anybody left at',
      () => 'confirm',
      (thread) => confirmed(thread, 'not yet'),
    ),
    step('confirm', (thread) => {
      const claim = at(thread, CLAIM);
      set(thread, CLAIM, 0);
      if (mistake === 'confirms without comparing')
        Atomics.store(thread.shared, STATE, writerOf(claim));
      else if (!confirmWriting(thread.shared, claim)) return confirmed(thread, 'again');
      told(thread, claim < 0);
      thread.shared[WRITING] = (thread.shared[WRITING] ?? 0) & ~deadIn(thread, WRITING);
      mark(thread, WRITING);
      for (const register of [SEEN_AT, GIVES_UP]) if (!isLoop(thread)) set(thread, register, 0);
      return confirmed(thread, 'in');
    }),
    step(
      'sleep on the drain',
      (thread) => {
        const ending = thread.park(DRAIN, at(thread, SEEN_AT));
        if (ending === null) return AGAIN;
        set(thread, SEEN_AT, 0);
        set(thread, LATE, ending === 'timed-out' ? ASKS : 0);
        if (thread.gaveUp()) set(thread, GIVES_UP, 1);
        return mistake === 'reads the drain after looking'
          ? 'is it claimed still?'
          : 'read the drain';
      },
      { abortable: true, polls: true },
    ),
    ...['write', 'line up', 'withdraw the claim'].map((then) =>
      step(`listen no more, and ${then}`, (thread) => {
        stopListening(thread.shared);
        return then;
      }),
    ),
    step('withdraw the claim', (thread) => {
      const isOurs =
        mistake === 'leaves its claim behind' || withdrawClaim(thread.shared, at(thread, CLAIM));
      set(thread, CLAIM, 0);
      if (isLoop(thread)) return 'give up';
      const then = isTry(thread) ? line.failed(thread) : 'count';
      return isOurs && mistake !== 'withdraws silently' ? line.callNext(thread, then) : then;
    }),
    step('write', (thread) => {
      clearWriter(thread.shared);
      unmark(thread, WRITING);
      return 'is anybody there?';
    }),
    step('is anybody there?', (thread) =>
      hasWaiters(thread.shared) ? 'choose the next' : 'count',
    ),
    step('choose the next', (thread) => {
      chooseNext(thread.shared, { every: -1, looks: limit }, () => 0);
      return line.callNext(thread, 'count');
    }),
    ...line.steps,
  ];
  const about = [
    turns.map((each) => each.join(' + ')).join(' | '),
    `places ${places}`,
    ...(limit === Infinity ? [] : [`limit ${limit}`]),
    ...(deaths > 0 ? [`deaths ${deaths}`] : []),
    ...(giveUps > 0 ? [`give-ups ${giveUps}`] : []),
    ...(polls > 0 ? [`polls ${polls}`] : []),
    ...(mistake === undefined ? [] : [mistake]),
  ];
  return {
    name: `read-write lock (${about.join(', ')})`,
    shared: TOLD + 1,
    deaths,
    giveUps,
    polls,
    arrivalOrder: true,
    threads: turns.map((_, cpu) => ({ cpu, registers: REGISTERS, unregistered: true, steps })),
    invariant(world) {
      const alive = (word: number): number =>
        world.threads.filter(
          ({ index }) => ((world.shared[word] ?? 0) & (1 << index)) !== 0 && !world.isDead(index),
        ).length;
      const writing = alive(WRITING);
      const reading = alive(READING);
      if (writing > 1 || (writing === 1 && reading > 0))
        return `${writing} write and ${reading} read at once`;
      if (world.shared[TOLD] !== 0)
        return 'one was told that a writer had died, and none had, or was not told';
      return line.violation(world);
    },
  };
}
