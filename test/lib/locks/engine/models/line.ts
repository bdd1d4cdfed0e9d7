// SPDX-License-Identifier: MIT
/**
 * How threads and event loops wait for a lock, as steps for the explorer: what
 * `waiter.ts` and `waiting.ts` do, in their order, by the functions of
 * `turnstile.ts`. The kinds of locks add their doors, as they do there. Reads of
 * two words are two steps.
 *
 * What a model knows beyond the lock's own words, it keeps in words behind them:
 * who waits, and whose try must not fail.
 */
import {
  answerCall,
  answerListeners,
  arrive,
  BELL,
  call,
  callsOf,
  callsOutside,
  depart,
  hasWaiters,
  isCallDue,
  isGateClosed,
  isListening,
  LEASE,
  listen,
  markCalled,
  MOST_WAITERS,
  openIfStuck,
  QUEUE,
  readBell,
  RESERVED,
  ring,
  showWaiters,
  Standing,
  standing,
  STATE,
} from '../../../../../lib/locks/engine/turnstile.ts';
import { AGAIN } from '../../../../../lib/simulated/explorer/model.ts';
import type { Step } from '../../../../../lib/simulated/explorer/model.ts';
import type { World, WorldThread } from '../../../../../lib/simulated/explorer/model.ts';

// Registers.
const BATCH = 0;
/** The value of the word that it is going to sleep on. */
export const SEEN_AT = 1;
export const MAY_TAKE = 2;
/** See below. */
export const LATE = 3;
/** It looks as one who waits in the line. */
export const LINED_UP = 4;
/** A request of its event loop stands in the line, and the thread does something else. */
export const PENDING = 5;
export const GIVES_UP = 6;
const CALLED = 7;
/** What comes when the next one was called. */
const THEN = 8;
/** It was called, and has not answered. */
const HEIR = 9;
export const TURN = 10;
export const LINE_REGISTERS = 11;

// What LATE can be: nothing; asks if those who hold the lock are dead; and finds every lease run
// out, too.
export const ASKS = 1;
export const LEASE_IS_OVER = 2;
const LATER = LEASE + 1;

// Behind the lock's words, those of the model: bits for threads,
/** who is counted in the line, */
const WAITING = 0;
/** who of them stands outside, */
const OUTSIDE = 4;
/** whose try must not fail, */
const DUE = 1;
/** who has come to an end; */
const ENDED = 2;
/** and what went wrong, see WRONGS. */
const WRONG = 3;
export const LINE_WORDS = 5;

const WRONGS = [
  null,
  'a try failed, and the lock was free all the time, or its holder dead, and nobody waited',
  'a try failed, and nobody else was left',
  'leave() was refused to the one who took the lock without a token',
  'a holder was told wrongly whether the one before had died',
];
export const TRY_FAILED = 1;
export const LAST_TRY_FAILED = 2;
export const REFUSED = 3;
export const TOLD_WRONGLY = 4;

/** How a thread goes for the lock. */
export type Turn =
  /** Waits in its thread. */
  | 'lock'
  | 'try'
  /** A try for which every lease has run out. */
  | 'late try'
  /** Waits until all others have ended, and tries then. */
  | 'last try'
  /** Waits in its event loop. */
  | 'async';

/** The batch of those inside. */
const batchInside = ({ shared }: WorldThread): number => (shared[QUEUE] ?? 0) >>> BATCH_SHIFT;
const BATCH_SHIFT = 22;
/** In the register of the call: it is for those outside. */
const SECOND = 100;

export const at = (thread: WorldThread, register: number): number =>
  thread.registers[register] ?? 0;
export const id = (thread: WorldThread): number => thread.index + 1;
export const step = (label: string, run: Step['run'], more: Partial<Step> = {}): Step => ({
  label,
  run,
  ...more,
});
/** @returns undefined, for steps that go on below. */
export function set(thread: WorldThread, register: number, value: number): undefined {
  thread.registers[register] = value;
}

