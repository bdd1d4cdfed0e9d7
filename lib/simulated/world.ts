/**
 * A world for the explorer: the simulated machine, CPUs, memory that threads
 * share, and a program for each thread, written as small steps. Between any two
 * steps anything may happen that may happen on Linux: an interrupt that wants
 * the CPU for somebody else, one that finds other work pending too, the end of
 * an extension, another CPU's next step.
 *
 * All that decides the future is in one typed array, so that a state is copied
 * and compared as a whole. An interrupt that wants nothing is left out: it
 * changes nothing. Out of scope: weak memory (only the owner and the kernel on
 * its CPU write the word) and what a C compiler may reorder.
 */
import { REQUEST_BIT, REQUEST_BYTE } from '../abi.ts';
import { RseqSliceError } from '../errors.ts';
import { AREA_SLOTS, Machine } from './machine.ts';
import type { MachineEvent, MachineOptions } from './machine.ts';

/** One step of a thread: at most one access to memory that the kernel or another thread may touch. */
export interface Step {
  /** Shown in schedules; unique in its program. */
  readonly label: string;
  /** No grant may be outstanding here: the thread is outside of every section. */
  readonly outside?: boolean;
  /**
   * Does the step. Returns the label of the next one; undefined: the one below;
   * {@link AGAIN}: waits, and tries this one again when it is woken.
   */
  readonly run: (thread: WorldThread) => string | undefined;
}

export interface ThreadProgram {
  /** For the print; default: its number. */
  readonly name?: string;
  /** Default 0. Threads of one CPU run by turns, those of different CPUs interleave. */
  readonly cpu?: number;
  /** How many numbers the program remembers between steps. Default 0. */
  readonly registers?: number;
  /** Not registered yet: the program does that itself. Default: registered, with slices enabled. */
  readonly unregistered?: boolean;
  readonly steps: readonly Step[];
}

/** What is explored. */
export interface Model extends Omit<MachineOptions, 'threads' | 'areas'> {
  readonly name: string;
  readonly threads: readonly ThreadProgram[];
  /** Words of memory that all threads share, zero at first. Default 0. */
  readonly shared?: number;
  /** Whether preempted threads may come back on another CPU. Default false. */
  readonly migration?: boolean;
  /** Whether a system call may end a grant, which gives the CPU up before the call does its work. Default false: that is a violation. */
  readonly allowAborts?: boolean;
  /** What must hold after every step, beside what always must: the reason it does not, or null. */
  readonly invariant?: (world: World) => string | null;
}

/** Returned by a step that waits. */
export const AGAIN = '(again)';

const AT_FEATURE_LENGTH = 33;
const LEGACY_LENGTH = 32;
const SIGNATURE = 0x53053053;
const PR_SET = 2;

// The words of one thread behind the machine's.
const COUNTER = 0; // the program's step
const WAITING = 1; // 0, or 1 + the shared word it waits on
const ASKED = 2; // the last store to the request was not zero
const GHOST_GRANT = 3; // granted, and not switched since
const SWITCHED = 4; // switched during the present move
const RETURNED = 5; // 0: last yield right; 1: it answered wrongly
const THREAD_WORDS = 6;

const NOBODY = -1;

/** What can happen to the thread that has a CPU. The order is that of the choices. */
export const EVENTS = ['step', 'preempt', 'preempt with other work', 'extension ends', 'preempt and migrate'] as const;
const STEP = 0;
const PREEMPT = 1;
const PREEMPT_WITH_WORK = 2;
const EXPIRE = 3;
const MIGRATE = 4;
const MOVE_SHIFT = 3;

/** A thread of a world, as its program sees it. */
export class WorldThread {
  readonly index: number;
  /** The control word as bytes, and as one word. */
  readonly bytes: Uint8Array;
  readonly word: Int32Array;
  /** All 64 bytes of its area, as words. */
  readonly area: Int32Array;
  /** The numbers it remembers. */
  readonly registers: Int32Array;
  /** Words shared with the other threads. */
  readonly shared: Int32Array;
  readonly #world: World;

  constructor(world: World, index: number, registers: Int32Array) {
    this.#world = world;
    this.index = index;
    this.registers = registers;
    this.shared = world.shared;
    this.bytes = world.machine.controlWord(index);
    this.word = new Int32Array(this.bytes.buffer, this.bytes.byteOffset, 1);
    this.area = new Int32Array(this.bytes.buffer, world.machine.memory(index).byteOffset, AREA_SLOTS);
  }

  /** `rseq_slice_yield`. */
  yieldSlice(): number {
    const { machine } = this.#world;
    const granted = machine.isGranted(this.index);
    const answer = machine.yieldSlice(this.index);
    if (!machine.isDead(this.index) && answer !== (granted ? 1 : 0)) this.#world.noteWrongAnswer(this.index);
    return answer;
  }

  /** A system call that does something else; what it does comes in the next step, since the CPU may be given up first. */
  systemCall(): void {
    this.#world.machine.systemCall(this.index);
  }

