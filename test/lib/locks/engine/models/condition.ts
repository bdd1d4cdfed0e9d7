// SPDX-License-Identifier: MIT
/**
 * `Condition` as a model for the explorer: some wait, in their threads or in
 * event loops, as often as they are told something, and others tell them. Its
 * steps call the functions of `lib/locks/engine/signals.ts`; the lock around it is left
 * out, which allows more. There are fewer places than the real one has.
 */
import { CONDITION_HEAD, PLACE_WORDS } from '../../../../../lib/locks/engine/layout.ts';
import {
  BELL,
  CALLS,
  changeCount,
  countAsleep,
  countSignals,
  countWoken,
  forget,
  freePlace,
  isAsleep,
  isAwaited,
  leaveLine,
  lineUp,
  LISTENING,
  MOST_WAITING,
  noteCall,
  ownPlace,
  readCalls,
  signal,
  takeCount,
  takeDead,
  takeSignal,
} from '../../../../../lib/locks/engine/signals.ts';
import { AGAIN } from '../../../../../lib/simulated/explorer/model.ts';
import type { Model, Step } from '../../../../../lib/simulated/explorer/model.ts';
import type { WorldThread } from '../../../../../lib/simulated/explorer/model.ts';
import { at, id, set, step } from './line.ts';

// Registers of waiters,
const LINED_UP_AT = 0;
const SEEN = 1;
const PLACE = 2;
/** One more or one less of its own is counted. */
const CHANGE = 3;
/** What comes then. */
const THEN = 4;
const GIVES_UP = 5;
/** and of those who notify. */
const COUNT = 6;
const OWNER = 7;
const ROUND = 8;
/** Signals that nobody has taken. */
const TOLD = 9;
/** Woken, and not counted out. */
const WOKEN = 10;
const REGISTERS = 11;

/**
 * How one waits: in its thread, in its event loop, or there with a token that is unlocked when its
 * time is up.
 */
export type ConditionWaiter = 'thread' | 'event loop' | 'unlocked';

export interface ConditionOptions {
  readonly waiters: readonly ConditionWaiter[];
  /**
   * For each who notifies, how many each of its notifications is for. The first one tells all in
   * the end.
   */
  readonly notifications: readonly (readonly number[])[];
  /** Places for threads that wait. Default: none is counted, since none dies. */
  readonly places?: number;
  readonly giveUps?: number;
  /** Only waiters die. */
  readonly deaths?: number;
  readonly polls?: number;
  readonly mistake?:
    | 'gives up silently'
    | 'looks, then sleeps'
    | 'sleeps before it is counted'
    | 'is counted out twice'
    | 'wakes before it notes the call'
    | 'listens after looking'
    | 'rings nobody'
    | 'counts before it lines up'
    | 'counts until it has left'
    | 'keeps what an unlocked one was told'
    | 'forgets without the place'
    | 'reads the calls when it has lined up'
    | 'tells nobody when all are told';
}

