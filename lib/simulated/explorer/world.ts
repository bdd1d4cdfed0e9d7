// SPDX-License-Identifier: MIT
/**
 * A world for the explorer: the simulated machine, CPUs, memory that threads
 * share, and a program for each thread, written as small steps. Between any two
 * steps anything may happen that may happen on Linux: an interrupt that wants
 * the CPU for someone else, one that finds other work pending too, the end of
 * an extension, another CPU's next step; if the model says so, also the death of
 * a thread, and the end of a waiter's time.
 *
 * All that decides the future is in one typed array, so that a state is copied
 * and compared as a whole. An interrupt that wants nothing is left out: it
 * changes nothing. Out of scope: weak memory (only the owner and the kernel on
 * its CPU write the word) and what a C compiler may reorder.
 */
import {
  FLAG_UNREGISTER,
  LEGACY_LENGTH,
  PR_SLICE_ENABLE,
  PR_SLICE_SET,
  REQUEST_BIT,
  REQUEST_BYTE,
  SIGNATURE,
  SLICE_LENGTH,
} from '../../abi/kernel.ts';
import { AREA_OFFSETS } from '../../abi/kernel.ts';
import { RseqSliceError } from '../../errors.ts';
import { AREA_SLOTS, Machine } from '../machine.ts';
import type { MachineEvent } from '../machine.ts';
import { AGAIN, checkModel, indexLabels } from './model.ts';
import type { Model, Parked, Step, World, WorldThread } from './model.ts';

// The words of one thread behind the machine's.
const COUNTER = 0; // the program's step
const WAITING = 1; // one of the below, or what it waits on and how
const ASKED = 2; // the last store to the request was not zero
const GHOST_GRANT = 3; // granted, and not switched since
const SWITCHED = 4; // switched during the present move
const RETURNED = 5; // 0: last yield right; 1: it answered wrongly
const THREAD_WORDS = 6;

// What WAITING is when a thread does not wait: it runs, it died, or it slept and has not heard yet
// how that ended.
const AWAKE = 0;
const DIED = 1;
const WOKEN = -1;
const TIMED_OUT = -2;
// When it waits: twice the shared word and one of these; in `wait`, which compares again, or in
// `park`, which does not.
const IN_WAIT = 2;
const IN_PARK = 3;

// The words at the end of the state, if the model has any use for them: what may still happen in
// this run,
const DEATHS_LEFT = 0;
const GIVE_UPS_LEFT = 1;
const POLLS_LEFT = 2;
// A waiter has polled because nobody could go on, and nobody has gone on since.
const TIME_PASSES = 3;
const FATE_WORDS = 4;
// and for each thread
const TIME_IS_UP = 0;
const RANK = 1; // among those who wait on the same word, from 1
const THREAD_FATE_WORDS = 2;

const NOBODY = -1;

/**
 * What can happen to a thread that has a CPU, then what can to any: a step of its program, an
 * interrupt, the end of an extension, an interrupt after which it is on another CPU; a look at what
 * it waits for, the end of its patience, its death.
 */
export type ThreadEvent =
  | 'step'
  | 'preempt'
  | 'preempt with other work'
  | 'extension ends'
  | 'preempt and migrate'
  | 'polls'
  | 'gives up'
  | 'dies';

const RSEQ_CS = AREA_OFFSETS.rseq_cs / 4;

/** The order is that of the choices. */
export const EVENTS: readonly ThreadEvent[] = [
  'step',
  'preempt',
  'preempt with other work',
  'extension ends',
  'preempt and migrate',
  'polls',
  'gives up',
  'dies',
];
const STEP = 0;
const PREEMPT = 1;
const PREEMPT_WITH_WORK = 2;
const EXPIRE = 3;
const MIGRATE = 4;
const POLL = 5;
const GIVE_UP = 6;
const DIE = 7;
const MOVE_SHIFT = 3;

/** How many moves are gone through, at most, to see whether polling leads anywhere. */
const PATIENCE = 1 << 14;