  /** Waits on a shared word while it has a value, as futex(2) and Atomics.wait do. @returns what the step shall return. */
  wait(word: number, value: number): string | undefined {
    const blocks = this.shared[word] === value;
    this.#world.machine.systemCall(this.index, blocks);
    if (!blocks) return undefined;
    this.#world.block(this.index, word);
    return AGAIN;
  }

  /** Wakes everybody who waits on a shared word. */
  wake(word: number): void {
    this.#world.wake(word);
  }

  /** rseq(2) with this thread's area: registers, or takes it back. */
  register(): void {
    this.#world.register(this.index);
  }

  unregister(): void {
    this.#world.unregister(this.index);
  }
}

export class World {
  readonly model: Model;
  readonly machine: Machine;
  /** The whole state; copy it with `slice`, go back with `set`. */
  readonly state: Int32Array;
  readonly shared: Int32Array;
  readonly threads: readonly WorldThread[];
  /** Called for what happens in the machine, when set. */
  onEvent: ((event: MachineEvent, thread: number) => void) | null = null;
  readonly #base: number;
  readonly #cpus: number;
  readonly #cpuOf: readonly number[];
  readonly #cpuWords: number;
  readonly #labels: readonly ReadonlyMap<string, number>[];
  readonly #steps: readonly (readonly Step[])[];
  /** What this move broke, found while it was made. */
  #broken: string | null = null;

