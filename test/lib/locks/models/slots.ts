/**
 * `RwLock` and `Semaphore` as models for the explorer: the places of
 * `lib/locks/slots.ts`, whose functions the steps call, behind an entrance that
 * is a plain lock here. The lock that it really is has a model of its own.
 */
import { CHANGES, claimPlace, clearPlace, EMPTY, FIRST, isWatched, noteChange, OWN, stopWatching, watch } from '../../../../lib/locks/slots.ts';
import { AGAIN } from '../../../../lib/simulated/model.ts';
import type { Model, Step, ThreadProgram } from '../../../../lib/simulated/model.ts';
import type { WorldThread } from '../../../../lib/simulated/world.ts';

/** The entrance: 0, or who has it. A word that the real one does not use. */
const ENTRANCE = 5;
const WRITING = 1;
const NOBODY = 0;

// Registers.
const SEEN = 0;
const PLACE = 1;
const LATE = 2;
const CHANGED = 3;
const INSIDE = 4; // has the entrance
const REGISTERS = 5;

const at = (thread: WorldThread, register: number): number => thread.registers[register] ?? 0;
const id = (thread: WorldThread): number => thread.index + 1;
/** @returns undefined, for steps that go on below. */
function set(thread: WorldThread, register: number, value: number): undefined {
  thread.registers[register] = value;
}

/** Takes the entrance, also from the dead. */
function entering(then: string): Step[] {
  return [
    {
      label: 'enter',
      run(thread) {
        const found = Atomics.compareExchange(thread.shared, ENTRANCE, NOBODY, id(thread));
        if (found === NOBODY) {
          set(thread, INSIDE, 1);
          return then;
        }
        set(thread, SEEN, found);
      },
    },
    { label: 'wait at the entrance', polls: true, run: (thread) => (thread.park(ENTRANCE, at(thread, SEEN)) === null ? AGAIN : undefined) },
    {
      label: 'is it dead who has it?',
      run(thread) {
        const seen = at(thread, SEEN);
        if (!thread.isDead(seen - 1) || Atomics.compareExchange(thread.shared, ENTRANCE, seen, id(thread)) !== seen) return 'enter';
        set(thread, INSIDE, 1);
        return then;
      },
    },
  ];
}

function leavingEntrance(then: string | undefined): Step[] {
  return [
    {
      label: 'leave the entrance',
      run(thread) {
        set(thread, INSIDE, 0);
        Atomics.store(thread.shared, ENTRANCE, NOBODY);
        return undefined;
      },
    },
    {
      label: 'wake at the entrance',
      run(thread) {
        thread.wake(ENTRANCE);
        return then;
      },
    },
  ];
}

/** Gives the place back, and tells. */
function clearing(prefix: string, then: string | undefined): Step[] {
  return [
    {
      label: `${prefix}clear the place`,
      run(thread) {
        clearPlace(thread.shared, at(thread, PLACE));
        return undefined;
      },
    },
    { label: `${prefix}is it watched?`, run: (thread) => (isWatched(thread.shared) ? undefined : (then ?? `${prefix}told`)) },
    {
      label: `${prefix}note the change`,
      run(thread) {
        noteChange(thread.shared);
        return undefined;
      },
    },
    {
      label: `${prefix}wake who watches`,
      run(thread) {
        thread.wake(CHANGES);
        return then;
      },
    },
    { label: `${prefix}told`, run: () => undefined },
  ];
}

/** At the entrance: sleeps until something has changed, then looks again. */
function resting(look: string): Step[] {
  return [
    {
      label: 'sleep',
      polls: true,
      abortable: true,
      run(thread) {
        const ending = thread.park(CHANGES, at(thread, CHANGED));
        if (ending === null) return AGAIN;
        set(thread, LATE, ending === 'timed-out' ? 1 : 0);
        return thread.gaveUp() ? 'give up' : look;
      },
    },
  ];
}