/** A thread of {@link ExploredWorld}. */
class ExploredThread implements WorldThread {
  readonly index: number;
  readonly bytes: Uint8Array;
  readonly word: Int32Array;
  readonly area: Int32Array;
  readonly registers: Int32Array;
  readonly shared: Int32Array;
  readonly #world: ExploredWorld;

  constructor(world: ExploredWorld, index: number, registers: Int32Array) {
    this.#world = world;
    this.index = index;
    this.registers = registers;
    this.shared = world.shared;
    this.bytes = world.machine.controlWord(index);
    this.word = new Int32Array(this.bytes.buffer, this.bytes.byteOffset, 1);
    this.area = new Int32Array(
      this.bytes.buffer,
      world.machine.memory(index).byteOffset,
      AREA_SLOTS,
    );
  }

  yieldSlice(): number {
    const { machine } = this.#world;
    const granted = machine.isGranted(this.index);
    const answer = machine.yieldSlice(this.index);
    if (!machine.isDead(this.index) && answer !== (granted ? 1 : 0))
      this.#world.noteWrongAnswer(this.index);
    return answer;
  }

  systemCall(): void {
    this.#world.machine.systemCall(this.index);
  }

  wait(word: number, value: number): string | undefined {
    const blocks = this.shared[word] === value;
    this.#world.machine.systemCall(this.index, blocks);
    if (!blocks) return undefined;
    this.#world.block(this.index, word, IN_WAIT);
    return AGAIN;
  }

  park(word: number, value: number): Parked | null {
    const ending = this.#world.takeEnding(this.index);
    if (ending !== null) return ending;
    const isEqual = this.shared[word] === value;
    const blocks = isEqual && !this.#world.isTimeUp(this.index);
    this.#world.machine.systemCall(this.index, blocks);
    if (!isEqual) return 'not-equal';
    if (!blocks) return 'timed-out';
    this.#world.block(this.index, word, IN_PARK);
    return null;
  }

  gaveUp(): boolean {
    return this.#world.takeTimeUp(this.index);
  }

  isDead(thread: number): boolean {
    return this.#world.isDead(thread);
  }

  wake(word: number, count: number = Infinity): number {
    return this.#world.wake(word, count);
  }

  register(): void {
    this.#world.register(this.index);
  }

  unregister(): void {
    this.#world.unregister(this.index);
  }
}

/** A model in one of its states, with the moves that lead out of it. */
export class ExploredWorld implements World {
  /** What it was made of. */
  readonly model: Model;
  /** The simulated kernel below. */
  readonly machine: Machine;
  /** The whole state; copy it with `slice`, go back with `set`. */
  readonly state: Int32Array;
  /** The words that all threads share. */
  readonly shared: Int32Array;
  /** The threads, in the order of the model. */
  readonly threads: readonly WorldThread[];
  /** Called for what happens in the machine, when set. */
  onEvent: ((event: MachineEvent, thread: number) => void) | null = null;
  readonly #base: number;
  readonly #cpus: number;
  readonly #cpuOf: readonly number[];
  readonly #cpuWords: number;
  readonly #labels: readonly ReadonlyMap<string, number>[];
  readonly #steps: readonly (readonly Step[])[];
  /**
   * Where the words of FATE_WORDS begin; 0: the model has no use for them, and does not pay for
   * them.
   */
  readonly #fate: number;
  /** Whether any thread can stay away. */
  readonly #hasAway: boolean;
  /** What this move broke, found while it was made. */
  #broken: string | null = null;
  /** A thread is being ended from outside: what its exit does to its extension is not its fault. */
  #isDying = false;

