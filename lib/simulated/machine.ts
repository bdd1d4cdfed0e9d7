// SPDX-License-Identifier: MIT
/**
 * The kernel's side of slice extensions as a pure state machine: registration,
 * prctl, yield, grants, revocation, death, for a number of threads. It knows no
 * scheduler and no clock: who runs when, and when a timer is due, is decided by
 * whoever drives it (the explorer, or a person's test).
 *
 * Everything that decides what happens next is in one typed array, so a state
 * is copied with `set` and compared word by word. Each thread's user memory is
 * in it too, with the layout of `struct rseq`, so JavaScript's control words
 * work on it as they do on Linux.
 *
 * Source: Linux 7.3 `kernel/rseq.c`, `include/linux/rseq_entry.h`,
 * `kernel/entry/common.c`, and for `rfc` the mail of 2025-09-11.
 */
import type { AbiVersion } from '../abi/interface.ts';
import {
  AREA_OFFSETS,
  CONTROL_WORD_BYTES,
  CPU_ID_UNINITIALIZED,
  ENOTSUPP,
  ErrorNumber,
  EXTENSIONS,
  FLAG_SLICE_AVAILABLE,
  FLAG_SLICE_DEFAULT_ON,
  FLAG_SLICE_ENABLED,
  FLAG_UNREGISTER,
  GRANTED_BIT,
  GRANTED_BYTE,
  LEGACY_LENGTH,
  PR_SLICE_ENABLE,
  PR_SLICE_GET,
  PR_SLICE_SET,
  REQUEST_BIT,
  SLICE_ALIGNMENT,
  SLICE_LENGTH,
} from '../abi/kernel.ts';
import { checkOptions, checkValue, TRUE_OR_FALSE, wholeNumber } from '../options.ts';
import type { OptionChecks } from '../options.ts';
import { FEATURE, ABI_VERSION, MOST_THREADS, THREADS } from './checks.ts';

/** Whether the kernel has the feature at all, and whether it was booted with it. */
export type Feature = 'on' | 'off-at-boot' | 'absent';

/** What kind of kernel a machine is, and how large. */
export interface MachineOptions {
  /** Default `mainline`. */
  readonly abiVersion?: AbiVersion;
  /** Default `on`. */
  readonly feature?: Feature;
  /** Default false: `rseq_debug=1`, the full consistency checks. */
  readonly debug?: boolean;
  /** Default 1. */
  readonly threads?: number;
  /** User memory for areas; default one a thread. */
  readonly areas?: number;
}

const CHECKS: OptionChecks<MachineOptions> = {
  abiVersion: ABI_VERSION,
  feature: FEATURE,
  debug: TRUE_OR_FALSE,
  threads: THREADS,
  areas: wholeNumber(0, MOST_THREADS),
};

/** What the driver of a machine may want to know of; nothing depends on it. */
export type MachineEvent =
  'granted' | 'refused' | 'revoked' | 'expired' | 'yielded' | 'aborted' | 'switched' | 'killed';

/** The rule of the ABI a thread broke; with each the kernel sends SIGSEGV. */
export const DEATHS = [
  '',
  'made a system call other than the yield inside a grant',
  'changed a field of its area that only the kernel may write',
  'changed the flags of its area before prctl',
  'left a control word that does not match the grant (found by rseq_debug at a system call)',
] as const;

// One area: 64 bytes, the fields of `struct rseq` at their offsets in 32-bit slots.
export const AREA_SLOTS: number = SLICE_ALIGNMENT / 4;
const CPU_ID_START = AREA_OFFSETS.cpu_id_start / 4;
const CPU_ID = AREA_OFFSETS.cpu_id / 4;
const RSEQ_CS = AREA_OFFSETS.rseq_cs / 4;
const FLAGS = AREA_OFFSETS.flags / 4;
const NODE_ID = AREA_OFFSETS.node_id / 4;
const MM_CID = AREA_OFFSETS.mm_cid / 4;
const SLICE_CTRL = AREA_OFFSETS.slice_ctrl / 4;