/** Takes an empty place, or one of the dead when it is late. */
function findingPlace(places: number, found: string): Step[] {
  return [
    { label: 'read the changes', run: (thread) => { set(thread, CHANGED, thread.shared[CHANGES] ?? 0); } },
    ...Array.from({ length: places }, (_, index): Step[] => [
      {
        label: `look at place ${index}`,
        run(thread) {
          const owner = thread.shared[FIRST + index] ?? 0;
          const isFree = owner === EMPTY || (at(thread, LATE) === 1 && thread.isDead(owner - 1));
          set(thread, SEEN, owner);
          return isFree ? undefined : index + 1 < places ? `look at place ${index + 1}` : 'sleep';
        },
      },
      {
        label: `claim place ${index}`,
        run(thread) {
          if (claimPlace(thread.shared, FIRST + index, at(thread, SEEN), id(thread))) {
            set(thread, PLACE, FIRST + index);
            return found;
          }
          return `look at place ${index}`;
        },
      },
    ]).flat(),
  ];
}

const HOLDING_READ = new Set(['read', 'clear the place']);

const END: Step = { label: 'end', run: () => undefined };

function reader(places: number): ThreadProgram {
  const own = (thread: WorldThread): number => FIRST + (thread.index % places);
  return {
    registers: REGISTERS,
    unregistered: true,
    steps: [
      { label: 'does one write?', run: (thread) => (thread.shared[OWN] !== 0 ? 'enter' : undefined) },
      {
        label: 'claim',
        run(thread) {
          set(thread, PLACE, own(thread));
          return claimPlace(thread.shared, own(thread), EMPTY, id(thread)) ? undefined : 'enter';
        },
      },
      { label: 'does one write now?', run: (thread) => (thread.shared[OWN] !== 0 ? 'back: clear the place' : 'read') },
      ...clearing('back: ', 'enter'),
      ...entering('watch'),
      {
        label: 'watch',
        run(thread) {
          watch(thread.shared);
          set(thread, LATE, 1);
          return undefined;
        },
      },
      ...findingPlace(places, 'nobody writes'),
      ...resting('read the changes'),
      {
        label: 'give up',
        run(thread) {
          stopWatching(thread.shared);
          return 'leave the entrance';
        },
      },
      {
        label: 'nobody writes',
        run(thread) {
          Atomics.exchange(thread.shared, OWN, 0);
          stopWatching(thread.shared);
          return undefined;
        },
      },
      ...leavingEntrance(undefined),
      { label: 'has it a place?', run: (thread) => (thread.shared[at(thread, PLACE)] === id(thread) ? undefined : 'end') },
      { label: 'read', run: () => undefined },
      ...clearing('', undefined),
      END,
    ],
  };
}

export interface RwLockOptions {
  readonly readers: number;
  readonly writers: number;
  readonly places?: number;
  readonly deaths?: number;
  readonly giveUps?: number;
  readonly mistake?: 'looks before it says so' | 'tells nobody';
}

function writer(places: number, mistake: RwLockOptions['mistake']): ThreadProgram {
  const sayWriting: Step = {
    label: 'say that one writes',
    run(thread) {
      Atomics.exchange(thread.shared, OWN, WRITING);
      return undefined;
    },
  };
  return {
    registers: REGISTERS,
    unregistered: true,
    steps: [
      ...entering(mistake === 'looks before it says so' ? 'watch' : 'say that one writes'),
      ...(mistake === 'looks before it says so' ? [] : [sayWriting]),
      {
        label: 'watch',
        run(thread) {
          watch(thread.shared);
          set(thread, LATE, 1);
          return undefined;
        },
      },
      { label: 'read the changes', run: (thread) => { set(thread, CHANGED, thread.shared[CHANGES] ?? 0); } },
      ...Array.from({ length: places }, (_, index): Step => ({
        label: `is place ${index} empty?`,
        run(thread) {
          const owner = thread.shared[FIRST + index] ?? 0;
          if (owner === EMPTY) return undefined;
          if (at(thread, LATE) === 0 || !thread.isDead(owner - 1)) return 'sleep';
          clearPlace(thread.shared, FIRST + index);
          return undefined;
        },
      })),
      {
        label: 'all are',
        run(thread) {
          stopWatching(thread.shared);
          if (mistake === 'looks before it says so') Atomics.exchange(thread.shared, OWN, WRITING);
          return 'write';
        },
      },
      ...resting('read the changes'),
      {
        label: 'give up',
        run(thread) {
          stopWatching(thread.shared);
          return 'end writing';
        },
      },
      { label: 'write', run: () => undefined },
      {
        label: 'end writing',
        run(thread) {
          Atomics.store(thread.shared, OWN, 0);
          return undefined;
        },
      },
      ...leavingEntrance(undefined),
      END,
    ],
  };
}

