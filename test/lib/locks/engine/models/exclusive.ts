// SPDX-License-Identifier: MIT
/**
 * `Mutex` and `SpinLock` as a model for the explorer: the door and the way out
 * of `exclusive.ts` at the line of `line.ts`. With the holders' sections, if the
 * model has a kernel for them.
 */
import {
  answerListeners,
  AWAITED,
  awaitHolder,
  BELL,
  chooseNext,
  countWaiters,
  FOUND_DEAD,
  FREE,
  hasWaiters,
  HOLD,
  holderOf,
  HOLDS,
  isGateClosed,
  isHeld,
  isListening,
  releaseFast,
  releaseTo,
  RESERVED,
  ring,
  STATE,
  take,
  turnsBound,
  TURNSTILE_WORDS,
  WANTED,
} from '../../../../../lib/locks/engine/turnstile.ts';
import type { AbiVersion } from '../../../../../lib/abi/interface.ts';
import { LAYER_REGISTERS, section } from '../../../../../lib/simulated/models/section.ts';
import { AGAIN } from '../../../../../lib/simulated/explorer/model.ts';
import type { Model, Step } from '../../../../../lib/simulated/explorer/model.ts';
import type { World, WorldThread } from '../../../../../lib/simulated/explorer/model.ts';
import {
  ASKS,
  at,
  id,
  LATE,
  LEASE_IS_OVER,
  LINE_REGISTERS,
  LINE_WORDS,
  LINED_UP,
  lineOf,
  MAY_TAKE,
  PENDING,
  REFUSED,
  set,
  step,
  TOLD_WRONGLY,
} from './line.ts';
import type { Line, LineMistake, Turn } from './line.ts';

// Registers, behind those of the line; those of a section come last.
const SEEN = LINE_REGISTERS;
const FAST = LINE_REGISTERS + 1;
const NEXT = LINE_REGISTERS + 2;
/** What comes when the section is left. */
const OUT = LINE_REGISTERS + 3;
/** The number of the token that it holds the lock through. */
const TOKEN = LINE_REGISTERS + 4;
/** That of a token whose lock was given back. */
const OLD_TOKEN = LINE_REGISTERS + 5;
/** An event loop has done what it does while a request of its waits. */
const BUSY = LINE_REGISTERS + 6;
/** 1: it took the lock from one who had died. */
const FROM_DEAD = LINE_REGISTERS + 7;
const SECTION = LINE_REGISTERS + 8;
const REGISTERS = SECTION + LAYER_REGISTERS;

/**
 * Behind the lock's words and those of the line, for each thread: 0, or 1 and how often it was
 * overtaken since the lock shows that it waits.
 */
const OVERTAKEN = TURNSTILE_WORDS + LINE_WORDS;
/**
 * Behind those, and a bit for each holder and a word to sleep on. 1: who was called is on its way,
 * and until it has looked the lock does not show that anybody waits.
 */
const UNSHOWN = 2;

export type ExclusiveTurn =
  | Turn
  /** Waits in its thread for a token, and gives older tokens back once more. */
  | 'token'
  /** As 'lock', and gives older tokens back once more. */
  | 'lock, old token'
  /**
   * Two requests of one event loop, the second one while the first has the lock. Often nobody else
   * is to be called then.
   */
  | 'async twice'
  /** Tries while a request of its event loop waits. */
  | 'async and late try';

