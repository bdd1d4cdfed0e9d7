// SPDX-License-Identifier: MIT
/**
 * The port: what threads need of the machine they run on. That is little: a control word to write,
 * a way to sleep and to wake others, to know who has ended, and files that are memory. Two hosts
 * implement it, Linux through the addon and a portable one everywhere else, and everything above
 * cannot tell them apart. A test has one object to fake.
 */
import type { AbiVersion, RegistrationPolicy } from '../abi/interface.ts';
import type { AddonStatus, RawProbe } from './linux/binding.ts';
import type { Status } from './status.ts';

/** Which host serves a thread: the kernel's slices, or a kernel that is only simulated. */
export type HostName = 'linux' | 'simulated';

/** Whose rseq area a thread uses: libc's, our own, or our own in place of libc's. */
export type Registration = 'libc' | 'own' | 'replace' | 'simulated';

/** How a thread is attached. */
export interface HostOptions {
  readonly registration: RegistrationPolicy;
  readonly abiVersion: AbiVersion | 'auto';
  /** False: do not map the control word, as if the runtime forbade it. */
  readonly mapped: boolean;
}

export interface Host {
  /** `available`, or why there can be no slices here whatever the thread. */
  readonly status: Status;
  /** The addon, and where it came from. */
  readonly addon: AddonStatus;
  /**
   * Attaches the calling thread, or tells why it cannot be.
   * @throws never
   */
  attach(options: HostOptions): HostThread | Status;
  /** What the kernel, libc and loaded objects are like; null: nobody is there to ask. */
  probe(): RawProbe | null;
  /** The functions of `rseq_slice/slice.h` as an external value; null: they are not there. */
  cInterface(): unknown;
  /** How the calling thread sleeps, and wakes others. */
  readonly sleeping: Sleeping;
  /** Where the calling thread runs. */
  readonly ids: ThreadIds;
  /** The calling thread, and who has ended. */
  agent(): Agent;
  /**
   * The first bytes of an open file as memory, which is the file's however the process ends.
   * @param file a descriptor
   * @param bytes the file must have as many
   * @returns null: it cannot be had as memory
   */
  mapFile(file: number, bytes: number): ArrayBuffer | null;
}

/** Where the calling thread runs, attached or not; {@link ids} has it. */
export interface Ids {
  /** The CPU it runs on. It may run on another one as soon as this returns. */
  cpu(): number;
  /** The NUMA node of that CPU. */
  node(): number;
  /**
   * A small number, unique among the process's running threads, and below the number of CPUs. Where
   * the kernel (before Linux 6.3) or the thread has none, it is the number of the CPU.
   */
  concurrencyId(): number;
  /**
   * How they are found: `area`, loads from the memory that the kernel writes them to; `call`, calls
   * into the addon, where that memory is not there or the runtime does not let it be mapped;
   * `none`, nobody is there to ask: CPU and node are 0, and the concurrency ID is Node's number of
   * the thread.
   */
  readonly source: 'area' | 'call' | 'none';
}

/** The same, as the library uses it. */
export interface ThreadIds extends Ids {
  /**
   * A number from 0 on that picks one of several copies of something, so that threads which run at
   * the same time nearly always have different ones. It never calls into the addon for that: where
   * there is no area it is the thread's number.
   */
  stripe(): number;
}

/** One thread's side of a host. Every method concerns the calling thread. */
export interface HostThread {
  readonly host: HostName;
  readonly registration: Registration;
  readonly abiVersion: AbiVersion;
  /** The 4 bytes of `slice_ctrl`, or null where they cannot be mapped. */
  readonly controlWord: Uint8Array | null;
  /** Set the request unless the word is in use: 1 set, 0 not. For unmapped words. */
  enter(): number;
  /** Clear the request: a `Cleared`. For unmapped words. */
  clear(): number;
  /**
   * `rseq_slice_yield`: 1 gave the CPU up inside the grant; 0 the grant was gone; negative errno:
   * the answer was hidden by a filter.
   */
  yieldSlice(): number;
  /** The CPU this thread runs on. */
  cpu(): number;
  /** Its NUMA node. */
  node(): number;
  /** Small number, unique among the process's running threads. */
  concurrencyId(): number;
  /** Give the thread back as it was found. */
  detach(): void;
}

/** A thread that is not the calling one's own, as those of a test kernel are: what attaches it. */
export const CONNECT: unique symbol = Symbol.for('rseq-slice.connect');

/**
 * How a sleep ended: by one of those that `wake()` counts; because the word was not as expected, or
 * the kernel interrupted it; or after as long as it was to last.
 */
export type Wake = 'called' | 'changed' | 'timed out';

/** A word to sleep on, and where those are counted who sleep on it in the engine. */
export interface Bed {
  readonly words: Int32Array;
  /** Index of that count. */
  readonly sleepers: number;
}

export interface Sleeping {
  /** Sleeps while `words[index]` is `expected`, for at most `ms`. */
  sleep(bed: Bed, index: number, expected: number, ms: number): Wake;
  /** Wakes at most so many threads that sleep on `words[index]`. @returns how many it woke */
  wake(bed: Bed, index: number, count: number): number;
  /** Lets other threads run that this CPU has, if there are any. */
  yield(): void;
}

/**
 * ms that a thread is taken for alive after it was seen alive. Asking the kernel takes
 * microseconds.
 */
export const TRUST = 5;

/** The calling thread, as words in shared memory name it. */
export interface Agent {
  /** From 1 on, less than 2^29: words of locks have flags above it. */
  readonly id: number;
  /** Whether another thread has ended. It may be told as alive for {@link TRUST} ms after that. */
  readonly hasEnded: (id: number) => boolean;
}