/** Some read once, some write once. */
export function rwLockModel({ readers, writers, places = 2, deaths = 0, giveUps = 0, mistake }: RwLockOptions): Model {
  const programs = [...Array.from({ length: readers }, () => reader(places)), ...Array.from({ length: writers }, () => writer(places, mistake))];
  if (mistake === 'tells nobody') {
    for (const program of programs) (program.steps as Step[]).forEach((step, index, all) => {
      if (step.label === 'is it watched?') all[index] = { ...step, run: () => 'told' };
    });
  }
  const about = [`readers ${readers}`, `writers ${writers}`, `places ${places}`, `deaths ${deaths}`, `give-ups ${giveUps}`, ...(mistake === undefined ? [] : [mistake])];
  return {
    name: `read-write lock (${about.join(', ')})`,
    shared: FIRST + places,
    deaths,
    giveUps,
    threads: programs.map((program, cpu) => ({ ...program, cpu })),
    invariant: (world) => {
      const reading = world.threads.filter(({ index }) => HOLDING_READ.has(world.label(index))).length;
      // One that gives up says that it does not write in the same step as one that wrote.
      const writing = world.threads.filter(({ index }) => world.label(index) === 'write').length;
      return writing > 1 || (writing === 1 && reading > 0) ? `${writing} write and ${reading} read at once` : null;
    },
  };
}

/** Some take a permit once. */
export function semaphoreModel({ threads, permits, deaths = 0, giveUps = 0 }: { readonly threads: number; readonly permits: number; readonly deaths?: number; readonly giveUps?: number }): Model {
  const steps: Step[] = [
    { label: 'is somebody at the entrance?', run: (thread) => (thread.shared[ENTRANCE] !== NOBODY ? 'enter' : undefined) },
    {
      label: 'claim',
      run(thread) {
        set(thread, PLACE, FIRST);
        return claimPlace(thread.shared, FIRST, EMPTY, id(thread)) ? 'use it' : 'enter';
      },
    },
    ...entering('watch'),
    {
      label: 'watch',
      run(thread) {
        watch(thread.shared);
        set(thread, LATE, 1);
        return undefined;
      },
    },
    ...findingPlace(permits, 'got it'),
    ...resting('read the changes'),
    {
      label: 'give up',
      run: (thread) => { set(thread, PLACE, 0); },
    },
    {
      label: 'got it',
      run(thread) {
        stopWatching(thread.shared);
        return undefined;
      },
    },
    ...leavingEntrance(undefined),
    { label: 'has it one?', run: (thread) => (at(thread, PLACE) === 0 ? 'end' : undefined) },
    { label: 'use it', run: () => undefined },
    ...clearing('', undefined),
    END,
  ];
  return {
    name: `semaphore (threads ${threads}, permits ${permits}, deaths ${deaths}, give-ups ${giveUps})`,
    shared: FIRST + permits,
    deaths,
    giveUps,
    threads: Array.from({ length: threads }, (_, cpu) => ({ cpu, registers: REGISTERS, unregistered: true, steps })),
    invariant: (world) => {
      const holders = world.threads.filter(({ index }) => ['use it', 'clear the place'].includes(world.label(index))).length;
      return holders > permits ? `${holders} have one of ${permits} permits` : null;
    },
  };
}
