/**
 * `Mutex` and `SpinLock` as a model for the explorer. Its steps call the very
 * functions of `lib/locks/turnstile.ts`, in the order in which `exclusive.ts`
 * and `waiter.ts` do; reads of two words are two steps.
 */
import {
  answerCall,
  arrive,
  awaitHolder,
  call,
  callsOf,
  chooseNext,
  depart,
  forceOpen,
  hasWaiters,
  holderOf,
  isHeld,
  markCalled,
  MOST_WAITERS,
  overtakingBound,
  presentCalls,
  releaseFast,
  releaseTo,
  showWaiters,
  Standing,
  standing,
  STATE,
  take,
  tryTake,
  TURNSTILE_WORDS,
  unreserve,
} from '../../../../lib/locks/turnstile.ts';
import type { Flavour } from '../../../../lib/abi.ts';
import { LAYER_REGISTERS, section } from '../../../../lib/simulated/models/section.ts';
import { AGAIN } from '../../../../lib/simulated/model.ts';
import type { Model, Step } from '../../../../lib/simulated/model.ts';
import type { World, WorldThread } from '../../../../lib/simulated/world.ts';

// Registers, behind those of a section.
const BATCH = LAYER_REGISTERS;
const CALLS = LAYER_REGISTERS + 1;
const WHERE = LAYER_REGISTERS + 2;
const SEEN = LAYER_REGISTERS + 3;
const SUSPICIOUS = LAYER_REGISTERS + 4;
const NEXT = LAYER_REGISTERS + 5;
const LINED_UP = LAYER_REGISTERS + 6;
const DONE = LAYER_REGISTERS + 7;
const ROUND = LAYER_REGISTERS + 8;
const REGISTERS = LAYER_REGISTERS + 9;

/** The lock was released: nobody can be waiting, or somebody may. */
const DONE_FAST = 1;
const DONE_SLOWLY = 2;

/** Behind the lock's words, for each thread: 0, or 1 and how often it was overtaken since the lock shows that it waits. */
const OVERTAKEN = TURNSTILE_WORDS;

const at = (thread: WorldThread, register: number): number => thread.registers[register] ?? 0;
const id = (thread: WorldThread): number => thread.index + 1;

export interface ExclusiveOptions {
  /** How often each thread takes the lock. */
  readonly rounds: readonly number[];
  /** Releases until the gate closes. */
  readonly limit: number;
  readonly deaths?: number;
  readonly giveUps?: number;
  /** Waiters inside do not sleep. */
  readonly spins?: boolean;
  /** The kernel that the sections of the holders are asked of; all threads share a CPU then. Default: no sections, a CPU each. */
  readonly flavour?: Flavour;
  /** A mistake to be found. */
  readonly mistake?: 'answers first' | 'never closes the gate' | 'gives up silently' | 'releases unseen' | 'wakes in the section';
}

/** Notes that a thread has the lock, for the sake of those who wait. */
function overtake(thread: WorldThread, threads: number): void {
  for (let other = 0; other < threads; other++) {
    const word = OVERTAKEN + other;
    if (other === thread.index) thread.shared[word] = 0;
    else if ((thread.shared[word] ?? 0) > 0) thread.shared[word] = (thread.shared[word] ?? 0) + 1;
  }
}

/** Where a thread that has the lock can be. */
const HOLDING = new Set(['depart with the lock', 'open the gate with the lock', 'work', 'release', 'choose the next', 'release to it']);