export interface ExclusiveOptions {
  /**
   * How each thread goes for the lock, one time after the other; a number: it waits for it so
   * often.
   */
  readonly turns: readonly (number | readonly ExclusiveTurn[])[];
  /** Releases until the gate closes: the clock is always due. */
  readonly limit: number;
  readonly deaths?: number;
  readonly giveUps?: number;
  readonly polls?: number;
  /** Waiters inside do not sleep. */
  readonly spins?: boolean;
  /**
   * The kernel that the sections of the holders are asked of; all threads share a CPU then.
   * Default: no sections, a CPU each.
   */
  readonly abiVersion?: AbiVersion;
  /** A mistake to be found. */
  readonly mistake?:
    | LineMistake
    | 'never closes the gate'
    | 'releases unseen'
    | 'is free at once'
    | 'rings before it is free'
    | 'wakes in the section'
    | 'leaves the state behind'
    | 'tries ask nobody'
    | 'does not check the hold'
    | 'releases what a token holds'
    | 'keeps the hold of the dead'
    | 'keeps saying that one died'
    | 'takes the one who waits for its own';
}

/** Notes that a thread has the lock, for the sake of those who wait and are seen to. */
function overtake(thread: WorldThread, threads: number): void {
  if (thread.shared[OVERTAKEN + threads + UNSHOWN] === 1) return;
  for (let other = 0; other < threads; other++) {
    const word = OVERTAKEN + other;
    if (other === thread.index) thread.shared[word] = 0;
    else if ((thread.shared[word] ?? 0) > 0) thread.shared[word] = (thread.shared[word] ?? 0) + 1;
  }
}

