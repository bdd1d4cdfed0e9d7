// SPDX-License-Identifier: MIT
/**
 * A kernel for tests of critical sections: threads that all live in the calling
 * one, and a script that says what happens to them. What the scheduler would do
 * at any time is done here when it is told, or as a {@link Chooser} chooses.
 *
 *     const kernel = new SimulatedKernel();
 *     const cpu = kernel.thread('writer');
 *     const thread = attach({ host: cpu });
 *     thread.enter();
 *     cpu.preempt();                       // 'granted'
 *     thread.leave();                      // Outcome.Yielded
 */
import type { AbiVersion } from '../abi/interface.ts';
import { EXTENSIONS, GRANTED_BYTE, REQUEST_BIT, REQUEST_BYTE } from '../abi/kernel.ts';
import { BitsControlWord, BytesControlWord } from '../sections/control-word.ts';
import type { ControlWord } from '../sections/control-word.ts';
import { RseqSliceError } from '../errors.ts';
import { CONNECT } from '../host/port.ts';
import {
  checkOptions,
  checkValue,
  FUNCTION,
  TEXT,
  TRUE_OR_FALSE,
  wholeNumber,
} from '../options.ts';
import type { OptionChecks } from '../options.ts';
import { CHOICES, CHOOSER, FEATURE, ABI_VERSION, SEED, THREADS } from './checks.ts';
import { ask, replayed, seeded } from './explorer/choices.ts';
import type { Chooser } from './explorer/choices.ts';
import { Machine } from './machine.ts';
import type { Feature, MachineEvent } from './machine.ts';
import { SimulatedHostThread } from './thread.ts';

/** What kind of kernel it is, and who decides what happens. */
export interface SimulatedKernelOptions {
  /** Default `mainline`. */
  readonly abiVersion?: AbiVersion;
  /** Default `on`. With the others, attaching fails as it does on such a kernel. */
  readonly feature?: Feature;
  /** Default false: `rseq_debug=1`, the kernel's full consistency checks. */
  readonly debug?: boolean;
  /** ns; how long an extension is. Default: the ABI version's. */
  readonly sliceExtension?: number;
  /** Default 8: how many threads there can be. */
  readonly threads?: number;
  /**
   * Who decides what happens at every access to a control word. Default: nobody, only the script
   * does.
   */
  readonly chooser?: Chooser;
  /** The same as `chooser: seeded(seed)`. */
  readonly seed?: number;
  /** The same as `chooser: replayed(choices)`. */
  readonly choices?: readonly number[] | string;
}

const CHECKS: OptionChecks<SimulatedKernelOptions> = {
  abiVersion: ABI_VERSION,
  feature: FEATURE,
  debug: TRUE_OR_FALSE,
  sliceExtension: wholeNumber(0),
  threads: THREADS,
  chooser: CHOOSER,
  seed: SEED,
  choices: CHOICES,
};

/** CPUs are numbered as in the kernel's own structures. */
const CPU = wholeNumber(0, 2 ** 31 - 1);

/** The kernel's counters, with the names that `debugfs rseq/stats` has for them. */
export interface KernelStats {
  /** Grants. */
  readonly sgrant: number;
  /** Grants whose timer ran out. */
  readonly sexpir: number;
  /** Grants that ended by being scheduled out. */
  readonly srevok: number;
  /** Grants that ended by yielding. */
  readonly syield: number;
  /** Grants that ended by another system call. */
  readonly sabort: number;
}

/** Something that happened, for prints and traces. */
export interface KernelEvent {
  /** ns on the kernel's clock. */
  readonly time: number;
  /** The CPU on which it happened. */
  readonly cpu: number;
  /** The thread's name. */
  readonly thread: string;
  /** What happened. */
  readonly event:
    | MachineEvent
    | 'interrupt'
    | 'signal'
    | 'migrate'
    | 'request'
    | 'withdraw'
    | 'yield'
    | 'system call';
}

/** What an interrupt that wanted the CPU came to. */
export type Preemption = 'granted' | 'scheduled out';