export function conditionModel({
  waiters,
  notifications,
  places = 0,
  giveUps = 0,
  deaths = 0,
  polls = 0,
  mistake,
}: ConditionOptions): Model {
  const first = notifications.length;
  const placeAt = (place: number): number => CONDITION_HEAD + place * PLACE_WORDS;
  const words = placeAt(places);
  // Behind the condition's words: notifications that somebody was promised, that somebody got;
  const PROMISED = words;
  const GOT = words + 1;
  /** and who has lined up, a bit each: the last notification waits for all who live. */
  const LINED_UP = words + 2;
  const hasLoops = waiters.some((how) => how !== 'thread');
  const howOf = (thread: WorldThread): ConditionWaiter => waiters[thread.index - first] ?? 'thread';
  const isLoop = (thread: WorldThread): boolean => howOf(thread) !== 'thread';

  // Labels that counting goes on with, by their numbers in a register.
  const thens: string[] = [];
  const counting = (thread: WorldThread, change: number, then: string): string => {
    if (places === 0) return then;
    if (!thens.includes(then)) thens.push(then);
    set(thread, CHANGE, change);
    set(thread, THEN, thens.indexOf(then));
    return 'find a place';
  };
  const counted = (thread: WorldThread): string => {
    const then = thens[at(thread, THEN)] ?? '';
    for (const register of [PLACE, CHANGE, THEN]) set(thread, register, 0);
    return then;
  };
  const look = (thread: WorldThread): string =>
    isLoop(thread) && mistake !== 'listens after looking' ? 'read the bell' : 'look at the calls';
  const rest = (thread: WorldThread): string => {
    if (at(thread, GIVES_UP) === 1) return leaving(thread);
    if (!isLoop(thread))
      return mistake === 'sleeps before it is counted' ? 'sleep' : 'count asleep';
    return mistake === 'listens after looking' ? 'read the bell' : 'sleep on the bell';
  };
  const leaving = (thread: WorldThread): string =>
    mistake === 'counts until it has left'
      ? 'leave the line'
      : counting(thread, -1, 'leave the line');
  const lateCount = (thread: WorldThread, then: string): string =>
    mistake === 'counts until it has left' ? counting(thread, -1, then) : then;

  const waiting: Step[] = [
    step('begin', () =>
      mistake === 'reads the calls when it has lined up' ? 'line up' : 'read the calls',
    ),
    step('read the calls', (thread) => {
      set(thread, LINED_UP_AT, readCalls(thread.shared));
      if (mistake === 'reads the calls when it has lined up') return look(thread);
      return mistake === 'counts before it lines up' ? counting(thread, 1, 'line up') : 'line up';
    }),
    step('line up', (thread) => {
      lineUp(thread.shared);
      thread.shared[LINED_UP] = (thread.shared[LINED_UP] ?? 0) | (1 << thread.index);
      if (mistake === 'reads the calls when it has lined up') return 'read the calls';
      return mistake === 'counts before it lines up'
        ? look(thread)
        : counting(thread, 1, 'begin to look');
    }),
    step('begin to look', look),
    // Counts how many of those in the line are its own.
    step('find a place', (thread) => {
      // One look at all: what is found is only where to begin.
      const owners = Array.from(
        { length: places },
        (_, place) => thread.shared[placeAt(place)] ?? 0,
      );
      const place = owners.includes(id(thread)) ? owners.indexOf(id(thread)) : owners.indexOf(0);
      if (place < 0) return counted(thread);
      set(thread, PLACE, placeAt(place));
      return 'own the place';
    }),
    step('own the place', (thread) =>
      ownPlace(thread.shared, at(thread, PLACE), id(thread)) ? 'count' : 'find a place',
    ),
    step('count', (thread) =>
      changeCount(thread.shared, at(thread, PLACE), at(thread, CHANGE)) > 0
        ? counted(thread)
        : 'count none',
    ),
    step('count none', (thread) => {
      takeCount(thread.shared, at(thread, PLACE));
      return 'free the place';
    }),
    step('free the place', (thread) => {
      freePlace(thread.shared, at(thread, PLACE));
      return counted(thread);
    }),
    // Looks for a notification.
    step('read the bell', (thread) => {
      set(thread, SEEN, thread.shared[BELL] ?? 0);
      return 'listen';
    }),
    step('listen', (thread) => {
      Atomics.store(thread.shared, LISTENING, 1);
      return mistake === 'listens after looking' ? 'sleep on the bell' : 'look at the calls';
    }),
    step('look at the calls', (thread) => {
      const calls = readCalls(thread.shared);
      if (!isLoop(thread)) set(thread, SEEN, calls);
      return calls === at(thread, LINED_UP_AT) ? rest(thread) : 'is there a signal?';
    }),
    step('is there a signal?', (thread) => {
      if (countSignals(thread.shared) === 0) return rest(thread);
      return mistake === 'counts until it has left'
        ? 'take a signal'
        : counting(thread, -1, 'take a signal');
    }),
    step('take a signal', (thread) => {
      if (takeSignal(thread.shared, at(thread, LINED_UP_AT))) return lateCount(thread, 'notified');
      return mistake === 'counts until it has left' ? rest(thread) : counting(thread, 1, 'rest');
    }),
    step('rest', rest),
    step('count asleep', (thread) => {
      countAsleep(thread.shared, 1);
      return mistake === 'sleeps before it is counted' ? 'count awake' : 'sleep';
    }),
    step(
      'sleep',
      (thread) => {
        const seen =
          mistake === 'looks, then sleeps' ? (thread.shared[CALLS] ?? 0) : at(thread, SEEN);
        const wake = thread.park(CALLS, seen);
        if (wake === null) return AGAIN;
        set(thread, SEEN, 0);
        if (thread.gaveUp()) set(thread, GIVES_UP, 1);
        if (mistake === 'sleeps before it is counted') return 'count asleep';
        // Whoever woke it counts it out.
        return wake === 'ok' && mistake !== 'is counted out twice'
          ? 'look at the calls'
          : 'count awake';
      },
      { abortable: true, polls: true },
    ),
    step('count awake', (thread) => {
      countAsleep(thread.shared, -1);
      return 'look at the calls';
    }),
    step(
      'sleep on the bell',
      (thread) => {
        if (thread.park(BELL, at(thread, SEEN)) === null) return AGAIN;
        set(thread, SEEN, 0);
        return thread.gaveUp() ? leaving(thread) : look(thread);
      },
      { abortable: true, polls: true, away: true },
    ),
    step('leave the line', (thread) => {
      if (mistake === 'gives up silently') {
        // As if nobody had been woken for it.
        Atomics.sub(thread.shared, 1, 1);
        return lateCount(thread, 'end');
      }
      const isNotified = leaveLine(thread.shared, at(thread, LINED_UP_AT));
      if (!isNotified) return lateCount(thread, 'end');
      if (howOf(thread) !== 'unlocked') return lateCount(thread, 'notified');
      // Another one has what this one was told.
      if (mistake === 'keeps what an unlocked one was told') return lateCount(thread, 'end');
      thread.shared[PROMISED] = (thread.shared[PROMISED] ?? 0) - 1;
      return lateCount(thread, 'does anybody wait?');
    }),
    step('notified', (thread) => {
      thread.shared[GOT] = (thread.shared[GOT] ?? 0) + 1;
      return 'end';
    }),
  ];

  /** @param count how many a notification is for, which may be the last one */
  const notifying = (
    count: (thread: WorldThread) => number,
    then: (thread: WorldThread) => string,
  ): Step[] => {
    const rings = (thread: WorldThread): string =>
      hasLoops && mistake !== 'rings nobody' ? 'does an event loop listen?' : then(thread);
    const woken = (thread: WorldThread): string => {
      set(thread, COUNT, 0);
      set(thread, TOLD, 0);
      return mistake === 'wakes before it notes the call' ? 'note the call' : rings(thread);
    };
    return [
      step('does anybody wait?', (thread) =>
        isAwaited(thread.shared)
          ? places > 0 && deaths > 0
            ? 'is the owner of place 0 dead?'
            : 'signal'
          : then(thread),
      ),
      ...Array.from({ length: places }, (_, place): Step[] => {
        const next = place + 1 < places ? `is the owner of place ${place + 1} dead?` : 'signal';
        const where = placeAt(place);
        return [
          step(`is the owner of place ${place} dead?`, (thread) => {
            const owner = thread.shared[where] ?? 0;
            if (owner === 0 || !thread.isDead(Math.abs(owner) - 1)) return next;
            set(thread, OWNER, owner);
            return mistake === 'forgets without the place'
              ? `take the count of place ${place}`
              : `take place ${place} from the dead`;
          }),
          step(`take place ${place} from the dead`, (thread) => {
            const isTaken = takeDead(thread.shared, where, at(thread, OWNER), id(thread));
            if (!isTaken) set(thread, OWNER, 0);
            return isTaken ? `take the count of place ${place}` : next;
          }),
          step(`take the count of place ${place}`, (thread) => {
            set(thread, COUNT, takeCount(thread.shared, where));
            return at(thread, COUNT) > 0 ? `forget those of place ${place}` : `free place ${place}`;
          }),
          step(`forget those of place ${place}`, (thread) => {
            forget(thread.shared, at(thread, COUNT));
            set(thread, COUNT, 0);
            return `free place ${place}`;
          }),
          step(`free place ${place}`, (thread) => {
            if (mistake === 'forgets without the place')
              Atomics.compareExchange(thread.shared, where, at(thread, OWNER), 0);
            else freePlace(thread.shared, where);
            set(thread, OWNER, 0);
            return next;
          }),
        ];
      }).flat(),
      step('signal', (thread) => {
        set(thread, COUNT, signal(thread.shared, count(thread)));
        thread.shared[PROMISED] = (thread.shared[PROMISED] ?? 0) + at(thread, COUNT);
        return at(thread, COUNT) === 0 && mistake === 'tells nobody when all are told'
          ? then(thread)
          : mistake === 'wakes before it notes the call'
            ? 'is there a signal for one who sleeps?'
            : 'note the call';
      }),
      step('note the call', (thread) => {
        noteCall(thread.shared);
        return mistake === 'wakes before it notes the call'
          ? rings(thread)
          : 'is there a signal for one who sleeps?';
      }),
      step('is there a signal for one who sleeps?', (thread) => {
        set(thread, TOLD, countSignals(thread.shared));
        return at(thread, TOLD) > 0 ? 'does one sleep?' : woken(thread);
      }),
      step('does one sleep?', (thread) => (isAsleep(thread.shared) ? 'wake' : woken(thread))),
      step('wake', (thread) => {
        const most = at(thread, COUNT) < count(thread) ? MOST_WAITING : at(thread, TOLD);
        set(thread, WOKEN, thread.wake(CALLS, most));
        return at(thread, WOKEN) > 0 ? 'count out the woken' : woken(thread);
      }),
      step('count out the woken', (thread) => {
        countWoken(thread.shared, at(thread, WOKEN));
        set(thread, WOKEN, 0);
        return woken(thread);
      }),
      step('does an event loop listen?', (thread) =>
        thread.shared[LISTENING] !== 0 ? 'answer the listeners' : then(thread),
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
        return then(thread);
      }),
    ];
  };
  const end = step('end', () => undefined);
  const notifier = (counts: readonly number[], isFirst: boolean): Step[] => [
    ...notifying(
      (thread) => counts[at(thread, ROUND)] ?? Infinity,
      (thread) => {
        const next = at(thread, ROUND) + 1;
        set(thread, ROUND, next);
        if (next < counts.length) return 'does anybody wait?';
        // At last all are told, so that one who is left asleep is one whose notification was lost.
        return isFirst && next === counts.length ? 'has everybody lined up?' : 'end';
      },
    ),
    step('has everybody lined up?', (thread) => {
      const isComplete = waiters.every(
        (_, waiter) =>
          ((thread.shared[LINED_UP] ?? 0) & (1 << (first + waiter))) !== 0 ||
          thread.isDead(first + waiter),
      );
      return isComplete ? 'does anybody wait?' : 'has everybody lined up?';
    }),
    end,
  ];
  const about = [
    waiters.join(' | '),
    `notifications ${notifications.map((each) => each.join()).join(' | ')}`,
    ...(places > 0 ? [`places ${places}`] : []),
    ...(deaths > 0 ? [`deaths ${deaths}`] : []),
    ...(giveUps > 0 ? [`give-ups ${giveUps}`] : []),
    ...(polls > 0 ? [`polls ${polls}`] : []),
    ...(mistake === undefined ? [] : [mistake]),
  ];
  return {
    name: `condition (${about.join(', ')})`,
    shared: words + 3,
    giveUps,
    deaths,
    polls,
    arrivalOrder: true,
    threads: [
      ...notifications.map((counts, cpu) => ({
        name: `notifier ${cpu}`,
        cpu,
        immortal: true,
        registers: REGISTERS,
        unregistered: true,
        steps: notifier(counts, cpu === 0),
      })),
      ...waiters.map((how, index) => ({
        name: `waiter ${index}`,
        cpu: first + index,
        registers: REGISTERS,
        unregistered: true,
        steps: [
          ...waiting,
          // Of one that was unlocked.
          ...(how === 'unlocked'
            ? notifying(
                () => 1,
                () => 'end',
              )
            : []),
          end,
        ],
      })),
    ],
    invariant(world) {
      const more = (world.shared[GOT] ?? 0) - (world.shared[PROMISED] ?? 0);
      if (more > 0) return 'more were notified than somebody was promised';
      return more < 0 &&
        world.threads.every(({ index }) => world.hasEnded(index) && !world.isDead(index))
        ? 'one was promised a notification, and nobody got it'
        : null;
    },
  };
}
