// SPDX-License-Identifier: MIT
/**
 * Critical sections of one thread: entering and leaving, nesting, outcomes and
 * counters. Which kernel serves the thread was decided in `attach.ts`.
 *
 * `enter` and `leave` are the hot path. Everything that is not the outermost,
 * undisturbed section of an attached thread goes through the slow functions.
 */
import { inspect } from 'node:util';
import { Outcome } from '../abi/interface.ts';
import type { AbiVersion } from '../abi/interface.ts';
import { Cleared, createControlWord } from './control-word.ts';
import type { ControlWord } from './control-word.ts';
import { RseqSliceError } from '../errors.ts';
import type { HostName, HostThread, Registration } from '../host/port.ts';
import { Field } from './counters.ts';
import type { Slot, Stats } from './counters.ts';

export { Outcome } from '../abi/interface.ts';

/**
 * `Cleared.Undisturbed` is the same number; a constant of this module for the reason given beside
 * `Cleared`.
 */
const UNDISTURBED = Outcome.Undisturbed;

/** Returned by {@link Thread.section}, for `using`. One object a thread. */
export interface Section extends Disposable {
  /** Leaves the section; the same as {@link Thread.leave}. */
  leave(): Outcome;
}

/** `depth` of a detached thread: neither idle nor inside. */
const DETACHED = -1;
const CARRY = 2 ** 32;

/**
 * The calling thread's hold on slice extensions; {@link attach} makes it. It
 * works in that thread only, and cannot be posted to another.
 */
export class Thread {
  readonly #hostThread: HostThread;
  /**
   * Written once, V8 takes it for a constant and folds the word's address into
   * the caller's code. A #field would be written twice, first undefined.
   */
  declare private readonly word: ControlWord;
  readonly #onDetach: () => void;
  readonly #section: Section;
  /** 0 idle, 1 in a section of ours, more in nested ones, DETACHED. */
  #depth = 0;
  /** A foreign layer holds the word; it counts as the first layer of #depth. */
  #borrowed = false;
  /** Where the whole process's counters are added up; null: nowhere. */
  readonly #slot: Slot | null;
  /**
   * Low 32 bits, signed: always a small integer, so this field never changes its representation.
   */
  #entered = 0;
  #enteredHigh = 0;
  #yielded = 0;
  #raced = 0;
  #preempted = 0;
  #nested = 0;
  /** How often it was attached and not yet detached. */
  #users = 1;
  /** How many of us hold it until it ends: nobody else can detach for them. */
  #holds = 0;