// The kernel's half of one thread, in slots behind all areas.
const AREA = 0; // 0: none; else 1 + index of the area
const OFFSET = 1; // bytes the registered address lies behind the area's start
const LENGTH = 2;
const SIGNATURE = 3;
const VERSION = 4; // 0: not registered, 1: legacy length, 2: more
const ENABLED = 5;
const GRANTED = 6;
const YIELDED = 7;
const SYSCALL_WORK = 8;
const TIMER = 9; // armed
const USER_IRQ = 10;
const SCHED_SWITCH = 11;
const IDS_CHANGED = 12;
const NEED_RESCHED = 13;
const OTHER_WORK = 14;
const CPU = 15;
const KNOWN_CPU = 16; // the ids as the kernel last wrote them
const KNOWN_CONCURRENCY_ID = 17;
const CONCURRENCY_ID = 18;
const DEATH = 19; // index into DEATHS
const THREAD_SLOTS = 20;

/**
 * The kernel's side of slice extensions, as a state and the calls that change it: no clock, no
 * scheduler, no threads of its own.
 */
export class Machine {
  /** The version of the ABI that it has. */
  readonly abiVersion: AbiVersion;
  /** Whether it has slices. */
  readonly feature: Feature;
  /** Whether it checks everything, as with `rseq_debug=1`. */
  readonly debug: boolean;
  /** How many threads there are, numbered from 0. */
  readonly threads: number;
  /** How many areas there are in user memory, numbered from 0. */
  readonly areas: number;
  /** All there is to know; copy it with `slice`, go back with `set`. */
  readonly state: Int32Array;
  /**
   * The kernel's counters, in the order granted, expired, revoked, yielded, aborted. Not part of
   * the state.
   */
  readonly counters: Float64Array = new Float64Array(5);
  /** Called for what happens, when set. */
  onEvent: ((event: MachineEvent, thread: number) => void) | null = null;
  readonly #bits: boolean;
  /** AT_RSEQ_FEATURE_SIZE. */
  readonly featureSize: number;
  /** AT_RSEQ_ALIGN. */
  readonly alignment: number;
  /**
   * ns; how long an extension is. The machine has no clock: its driver calls `expire` when so much
   * has passed.
   */
  #sliceExtension: number;