/** In the order of the choices. */
const DISTURBANCES = [
  'nothing',
  'preempt',
  'signal and preempt',
  'migrate',
  'extension ends',
] as const;

/** A kernel for tests: it does what it is told, or what a chooser chooses. */
export class SimulatedKernel {
  /** The version of the ABI that it has. */
  readonly abiVersion: AbiVersion;
  /** ns; the clock. It moves only when {@link advance} moves it. */
  now = 0;
  /** What happened so far, in order. */
  readonly events: KernelEvent[] = [];
  readonly #machine: Machine;
  readonly #chooser: Chooser | null;
  readonly #threads: SimulatedThread[] = [];

  /** @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`. */
  constructor(options: SimulatedKernelOptions = {}) {
    checkOptions('new SimulatedKernel()', options, CHECKS);
    const {
      abiVersion = 'mainline',
      feature = 'on',
      debug = false,
      threads = 8,
      sliceExtension,
    } = options;
    this.abiVersion = abiVersion;
    this.#machine = new Machine({ abiVersion, feature, debug, threads });
    if (sliceExtension !== undefined && this.#machine.setSliceExtension(sliceExtension) !== 0) {
      throw new RseqSliceError(
        'ERR_RSEQ_INVALID_OPTION',
        `An extension of ${String(sliceExtension)} ns is outside of what a kernel of ABI version '${abiVersion}' accepts (${EXTENSIONS.bytes.least} to ${EXTENSIONS.bytes.most}, for rfc from ${EXTENSIONS.bits.least}): ERANGE.`,
      );
    }
    this.#chooser = chooserOf(options);
    this.#machine.onEvent = (event, index) => {
      const thread = this.#threads[index];
      if (thread === undefined) return;
      this.record(thread, event);
      if (event === 'granted') thread.grantedAt = this.now;
    };
  }

  /**
   * A thread of this kernel, to be given to `attach({ host })` and to be told
   * what happens to it.
   * @param name for messages and traces; default: its number. The same name gives the same thread.
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION` when there are no more, or the name is none.
   */
  thread(name = `thread ${this.#threads.length}`): SimulatedThread {
    checkValue('thread()', 'name', name, TEXT);
    const known = this.#threads.find((thread) => thread.name === name);
    if (known !== undefined) return known;
    if (this.#threads.length === this.#machine.threads) {
      throw new RseqSliceError(
        'ERR_RSEQ_INVALID_OPTION',
        `This simulated kernel has ${this.#machine.threads} threads and no more: ask for more with its option 'threads'.`,
      );
    }
    const thread = new SimulatedThread(
      this,
      this.#machine,
      this.#threads.length,
      name,
      this.#chooser,
    );
    this.#threads.push(thread);
    return thread;
  }

  /**
   * Lets time pass. Extensions that are over by then end, in their order.
   * @param nanoseconds a whole number, 0 or more; the clock ends at `Number.MAX_SAFE_INTEGER`.
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`.
   */
  advance(nanoseconds: number): void {
    checkValue(
      'advance()',
      'nanoseconds',
      nanoseconds,
      wholeNumber(0, Number.MAX_SAFE_INTEGER - this.now),
    );
    const end = this.now + nanoseconds;
    const due = (thread: SimulatedThread): number =>
      thread.grantedAt + this.#machine.sliceExtension;
    const ending = this.#threads
      .filter((thread) => thread.granted && due(thread) <= end)
      .sort((a, b) => due(a) - due(b));
    for (const thread of ending) {
      this.now = Math.max(this.now, due(thread));
      thread.expire();
    }
    this.now = end;
  }

  /** ns; how long an extension is. */
  get sliceExtension(): number {
    return this.#machine.sliceExtension;
  }

  /** The kernel's counters over all threads. */
  stats(): KernelStats {
    const [sgrant = 0, sexpir = 0, srevok = 0, syield = 0, sabort = 0] = this.#machine.counters;
    return { sgrant, sexpir, srevok, syield, sabort };
  }

  /** @internal */
  record({ name, cpu }: SimulatedThread, event: KernelEvent['event']): void {
    this.events.push({ time: this.now, cpu, thread: name, event });
  }
}