  /** @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`, `ERR_RSEQ_INVALID_MODEL`. */
  constructor(model: Model) {
    checkModel(model);
    this.model = model;
    const { abiVersion = 'mainline', feature = 'on', debug = false } = model;
    const { threads, shared = 0, deaths = 0, giveUps = 0, polls = 0, arrivalOrder = false } = model;
    const count = threads.length;
    this.#cpuOf = threads.map(({ cpu = 0 }) => cpu);
    this.#cpus = Math.max(...this.#cpuOf) + 1;
    const registers = threads.reduce((sum, thread) => sum + (thread.registers ?? 0), 0);
    this.#base = Machine.slots(count);
    const registersAt = this.#base + count * THREAD_WORDS;
    const sharedAt = registersAt + registers;
    this.#cpuWords = sharedAt + shared;
    // Who has each CPU, and the CPU that moved last.
    const end = this.#cpuWords + this.#cpus + 1;
    this.#hasAway = threads.some(({ steps }) => steps.some(({ away }) => away === true));
    const hasTimed = threads.some(({ steps }) => steps.some(({ timed }) => timed !== undefined));
    const hasFate =
      deaths > 0 || giveUps > 0 || polls > 0 || arrivalOrder || this.#hasAway || hasTimed;
    this.#fate = hasFate ? end : 0;
    this.state = new Int32Array(hasFate ? end + FATE_WORDS + count * THREAD_FATE_WORDS : end);
    if (hasFate) this.state.set([deaths, giveUps, polls], end);
    const kind = { abiVersion, feature, debug, threads: count, areas: count };
    this.machine = new Machine(kind, this.state.subarray(0, this.#base));
    this.shared = this.state.subarray(sharedAt, this.#cpuWords);
    let at = registersAt;
    this.threads = threads.map((thread, index) => {
      const from = at;
      at += thread.registers ?? 0;
      return new ExploredThread(this, index, this.state.subarray(from, at));
    });
    this.#steps = threads.map(({ steps }) => steps);
    this.#labels = threads.map(({ steps }) => indexLabels(model.name, steps));
    this.machine.onEvent = (event, thread) => {
      this.#note(event, thread);
    };
    for (let cpu = 0; cpu < this.#cpus; cpu++)
      this.state[this.#cpuWords + cpu] = this.#cpuOf.indexOf(cpu);
    threads.forEach((thread, index) => {
      if (thread.unregistered !== true) this.register(index);
    });
  }

  /** Registers a thread's area with slices enabled, at the length its ABI version wants. */
  register(thread: number): void {
    const { machine } = this;
    const length = machine.featureSize > LEGACY_LENGTH ? SLICE_LENGTH : LEGACY_LENGTH;
    machine.rseq(thread, thread, 0, length, 0, SIGNATURE);
    machine.prctl(thread, PR_SLICE_SET, PR_SLICE_ENABLE);
  }

  /** Takes the registration of a thread back, by its number. */
  unregister(thread: number): void {
    const { machine } = this;
    const length = machine.featureSize > LEGACY_LENGTH ? SLICE_LENGTH : LEGACY_LENGTH;
    machine.rseq(thread, thread, 0, length, FLAG_UNREGISTER, SIGNATURE);
  }

  /**
   * Writes the moves there are now, the boring one first.
   * @returns how many; 0: everything has ended, or nothing can go on.
   */
  moves(into: Int32Array): number {
    let count = 0;
    const last = this.state[this.#cpuWords + this.#cpus] ?? 0;
    for (let i = 0; i < this.#cpus; i++)
      count = this.#movesOf((last + i) % this.#cpus, into, count, true);
    return this.#fate === 0 ? count : this.#furtherMoves(into, count);
  }

  /** Makes a move that {@link moves} gave. @returns what it broke, or null. */
  move(move: number): string | null {
    const thread = move >> MOVE_SHIFT;
    const event = move & ((1 << MOVE_SHIFT) - 1);
    const { state } = this;
    const cpu = this.#cpuOf[thread] ?? 0;
    this.#broken = null;
    if (event >= POLL) {
      // Nobody gets a CPU by these.
      this.#befall(thread, event);
      return this.#takeBroken() ?? this.#violation();
    }
    state[this.#cpuWords + cpu] = thread;
    state[this.#cpuWords + this.#cpus] = cpu;
    if (event === STEP) this.#step(thread);
    else this.#disturb(thread, event);
    if (this.#fate !== 0) state[this.#fate + TIME_PASSES] = 0;
    const switched = this.#at(thread, SWITCHED);
    if (state[switched] !== 0) {
      state[switched] = 0;
      state[this.#cpuWords + cpu] = NOBODY;
    }
    return this.#takeBroken() ?? this.#violation();
  }

  /** Found by what the move called, so not where the compiler sees it. */
  #takeBroken(): string | null {
    return this.#broken;
  }

  /** Whether a thread died, or the kernel killed it. */
  isDead(thread: number): boolean {
    return this.state[this.#at(thread, WAITING)] === DIED || this.machine.isDead(thread);
  }

  /** Whether a thread has gone through its program. */
  hasEnded(thread: number): boolean {
    return this.#counter(thread) >= (this.#steps[thread]?.length ?? 0);
  }

  /** Where a thread is: its next step, `(end)` or `(dead)`. */
  label(thread: number): string {
    if (this.state[this.#at(thread, WAITING)] === DIED) return '(dead)';
    return this.#steps[thread]?.[this.#counter(thread)]?.label ?? '(end)';
  }

  /** What a move is, for people. */
  describe(move: number): {
    /** Whose it is, by number. */
    readonly thread: number;
    /** What comes. */
    readonly event: ThreadEvent;
  } {
    return { thread: move >> MOVE_SHIFT, event: EVENTS[move & ((1 << MOVE_SHIFT) - 1)] ?? 'step' };
  }

  /** A deadlock, when nothing can move: the reason, or null when all have ended. */
  stuck(): string | null {
    const waiting = this.threads.filter(
      ({ index }) => !this.hasEnded(index) && !this.isDead(index),
    );
    if (waiting.length === 0) return null;
    const places = waiting.map(
      ({ index }) =>
        `${this.name(index)} ${this.#isAway(index) ? 'stays away' : 'waits'} at '${this.label(index)}'`,
    );
    const dead = this.threads
      .filter(({ index }) => this.isDead(index))
      .map(({ index }) => `${this.name(index)} is dead`);
    return `nothing can go on: ${[...places, ...dead].join(', ')}`;
  }

  /** A thread's name, by its number. */
  name(thread: number): string {
    return this.model.threads[thread]?.name ?? String(thread);
  }

  /** @internal A thread waits from now on. */
  block(thread: number, word: number, how: number): void {
    const { state } = this;
    if (this.model.arrivalOrder === true)
      state[this.#fateAt(thread, RANK)] = this.#waiters(word) + 1;
    state[this.#at(thread, WAITING)] = 2 * word + how;
    state[this.#at(thread, SWITCHED)] = 1;
  }

  /** @internal */
  wake(word: number, count: number): number {
    let woken = 0;
    if (this.model.arrivalOrder === true) {
      for (
        let first = this.#first(word);
        first !== NOBODY && woken < count;
        first = this.#first(word)
      ) {
        this.#endWait(first, WOKEN);
        woken++;
      }
      return woken;
    }
    if (count !== Infinity) {
      throw new RseqSliceError(
        'ERR_RSEQ_INVALID_MODEL',
        `The model '${this.model.name}' wakes a number of waiters, and has no arrivalOrder.`,
      );
    }
    for (let thread = 0; thread < this.threads.length; thread++) {
      if (!this.#isWaitingOn(thread, word)) continue;
      this.#endWait(thread, WOKEN);
      woken++;
    }
    return woken;
  }

  /** @internal How a thread's sleep ended, if it has not heard yet. */
  takeEnding(thread: number): Parked | null {
    const at = this.#at(thread, WAITING);
    const ending = this.state[at];
    if (ending !== WOKEN && ending !== TIMED_OUT) return null;
    this.state[at] = AWAKE;
    return ending === WOKEN ? 'ok' : 'timed-out';
  }

  /** @internal */
  isTimeUp(thread: number): boolean {
    return this.#fate !== 0 && this.state[this.#fateAt(thread, TIME_IS_UP)] !== 0;
  }

  /** @internal */
  takeTimeUp(thread: number): boolean {
    const isUp = this.isTimeUp(thread);
    if (isUp) this.state[this.#fateAt(thread, TIME_IS_UP)] = 0;
    return isUp;
  }

  /** @internal */
  noteWrongAnswer(thread: number): void {
    this.state[this.#at(thread, RETURNED)] = 1;
  }

  /** @param withAway whether those who are away may come back */
  #movesOf(cpu: number, into: Int32Array, from: number, withAway: boolean): number {
    let count = from;
    const { state } = this;
    const running = state[this.#cpuWords + cpu] ?? NOBODY;
    if (running !== NOBODY && this.#isRunnable(running)) {
      into[count++] = running << MOVE_SHIFT;
      if (this.machine.isRegistered(running)) {
        into[count++] = (running << MOVE_SHIFT) | PREEMPT;
        into[count++] = (running << MOVE_SHIFT) | PREEMPT_WITH_WORK;
        if (this.machine.isTimerArmed(running)) into[count++] = (running << MOVE_SHIFT) | EXPIRE;
        if (this.model.migration === true) into[count++] = (running << MOVE_SHIFT) | MIGRATE;
      }
      return count;
    }
    // Whoever is dispatched is known by its first step.
    for (let thread = 0; thread < this.#cpuOf.length; thread++) {
      if (
        this.#cpuOf[thread] !== cpu ||
        !this.#isRunnable(thread) ||
        (!withAway && this.#isAway(thread))
      )
        continue;
      into[count++] = thread << MOVE_SHIFT;
    }
    return count;
  }

  /**
   * Adds what may befall any thread. When no thread can make a step, only time
   * helps: waiters poll if there is a death to be found, or time is all they wait
   * for, and if not, or if that changes nothing, there are no moves at all. That
   * one of them might give up or die does not make a lost wake-up right, nor that
   * one who is away might come back.
   */
  #furtherMoves(into: Int32Array, from: number): number {
    const isQuiet = from === 0 || (this.#hasAway && this.#isQuiet() && this.#isSomeoneKept());
    if (isQuiet && !this.#doPollsHelp()) return 0;
    const left = this.#fate;
    const { state } = this;
    let count = from;
    const isFree = isQuiet || state[left + TIME_PASSES] !== 0;
    if (isFree || state[left + POLLS_LEFT] !== 0)
      count = this.#pollsOf(into, count, !isFree || state[left + POLLS_LEFT] !== 0);
    for (let thread = 0; thread < this.threads.length; thread++) {
      if (this.hasEnded(thread) || this.isDead(thread)) continue;
      const canGiveUp =
        state[left + GIVE_UPS_LEFT] !== 0 &&
        this.#present(thread)?.abortable === true &&
        !this.isTimeUp(thread);
      if (canGiveUp) into[count++] = (thread << MOVE_SHIFT) | GIVE_UP;
      const canDie =
        state[left + DEATHS_LEFT] !== 0 && this.model.threads[thread]?.immortal !== true;
      if (canDie) into[count++] = (thread << MOVE_SHIFT) | DIE;
    }
    return count;
  }

  /**
   * @param anyway whether they also poll when nobody has died, and time is not all they wait for
   */
  #pollsOf(into: Int32Array, from: number, anyway: boolean): number {
    let count = from;
    const all = anyway || this.state[this.#fate + DEATHS_LEFT] !== (this.model.deaths ?? 0);
    for (const thread of this.threads) {
      const { index } = thread;
      if (!this.#isWaiting(index)) continue;
      const step = this.#present(index);
      if (step?.polls === true && (all || step.timed?.(thread) === true))
        into[count++] = (index << MOVE_SHIFT) | POLL;
    }
    return count;
  }

  /**
   * The polls that lead out of a standstill: as long as others wait, those who may stay away do.
   */
  #pollsThatCount(into: Int32Array): number {
    const count = this.#pollsOf(into, 0, false);
    if (!this.#hasAway || !this.#isSomeoneKept()) return count;
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const move = into[i] ?? 0;
      if (this.#present(move >> MOVE_SHIFT)?.away !== true) into[kept++] = move;
    }
    return kept;
  }

  /**
   * Whether polling leads out of a state where everybody waits. All poll, and go
   * on without a disturbance until everybody waits again, and so forth: when a
   * state comes back, it does not. Cycles are found as Brent does it, by keeping
   * one state, replaced after 1, 2, 4, 8 … moves.
   */
  #doPollsHelp(): boolean {
    const { state, onEvent } = this;
    const moves = new Int32Array(this.threads.length << MOVE_SHIFT);
    let polling = this.#pollsThatCount(moves);
    if (polling === 0) return false;
    const before = state.slice();
    let kept = before;
    /** Whether time had to pass since the state that is kept. */
    let hasPolled = false;
    let helps = true;
    this.onEvent = null;
    for (let made = 0, next = 1; made < PATIENCE; made++) {
      if (polling > 0) {
        for (let i = 0; i < polling; i++) this.move(moves[i] ?? 0);
        hasPolled = true;
      } else if (this.move(moves[0] ?? 0) !== null) break;
      if (state.every((word, index) => word === kept[index])) {
        helps = !hasPolled;
        break;
      }
      if (made === next) {
        kept = state.slice();
        hasPolled = false;
        next *= 2;
      }
      polling = 0;
      let count = 0;
      const last = state[this.#cpuWords + this.#cpus] ?? 0;
      const withAway = !this.#isSomeoneKept();
      for (let i = 0; i < this.#cpus && count === 0; i++)
        count = this.#movesOf((last + i) % this.#cpus, moves, 0, withAway);
      if (count > 0) continue;
      polling = this.#pollsThatCount(moves);
      // All have ended, or those who wait do not poll: that state is judged when it is visited.
      if (polling === 0) break;
    }
    this.onEvent = onEvent;
    state.set(before);
    return helps;
  }

  /** What comes from outside, whether the thread runs or not. */
  #befall(thread: number, event: number): void {
    const { state } = this;
    if (event === POLL) {
      const isFree = state[this.#fate + TIME_PASSES] !== 0 || this.#isQuiet();
      if (isFree) state[this.#fate + TIME_PASSES] = 1;
      else this.#spend(POLLS_LEFT);
      this.#endWait(thread, TIMED_OUT);
      return;
    }
    state[this.#fate + TIME_PASSES] = 0;
    if (event === GIVE_UP) {
      this.#spend(GIVE_UPS_LEFT);
      state[this.#fateAt(thread, TIME_IS_UP)] = 1;
      if (this.#isWaiting(thread)) this.#endWait(thread, TIMED_OUT);
    } else {
      this.#spend(DEATHS_LEFT);
      this.#die(thread);
    }
  }

  #die(thread: number): void {
    const { state, machine } = this;
    if (this.#isWaiting(thread)) this.#endWait(thread, AWAKE);
    this.#isDying = true;
    machine.exit(thread);
    this.#isDying = false;
    const cpu = this.#cpuWords + (this.#cpuOf[thread] ?? 0);
    if (state[cpu] === thread) state[cpu] = NOBODY;
    // What nobody can see any more is forgotten, so that states that do not differ in what follows
    // are the same.
    const words = this.#at(thread, 0);
    state.fill(0, words, words + THREAD_WORDS);
    const fate = this.#fateAt(thread, 0);
    state.fill(0, fate, fate + THREAD_FATE_WORDS);
    this.threads[thread]?.registers.fill(0);
    this.threads[thread]?.area.fill(0);
    state[this.#at(thread, WAITING)] = DIED;
  }

  #spend(budget: number): void {
    this.state[this.#fate + budget] = (this.state[this.#fate + budget] ?? 0) - 1;
  }

  /** Whether no thread can make a step, but for those who are away. */
  #isQuiet(): boolean {
    return this.threads.every(({ index }) => !this.#isRunnable(index) || this.#isAway(index));
  }

  /** Whether a thread waits that has nothing else to do. */
  #isSomeoneKept(): boolean {
    return this.threads.some(
      ({ index }) => this.#isWaiting(index) && this.#present(index)?.away !== true,
    );
  }

  /** Whether a thread was woken in its event loop, and need not come. */
  #isAway(thread: number): boolean {
    return (
      this.#hasAway &&
      this.state[this.#at(thread, WAITING)] === WOKEN &&
      this.#present(thread)?.away === true
    );
  }

  #isWaiting(thread: number): boolean {
    return (this.state[this.#at(thread, WAITING)] ?? AWAKE) >= IN_WAIT;
  }

  #present(thread: number): Step | undefined {
    return this.#steps[thread]?.[this.#counter(thread)];
  }

  #isWaitingOn(thread: number, word: number): boolean {
    const waiting = this.state[this.#at(thread, WAITING)];
    return waiting === 2 * word + IN_WAIT || waiting === 2 * word + IN_PARK;
  }

  #waiters(word: number): number {
    return this.threads.filter(({ index }) => this.#isWaitingOn(index, word)).length;
  }

  /** Who began to wait on a word before the others that do. */
  #first(word: number): number {
    return (
      this.threads.find(
        ({ index }) =>
          this.#isWaitingOn(index, word) && this.state[this.#fateAt(index, RANK)] === 1,
      )?.index ?? NOBODY
    );
  }

  /** @param ending what it hears when it slept in `park` */
  #endWait(thread: number, ending: number): void {
    const { state } = this;
    const at = this.#at(thread, WAITING);
    const waiting = state[at] ?? AWAKE;
    const isParked = (waiting & 1) === (IN_PARK & 1);
    state[at] = isParked ? ending : AWAKE;
    if (this.model.arrivalOrder !== true) return;
    const left = state[this.#fateAt(thread, RANK)] ?? 0;
    state[this.#fateAt(thread, RANK)] = 0;
    for (const { index } of this.threads) {
      const rank = state[this.#fateAt(index, RANK)] ?? 0;
      if (rank > left && this.#isWaitingOn(index, (waiting - IN_WAIT) >> 1))
        state[this.#fateAt(index, RANK)] = rank - 1;
    }
  }

  #isRunnable(thread: number): boolean {
    return (
      (this.state[this.#at(thread, WAITING)] ?? AWAKE) <= AWAKE &&
      !this.machine.isDead(thread) &&
      !this.hasEnded(thread)
    );
  }

  #step(index: number): void {
    const thread = this.threads[index];
    const counter = this.#counter(index);
    const step = this.#steps[index]?.[counter];
    if (thread === undefined || step === undefined) return;
    const next = step.run(thread);
    const at = this.#at(index, COUNTER);
    if (next === AGAIN) return;
    // A program that goes on without hearing how its sleep ended does not hear it later.
    const waiting = this.#at(index, WAITING);
    if ((this.state[waiting] ?? AWAKE) < AWAKE) this.state[waiting] = AWAKE;
    if (next === undefined) this.state[at] = counter + 1;
    else {
      const target = this.#labels[index]?.get(next);
      if (target === undefined) {
        throw new RseqSliceError(
          'ERR_RSEQ_INVALID_MODEL',
          `The model '${this.model.name}' goes from '${step.label}' to '${next}', and has no such step.`,
        );
      }
      this.state[at] = target;
    }
    // What it asked for is known by its own stores, not by what the kernel made of them.
    if (!this.machine.isDead(index) && this.machine.isRegistered(index)) {
      this.state[this.#at(index, ASKED)] = this.#isAsking(index) ? 1 : 0;
    }
    if (this.hasEnded(index)) this.state[this.#at(index, SWITCHED)] = 1;
  }

  #disturb(thread: number, event: number): void {
    const { machine } = this;
    // A timer may outlive its grant; then it does nothing.
    const isIdle = event === EXPIRE && !machine.isGranted(thread);
    if (event === PREEMPT) machine.interrupt(thread, true);
    else if (event === PREEMPT_WITH_WORK) machine.interrupt(thread, true, true);
    else if (event === EXPIRE) machine.expire(thread);
    else machine.migrate(thread, 1 - machine.cpu(thread));
    if (machine.isDead(thread)) return;
    if (machine.isGranted(thread)) {
      if (event === EXPIRE)
        this.#broken = `the extension of ${this.name(thread)} ended, and it kept the CPU`;
      if (event === PREEMPT && this.#isAsking(thread))
        this.#broken = `${this.name(thread)} was granted an extension, and its request is still there`;
      if (event === PREEMPT_WITH_WORK)
        this.#broken = `${this.name(thread)} was granted an extension while there was other work to do`;
      return;
    }
    if (isIdle) return;
    this.#restart(thread);
    if (machine.isEnabled(thread) && this.threads[thread]?.word[0] !== 0) {
      this.#broken = `${this.name(thread)} was scheduled out, and its control word does not show it`;
    }
  }

  /** What the kernel does with a restartable sequence that it has interrupted. */
  #restart(thread: number): void {
    const area = this.threads[thread]?.area;
    if (area === undefined || area[RSEQ_CS] === 0) return;
    area[RSEQ_CS] = 0;
    const { restart } = this.#present(thread) ?? {};
    if (restart !== undefined)
      this.state[this.#at(thread, COUNTER)] = this.#labels[thread]?.get(restart) ?? 0;
  }

  #note(event: MachineEvent, thread: number): void {
    const { state } = this;
    const grant = this.#at(thread, GHOST_GRANT);
    if (event === 'granted') {
      if (state[grant] !== 0)
        this.#broken = `${this.name(thread)} was granted a second extension before it was scheduled out`;
      if (state[this.#at(thread, ASKED)] === 0)
        this.#broken = `${this.name(thread)} was granted an extension and had withdrawn its request`;
      state[grant] = 1;
    } else if (event === 'switched') {
      state[grant] = 0;
      state[this.#at(thread, SWITCHED)] = 1;
    } else if (event === 'aborted' && this.model.allowAborts !== true && !this.#isDying) {
      this.#broken = `${this.name(thread)} made a system call in its extension, which ended it: the CPU is given up before the call does its work`;
    } else if (event === 'killed') {
      this.#broken = `the kernel killed ${this.name(thread)}: it ${this.machine.death(thread)}`;
    }
    this.onEvent?.(event, thread);
  }

  /** What must hold after every move. */
  #violation(): string | null {
    const { machine } = this;
    const broken = machine.violation();
    if (broken !== null) return broken;
    for (const { index } of this.threads) {
      if (machine.isDead(index)) continue;
      const granted = machine.isGranted(index);
      if (machine.userGranted(index) && !granted)
        return `${this.name(index)} sees a grant that the kernel knows nothing of`;
      if (granted && !machine.isTimerArmed(index))
        return `${this.name(index)} has a grant that no timer ends`;
      if (granted && this.#steps[index]?.[this.#counter(index)]?.outside === true) {
        return `${this.name(index)} has left its section, and keeps the CPU that was granted for it`;
      }
      if (this.state[this.#at(index, RETURNED)] !== 0)
        return `the yield of ${this.name(index)} answered wrongly`;
    }
    return this.model.invariant?.(this) ?? null;
  }

  #isAsking(thread: number): boolean {
    const bytes = this.threads[thread]?.bytes;
    if (this.model.abiVersion === 'rfc') return ((bytes?.[0] ?? 0) & REQUEST_BIT) !== 0;
    return bytes?.[REQUEST_BYTE] !== 0;
  }

  #counter(thread: number): number {
    return this.state[this.#at(thread, COUNTER)] ?? 0;
  }

  #fateAt(thread: number, word: number): number {
    return this.#fate + FATE_WORDS + thread * THREAD_FATE_WORDS + word;
  }

  #at(thread: number, word: number): number {
    return this.#base + thread * THREAD_WORDS + word;
  }
}
