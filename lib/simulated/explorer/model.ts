// SPDX-License-Identifier: MIT
/**
 * How a model is described that the explorer goes through: threads on CPUs, each
 * with a program of small steps, the memory they share, and what may happen to
 * them. What does happen is up to `world.ts`.
 */
import { RseqSliceError } from '../../errors.ts';
import {
  arrayOf,
  arrayWhere,
  checkOptions,
  checkValue,
  describeValue,
  FUNCTION,
  objectWith,
  TEXT,
  TRUE_OR_FALSE,
  wholeNumber,
} from '../../options.ts';
import type { Check, OptionChecks } from '../../options.ts';
import { FEATURE, ABI_VERSION, MOST_THREADS } from '../checks.ts';
import type { Machine, MachineOptions } from '../machine.ts';

/** How sleeping ended, in the words of `Atomics.wait`. */
export type Parked = 'ok' | 'not-equal' | 'timed-out';

/** A thread of a world, as its program sees it. */
export interface WorldThread {
  /** Its number, from 0. */
  readonly index: number;
  /** The control word, as bytes. */
  readonly bytes: Uint8Array;
  /** The control word, as one word. */
  readonly word: Int32Array;
  /** All 64 bytes of its area, as words. */
  readonly area: Int32Array;
  /** The numbers it remembers. */
  readonly registers: Int32Array;
  /** Words shared with the other threads. `Atomics` works on them, but for its wait and notify. */
  readonly shared: Int32Array;
  /** `rseq_slice_yield`. */
  yieldSlice(): number;
  /**
   * A system call that does something else; what it does comes in the next step, since the CPU may
   * be given up first.
   */
  systemCall(): void;
  /**
   * Waits on a shared word while it has a value, however often it is woken.
   * @returns what the step shall return.
   */
  wait(word: number, value: number): string | undefined;
  /**
   * Sleeps on a shared word if it has a value, until it is woken, polls or gives
   * up: one call of futex(2) or Atomics.wait. Who has given up does not sleep.
   * @returns null: it sleeps, return {@link AGAIN}; when the step is tried again,
   *   or at once: how that ended.
   */
  park(word: number, value: number): Parked | null;
  /**
   * Whether its time is up. Once that was told, it is forgotten: the next time is another one's.
   */
  gaveUp(): boolean;
  /** Whether a thread died. One that has come to the end of its program is not dead. */
  isDead(thread: number): boolean;
  /**
   * Wakes those who wait on a shared word.
   * @param count at most so many, in their order, which takes `arrivalOrder`. Default: all.
   * @returns how many.
   */
  wake(word: number, count?: number): number;
  /** Registers this thread's area, as rseq(2). */
  register(): void;
  /** Takes its registration back, as rseq(2) with RSEQ_FLAG_UNREGISTER. */
  unregister(): void;
}

/** A state of a model, as its invariant sees it. */
export interface World {
  /** The simulated kernel below. */
  readonly machine: Machine;
  /** The words that all threads share. */
  readonly shared: Int32Array;
  /** The threads, in the order of the model. */
  readonly threads: readonly WorldThread[];
  /** Whether a thread died. One that has come to the end of its program is not dead. */
  isDead(thread: number): boolean;
  /** Whether a thread has come to the end of its program, or died. */
  hasEnded(thread: number): boolean;
  /** The label of the step that a thread does next. */
  label(thread: number): string;
  /** What a thread is called. */
  name(thread: number): string;
}

/**
 * One step of a thread: at most one access to memory that the kernel or another thread may touch.
 */
export interface Step {
  /** Shown in schedules; unique in its program. */
  readonly label: string;
  /** No grant may be outstanding here: the thread is outside of every section. */
  readonly outside?: boolean;
  /**
   * The thread's time may be up while this is its next step: before it waits
   * here, while it does, and between being woken and running again. See
   * `giveUps` and {@link WorldThread.gaveUp}. Default false.
   */
  readonly abortable?: boolean;
  /**
   * Whoever waits here wakes up now and then, to look whether someone has died.
   * In the model that happens only when someone has, and nobody can go on
   * otherwise: it must not hide that a wake-up was lost. See `polls` for more.
   * Default false.
   */
  readonly polls?: boolean;
  /**
   * Whether the one who waits here waits for nothing but time, a lease that runs
   * out say: then it also polls when nobody has died, as soon as nobody can go
   * on otherwise. Default: it does not.
   */
  readonly timed?: (thread: WorldThread) => boolean;
  /**
   * Whoever sleeps here does so in an event loop. When it was woken it may stay
   * away as long as it likes, so nobody may depend on it: when all who can go on
   * are away, and others wait at steps that are not of this kind, nothing can go
   * on. Default false.
   */
  readonly away?: boolean;
  /**
   * The step is an instruction of a restartable sequence: when the thread is scheduled out, or has
   * a signal, before it has done the step, and `rseq_cs` of its area is not 0, it goes on at the
   * step of this label. The kernel has set `rseq_cs` to 0 then. Default: of none.
   */
  readonly restart?: string;
  /**
   * Does the step. Returns the label of the next one; undefined: the one below;
   * {@link AGAIN}: waits, and tries this one again when it is woken.
   */
  readonly run: (thread: WorldThread) => string | undefined;
}