export function exclusiveModel({ rounds, limit, deaths = 0, giveUps = 0, spins = false, flavour, mistake }: ExclusiveOptions): Model {
  const threads = rounds.length;
  const isSectioned = flavour !== undefined;
  /** What comes first when the section is left. */
  const leave = flavour === undefined ? 'out' : `section: ${flavour === 'rfc' ? 'test and clear' : 'look whether still asked'}`;
  /** Where a look begins. */
  const again = mistake === 'answers first' ? 'answer' : 'read the calls';
  const step = (label: string, run: Step['run'], more: Partial<Step> = {}): Step => ({ label, run, ...more });
  const wakeInside = (thread: WorldThread): void => {
    const word = presentCalls(thread.shared);
    call(thread.shared, word);
    thread.wake(word, MOST_WAITERS);
  };

  const holding: Step[] = [
    step('take', (thread) => {
      const isTaken = at(thread, LINED_UP) === 1 ? take(thread.shared, at(thread, SEEN), id(thread)) : tryTake(thread.shared, id(thread));
      if (!isTaken) return leave;
      overtake(thread, threads);
      return at(thread, LINED_UP) === 1 ? undefined : 'work';
    }),
    step('depart with the lock', (thread) => {
      thread.registers[LINED_UP] = 0;
      return depart(thread.shared, at(thread, BATCH)) && spins ? undefined : 'work';
    }),
    step('open the gate with the lock', (thread) => {
      wakeInside(thread);
      return undefined;
    }),
    step('work', () => undefined),
    step('release', (thread) => {
      thread.registers[DONE] = DONE_FAST;
      return releaseFast(thread.shared, id(thread)) ? leave : undefined;
    }),
    step('choose the next', (thread) => {
      thread.registers[NEXT] = chooseNext(thread.shared, mistake === 'never closes the gate' ? Infinity : limit);
      return undefined;
    }),
    step('release to it', (thread) => {
      releaseTo(thread.shared, at(thread, NEXT));
      if (mistake !== 'releases unseen') thread.registers[DONE] = DONE_SLOWLY;
      return mistake === 'wakes in the section' ? undefined : leave;
    }),
    ...(mistake === 'wakes in the section'
      ? [
          step('wake in the section', (thread) => {
            thread.systemCall();
            return undefined;
          }),
        ]
      : []),
  ];
  const outside = { outside: isSectioned };
  const steps: Step[] = [
    step('begin', () => undefined, outside),
    ...(flavour === undefined ? holding : section(flavour, 'section', 0, holding)),
    step('out', (thread) => (at(thread, DONE) === DONE_SLOWLY ? 'does anybody wait?' : at(thread, DONE) === DONE_FAST ? 'count' : at(thread, LINED_UP) === 1 ? again : undefined), outside),
    step('line up', (thread) => {
      thread.registers[BATCH] = arrive(thread.shared);
      thread.registers[LINED_UP] = 1;
      thread.registers[SUSPICIOUS] = 1;
      return again;
    }),
    step('read the calls', (thread) => {
      thread.registers[CALLS] = thread.shared[callsOf(at(thread, BATCH))] ?? 0;
      return mistake === 'answers first' ? 'where do we stand?' : undefined;
    }),
    step('answer', (thread) => {
      answerCall(thread.shared);
      return mistake === 'answers first' ? 'read the calls' : undefined;
    }),
    step('where do we stand?', (thread) => {
      const where = standing(thread.shared, at(thread, BATCH));
      thread.registers[WHERE] = where;
      return where === Standing.Forgotten ? 'line up' : undefined;
    }),
    step('look', (thread) => {
      const state = thread.shared[STATE] ?? 0;
      thread.registers[SEEN] = state;
      if (isHeld(state) && at(thread, SUSPICIOUS) === 1 && thread.isDead(holderOf(state) - 1)) return 'begin';
      if (isHeld(state)) return undefined;
      return at(thread, WHERE) === Standing.Outside ? 'sleep' : 'begin';
    }),
    step(
      'show that we wait',
      (thread) => {
        if (!awaitHolder(thread.shared, at(thread, SEEN))) return again;
        thread.shared[OVERTAKEN + thread.index] ||= 1;
        if (!spins || at(thread, WHERE) === Standing.Outside) return undefined;
        thread.registers[SUSPICIOUS] = 1;
        return thread.gaveUp() ? 'give up' : again;
      },
      { abortable: spins },
    ),
    step(
      'sleep',
      (thread) => {
        const ending = thread.park(callsOf(at(thread, BATCH)), at(thread, CALLS));
        if (ending === null) return AGAIN;
        thread.registers[SUSPICIOUS] = ending === 'timed-out' ? 1 : 0;
        if (thread.gaveUp()) return 'give up';
        return ending === 'timed-out' ? undefined : again;
      },
      { abortable: true, polls: true, ...outside },
    ),
    // Once is enough: in a model nothing that is alive stalls.
    step('open the gate by force', (thread) => {
      if (at(thread, WHERE) === Standing.Outside && !isHeld(thread.shared[STATE] ?? 0)) forceOpen(thread.shared, at(thread, BATCH));
      return again;
    }),
    step('give up', (thread) => {
      thread.shared[OVERTAKEN + thread.index] = 0;
      thread.registers[LINED_UP] = 0;
      const opened = depart(thread.shared, at(thread, BATCH));
      if (mistake === 'gives up silently') return 'count';
      return opened && spins ? undefined : 'unreserve';
    }),
    step('wake those let in', (thread) => {
      wakeInside(thread);
      return undefined;
    }),
    step('unreserve', (thread) => {
      unreserve(thread.shared);
      return undefined;
    }),
    step('does anybody wait?', (thread) => (!spins && hasWaiters(thread.shared) ? undefined : 'count')),
    step('show waiters', (thread) => (showWaiters(thread.shared) ? undefined : 'count')),
    step('mark as called', (thread) => {
      thread.registers[NEXT] = markCalled(thread.shared);
      return at(thread, NEXT) < 0 ? 'count' : undefined;
    }),
    step('call', (thread) => {
      call(thread.shared, at(thread, NEXT));
      return undefined;
    }),
    step(
      'wake',
      (thread) => {
        if (isSectioned) thread.systemCall();
        thread.wake(at(thread, NEXT), 1);
        return undefined;
      },
      outside,
    ),
    step('count', (thread) => {
      // What is forgotten makes no two states of one.
      for (let register = BATCH; register < ROUND; register++) thread.registers[register] = 0;
      thread.registers[ROUND] = at(thread, ROUND) + 1;
      return at(thread, ROUND) < (rounds[thread.index] ?? 0) ? 'begin' : undefined;
    }),
  ];
  const bound = overtakingBound(limit, threads);
  const about = [
    ...(isSectioned ? [flavour] : []),
    `rounds ${rounds.join()}`,
    `limit ${limit}`,
    ...(deaths > 0 ? [`deaths ${deaths}`] : []),
    ...(giveUps > 0 ? [`give-ups ${giveUps}`] : []),
    ...(mistake === undefined ? [] : [mistake]),
  ];
  return {
    name: `${spins ? 'spin lock' : 'mutex'} (${about.join(', ')})`,
    ...(flavour === undefined ? {} : { flavour, debug: deaths === 0 }),
    shared: TURNSTILE_WORDS + threads,
    deaths,
    giveUps,
    arrivalOrder: true,
    threads: rounds.map((_, index) => ({ cpu: isSectioned ? 0 : index, registers: REGISTERS, unregistered: !isSectioned, steps })),
    invariant: (world: World) => {
      const holders = world.threads.filter(({ index }) => HOLDING.has(world.label(index)));
      if (holders.length > 1) return `${holders.map(({ index }) => world.name(index)).join(' and ')} have the lock at once`;
      // A death may leave the gate closed, and opening it by force forgets who lined up.
      const late = deaths > 0 ? undefined : world.threads.find(({ index }) => (world.shared[OVERTAKEN + index] ?? 0) - 1 > bound);
      return late === undefined ? null : `${world.name(late.index)} was overtaken more than ${bound} times`;
    },
  };
}