/** One thread of a {@link SimulatedKernel}: what happens to it, on command. */
export class SimulatedThread {
  /** For messages and traces. */
  readonly name: string;
  /** @internal ns; when the present grant was given. */
  grantedAt = 0;
  readonly #kernel: SimulatedKernel;
  readonly #machine: Machine;
  readonly #index: number;
  readonly #chooser: Chooser | null;
  readonly #inside: (() => void)[] = [];
  #refusals = 0;

  /** @internal Use {@link SimulatedKernel.thread}. */
  constructor(
    kernel: SimulatedKernel,
    machine: Machine,
    index: number,
    name: string,
    chooser: Chooser | null,
  ) {
    this.#kernel = kernel;
    this.#machine = machine;
    this.#index = index;
    this.name = name;
    this.#chooser = chooser;
  }

  /** The version of the ABI that its kernel has. */
  get abiVersion(): AbiVersion {
    return this.#machine.abiVersion;
  }

  /** Whether an extension is running. */
  get granted(): boolean {
    return this.#machine.isGranted(this.#index);
  }

  /** Whether the control word asks for one. */
  get requested(): boolean {
    const word = this.#machine.controlWord(this.#index);
    return this.abiVersion === 'rfc'
      ? ((word[0] ?? 0) & REQUEST_BIT) !== 0
      : word[REQUEST_BYTE] !== 0;
  }

  /** The CPU on which it runs. */
  get cpu(): number {
    return this.#machine.cpu(this.#index);
  }

  /** The rule it broke, for which the kernel killed it; null while it lives. */
  get death(): string | null {
    return this.#machine.isDead(this.#index) ? this.#machine.death(this.#index) : null;
  }

  /** An interrupt after which someone else shall have the CPU. */
  preempt(): Preemption {
    const refused = this.#refusals > 0;
    if (refused) this.#refusals--;
    this.#happen('interrupt', () => {
      this.#machine.interrupt(this.#index, true, refused);
    });
    return this.granted ? 'granted' : 'scheduled out';
  }

  /** An interrupt that wants nothing: nothing changes. */
  interrupt(): void {
    this.#happen('interrupt', () => {
      this.#machine.interrupt(this.#index, false);
    });
  }

  /** A signal, which comes with a reschedule: it ends a grant, and keeps one from being given. */
  signal(): void {
    this.#happen('signal', () => {
      this.#machine.interrupt(this.#index, true, true);
    });
  }

  /** The extension's timer fires. Nothing happens when none is running. */
  expire(): void {
    this.#happen(null, () => {
      this.#machine.expire(this.#index);
    });
  }

  /**
   * Scheduled out here, and in on another CPU.
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`.
   */
  migrate(cpu: number): void {
    checkValue('migrate()', 'cpu', cpu, CPU);
    this.#happen('migrate', () => {
      this.#machine.migrate(this.#index, cpu);
    });
  }

  /**
   * A system call other than the yield, as `console.log` makes. It ends a grant; on `rfc` it kills.
   */
  systemCall(): void {
    this.#happen('system call', () => {
      this.#machine.systemCall(this.#index);
    });
  }

  /** The next {@link preempt} finds other work pending, so it grants nothing. */
  refuseNext(): void {
    this.#refusals++;
  }

  /**
   * Does something inside the next section, right after the request. Called twice, inside the next
   * two.
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`.
   */
  inNextSection(action: (thread: this) => void): void {
    checkValue('inNextSection()', 'action', action, FUNCTION);
    this.#inside.push(() => {
      action(this);
    });
  }

  /** @internal The port, for `attach`. */
  [CONNECT](): SimulatedHostThread {
    return new ScriptedThread(this.#machine, this.#index, {
      inside: () => this.#inside.shift()?.(),
      disturb: (where) => {
        this.#disturb(where);
      },
      record: (event) => {
        this.#kernel.record(this, event);
      },
      check: () => {
        this.#check();
      },
      watched: this.#chooser !== null,
    });
  }

  #disturb(where: string): void {
    const chooser = this.#chooser;
    if (chooser === null) return;
    const bound = DISTURBANCES.length - (this.granted ? 0 : 1);
    switch (DISTURBANCES[ask(chooser, bound, `${this.name}, ${where}`)]) {
      case 'preempt':
        this.preempt();
        break;
      case 'signal and preempt':
        this.signal();
        break;
      case 'extension ends':
        this.expire();
        break;
      case 'migrate':
        this.migrate(1 - this.cpu);
        break;
      default:
        break;
    }
  }

  #happen(event: KernelEvent['event'] | null, what: () => void): void {
    this.#check();
    if (event !== null) this.#kernel.record(this, event);
    what();
    this.#check();
  }

  #check(): void {
    if (this.death === null) return;
    throw new RseqSliceError(
      'ERR_RSEQ_KILLED',
      `The simulated kernel killed '${this.name}' with SIGSEGV: it ${this.death}.`,
    );
  }
}