  /**
   * @param memory where the state shall be, zeroed, `Machine.slots()` long; default: memory of its
   * own.
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`.
   */
  constructor(options: MachineOptions = {}, memory?: Int32Array) {
    checkOptions('new Machine()', options, CHECKS);
    const {
      abiVersion = 'mainline',
      feature = 'on',
      debug = false,
      threads = 1,
      areas = threads,
    } = options;
    const slots = Machine.slots(threads, areas);
    if (memory !== undefined) {
      checkValue('new Machine()', 'memory', memory, {
        accepts: `an Int32Array of ${slots} numbers or more`,
        isGood: () => memory instanceof Int32Array && memory.length >= slots,
      });
    }
    this.abiVersion = abiVersion;
    this.feature = feature;
    this.debug = debug;
    this.threads = threads;
    this.areas = areas;
    this.#bits = abiVersion === 'rfc';
    // Up to where the first field that is not known lies.
    this.featureSize =
      feature === 'absent'
        ? AREA_OFFSETS.slice_ctrl
        : abiVersion === 'rfc'
          ? LEGACY_LENGTH
          : SLICE_LENGTH;
    this.alignment = this.featureSize > LEGACY_LENGTH ? SLICE_ALIGNMENT : LEGACY_LENGTH;
    this.#sliceExtension = EXTENSIONS[this.#bits ? 'bits' : 'bytes'].default;
    this.state = memory ?? new Int32Array(slots);
    for (let thread = 0; thread < threads; thread++) {
      this.state[this.#slot(thread) + KNOWN_CPU] = CPU_ID_UNINITIALIZED;
      this.state[this.#slot(thread) + CONCURRENCY_ID] = thread;
    }
  }

  /** The 4 bytes of an area's `slice_ctrl`. */
  controlWord(area: number): Uint8Array {
    return new Uint8Array(
      this.state.buffer,
      this.state.byteOffset + (area * AREA_SLOTS + SLICE_CTRL) * 4,
      CONTROL_WORD_BYTES,
    );
  }

  /** ns; the length of an extension, as `slice_ext_nsec` reads. */
  get sliceExtension(): number {
    return this.#sliceExtension;
  }

  /**
   * Writes `slice_ext_nsec`.
   * @returns 0; -ERANGE, and nothing changed, outside of the kernel's bounds.
   */
  setSliceExtension(nanoseconds: number): number {
    const { least, most } = EXTENSIONS[this.#bits ? 'bits' : 'bytes'];
    if (!Number.isInteger(nanoseconds) || nanoseconds < least || nanoseconds > most)
      return -ErrorNumber.ERANGE;
    this.#sliceExtension = nanoseconds;
    return 0;
  }

  /** How many 32-bit slots such a machine's state takes. */
  static slots(threads: number, areas: number = threads): number {
    return areas * AREA_SLOTS + threads * THREAD_SLOTS;
  }

  /** An area's 64 bytes as user space sees them. */
  memory(area: number): Uint8Array {
    return new Uint8Array(
      this.state.buffer,
      this.state.byteOffset + area * AREA_SLOTS * 4,
      AREA_SLOTS * 4,
    );
  }

  // System calls. Each is the whole way: entry work, the call, return to user space.

  /**
   * rseq(2).
   * @param area one that is not there is an address nothing is mapped at.
   * @param offset bytes the address lies behind the start of `area`, which is aligned to 64.
   * @returns 0 or -errno.
   */
  rseq(
    thread: number,
    area: number,
    offset: number,
    length: number,
    flags: number,
    signature: number,
  ): number {
    return this.#call(thread, false, () =>
      this.#rseq(thread, area, offset, length | 0, flags | 0, signature | 0),
    );
  }

  /** prctl(PR_RSEQ_SLICE_EXTENSION, op, arg3, arg4, arg5): what GET gives, 0, or -errno. */
  prctl(thread: number, op: number, arg3: number, arg4 = 0, arg5 = 0): number {
    return this.#call(thread, false, () => this.#prctl(thread, op, arg3, arg4, arg5));
  }

  /** The ABI version's yield: 1, 0 or -errno. */
  yieldSlice(thread: number): number {
    return this.#call(thread, this.feature !== 'absent', () => {
      if (this.feature === 'absent') return -ErrorNumber.ENOSYS;
      const yielded = this.#get(thread, YIELDED);
      this.#set(thread, YIELDED, 0);
      return yielded;
    });
  }