/**
 * Keeps the states of a model finite in which a word is counted up for ever. No thread looks on
 * while it is so often.
 */
export function wrap(thread: WorldThread, word: number): void {
  thread.shared[word] = (thread.shared[word] ?? 0) & 7;
}

export type LineMistake =
  | 'answers first'
  | 'listens after looking'
  | 'reads the bell after looking'
  | 'rings nobody'
  | 'gives up silently'
  | 'forces the gate silently'
  | 'gives up and stays in the line'
  | 'waits for event loops'
  | 'calls event loops like threads'
  | 'calls nobody outside';

/** What the kinds of locks do differently. */
export interface LineOptions<T extends string> {
  /** What each thread does, in its turns. */
  readonly turns: readonly (readonly T[])[];
  /** Index of the first word behind the lock's. */
  readonly words: number;
  /** The first step of a turn. */
  readonly begin: (thread: WorldThread) => string;
  /** The first step of the door's attempt; all ways through it end with {@link Line.settle}. */
  readonly door: (thread: WorldThread) => string;
  /**
   * The first step that looks if the lock is free for those inside; it ends with 'open the gate if
   * it is stuck', or {@link Line.shut}.
   */
  readonly isOpen: string;
  /** What comes when it is in, and has left the line. */
  readonly inside: (thread: WorldThread) => string;
  /** What comes when it has left the line for that. Default: the same. */
  readonly arrived?: (thread: WorldThread) => string;
  /** Called when an attempt begins: a try that must not fail is expected then. */
  readonly expect?: (thread: WorldThread) => void;
  /** Waiters make the lock show that they wait, as an exclusive one does. */
  readonly showsWaiters?: boolean;
  readonly spins?: boolean;
  readonly outside?: boolean;
  /**
   * Whether the lock is free, as far as holders are concerned: those outside wait for a lease to
   * run out then.
   */
  readonly isFree: (thread: WorldThread) => boolean;
  /** What comes when a request of the event loop has looked in vain, if it is not to sleep. */
  readonly meanwhile?: (thread: WorldThread) => string | undefined;
  /**
   * What comes before one who gives up leaves the line, or `undefined`: a claim that is withdrawn.
   */
  readonly cancel?: (thread: WorldThread) => string | undefined;
  /** Whether something else than the gate holds up those who wait, that ends with time. */
  readonly timed?: (thread: WorldThread) => boolean;
  readonly mistake?: string | undefined;
}

/** Steps of a line, and what leads to them. */
export interface Line {
  readonly first: Step;
  /** They come behind all others: the last one ends the program. */
  readonly steps: readonly Step[];
  /** The turn that a thread takes. */
  readonly turn: (thread: WorldThread) => string;
  /** After an attempt at the door. @returns the next step */
  readonly settle: (thread: WorldThread, result: 'in' | 'not yet' | 'again') => string;
  /** The lock is not free for those inside. */
  readonly shut: (thread: WorldThread) => string;
  /** Calls the next one, then goes on. */
  readonly callNext: (thread: WorldThread, then: string) => string;
  /** Rings those who wait in event loops, then goes on. */
  readonly ring: (thread: WorldThread, then: string) => string;
  /** A try was in vain. */
  readonly failed: (thread: WorldThread) => string;
  /**
   * A try begins, if this turn is one: may it fail?
   * @param isFree as far as holders are concerned
   */
  readonly expectTry: (thread: WorldThread, isFree: boolean, isDead: boolean) => void;
  /** Somebody got in: tries of others may fail. */
  readonly got: (thread: WorldThread) => void;
  /** Looks at the lock from the line. @returns the first step */
  readonly look: (thread: WorldThread) => string;
  /** Whether the gate was opened by force, so that it is not counted any more. */
  readonly isForgotten: (thread: WorldThread) => boolean;
  /** Leaves the line. */
  readonly leave: (thread: WorldThread) => void;
  /** An event loop that did something meanwhile goes to sleep. */
  readonly lieDown: (thread: WorldThread) => string;
  readonly hasEnded: (thread: WorldThread, other: number) => boolean;
  readonly note: (thread: WorldThread, wrong: number) => void;
  readonly violation: (world: World) => string | null;
}