/** What one thread of a model does. */
export interface ThreadProgram {
  /** For the print; default: its number. */
  readonly name?: string;
  /** Default 0. Threads of one CPU run by turns, those of different CPUs interleave. */
  readonly cpu?: number;
  /** How many numbers the program remembers between steps. Default 0. */
  readonly registers?: number;
  /** Not registered yet: the program does that itself. Default: registered, with slices enabled. */
  readonly unregistered?: boolean;
  /** Never dies, see `deaths`. Default false. */
  readonly immortal?: boolean;
  /** From the first to the last; a thread whose last one is done has ended. */
  readonly steps: readonly Step[];
}

/** What is explored. */
export interface Model extends Omit<MachineOptions, 'threads' | 'areas'> {
  /** Shown in reports. */
  readonly name: string;
  /** The threads, numbered from 0. */
  readonly threads: readonly ThreadProgram[];
  /** Words of memory that all threads share, zero at first. Default 0. */
  readonly shared?: number;
  /** Whether preempted threads may come back on another CPU. Default false. */
  readonly migration?: boolean;
  /**
   * Whether a system call may end a grant, which gives the CPU up before the call does its work.
   * Default false: that is a violation.
   */
  readonly allowAborts?: boolean;
  /**
   * How many threads may die in a run, each before any of its steps, and with it
   * what only it knew: `worker.terminate()`. Default 0.
   */
  readonly deaths?: number;
  /** How often in a run a thread's time may be up, at the steps that are `abortable`. Default 0. */
  readonly giveUps?: number;
  /**
   * How often in a run a waiter at a step that `polls` may wake up by itself at any time. Default
   * 0: only as told there.
   */
  readonly polls?: number;
  /**
   * Whether waiters are woken in the order in which they began to wait, as futex(2) and
   * Atomics.notify do, which waking a number of them takes. Default false.
   */
  readonly arrivalOrder?: boolean;
  /** What must hold after every step, beside what always must: the reason it does not, or null. */
  readonly invariant?: (world: World) => string | null;
}

/** Returned by a step that waits. */
export const AGAIN = '(again)';

/**
 * The numbers of steps, by their labels.
 * @throws {RseqSliceError} `ERR_RSEQ_INVALID_MODEL` when two have the same.
 */
export function indexLabels(model: string, steps: readonly Step[]): ReadonlyMap<string, number> {
  const labels = new Map<string, number>();
  steps.forEach(({ label }, index) => {
    if (labels.has(label))
      throw new RseqSliceError(
        'ERR_RSEQ_INVALID_MODEL',
        `The model '${model}' has two steps called '${label}'.`,
      );
    labels.set(label, index);
  });
  return labels;
}

/** Words of a state: it is copied and compared as a whole, again and again. */
const MOST_WORDS = 1 << 16;
const TIMES = wholeNumber(0, MOST_WORDS);

const OBJECT = objectWith('an object');
const SOME_THREADS: Check = arrayWhere(
  `an array of 1 to ${MOST_THREADS} objects, the programs of the threads`,
  OBJECT.isGood,
  1,
  MOST_THREADS,
);

const MODEL: OptionChecks<Model> = {
  name: TEXT,
  abiVersion: ABI_VERSION,
  feature: FEATURE,
  debug: TRUE_OR_FALSE,
  threads: SOME_THREADS,
  shared: wholeNumber(0, MOST_WORDS),
  migration: TRUE_OR_FALSE,
  allowAborts: TRUE_OR_FALSE,
  deaths: TIMES,
  giveUps: TIMES,
  polls: TIMES,
  arrivalOrder: TRUE_OR_FALSE,
  invariant: FUNCTION,
};

const PROGRAM: OptionChecks<ThreadProgram> = {
  name: TEXT,
  cpu: wholeNumber(0, MOST_THREADS - 1),
  registers: wholeNumber(0, MOST_WORDS),
  unregistered: TRUE_OR_FALSE,
  immortal: TRUE_OR_FALSE,
  steps: arrayOf('steps, which are objects', OBJECT),
};

const STEP: OptionChecks<Step> = {
  label: TEXT,
  outside: TRUE_OR_FALSE,
  abortable: TRUE_OR_FALSE,
  polls: TRUE_OR_FALSE,
  timed: FUNCTION,
  away: TRUE_OR_FALSE,
  restart: TEXT,
  run: FUNCTION,
};

/**
 * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION` for what a model cannot have, or must have and
 * has not.
 */
export function checkModel(model: Model): void {
  checkValue('The explorer', 'model', model, OBJECT);
  const which = `the model ${describeValue(model.name)}`;
  checkPart(`T${which.slice(1)}`, model, MODEL, ['name', 'threads']);
  for (const [thread, program] of model.threads.entries()) {
    checkPart(`Thread ${thread} of ${which}`, program, PROGRAM, ['steps']);
    for (const [index, step] of program.steps.entries()) {
      checkPart(`Step ${index} of thread ${thread} of ${which}`, step, STEP, ['label', 'run']);
    }
  }
}

/** @param needed what cannot be left out */
function checkPart<Part extends object>(
  what: string,
  part: Part,
  known: OptionChecks<Part>,
  needed: readonly (keyof Part & string)[],
): void {
  checkOptions(what, part, known);
  for (const name of needed) checkValue(what, name, part[name], known[name]);
}