  constructor(model: Model) {
    this.model = model;
    const { threads, shared = 0 } = model;
    const count = threads.length;
    this.#cpuOf = threads.map(({ cpu = 0 }) => cpu);
    this.#cpus = Math.max(...this.#cpuOf) + 1;
    const registers = threads.reduce((sum, thread) => sum + (thread.registers ?? 0), 0);
    this.#base = Machine.slots(count);
    const registersAt = this.#base + count * THREAD_WORDS;
    const sharedAt = registersAt + registers;
    this.#cpuWords = sharedAt + shared;
    // Who has each CPU, and the CPU that moved last.
    this.state = new Int32Array(this.#cpuWords + this.#cpus + 1);
    this.machine = new Machine({ ...model, threads: count, areas: count }, this.state.subarray(0, this.#base));
    this.shared = this.state.subarray(sharedAt, this.#cpuWords);
    let at = registersAt;
    this.threads = threads.map((thread, index) => {
      const from = at;
      at += thread.registers ?? 0;
      return new WorldThread(this, index, this.state.subarray(from, at));
    });
    this.#steps = threads.map(({ steps }) => steps);
    this.#labels = threads.map(({ steps }) => indexLabels(model.name, steps));
    this.machine.onEvent = (event, thread) => {
      this.#note(event, thread);
    };
    for (let cpu = 0; cpu < this.#cpus; cpu++) this.state[this.#cpuWords + cpu] = this.#cpuOf.indexOf(cpu);
    threads.forEach((thread, index) => {
      if (thread.unregistered !== true) this.register(index);
    });
  }

  /** Registers a thread's area with slices enabled, at the length its flavour wants. */
  register(thread: number): void {
    const { machine } = this;
    const length = machine.featureSize > LEGACY_LENGTH ? AT_FEATURE_LENGTH : LEGACY_LENGTH;
    machine.rseq(thread, thread, 0, length, 0, SIGNATURE);
    machine.prctl(thread, PR_SET, 1);
  }

  unregister(thread: number): void {
    const { machine } = this;
    const length = machine.featureSize > LEGACY_LENGTH ? AT_FEATURE_LENGTH : LEGACY_LENGTH;
    machine.rseq(thread, thread, 0, length, 1, SIGNATURE);
  }

  /**
   * Writes the moves there are now, the boring one first.
   * @returns how many; 0: everything has ended, or nothing can go on.
   */
  moves(into: Int32Array): number {
    let count = 0;
    const last = this.state[this.#cpuWords + this.#cpus] ?? 0;
    for (let i = 0; i < this.#cpus; i++) count = this.#movesOf((last + i) % this.#cpus, into, count);
    return count;
  }

  /** Makes a move that {@link moves} gave. @returns what it broke, or null. */
  move(move: number): string | null {
    const thread = move >> MOVE_SHIFT;
    const event = move & ((1 << MOVE_SHIFT) - 1);
    const { state } = this;
    const cpu = this.#cpuOf[thread] ?? 0;
    this.#broken = null;
    state[this.#cpuWords + cpu] = thread;
    state[this.#cpuWords + this.#cpus] = cpu;
    if (event === STEP) this.#step(thread);
    else this.#disturb(thread, event);
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

  /** Whether a thread has gone through its program. */
  hasEnded(thread: number): boolean {
    return this.#counter(thread) >= (this.#steps[thread]?.length ?? 0);
  }

  /** Where a thread is: its next step, or `(end)`. */
  label(thread: number): string {
    return this.#steps[thread]?.[this.#counter(thread)]?.label ?? '(end)';
  }

  /** What a move is, for people. */
  describe(move: number): { readonly thread: number; readonly event: (typeof EVENTS)[number] } {
    return { thread: move >> MOVE_SHIFT, event: EVENTS[move & ((1 << MOVE_SHIFT) - 1)] ?? 'step' };
  }

  /** A deadlock, when nothing can move: the reason, or null when all have ended. */
  stuck(): string | null {
    const waiting = this.threads.filter(({ index }) => !this.hasEnded(index) && !this.machine.isDead(index));
    if (waiting.length === 0) return null;
    return `nothing can go on: ${waiting.map(({ index }) => `${this.name(index)} waits at '${this.label(index)}'`).join(', ')}`;
  }

  name(thread: number): string {
    return this.model.threads[thread]?.name ?? String(thread);
  }

  /** @internal A thread waits from now on. */
  block(thread: number, word: number): void {
    this.state[this.#at(thread, WAITING)] = word + 1;
    this.state[this.#at(thread, SWITCHED)] = 1;
  }

  /** @internal */
  wake(word: number): void {
    for (const { index } of this.threads) {
      const waiting = this.#at(index, WAITING);
      if (this.state[waiting] === word + 1) this.state[waiting] = 0;
    }
  }

  /** @internal */
  noteWrongAnswer(thread: number): void {
    this.state[this.#at(thread, RETURNED)] = 1;
  }

  #movesOf(cpu: number, into: Int32Array, from: number): number {
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
      if (this.#cpuOf[thread] === cpu && this.#isRunnable(thread)) into[count++] = thread << MOVE_SHIFT;
    }
    return count;
  }

  #isRunnable(thread: number): boolean {
    return this.state[this.#at(thread, WAITING)] === 0 && !this.machine.isDead(thread) && !this.hasEnded(thread);
  }

  #step(index: number): void {
    const thread = this.threads[index];
    const counter = this.#counter(index);
    const step = this.#steps[index]?.[counter];
    if (thread === undefined || step === undefined) return;
    const next = step.run(thread);
    const at = this.#at(index, COUNTER);
    if (next === AGAIN) return;
    if (next === undefined) this.state[at] = counter + 1;
    else {
      const target = this.#labels[index]?.get(next);
      if (target === undefined) {
        throw new RseqSliceError('ERR_RSEQ_INVALID_MODEL', `The model '${this.model.name}' goes from '${step.label}' to '${next}', and has no such step.`);
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
      if (event === EXPIRE) this.#broken = `the extension of ${this.name(thread)} ended, and it kept the CPU`;
      if (event === PREEMPT && this.#isAsking(thread)) this.#broken = `${this.name(thread)} was granted an extension, and its request is still there`;
      if (event === PREEMPT_WITH_WORK) this.#broken = `${this.name(thread)} was granted an extension while there was other work to do`;
    } else if (!isIdle && machine.isEnabled(thread) && this.threads[thread]?.word[0] !== 0) {
      this.#broken = `${this.name(thread)} was scheduled out, and its control word does not show it`;
    }
  }

  #note(event: MachineEvent, thread: number): void {
    const { state } = this;
    const grant = this.#at(thread, GHOST_GRANT);
    if (event === 'granted') {
      if (state[grant] !== 0) this.#broken = `${this.name(thread)} was granted a second extension before it was scheduled out`;
      if (state[this.#at(thread, ASKED)] === 0) this.#broken = `${this.name(thread)} was granted an extension and had withdrawn its request`;
      state[grant] = 1;
    } else if (event === 'switched') {
      state[grant] = 0;
      state[this.#at(thread, SWITCHED)] = 1;
    } else if (event === 'aborted' && this.model.allowAborts !== true) {
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
      if (machine.userGranted(index) && !granted) return `${this.name(index)} sees a grant that the kernel knows nothing of`;
      if (granted && !machine.isTimerArmed(index)) return `${this.name(index)} has a grant that no timer ends`;
      if (granted && this.#steps[index]?.[this.#counter(index)]?.outside === true) {
        return `${this.name(index)} has left its section, and keeps the CPU that was granted for it`;
      }
      if (this.state[this.#at(index, RETURNED)] !== 0) return `the yield of ${this.name(index)} answered wrongly`;
    }
    return this.model.invariant?.(this) ?? null;
  }

  #isAsking(thread: number): boolean {
    const bytes = this.threads[thread]?.bytes;
    if (this.model.flavour === 'rfc') return ((bytes?.[0] ?? 0) & REQUEST_BIT) !== 0;
    return bytes?.[REQUEST_BYTE] !== 0;
  }

  #counter(thread: number): number {
    return this.state[this.#at(thread, COUNTER)] ?? 0;
  }

  #at(thread: number, word: number): number {
    return this.#base + thread * THREAD_WORDS + word;
  }
}


function indexLabels(model: string, steps: readonly Step[]): ReadonlyMap<string, number> {
  const labels = new Map<string, number>();
  steps.forEach(({ label }, index) => {
    if (labels.has(label)) throw new RseqSliceError('ERR_RSEQ_INVALID_MODEL', `The model '${model}' has two steps called '${label}'.`);
    labels.set(label, index);
  });
  return labels;
}