export function lineOf<T extends string>(options: LineOptions<T>): Line {
  const { turns, words, door, spins = false, mistake } = options;
  const hasLoops = turns.some((all) => all.some((each) => each.startsWith('async')));
  const outside = { outside: options.outside === true };
  const bit = (thread: WorldThread): number => 1 << thread.index;
  const turn = (thread: WorldThread): string => turns[thread.index]?.[at(thread, TURN)] ?? '';
  const isLoop = (thread: WorldThread): boolean => turn(thread).startsWith('async');
  const isTry = (thread: WorldThread): boolean =>
    turn(thread).endsWith('try') &&
    at(thread, LINED_UP) === 0 &&
    (!isLoop(thread) || at(thread, PENDING) === 1);
  const word = (thread: WorldThread, index: number): number => thread.shared[words + index] ?? 0;
  const note = (thread: WorldThread, wrong: number): void => {
    thread.shared[words + WRONG] = wrong;
  };
  /** Where a look begins. */
  const look = (thread: WorldThread): string => {
    if (!isLoop(thread)) return mistake === 'answers first' ? 'answer' : 'read the calls';
    return mistake === 'listens after looking' || mistake === 'reads the bell after looking'
      ? 'answer'
      : 'read the bell';
  };
  const isAwaited = (thread: WorldThread): boolean => {
    const waiting = word(thread, WAITING) & ~bit(thread);
    for (let other = 0; other < turns.length; other++)
      if ((waiting & (1 << other)) !== 0 && !thread.isDead(other)) return true;
    return false;
  };
  /** A look was in vain. */
  const rest = (thread: WorldThread): string => {
    if (at(thread, GIVES_UP) === 1) return options.cancel?.(thread) ?? 'give up';
    if (isLoop(thread)) {
      if (mistake === 'listens after looking') return 'read the bell';
      if (mistake === 'reads the bell after looking') return 'listen';
      return options.meanwhile?.(thread) ?? 'sleep on the bell';
    }
    return spins ? 'look on' : 'sleep';
  };
  /** The event loop has done what it did meanwhile. */
  const lieDown = (thread: WorldThread): string => {
    set(thread, PENDING, 0);
    set(thread, LINED_UP, 1);
    return 'sleep on the bell';
  };
  const afterAttempt = (thread: WorldThread): string => {
    if (!isTry(thread)) return 'line up';
    if (turn(thread).endsWith('last try')) note(thread, LAST_TRY_FAILED);
    else if ((word(thread, DUE) & bit(thread)) !== 0) note(thread, TRY_FAILED);
    return at(thread, PENDING) === 0 ? 'count' : lieDown(thread);
  };
  const settle: Line['settle'] = (thread, result) => {
    const isLinedUp = at(thread, LINED_UP) === 1;
    if (result === 'in') return isLinedUp ? 'depart' : options.inside(thread);
    if (at(thread, HEIR) === 1) {
      set(thread, HEIR, 0);
      return look(thread);
    }
    if (result === 'again') return isLinedUp ? look(thread) : 'attempt';
    if (!isLinedUp) return afterAttempt(thread);
    const mayForce =
      at(thread, MAY_TAKE) === 0 &&
      at(thread, LATE) === LEASE_IS_OVER &&
      mistake !== 'waits for event loops';
    return mayForce ? options.isOpen : rest(thread);
  };
  const shut: Line['shut'] = (thread) => {
    if (at(thread, LINED_UP) === 1) return rest(thread);
    set(thread, MAY_TAKE, 0);
    return door(thread);
  };
  // What may come after a call; kept in a register by its number.
  const places: string[] = [];
  const goOn = (thread: WorldThread, then: string): void => {
    if (!places.includes(then)) places.push(then);
    set(thread, THEN, places.indexOf(then));
  };
  const callNext: Line['callNext'] = (thread, then) => {
    goOn(thread, then);
    return 'does anybody wait?';
  };
  const called = (thread: WorldThread): string => {
    const then = places[at(thread, THEN)] ?? '';
    set(thread, THEN, 0);
    set(thread, CALLED, 0);
    return then;
  };
  const rings = (thread: WorldThread): string =>
    hasLoops && mistake !== 'rings nobody' && mistake !== 'rings before it is free'
      ? 'does an event loop listen?'
      : called(thread);
  const leave = (thread: WorldThread): void => {
    thread.shared[words + WAITING] = word(thread, WAITING) & ~bit(thread);
    const inside = batchInside(thread);
    depart(thread.shared, at(thread, BATCH));
    const isNextBatch = batchInside(thread) !== inside;
    thread.shared[words + OUTSIDE] = isNextBatch ? 0 : word(thread, OUTSIDE) & ~bit(thread);
    for (const register of [BATCH, SEEN_AT, LATE, LINED_UP, PENDING, GIVES_UP, HEIR])
      set(thread, register, 0);
  };
  /** How a sleep ended. */
  const slept = (thread: WorldThread, ending: string): void => {
    set(thread, SEEN_AT, 0);
    set(thread, LATE, ending === 'timed-out' ? LEASE_IS_OVER : 0);
  };

  const start = (thread: WorldThread): string =>
    turn(thread).endsWith('last try') ? 'wait for the others' : options.begin(thread);
  const arrived = options.arrived ?? options.inside;
  const timed = (thread: WorldThread): boolean =>
    (standing(thread.shared, at(thread, BATCH)) === Standing.Outside && options.isFree(thread)) ||
    options.timed?.(thread) === true;
  const steps: Step[] = [
    // The way in without waiting.
    step('attempt', (thread) => {
      options.expect?.(thread);
      set(thread, MAY_TAKE, isGateClosed(thread.shared) ? 0 : 1);
      return at(thread, MAY_TAKE) === 0 && at(thread, LATE) === LEASE_IS_OVER
        ? options.isOpen
        : door(thread);
    }),
    step('open the gate if it is stuck', (thread) => {
      const opened = openIfStuck(thread.shared, LATER);
      if (opened) {
        thread.shared[words + WAITING] = word(thread, WAITING) & word(thread, OUTSIDE);
        thread.shared[words + OUTSIDE] = 0;
      }
      const isLinedUp = at(thread, LINED_UP) === 1;
      if (!isLinedUp) set(thread, MAY_TAKE, opened ? 1 : 0);
      if (opened && mistake !== 'forces the gate silently') return 'call the even batches';
      return !isLinedUp ? door(thread) : opened ? look(thread) : rest(thread);
    }),
    // Everybody: those inside were forgotten, those outside are inside.
    step('call the even batches', (thread) => {
      call(thread.shared, callsOf(0));
      return 'wake the even batches';
    }),
    step('wake the even batches', (thread) => {
      thread.wake(callsOf(0), MOST_WAITERS);
      return 'call the odd batches';
    }),
    step('call the odd batches', (thread) => {
      call(thread.shared, callsOf(1));
      return 'wake the odd batches';
    }),
    step('wake the odd batches', (thread) => {
      thread.wake(callsOf(1), MOST_WAITERS);
      goOn(thread, at(thread, LINED_UP) === 1 ? look(thread) : door(thread));
      return rings(thread);
    }),
    // How many event loops wait decides about leases only, so it is left out.
    step('line up', (thread) => {
      set(thread, BATCH, arrive(thread.shared));
      if (at(thread, BATCH) !== batchInside(thread))
        thread.shared[words + OUTSIDE] = word(thread, OUTSIDE) | bit(thread);
      set(thread, LINED_UP, 1);
      if (at(thread, LATE) === 0) set(thread, LATE, ASKS);
      thread.shared[words + WAITING] = word(thread, WAITING) | bit(thread);
      thread.shared[words + DUE] = 0;
      return look(thread);
    }),
    step('read the bell', (thread) => {
      set(thread, SEEN_AT, readBell(thread.shared));
      return mistake === 'reads the bell after looking' ? 'sleep on the bell' : 'listen';
    }),
    step('listen', (thread) => {
      listen(thread.shared);
      if (mistake === 'listens after looking') return 'sleep on the bell';
      return mistake === 'reads the bell after looking' ? 'read the bell' : 'answer';
    }),
    step('read the calls', (thread) => {
      set(thread, SEEN_AT, thread.shared[callsOf(at(thread, BATCH))] ?? 0);
      return mistake === 'answers first' ? 'where do we stand?' : 'answer';
    }),
    step('answer', (thread) => {
      answerCall(thread.shared);
      return mistake === 'answers first' && !isLoop(thread)
        ? 'read the calls'
        : 'where do we stand?';
    }),
    step('where do we stand?', (thread) => {
      const where = standing(thread.shared, at(thread, BATCH));
      set(thread, MAY_TAKE, where === Standing.Inside ? 1 : 0);
      return where === Standing.Forgotten ? 'line up' : door(thread);
    }),
    step(
      'sleep',
      (thread) => {
        const ending = thread.park(callsOf(at(thread, BATCH)), at(thread, SEEN_AT));
        if (ending === null) return AGAIN;
        slept(thread, ending);
        // The last look asks after the dead.
        if (thread.gaveUp()) {
          set(thread, GIVES_UP, 1);
          set(thread, LATE, ASKS);
        }
        return ending !== 'timed-out' && at(thread, GIVES_UP) === 0 ? 'try again' : look(thread);
      },
      { abortable: true, polls: true, timed, ...outside },
    ),
    // It was called, and looks on before it answers.
    step('try again', (thread) => {
      if (standing(thread.shared, at(thread, BATCH)) !== Standing.Inside) return look(thread);
      set(thread, HEIR, 1);
      set(thread, MAY_TAKE, 1);
      return door(thread);
    }),
    step(
      'look on',
      (thread) => {
        // A lease is over some time, if those who have it never come.
        const mayBeOver = hasLoops || turns.some((_, other) => thread.isDead(other));
        set(thread, LATE, mayBeOver && timed(thread) ? LEASE_IS_OVER : ASKS);
        if (thread.gaveUp()) set(thread, GIVES_UP, 1);
        return look(thread);
      },
      { abortable: true },
    ),
    step(
      'sleep on the bell',
      (thread) => {
        const bed =
          mistake === 'calls event loops like threads' ? callsOf(at(thread, BATCH)) : BELL;
        const ending = thread.park(bed, at(thread, SEEN_AT));
        if (ending === null) return AGAIN;
        if (ending !== 'not-equal') slept(thread, ending);
        // It leaves the line at once.
        return thread.gaveUp() ? (options.cancel?.(thread) ?? 'give up') : look(thread);
      },
      { abortable: true, polls: true, timed, away: true },
    ),
    // It has got in.
    step('depart', (thread) => {
      leave(thread);
      return arrived(thread);
    }),
    // It goes without.
    step('give up', (thread) => {
      if (mistake === 'gives up and stays in the line') {
        for (let register = BATCH; register < TURN; register++) set(thread, register, 0);
        thread.shared[words + WAITING] = word(thread, WAITING) & ~bit(thread);
        return callNext(thread, 'count');
      }
      leave(thread);
      return mistake === 'gives up silently' ? 'count' : 'given up';
    }),
    // `unreserve`, whose two looks are two steps.
    step('given up', (thread) => {
      if (
        options.showsWaiters !== true ||
        mistake === 'leaves the state behind' ||
        isGateClosed(thread.shared)
      )
        return callNext(thread, 'count');
      return 'unreserve';
    }),
    step('unreserve', (thread) => {
      Atomics.compareExchange(thread.shared, STATE, RESERVED, 0);
      return callNext(thread, 'count');
    }),
    // Calls the next one.
    step('does anybody wait?', (thread) => {
      if (spins) return hasWaiters(thread.shared) ? rings(thread) : called(thread);
      if (!isCallDue(thread.shared)) return called(thread);
      return options.showsWaiters === true ? 'show waiters' : 'mark as called';
    }),
    step('show waiters', (thread) =>
      showWaiters(thread.shared) ? 'mark as called' : called(thread),
    ),
    step('mark as called', (thread) => {
      const next = markCalled(thread.shared);
      set(thread, CALLED, Math.max(next, 0));
      return next < 0 ? called(thread) : 'call';
    }),
    step('call', (thread) => {
      call(thread.shared, at(thread, CALLED) % SECOND);
      return 'wake';
    }),
    step(
      'wake',
      (thread) => {
        if (options.outside === true) thread.systemCall();
        const woken = thread.wake(at(thread, CALLED) % SECOND, 1);
        const isLast = at(thread, CALLED) > SECOND || mistake === 'calls nobody outside';
        return woken > 0 || isLast ? rings(thread) : 'whom outside?';
      },
      outside,
    ),
    step('whom outside?', (thread) => {
      const other = callsOutside(thread.shared, at(thread, CALLED));
      set(thread, CALLED, other < 0 ? 0 : SECOND + other);
      return other < 0 ? rings(thread) : 'call';
    }),
    step('does an event loop listen?', (thread) =>
      isListening(thread.shared) ? 'answer the listeners' : called(thread),
    ),
    step('answer the listeners', (thread) => {
      answerListeners(thread.shared);
      return 'ring';
    }),
    step('ring', (thread) => {
      ring(thread.shared);
      wrap(thread, BELL);
      return 'wake the listeners';
    }),
    step('wake the listeners', (thread) => {
      thread.wake(BELL);
      return called(thread);
    }),
    // A turn has ended.
    step(
      'wait for the others',
      (thread) => {
        let left = turns.length - 1;
        for (let other = 0; other < turns.length; other++)
          if (
            other !== thread.index &&
            ((word(thread, ENDED) & (1 << other)) !== 0 || thread.isDead(other))
          )
            left--;
        if (left === 0) return options.begin(thread);
        thread.park(words + ENDED, word(thread, ENDED));
        return AGAIN;
      },
      { polls: true, away: true },
    ),
    step(
      'count',
      (thread) => {
        const next = at(thread, TURN) + 1;
        for (let register = 0; register < TURN; register++) set(thread, register, 0);
        set(thread, TURN, next);
        if (next < (turns[thread.index]?.length ?? 0)) return start(thread);
        set(thread, TURN, 0);
        thread.shared[words + ENDED] = word(thread, ENDED) | bit(thread);
        thread.wake(words + ENDED);
        return undefined;
      },
      outside,
    ),
  ];
  return {
    first: step('begin', start, outside),
    steps,
    turn,
    settle,
    shut,
    callNext,
    ring(thread, then) {
      goOn(thread, then);
      return rings(thread);
    },
    failed: afterAttempt,
    look,
    isForgotten: (thread) => standing(thread.shared, at(thread, BATCH)) === Standing.Forgotten,
    leave,
    lieDown,
    hasEnded: (thread, other) => (word(thread, ENDED) & (1 << other)) !== 0,
    note,
    expectTry(thread, isFree, isDead) {
      if (!isTry(thread) || (!isFree && !isDead) || isAwaited(thread) || at(thread, PENDING) === 1)
        return;
      // A waiter that died may have left the gate closed.
      if (
        isGateClosed(thread.shared) &&
        at(thread, LATE) !== LEASE_IS_OVER &&
        !isDead &&
        turns.some((_, other) => thread.isDead(other))
      )
        return;
      thread.shared[words + DUE] = word(thread, DUE) | bit(thread);
    },
    got(thread) {
      thread.shared[words + DUE] = 0;
    },
    violation: ({ shared }) => WRONGS[shared[words + WRONG] ?? 0] ?? null,
  };
}
