// SPDX-License-Identifier: MIT
/**
 * The control word in its two versions, and behind native calls where it cannot
 * be mapped. This is half of the hot path (`thread.ts` is the other): plain
 * stores and loads, no allocation, no closure, no clock, no native call.
 *
 * Only this thread and the kernel on this thread's CPU write the word, so no
 * ordering between CPUs is needed; what matters is that each store and load is
 * made, in this order.
 */
import { Outcome } from '../abi/interface.ts';
import { GRANTED_BIT, GRANTED_BYTE, REQUEST_BIT, REQUEST_BYTE } from '../abi/kernel.ts';
import type { HostThread } from '../host/port.ts';

/** What was found in the word when the request was withdrawn. */
export const Cleared: {
  /** The request was still there. */
  readonly Undisturbed: typeof Outcome.Undisturbed;
  /** A grant is outstanding: the CPU must be given up. */
  readonly Granted: typeof Outcome.Yielded;
  /** Neither: scheduled out meanwhile. */
  readonly Preempted: typeof Outcome.Preempted;
} = {
  // As rseq_slice_clear() answers for words that are not mapped.
  Undisturbed: Outcome.Undisturbed,
  Granted: Outcome.Yielded,
  Preempted: Outcome.Preempted,
};

// V8 folds the constants of a module into the code that uses them, but not those
// it imports or exports: it looks them up each time. So the hot path has its own.
const REQUEST = REQUEST_BYTE;
const GRANTED = GRANTED_BYTE;
const UNDISTURBED = Cleared.Undisturbed;

export interface ControlWord {
  /** Sets the request; false, and nothing done, when the word is already in use. */
  request(): boolean;
  /** Withdraws the request and tells what was found, a `Cleared`. */
  clear(): number;
}

/** `7.0` and later: byte 0 asks, byte 1 is the grant. */
export class BytesControlWord implements ControlWord {
  /** Not `#bytes`, and declared only: see `Thread.word`. */
  declare private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  request(): boolean {
    const bytes = this.bytes;
    // Two bytes and not one word, which the CPU cannot forward from the byte
    // that `clear` has just stored. In this order: a grant moves from the first
    // to the second.
    if (bytes[REQUEST] !== 0 || bytes[GRANTED] !== 0) return false;
    bytes[REQUEST] = 1;
    return true;
  }

  clear(): number {
    const bytes = this.bytes;
    const asked = bytes[REQUEST];
    // First withdraw, then look: a grant between the two is still seen.
    bytes[REQUEST] = 0;
    if (bytes[GRANTED] !== 0) return Cleared.Granted;
    return asked === 0 ? Cleared.Preempted : UNDISTURBED;
  }
}

/**
 * `rfc`: two bits of one word. Clearing must be a single instruction as far as
 * an interrupt can tell, since a plain read-modify-write would put a consumed
 * request back, or wipe a grant, and the kernel kills for that.
 */
export class BitsControlWord implements ControlWord {
  readonly #word: Int32Array;

  constructor(bytes: Uint8Array) {
    this.#word = new Int32Array(bytes.buffer, bytes.byteOffset, 1);
  }

  request(): boolean {
    if (this.#word[0] !== 0) return false;
    this.#word[0] = REQUEST_BIT;
    return true;
  }

  clear(): number {
    const found = Atomics.and(this.#word, 0, ~REQUEST_BIT);
    if ((found & REQUEST_BIT) !== 0) return Cleared.Undisturbed;
    return (found & GRANTED_BIT) !== 0 ? Cleared.Granted : Cleared.Preempted;
  }
}

/** For runtimes without external ArrayBuffers: the addon does the same in C. */
export class NativeControlWord implements ControlWord {
  readonly #hostThread: HostThread;

  constructor(hostThread: HostThread) {
    this.#hostThread = hostThread;
  }

  request(): boolean {
    return this.#hostThread.enter() !== 0;
  }

  clear(): number {
    return this.#hostThread.clear();
  }
}

export function createControlWord(hostThread: HostThread): ControlWord {
  if (hostThread.controlWord === null) return new NativeControlWord(hostThread);
  return hostThread.abiVersion === 'rfc'
    ? new BitsControlWord(hostThread.controlWord)
    : new BytesControlWord(hostThread.controlWord);
}