export function exclusiveModel({
  turns: given,
  limit,
  deaths = 0,
  giveUps = 0,
  polls = 0,
  spins = false,
  abiVersion,
  mistake,
}: ExclusiveOptions): Model {
  const turns = given.map((each) =>
    typeof each === 'number' ? Array.from({ length: each }, (): ExclusiveTurn => 'lock') : each,
  );
  const threads = turns.length;
  /** A bit for each thread that has the lock. */
  const HOLDERS = OVERTAKEN + threads;
  /** Says whether the lock shows that others wait, as far as that is looked at. */
  const show = (thread: WorldThread, isShown: boolean): void => {
    if (isFair) thread.shared[HOLDERS + UNSHOWN] = isShown ? 0 : 1;
  };
  const isSectioned = abiVersion !== undefined;
  const hasTokens = turns.some((each) => each.includes('token'));
  const hasLoops = turns.some((each) => each.some((turn) => turn.startsWith('async')));
  const isFair = deaths === 0 && polls === 0 && !hasLoops;
  /** The first step into a section, and out of it. */
  const enter =
    abiVersion === undefined
      ? 'take'
      : `section: look at the ${abiVersion === 'rfc' ? 'word' : 'request'}`;
  const leave = `section: ${abiVersion === 'rfc' ? 'test and clear' : 'look whether still asked'}`;
  const outs: string[] = [];
  /** Leaves the section first, if there is one. */
  const leaving = (thread: WorldThread, then: string): string => {
    if (!isSectioned) return then;
    if (!outs.includes(then)) outs.push(then);
    set(thread, OUT, outs.indexOf(then));
    return leave;
  };
  const isDead = (thread: WorldThread, state: number): boolean =>
    isHeld(state) && thread.isDead(holderOf(state) - 1);
  const isHolder = (thread: WorldThread): boolean =>
    ((thread.shared[HOLDERS] ?? 0) & (1 << thread.index)) !== 0;
  const released = (thread: WorldThread): void => {
    thread.shared[HOLDERS] = (thread.shared[HOLDERS] ?? 0) & ~(1 << thread.index);
    set(thread, FROM_DEAD, 0);
  };
  /** What comes when it is released. */
  const told = (thread: WorldThread): string =>
    at(thread, PENDING) === 1 ? 'does ours wait?' : line.callNext(thread, 'count');
  const giveBack = (thread: WorldThread): string => {
    if (at(thread, TOKEN) === 0)
      return thread.shared[HOLD] === FOUND_DEAD && mistake !== 'keeps saying that one died'
        ? 'forget that one died'
        : 'release';
    return mistake === 'releases what a token holds'
      ? 'release beside the token'
      : 'forget the hold';
  };

  const line: Line = lineOf({
    turns,
    words: TURNSTILE_WORDS,
    begin(thread) {
      const turn = line.turn(thread);
      if (turn.startsWith('async')) return 'attempt';
      if (turn.endsWith('try')) set(thread, LATE, turn === 'try' ? ASKS : LEASE_IS_OVER);
      set(thread, FAST, 1);
      return turn === 'lock, old token' && at(thread, OLD_TOKEN) !== 0
        ? 'the old token again'
        : enter;
    },
    door: () => 'look',
    isOpen: 'is it free?',
    inside: (thread) => (line.turn(thread) === 'token' ? 'count the holds' : 'work'),
    showsWaiters: true,
    spins,
    outside: isSectioned,
    isFree: (thread) => !isHeld(thread.shared[STATE] ?? 0),
    meanwhile(thread) {
      const turn = line.turn(thread);
      if (
        at(thread, BUSY) === 1 ||
        !(turn === 'async and late try' || (turn === 'async twice' && isHolder(thread)))
      )
        return undefined;
      set(thread, BUSY, 1);
      set(thread, PENDING, 1);
      set(thread, LINED_UP, 0);
      if (turn === 'async twice') return 'work';
      set(thread, LATE, LEASE_IS_OVER);
      return 'attempt';
    },
    mistake,
  });
  const { settle } = line;

  const holding: Step[] = [
    step('take', (thread) => {
      const { shared } = thread;
      if (at(thread, FAST) > 0) {
        const isWanted = at(thread, FAST) === 2;
        const seen = isWanted ? WANTED : FREE;
        const next = isWanted ? id(thread) | AWAITED : id(thread);
        const found = Atomics.compareExchange(shared, STATE, seen, next);
        if (!isWanted && found === WANTED) {
          set(thread, FAST, 2);
          return 'take';
        }
        if (found !== seen) {
          set(thread, FAST, 0);
          const state = shared[STATE] ?? 0;
          line.expectTry(thread, !isHeld(state), isDead(thread, state));
          return leaving(
            thread,
            mistake === 'leaves the state behind' && line.turn(thread).endsWith('try')
              ? settle(thread, 'not yet')
              : 'attempt',
          );
        }
      } else if (!take(shared, at(thread, SEEN), id(thread), at(thread, LINED_UP) === 1)) {
        set(thread, SEEN, 0);
        return leaving(thread, settle(thread, 'again'));
      }
      set(thread, FAST, 0);
      if (at(thread, LINED_UP) === 1) show(thread, true);
      overtake(thread, threads);
      line.got(thread);
      shared[HOLDERS] = (shared[HOLDERS] ?? 0) | (1 << thread.index);
      const isAbandoned = isHeld(at(thread, SEEN));
      set(thread, SEEN, 0);
      if (!isAbandoned || !hasTokens) return settle(thread, 'in');
      set(thread, FROM_DEAD, 1);
      return mistake === 'keeps the hold of the dead'
        ? settle(thread, 'in')
        : 'note that the last one died';
    }),
    step('note that the last one died', (thread) => {
      thread.shared[HOLD] = FOUND_DEAD;
      return settle(thread, 'in');
    }),
    step('count the holds', (thread) => {
      const number = (thread.shared[HOLDS] ?? 0) + 1;
      set(thread, TOKEN, at(thread, FROM_DEAD) === 1 ? -number : number);
      thread.shared[HOLDS] = number;
      return undefined;
    }),
    step('note the hold', (thread) => {
      thread.shared[HOLD] = at(thread, TOKEN);
      return undefined;
    }),
    step('work', (thread) => {
      const isToldOfDeath = (thread.shared[HOLD] ?? 0) < 0;
      if (isToldOfDeath !== (at(thread, FROM_DEAD) === 1)) line.note(thread, TOLD_WRONGLY);
      if (line.turn(thread) === 'async twice' && at(thread, BUSY) === 0) {
        set(thread, LATE, 0);
        return 'line up';
      }
      return at(thread, OLD_TOKEN) === 0 ? giveBack(thread) : 'the old token again';
    }),
    step('the old token again', (thread) => {
      const { shared } = thread;
      // It is refused, or else.
      if (shared[HOLD] === at(thread, OLD_TOKEN) || mistake === 'does not check the hold')
        releaseFast(shared, id(thread));
      if (!isHolder(thread)) return enter;
      set(thread, OLD_TOKEN, 0);
      return giveBack(thread);
    }),
    step('release beside the token', (thread) => {
      releaseFast(thread.shared, id(thread));
      return 'forget the hold';
    }),
    step('forget that one died', (thread) => {
      thread.shared[HOLD] = 0;
      return 'release';
    }),
    step('forget the hold', (thread) => {
      thread.shared[HOLD] = 0;
      set(thread, OLD_TOKEN, at(thread, TOKEN));
      set(thread, TOKEN, 0);
      return 'release';
    }),
    step('release', (thread) => {
      const hold = thread.shared[HOLD];
      if (hasTokens && hold !== 0 && hold !== FOUND_DEAD) line.note(thread, REFUSED);
      if (!releaseFast(thread.shared, id(thread))) return 'choose the next';
      released(thread);
      return leaving(thread, at(thread, PENDING) === 1 ? line.lieDown(thread) : 'count');
    }),
    step('choose the next', (thread) => {
      set(
        thread,
        NEXT,
        chooseNext(
          thread.shared,
          { every: mistake === 'never closes the gate' ? Infinity : -1, looks: limit },
          () => 0,
        ),
      );
      return mistake === 'rings before it is free' ? 'ring early' : 'release to it';
    }),
    step('ring early', (thread) => {
      if (!isListening(thread.shared)) return 'release to it';
      answerListeners(thread.shared);
      ring(thread.shared);
      thread.wake(BELL);
      return 'release to it';
    }),
    step('release to it', (thread) => {
      const isWanted = at(thread, NEXT) === WANTED;
      show(thread, at(thread, NEXT) !== FREE);
      releaseTo(thread.shared, isWanted && mistake === 'is free at once' ? FREE : at(thread, NEXT));
      set(thread, NEXT, 0);
      released(thread);
      if (mistake === 'releases unseen') return leaving(thread, 'count');
      const next = isWanted ? 'is it wanted?' : told(thread);
      return mistake === 'wakes in the section' ? undefined : leaving(thread, next);
    }),
    ...(mistake === 'wakes in the section'
      ? [
          step('wake in the section', (thread) => {
            thread.systemCall();
            return leaving(thread, 'does anybody wait?');
          }),
        ]
      : []),
  ];
  const othersWait = (thread: WorldThread): string => line.callNext(thread, line.lieDown(thread));
  const steps: Step[] = [
    line.first,
    ...(abiVersion === undefined ? holding : section(abiVersion, 'section', SECTION, holding)),
    // Behind the section: it goes on here.
    step(
      'out',
      (thread) => {
        const then = outs[at(thread, OUT)] ?? '';
        set(thread, OUT, 0);
        return then;
      },
      { outside: isSectioned },
    ),
    // `unwant`, whose two looks are two steps.
    step('is it wanted?', (thread) => (hasWaiters(thread.shared) ? told(thread) : 'make it free')),
    step('make it free', (thread) => {
      Atomics.compareExchange(thread.shared, STATE, WANTED, FREE);
      return told(thread);
    }),
    // When all who wait are requests of this event loop, they are served when it is done with what
    // it does, and nobody is called.
    step('does ours wait?', (thread) =>
      line.isForgotten(thread) && mistake !== 'takes the one who waits for its own'
        ? othersWait(thread)
        : 'is it the only one?',
    ),
    step('is it the only one?', (thread) => {
      if (countWaiters(thread.shared) !== 1) return othersWait(thread);
      line.lieDown(thread);
      return 'do something else';
    }),
    // For as long as it likes: it is woken at once, by itself, and away.
    step(
      'do something else',
      (thread) => {
        const word = HOLDERS + 1;
        if (thread.park(word, 0) !== null) return line.look(thread);
        thread.wake(word);
        return AGAIN;
      },
      { away: true },
    ),
    step('is it free?', (thread) =>
      isHeld(thread.shared[STATE] ?? 0) ? line.shut(thread) : 'open the gate if it is stuck',
    ),
    step('look', (thread) => {
      const state = thread.shared[STATE] ?? 0;
      const isLinedUp = at(thread, LINED_UP) === 1;
      const isLeft =
        at(thread, LATE) !== 0 && mistake !== 'tries ask nobody' && isDead(thread, state);
      if (isHeld(state) && !isLeft) {
        if (!isLinedUp) return settle(thread, 'not yet');
        set(thread, SEEN, state);
        return 'show that we wait';
      }
      if (at(thread, MAY_TAKE) === 0 && !isLeft) return settle(thread, 'not yet');
      set(thread, SEEN, state);
      return !isLinedUp && state === RESERVED ? 'is it reserved?' : enter;
    }),
    step('is it reserved?', (thread) => {
      if (!isGateClosed(thread.shared)) return enter;
      set(thread, SEEN, 0);
      return settle(thread, 'not yet');
    }),
    step('show that we wait', (thread) => {
      const isShown = awaitHolder(thread.shared, at(thread, SEEN));
      set(thread, SEEN, 0);
      if (!isShown) return settle(thread, 'again');
      show(thread, true);
      thread.shared[OVERTAKEN + thread.index] ||= 1;
      return settle(thread, 'not yet');
    }),
    ...line.steps.map((each) =>
      each.label === 'give up'
        ? { ...each, run: (thread: WorldThread) => forget(thread, each) }
        : each,
    ),
  ];
  // A turn comes after so many releases.
  const bound = turnsBound(threads) * limit;
  // Whoever has gone without is not overtaken any more.
  function forget(thread: WorldThread, { run }: Step): string | undefined {
    thread.shared[OVERTAKEN + thread.index] = 0;
    return run(thread);
  }
  const about = [
    ...(isSectioned ? [abiVersion] : []),
    given.map((each) => (typeof each === 'number' ? String(each) : each.join(' + '))).join(' | '),
    `limit ${limit}`,
    ...(deaths > 0 ? [`deaths ${deaths}`] : []),
    ...(giveUps > 0 ? [`give-ups ${giveUps}`] : []),
    ...(polls > 0 ? [`polls ${polls}`] : []),
    ...(mistake === undefined ? [] : [mistake]),
  ];
  return {
    name: `${spins ? 'spin lock' : 'mutex'} (${about.join(', ')})`,
    ...(abiVersion === undefined ? {} : { abiVersion, debug: deaths === 0 }),
    shared: HOLDERS + UNSHOWN + 1,
    deaths,
    giveUps,
    polls,
    arrivalOrder: true,
    threads: turns.map((_, index) => ({
      cpu: isSectioned ? 0 : index,
      registers: isSectioned ? REGISTERS : SECTION,
      unregistered: !isSectioned,
      steps,
    })),
    invariant: (world: World) => {
      const holders = world.threads.filter(
        ({ index }) => ((world.shared[HOLDERS] ?? 0) & (1 << index)) !== 0 && !world.isDead(index),
      );
      if (holders.length > 1)
        return `${holders.map(({ index }) => world.name(index)).join(' and ')} have the lock at once`;
      // A gate that is opened by force forgets who lined up.
      const late = isFair
        ? world.threads.find(({ index }) => (world.shared[OVERTAKEN + index] ?? 0) - 1 > bound)
        : undefined;
      return late === undefined
        ? line.violation(world)
        : `${world.name(late.index)} was overtaken more than ${bound} times`;
    },
  };
}