  /** @internal Use {@link attach}. */
  constructor(hostThread: HostThread, onDetach: () => void, slot: Slot | null = null) {
    this.#hostThread = hostThread;
    this.#slot = slot;
    this.#onDetach = onDetach;
    this.#section = {
      leave: () => this.leave(),
      [Symbol.dispose]: () => {
        this.leave();
      },
    };
    // structuredClone and postMessage read own enumerable properties: this one
    // turns a silent, useless copy in another thread into an error.
    Object.defineProperty(this, 'owner', { enumerable: true, get: refuseCopy });
    this.word = createControlWord(hostThread);
  }

  /** Which kernel serves this thread. */
  get host(): HostName {
    return this.#hostThread.host;
  }

  /** Whose rseq area it uses. */
  get registration(): Registration {
    return this.#hostThread.registration;
  }

  /** The ABI in use. */
  get abiVersion(): AbiVersion {
    return this.#hostThread.abiVersion;
  }

  /**
   * Enters a section: asks the kernel to let this thread finish if its time
   * slice ends. Every `enter` needs its `leave`, in a `finally`.
   * @throws {RseqSliceError} `ERR_RSEQ_DETACHED`.
   */
  enter(): void {
    if (this.#depth === 0 && this.word.request()) {
      this.#depth = 1;
    } else {
      this.#enterSlowly();
    }
    this.#entered = (this.#entered + 1) | 0;
    if (this.#entered === 0) this.#enteredHigh++;
  }

  /**
   * Leaves the section. If more time was granted, the CPU is given up here.
   * @returns how the section ended, an {@link Outcome}.
   * @throws {RseqSliceError} `ERR_RSEQ_NOT_IN_SECTION`, `ERR_RSEQ_DETACHED`.
   */
  leave(): Outcome {
    if (this.#depth !== 1) return this.#leaveSlowly();
    this.#depth = 0;
    const cleared = this.word.clear();
    return cleared === UNDISTURBED ? UNDISTURBED : this.#settle(cleared);
  }

  /**
   * @internal Leaves a section that turned out to be for nothing, as that of a
   * lock that was not free. It is not counted, neither as entered nor as ended,
   * unless something happened to it: that is told, whatever it was for.
   */
  retract(): Outcome {
    let outcome: Outcome;
    // As in `leave`, which stays by itself: a recorded thread has another one.
    if (this.#depth !== 1) {
      outcome = this.#leaveSlowly();
      this.#nested--;
    } else {
      this.#depth = 0;
      const cleared = this.word.clear();
      if (cleared !== UNDISTURBED) return this.#settle(cleared);
      outcome = UNDISTURBED;
    }
    if (this.#entered === 0) this.#enteredHigh--;
    this.#entered = (this.#entered - 1) | 0;
    return outcome;
  }

  /**
   * Runs a function in a section and returns its result.
   *
   * Keep it to microseconds. A system call inside (`Atomics.wait`, `notify`,
   * `console.log`) ends the grant.
   * @param run synchronous; what it throws is thrown on, the section left.
   * @throws {RseqSliceError} `ERR_RSEQ_ASYNC_SECTION` when it returns a promise.
   */
  critical<T>(run: () => T extends PromiseLike<unknown> ? never : T): T {
    let result: T;
    this.enter();
    try {
      result = run();
    } finally {
      this.leave();
    }
    if (typeof result === 'object' && result !== null && 'then' in result) {
      refusePromise(
        result,
        'critical',
        'A section cannot span an await: do the asynchronous work before or after it.',
      );
    }
    return result;
  }

  /** Enters a section that ends with the block: `using section = thread.section()`. */
  section(): Section {
    this.enter();
    return this.#section;
  }

  /**
   * @internal Withdraws the request of an open section for as long as this
   * thread waits: a request that sleeps asks for nothing, and on `rfc` the
   * system call that sleeps would kill a thread with a grant.
   * @returns whether there is a section of ours, which must be resumed.
   */
  pause(): boolean {
    if (this.#depth <= 0 || this.#borrowed) return false;
    // How the section ends is counted when it is left.
    if (this.word.clear() !== UNDISTURBED) this.#hostThread.yieldSlice();
    return true;
  }

  /** @internal Asks again for the section that was paused. */
  resume(): void {
    this.word.request();
  }

  /** The counters so far. */
  stats(): Stats {
    return {
      entered: this.#countEntered(),
      undisturbed: this.#countUndisturbed(),
      yielded: this.#yielded,
      raced: this.#raced,
      preempted: this.#preempted,
      nested: this.#nested,
    };
  }

  /**
   * @internal Writes the counters where those of the whole process are added up. Never from the way
   * in: see `counters.ts`.
   */
  publish(): void {
    const slot = this.#slot;
    if (slot === null) return;
    const { counters } = slot;
    counters[Field.Entered] = this.#countEntered();
    counters[Field.Undisturbed] = this.#countUndisturbed();
    counters[Field.Yielded] = this.#yielded;
    counters[Field.Raced] = this.#raced;
    counters[Field.Preempted] = this.#preempted;
    counters[Field.Nested] = this.#nested;
    slot.publish();
  }

  /** The CPU this thread runs on, without a system call. */
  cpu(): number {
    this.#assertAttached();
    return this.#hostThread.cpu();
  }

  /** Its NUMA node, without a system call. */
  node(): number {
    this.#assertAttached();
    return this.#hostThread.node();
  }

  /** A small number unique among the process's running threads, without a system call. */
  concurrencyId(): number {
    this.#assertAttached();
    return this.#hostThread.concurrencyId();
  }

  /** @internal One more user, who detaches too. */
  retain(): void {
    this.#users++;
  }

  /** @internal The user who attached it last never detaches. */
  hold(): void {
    this.#users--;
    this.#holds++;
  }

  /**
   * Gives back what one {@link attach} took: call it once per call of that. The
   * last one gives the thread back as it was found, except that slices stay
   * enabled in libc's area where that was shared; until then it stays attached
   * for those who still use it. The counters stay readable.
   *
   * A lock that was made without the option `thread` attaches its thread when it
   * needs a section for the first time, and never gives it back: a thread with
   * such a lock stays attached until it ends.
   * @throws {RseqSliceError} `ERR_RSEQ_DETACHED` when everyone has detached
   * already; `ERR_RSEQ_IN_SECTION` for the last one inside a section, which
   * changes nothing; `ERR_RSEQ_SYSTEM` when the kernel refused to take the
   * registration back: the object is detached all the same.
   */
  detach(): void {
    this.#assertAttached();
    if (this.#users === 0) refuseDetached();
    if (this.#users > 1 || this.#holds > 0) {
      this.#users--;
      return;
    }
    if (this.#depth > 0) {
      throw new RseqSliceError(
        'ERR_RSEQ_IN_SECTION',
        `detach() inside a section (${this.#depth} deep) would give the thread back: leave the section first.`,
      );
    }
    // Also when the kernel refuses: what it still knows of the thread then is in
    // doubt, so there is no state to go back to, and nothing to be tried again.
    this.#depth = DETACHED;
    try {
      this.#hostThread.detach();
    } finally {
      this.publish();
      this.#slot?.close();
      this.#onDetach();
    }
  }

  #countEntered(): number {
    return this.#enteredHigh * CARRY + (this.#entered >>> 0);
  }

  #countUndisturbed(): number {
    const open = this.#depth === DETACHED ? 0 : this.#depth - (this.#borrowed ? 1 : 0);
    return (
      this.#countEntered() - open - this.#yielded - this.#raced - this.#preempted - this.#nested
    );
  }

  #assertAttached(): void {
    if (this.#depth === DETACHED) refuseDetached();
  }

  #enterSlowly(): void {
    this.#assertAttached();
    if (this.#depth === 0) {
      // Someone further out in this thread has asked: theirs to clear, not ours.
      this.#borrowed = true;
      this.#depth = 1;
    }
    this.#depth++;
  }

  #leaveSlowly(): Outcome {
    this.#assertAttached();
    if (this.#depth === 0) {
      throw new RseqSliceError(
        'ERR_RSEQ_NOT_IN_SECTION',
        'leave() without enter(): this thread is in no section.',
      );
    }
    this.#depth--;
    if (this.#borrowed && this.#depth === 1) {
      this.#borrowed = false;
      this.#depth = 0;
    }
    this.#nested++;
    return Outcome.Nested;
  }

  #settle(cleared: number): Outcome {
    const outcome = this.#giveUp(cleared);
    this.publish();
    return outcome;
  }

  #giveUp(cleared: number): Outcome {
    if (cleared === Cleared.Preempted) {
      this.#preempted++;
      // After a preempted grant the kernel still means to look at the word at the
      // next system call, and with rseq_debug=1 it kills a thread in which that
      // call finds the request of a later section. So let it look now.
      this.#hostThread.yieldSlice();
      return Outcome.Preempted;
    }
    // A negative answer comes from a seccomp filter, after the kernel has acted.
    if (this.#hostThread.yieldSlice() === 0) {
      this.#raced++;
      return Outcome.Raced;
    }
    this.#yielded++;
    return Outcome.Yielded;
  }
}

Object.defineProperty(Thread.prototype, inspect.custom, {
  value(this: Thread): object {
    return {
      host: this.host,
      registration: this.registration,
      abiVersion: this.abiVersion,
      stats: this.stats(),
    };
  },
});

function refuseDetached(): never {
  throw new RseqSliceError(
    'ERR_RSEQ_DETACHED',
    'Every component that attached this thread object has detached it: call attach() for a new one.',
  );
}

function refuseCopy(): never {
  throw new RseqSliceError(
    'ERR_RSEQ_WRONG_THREAD',
    'A thread object works only in the thread that attached it and cannot be copied or posted: call attach() there.',
  );
}

/**
 * @throws {RseqSliceError} `ERR_RSEQ_ASYNC_SECTION` when a function that must be synchronous
 * returned a promise.
 */
export function refusePromise(result: object, caller: string, remedy: string): void {
  if (!('then' in result) || typeof result.then !== 'function') return;
  throw new RseqSliceError(
    'ERR_RSEQ_ASYNC_SECTION',
    `The function given to ${caller}() returned a promise. ${remedy}`,
  );
}