  /** Any other system call that does not block; `blocks`: one that does. */
  systemCall(thread: number, blocks = false): number {
    return this.#call(thread, false, () => {
      if (blocks) this.#schedule(thread);
      return 0;
    });
  }

  /** execve(2): the registration is gone, and the memory is another. */
  execute(thread: number): void {
    this.#call(thread, false, () => {
      this.#forget(thread);
      return 0;
    });
  }

  /** exit(2) of a thread: the registration is gone, and the memory stays as the thread left it. */
  exit(thread: number): void {
    this.execute(thread);
  }

  /**
   * fork(2) without CLONE_VM: `child`, a thread of this machine that was idle so far, inherits all
   * but the memory.
   */
  fork(thread: number, child: number, childArea: number): void {
    this.#call(thread, false, () => {
      const { state } = this;
      const [from, to] = [this.#slot(thread), this.#slot(child)];
      const area = this.#get(thread, AREA) - 1;
      state.copyWithin(to, from, from + THREAD_SLOTS);
      if (area >= 0) {
        state.copyWithin(childArea * AREA_SLOTS, area * AREA_SLOTS, (area + 1) * AREA_SLOTS);
        state[to + AREA] = childArea + 1;
      }
      // The child is the only thread of its memory, and is put on a CPU: when it
      // returns from fork its ids are checked and written, and its word is zeroed.
      state[to + CONCURRENCY_ID] = 0;
      if (area >= 0) {
        state[to + IDS_CHANGED] = 1;
        state[to + SCHED_SWITCH] = 1;
      }
      this.#returnToUser(child);
      return 0;
    });
  }

  // What happens to a thread in user space.

  /**
   * An interrupt, and the return from it. `reschedule`: someone else shall have
   * the CPU. `work`: something else is to be done first, a signal say.
   */
  interrupt(thread: number, reschedule: boolean, work = false): void {
    if (this.isDead(thread)) return;
    this.#set(thread, USER_IRQ, 1);
    if (reschedule) this.#set(thread, NEED_RESCHED, 1);
    if (work) this.#set(thread, OTHER_WORK, 1);
    this.#returnToUser(thread);
  }

  /** Whether an extension's timer is running for this thread. */
  isTimerArmed(thread: number): boolean {
    return this.#get(thread, TIMER) !== 0;
  }

  /** The extension's timer fires. */
  expire(thread: number): void {
    if (this.isDead(thread) || !this.isTimerArmed(thread)) return;
    this.#set(thread, TIMER, 0);
    this.#set(thread, USER_IRQ, 1);
    if (this.isGranted(thread)) {
      this.#count(1, 'expired', thread);
      this.#set(thread, NEED_RESCHED, 1);
    }
    this.#returnToUser(thread);
  }

  /** The thread is scheduled out in user space and comes back on another CPU. */
  migrate(thread: number, cpu: number): void {
    this.#set(thread, CPU, cpu);
    this.#set(thread, IDS_CHANGED, 1);
    this.interrupt(thread, true, true);
  }

  // What is so.

  /** Whether the kernel killed it. */
  isDead(thread: number): boolean {
    return this.#get(thread, DEATH) !== 0;
  }

  /** The rule it broke; empty while it lives. */
  death(thread: number): string {
    return DEATHS[this.#get(thread, DEATH)] ?? '';
  }

  /** The kernel's own idea of a grant. */
  isGranted(thread: number): boolean {
    return this.#get(thread, GRANTED) !== 0;
  }

  /** Whether it asked for slices with prctl, or by its registration. */
  isEnabled(thread: number): boolean {
    return this.#get(thread, ENABLED) !== 0;
  }

  /** Whether it has a registered area. */
  isRegistered(thread: number): boolean {
    return this.#get(thread, AREA) !== 0;
  }

  /** What the user's memory says of a grant, in the thread's registered area. */
  userGranted(thread: number): boolean {
    if (!this.isRegistered(thread)) return false;
    return (this.#word(thread) & (this.#bits ? GRANTED_BIT : GRANTED_AS_BYTE)) !== 0;
  }

  /** The CPU on which it runs. */
  cpu(thread: number): number {
    return this.#get(thread, CPU);
  }

  /**
   * What must hold whenever no kernel code runs, whatever user space does with
   * its own words: the reason it does not, or null.
   */
  violation(): string | null {
    for (let thread = 0; thread < this.threads; thread++) {
      if (this.isDead(thread)) continue;
      if (this.isGranted(thread) && !this.isEnabled(thread))
        return `thread ${String(thread)} has a grant without slices enabled`;
      if (this.isGranted(thread) && this.#get(thread, SYSCALL_WORK) === 0) {
        return `thread ${String(thread)} has a grant that no system call would end`;
      }
      if (this.isRegistered(thread) && this.#read(thread, CPU_ID) !== this.cpu(thread)) {
        return `thread ${String(thread)} runs on CPU ${String(this.cpu(thread))}, and its area says ${String(this.#read(thread, CPU_ID))}`;
      }
      if (this.#get(thread, NEED_RESCHED) !== 0)
        return `thread ${String(thread)} is in user space with a reschedule pending`;
    }
    return null;
  }

  // The kernel. The names of the steps are Linux's.

  #rseq(
    thread: number,
    area: number,
    offset: number,
    length: number,
    flags: number,
    signature: number,
  ): number {
    const registered = this.#get(thread, AREA) !== 0;
    const isSame = this.#get(thread, AREA) === area + 1 && this.#get(thread, OFFSET) === offset;
    if ((flags & FLAG_UNREGISTER) !== 0) {
      if ((flags & ~FLAG_UNREGISTER) !== 0) return -ErrorNumber.EINVAL;
      if (!registered || !isSame || this.#get(thread, LENGTH) !== length)
        return -ErrorNumber.EINVAL;
      if (this.#get(thread, SIGNATURE) !== signature) return -ErrorNumber.EPERM;
      this.#writeIds(thread, 0, CPU_ID_UNINITIALIZED, 0, 0);
      this.#forget(thread);
      return 0;
    }
    if (
      (flags &
        ~(this.abiVersion === 'mainline' && this.feature !== 'absent'
          ? FLAG_SLICE_DEFAULT_ON
          : 0)) !==
      0
    )
      return -ErrorNumber.EINVAL;
    if (registered) {
      if (!isSame || this.#get(thread, LENGTH) !== length) return -ErrorNumber.EINVAL;
      return this.#get(thread, SIGNATURE) === signature ? -ErrorNumber.EBUSY : -ErrorNumber.EPERM;
    }
    if (!this.#isLengthValid(offset, length >>> 0)) return -ErrorNumber.EINVAL;
    if (area < 0 || area >= this.areas) return -ErrorNumber.EFAULT;
    this.#set(thread, AREA, area + 1);
    this.#set(thread, OFFSET, offset);
    this.#set(thread, LENGTH, length);
    this.#set(thread, SIGNATURE, signature);
    this.#set(thread, VERSION, this.feature !== 'absent' && length >>> 0 > LEGACY_LENGTH ? 2 : 1);
    const canHaveSlices = this.feature === 'on' && this.#mayHaveSlices(thread);
    const isDefaultOn = canHaveSlices && (flags & FLAG_SLICE_DEFAULT_ON) !== 0;
    this.#write(thread, RSEQ_CS, 0);
    this.#write(thread, RSEQ_CS + 1, 0);
    if (this.feature !== 'absent') {
      this.#write(
        thread,
        FLAGS,
        canHaveSlices ? FLAG_SLICE_AVAILABLE | (isDefaultOn ? FLAG_SLICE_ENABLED : 0) : 0,
      );
    }
    this.#writeIds(thread, CPU_ID_UNINITIALIZED, CPU_ID_UNINITIALIZED, 0, 0);
    if (this.feature !== 'absent' && this.#mayHaveSlices(thread))
      this.#write(thread, SLICE_CTRL, 0);
    this.#set(thread, ENABLED, isDefaultOn ? 1 : 0);
    this.#set(thread, IDS_CHANGED, 1);
    this.#set(thread, SCHED_SWITCH, 1);
    return 0;
  }

  #isLengthValid(offset: number, length: number): boolean {
    if (length < LEGACY_LENGTH) return false;
    if (length === LEGACY_LENGTH) return offset % LEGACY_LENGTH === 0;
    return offset % this.alignment === 0 && length >= this.featureSize;
  }

  /** Since 7.1 a legacy area cannot have slices. */
  #mayHaveSlices(thread: number): boolean {
    return this.abiVersion !== 'mainline' || this.#get(thread, VERSION) === 2;
  }

  #prctl(thread: number, op: number, arg3: number, arg4: number, arg5: number): number {
    if (this.feature === 'absent' || arg4 !== 0 || arg5 !== 0) return -ErrorNumber.EINVAL;
    if (op === PR_SLICE_GET) return arg3 === 0 ? this.#get(thread, ENABLED) : -ErrorNumber.EINVAL;
    if (op !== PR_SLICE_SET || (arg3 !== 0 && arg3 !== PR_SLICE_ENABLE)) return -ErrorNumber.EINVAL;
    if (this.feature === 'off-at-boot') return -ENOTSUPP;
    if (!this.isRegistered(thread)) return -ErrorNumber.ENXIO;
    if (!this.#mayHaveSlices(thread)) return -ENOTSUPP;
    if (arg3 === this.#get(thread, ENABLED)) return 0;
    const needed = FLAG_SLICE_AVAILABLE | (this.isEnabled(thread) ? FLAG_SLICE_ENABLED : 0);
    const flags = this.#read(thread, FLAGS);
    if ((flags & needed) !== needed) {
      this.#kill(thread, 3);
      return 0;
    }
    this.#write(
      thread,
      FLAGS,
      (flags & ~FLAG_SLICE_ENABLED) |
        FLAG_SLICE_AVAILABLE |
        (arg3 === PR_SLICE_ENABLE ? FLAG_SLICE_ENABLED : 0),
    );
    this.#set(thread, ENABLED, arg3);
    return 0;
  }

  #call(thread: number, isYield: boolean, body: () => number): number {
    if (this.isDead(thread)) return 0;
    this.#enterSystemCall(thread, isYield);
    if (this.isDead(thread)) return 0;
    const result = body();
    if (!this.isDead(thread)) this.#returnToUser(thread);
    return result;
  }

  #enterSystemCall(thread: number, isYield: boolean): void {
    if (this.#get(thread, SYSCALL_WORK) === 0) return;
    this.#set(thread, SYSCALL_WORK, 0);
    const granted = this.isGranted(thread);
    if (this.debug && this.#word(thread) !== (granted ? this.#grantedWord() : 0)) {
      this.#kill(thread, 4);
      return;
    }
    if (!granted) return;
    if (this.#bits && !isYield) {
      this.#kill(thread, 1);
      return;
    }
    this.#set(thread, TIMER, 0);
    if (isYield) {
      this.#set(thread, YIELDED, 1);
      this.#count(3, 'yielded', thread);
    } else {
      this.#count(4, 'aborted', thread);
    }
    // The CPU is given up here, before the call does its own work.
    this.#schedule(thread);
    this.#set(thread, GRANTED, 0);
    this.#write(thread, SLICE_CTRL, 0);
  }

  #returnToUser(thread: number): void {
    // Twice at most: the second time there is a grant, and it is taken away.
    while (this.#get(thread, NEED_RESCHED) !== 0) {
      if (!this.#grant(thread)) this.#schedule(thread);
      this.#set(thread, OTHER_WORK, 0);
    }
    this.#set(thread, OTHER_WORK, 0);
    if (this.#get(thread, SCHED_SWITCH) !== 0) this.#updateUser(thread);
    this.#set(thread, USER_IRQ, 0);
    this.#set(thread, SCHED_SWITCH, 0);
    this.#set(thread, IDS_CHANGED, 0);
    if (this.isGranted(thread) && !this.isDead(thread)) {
      this.#set(thread, TIMER, 1);
      this.#set(thread, SYSCALL_WORK, 1);
    }
  }

  #grant(thread: number): boolean {
    if (this.feature !== 'on' || !this.isRegistered(thread)) return false;
    const mayGrant = this.isEnabled(thread) && this.#get(thread, USER_IRQ) !== 0;
    if (!mayGrant && !this.isGranted(thread)) return false;
    if (this.#get(thread, OTHER_WORK) !== 0 || this.isGranted(thread)) {
      if (this.#hasRequest(thread) && !this.isGranted(thread)) this.onEvent?.('refused', thread);
      this.#write(thread, SLICE_CTRL, 0);
      this.#clearGrant(thread);
      return false;
    }
    if (!this.#hasRequest(thread)) return false;
    const word = this.#word(thread);
    this.#write(
      thread,
      SLICE_CTRL,
      this.#bits ? (word & ~REQUEST_BIT) | GRANTED_BIT : (word & ~0xffff) | GRANTED_AS_BYTE,
    );
    this.#set(thread, GRANTED, 1);
    this.#set(thread, NEED_RESCHED, 0);
    this.#count(0, 'granted', thread);
    return true;
  }

  #hasRequest(thread: number): boolean {
    return (this.#word(thread) & (this.#bits ? REQUEST_BIT : 0xff)) !== 0;
  }

  #clearGrant(thread: number): void {
    if (!this.isGranted(thread)) return;
    this.#set(thread, GRANTED, 0);
    this.#count(2, 'revoked', thread);
  }

  /** Scheduled out and, some time later, in again. */
  #schedule(thread: number): void {
    this.#set(thread, NEED_RESCHED, 0);
    this.onEvent?.('switched', thread);
    if (!this.isRegistered(thread)) return;
    if (this.abiVersion === 'mainline' && this.#get(thread, VERSION) === 1) {
      this.#set(thread, IDS_CHANGED, 1);
      this.#set(thread, SCHED_SWITCH, 1);
    } else if (this.#get(thread, USER_IRQ) !== 0 || this.#get(thread, IDS_CHANGED) !== 0) {
      this.#set(thread, SCHED_SWITCH, 1);
    }
  }

  #updateUser(thread: number): void {
    // With rseq_debug the ids are checked and written also when they are the same.
    if (this.debug || this.#get(thread, IDS_CHANGED) !== 0) {
      const isChecked =
        this.debug || (this.abiVersion === 'mainline' && this.#get(thread, VERSION) === 2);
      if (isChecked && !this.#areIdsKnown(thread)) {
        this.#kill(thread, 2);
        return;
      }
      const cpu = this.#get(thread, CPU);
      const concurrencyId = this.#get(thread, CONCURRENCY_ID);
      this.#writeIds(thread, cpu, cpu, 0, concurrencyId);
      this.#set(thread, KNOWN_CPU, cpu);
      this.#set(thread, KNOWN_CONCURRENCY_ID, concurrencyId);
    }
    if (this.feature === 'on' && this.#mayHaveSlices(thread)) this.#write(thread, SLICE_CTRL, 0);
    this.#clearGrant(thread);
  }

  #areIdsKnown(thread: number): boolean {
    const cpu = this.#get(thread, KNOWN_CPU);
    return (
      this.#read(thread, CPU_ID_START) === cpu &&
      this.#read(thread, CPU_ID) === cpu &&
      this.#read(thread, NODE_ID) === 0 &&
      this.#read(thread, MM_CID) === this.#get(thread, KNOWN_CONCURRENCY_ID)
    );
  }

  #forget(thread: number): void {
    const cpu = this.#get(thread, CPU);
    const concurrencyId = this.#get(thread, CONCURRENCY_ID);
    const work = this.#get(thread, SYSCALL_WORK);
    const from = this.#slot(thread);
    this.state.fill(0, from, from + THREAD_SLOTS);
    this.#set(thread, CPU, cpu);
    this.#set(thread, CONCURRENCY_ID, concurrencyId);
    this.#set(thread, SYSCALL_WORK, work);
    this.#set(thread, KNOWN_CPU, CPU_ID_UNINITIALIZED);
  }

  #kill(thread: number, death: number): void {
    this.#set(thread, DEATH, death);
    this.#set(thread, TIMER, 0);
    this.#set(thread, NEED_RESCHED, 0);
    this.#set(thread, GRANTED, 0);
    this.onEvent?.('killed', thread);
  }

  #count(counter: number, event: MachineEvent, thread: number): void {
    this.counters[counter] = (this.counters[counter] ?? 0) + 1;
    this.onEvent?.(event, thread);
  }

  #grantedWord(): number {
    return this.#bits ? GRANTED_BIT : GRANTED_AS_BYTE;
  }

  #writeIds(thread: number, start: number, cpu: number, node: number, concurrencyId: number): void {
    this.#write(thread, CPU_ID_START, start);
    this.#write(thread, CPU_ID, cpu);
    this.#write(thread, NODE_ID, node);
    this.#write(thread, MM_CID, concurrencyId);
  }

  #word(thread: number): number {
    return this.#read(thread, SLICE_CTRL);
  }

  #userSlot(thread: number, field: number): number {
    return (this.#get(thread, AREA) - 1) * AREA_SLOTS + (this.#get(thread, OFFSET) >> 2) + field;
  }

  #read(thread: number, field: number): number {
    return this.state[this.#userSlot(thread, field)] ?? 0;
  }

  #write(thread: number, field: number, value: number): void {
    this.state[this.#userSlot(thread, field)] = value;
  }

  #slot(thread: number): number {
    return this.areas * AREA_SLOTS + thread * THREAD_SLOTS;
  }

  #get(thread: number, slot: number): number {
    return this.state[this.areas * AREA_SLOTS + thread * THREAD_SLOTS + slot] ?? 0;
  }

  #set(thread: number, slot: number, value: number): void {
    this.state[this.areas * AREA_SLOTS + thread * THREAD_SLOTS + slot] = value;
  }
}

/** The granted byte as part of the word read as 32 bits, in this machine's byte order. */
const GRANTED_AS_BYTE =
  new Int32Array(
    Uint8Array.from({ length: CONTROL_WORD_BYTES }, (_, byte) => (byte === GRANTED_BYTE ? 1 : 0))
      .buffer,
  )[0] ?? 0;