interface Script {
  readonly inside: () => void;
  readonly disturb: (where: string) => void;
  readonly record: (event: KernelEvent['event']) => void;
  readonly check: () => void;
  /** Whether something may happen between any two accesses to the word. */
  readonly watched: boolean;
}

/** A simulated thread whose word is reached through calls, which is where the script comes in. */
class ScriptedThread extends SimulatedHostThread {
  readonly #script: Script;
  readonly #word: ControlWord;

  constructor(machine: Machine, index: number, script: Script) {
    super(machine, index, false);
    this.#script = script;
    const bytes = machine.controlWord(index);
    if (machine.abiVersion === 'rfc') this.#word = new BitsControlWord(bytes);
    else this.#word = new BytesControlWord(script.watched ? watch(bytes, script.disturb) : bytes);
  }

  override enter(): number {
    this.#script.check();
    this.#script.disturb('before it asks');
    const asked = this.#word.request();
    if (asked) this.#script.record('request');
    this.#script.disturb('in its section');
    this.#script.inside();
    return asked ? 1 : 0;
  }

  override clear(): number {
    this.#script.check();
    this.#script.disturb('at the end of its section');
    const cleared = this.#word.clear();
    this.#script.record('withdraw');
    this.#script.disturb('before it yields');
    return cleared;
  }

  override yieldSlice(): number {
    this.#script.record('yield');
    const yielded = super.yieldSlice();
    this.#script.check();
    return yielded;
  }

  override concurrencyId(): number {
    return this.index;
  }
}

/** The word's bytes, with a moment before each access at which something may happen. */
function watch(bytes: Uint8Array, disturb: (where: string) => void): Uint8Array {
  const names: Readonly<Record<string, string>> = {
    [REQUEST_BYTE]: 'the request',
    [GRANTED_BYTE]: 'the grant',
  };
  const before = (access: string, key: string | symbol): void => {
    const name = typeof key === 'string' ? names[key] : undefined;
    if (name !== undefined) disturb(`before it ${access} ${name}`);
  };
  return new Proxy(bytes, {
    get(target, key) {
      before('reads', key);
      return Reflect.get(target, key, target) as unknown;
    },
    set(target, key, value) {
      before('writes', key);
      return Reflect.set(target, key, value, target);
    },
  });
}

function chooserOf({ chooser, seed, choices }: SimulatedKernelOptions): Chooser | null {
  const given = [chooser, seed, choices].filter((option) => option !== undefined);
  if (given.length > 1) {
    throw new RseqSliceError(
      'ERR_RSEQ_INVALID_OPTION',
      "A simulated kernel takes one of 'chooser', 'seed' and 'choices'.",
    );
  }
  if (chooser !== undefined) return chooser;
  if (seed !== undefined) return seeded(seed);
  return choices === undefined ? null : replayed(choices);
}
