// SPDX-License-Identifier: MIT
/**
 * A thread whose sections are recorded. It is a class of its own, chosen when a
 * thread is attached, so that a thread that is not recorded has nothing of this
 * in its way; and all threads of a process are of the one class or of the other.
 *
 * A clock costs more than a section does. So every section is counted, and those
 * are timed to which something happened: leaving them is a system call, and slow
 * anyway. When one began is known of one section in so many, chosen before
 * anything has happened to it; the gaps between those are drawn, since a fixed
 * one could fall into step with what the program repeats.
 */
import type { AbiVersion } from '../abi/interface.ts';
import type { HostName, HostThread, Registration } from '../host/port.ts';
import type { Slot } from '../sections/counters.ts';
import { observe } from '../sections/observer.ts';
import { Outcome, Thread } from '../sections/thread.ts';
import { LockRecordings } from './lock-recording.ts';
import { openRecorder, now } from './recorder.ts';
import type { Recorder } from './recorder.ts';

// Constants of this module, for the reason given in `control-word.ts`.
const UNDISTURBED = Outcome.Undisturbed;
const NESTED = Outcome.Nested;
const ENTERED = 5;
const BEGAN = 0;
const LEFT = 1;
const BACK = 2;

export class RecordingThread extends Thread {
  /** Written once, see `Thread.word`. */
  declare private readonly counts: Float64Array;
  /** @internal */
  readonly recorder: Recorder;
  /** Sections until one is timed. */
  #gap = 1;
  #isTimed = false;
  #random = 1;

  /** @internal Use `attach`. */
  constructor(hostThread: HostThread, onDetach: () => void, recorder: Recorder, slot: Slot | null) {
    super(new RecordingHostThread(hostThread, recorder.stamps), onDetach, slot);
    this.recorder = recorder;
    observe(this, new LockRecordings(recorder));
    this.counts = recorder.counts;
  }

  override enter(): void {
    super.enter();
    const counts = this.counts;
    counts[ENTERED] = (counts[ENTERED] ?? 0) + 1;
    if (--this.#gap === 0) this.#time();
  }

  override leave(): Outcome {
    const outcome = super.leave();
    const counts = this.counts;
    counts[outcome] = (counts[outcome] ?? 0) + 1;
    if (outcome !== UNDISTURBED || this.#isTimed) this.#record(outcome);
    return outcome;
  }

  /** @internal */
  override retract(): Outcome {
    const outcome = super.retract();
    const counts = this.counts;
    if (outcome === UNDISTURBED || outcome === NESTED) {
      counts[ENTERED] = (counts[ENTERED] ?? 0) - 1;
      // As if it had never been: the one to be timed is counted from before it.
      if (outcome === UNDISTURBED) this.#gap = this.#isTimed ? 1 : this.#gap + 1;
      if (this.#open() === 0) this.#isTimed = false;
      return outcome;
    }
    counts[outcome] = (counts[outcome] ?? 0) + 1;
    this.#record(outcome);
    return outcome;
  }

  /** @internal */
  override pause(): boolean {
    const { stamps } = this.recorder;
    const before = stamps[BACK];
    const paused = super.pause();
    // A section in which the thread sleeps says nothing about how long sections are.
    if (paused) this.#isTimed = false;
    if (stamps[BACK] !== before) this.recorder.yielded();
    return paused;
  }

  /** Times the section that was just entered, or else the next one that is the outermost. */
  #time(): void {
    if (this.#isTimed || this.#open() > 1) {
      this.#gap = 1;
      return;
    }
    this.#isTimed = true;
    this.#gap = this.#draw();
    this.recorder.stamps[BEGAN] = now();
  }

  #record(outcome: Outcome): void {
    const isTimed = this.#isTimed;
    if (outcome === NESTED) {
      // Within that of another library: how it ends is not for us to know.
      if (isTimed && this.#open() === 0) this.#isTimed = false;
      return;
    }
    this.#isTimed = false;
    this.recorder.section(outcome, isTimed);
  }

  /** Sections that were entered and not left. */
  #open(): number {
    const counts = this.counts;
    let open = counts[ENTERED] ?? 0;
    for (let outcome = 0; outcome < ENTERED; outcome++) open -= counts[outcome] ?? 0;
    return open;
  }

  /** A gap from 1 on, that is `every` on average. */
  #draw(): number {
    this.#random = (Math.imul(this.#random, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return 1 + ((this.#random >>> 8) % (2 * this.recorder.every - 1));
  }
}

/** The kernel of a recorded thread: tells when a yield began and was over. */
class RecordingHostThread implements HostThread {
  readonly host: HostName;
  readonly registration: Registration;
  readonly abiVersion: AbiVersion;
  readonly controlWord: Uint8Array | null;
  readonly #hostThread: HostThread;
  readonly #stamps: Float64Array;

  constructor(hostThread: HostThread, stamps: Float64Array) {
    this.host = hostThread.host;
    this.registration = hostThread.registration;
    this.abiVersion = hostThread.abiVersion;
    this.controlWord = hostThread.controlWord;
    this.#hostThread = hostThread;
    this.#stamps = stamps;
  }

  yieldSlice(): number {
    this.#stamps[LEFT] = now();
    const result = this.#hostThread.yieldSlice();
    this.#stamps[BACK] = now();
    return result;
  }

  enter(): number {
    return this.#hostThread.enter();
  }

  clear(): number {
    return this.#hostThread.clear();
  }

  cpu(): number {
    return this.#hostThread.cpu();
  }

  node(): number {
    return this.#hostThread.node();
  }

  concurrencyId(): number {
    return this.#hostThread.concurrencyId();
  }

  detach(): void {
    this.#hostThread.detach();
  }
}

/**
 * A thread, recorded if the environment asks for that.
 * @throws {RseqSliceError} `ERR_RSEQ_SYSTEM` when it cannot be recorded. The kernel's thread is
 * given back then.
 */
export function createThread(
  hostThread: HostThread,
  onDetach: () => void,
  openSlot: () => Slot | null = () => null,
): Thread {
  let recorder: Recorder | null;
  try {
    recorder = openRecorder(hostThread.host);
  } catch (error) {
    hostThread.detach();
    throw error;
  }
  // Not before it is certain that the thread is attached: it counts as one then.
  const slot = openSlot();
  if (recorder === null) return new Thread(hostThread, onDetach, slot);
  return new RecordingThread(hostThread, onDetach, recorder, slot);
}
