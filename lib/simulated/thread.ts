// SPDX-License-Identifier: MIT
/**
 * The port over the machine: a thread on a simulated kernel, registered and
 * with slices enabled. Idle, it is what hosts without the feature run on: the
 * word is ordinary memory, used by the same control words as on Linux, and
 * nobody grants anything in it.
 */
import { threadId } from 'node:worker_threads';
import type { AbiVersion } from '../abi/interface.ts';
import {
  FLAG_UNREGISTER,
  LEGACY_LENGTH,
  PR_SLICE_ENABLE,
  PR_SLICE_SET,
  SIGNATURE,
} from '../abi/kernel.ts';
import { ControlWordBytes } from '../host/control-word-bytes.ts';
import { Cleared } from '../sections/control-word.ts';
import { RseqSliceError } from '../errors.ts';
import type { HostThread } from '../host/port.ts';
import { Machine } from './machine.ts';

export class SimulatedHostThread implements HostThread {
  readonly host = 'simulated';
  readonly registration = 'simulated';
  readonly abiVersion: AbiVersion;
  readonly controlWord: Uint8Array | null;
  protected readonly machine: Machine;
  /** Which of the machine's threads this is. */
  protected readonly index: number;

  /**
   * Registers the machine's thread and enables slices for it.
   * @throws {RseqSliceError} `ERR_RSEQ_UNAVAILABLE` when that kernel refuses.
   */
  constructor(machine: Machine = new Machine(), index = 0, mapped = true) {
    this.machine = machine;
    this.index = index;
    this.abiVersion = machine.abiVersion;
    register(machine, index);
    const { buffer, byteOffset } = machine.controlWord(index);
    this.controlWord = mapped ? new ControlWordBytes(buffer, byteOffset) : null;
  }

  /** Not called: the word is mapped. */
  enter(): number {
    return 0;
  }

  /** Not called: the word is mapped. */
  clear(): number {
    return Cleared.Preempted;
  }

  yieldSlice(): number {
    return this.machine.yieldSlice(this.index);
  }

  cpu(): number {
    return this.machine.cpu(this.index);
  }

  /** One node. */
  node(): number {
    return 0;
  }

  /** Unique, as on Linux, but not used again when a thread ends. */
  concurrencyId(): number {
    return threadId;
  }

  detach(): void {
    this.machine.rseq(
      this.index,
      this.index,
      0,
      areaLength(this.machine),
      FLAG_UNREGISTER,
      SIGNATURE,
    );
  }
}

/** The shortest area that can have slices. */
function areaLength(machine: Machine): number {
  return Math.max(LEGACY_LENGTH, machine.featureSize);
}

function register(machine: Machine, thread: number): void {
  const registered = machine.rseq(thread, thread, 0, areaLength(machine), 0, SIGNATURE);
  if (registered !== 0) refuse(machine, 'rseq', -registered);
  const enabled = machine.prctl(thread, PR_SLICE_SET, PR_SLICE_ENABLE);
  if (enabled === 0) return;
  machine.rseq(thread, thread, 0, areaLength(machine), FLAG_UNREGISTER, SIGNATURE);
  refuse(machine, 'prctl', -enabled);
}

function refuse({ feature, abiVersion }: Machine, syscall: string, errno: number): never {
  throw new RseqSliceError(
    'ERR_RSEQ_UNAVAILABLE',
    `No time slice extensions on this simulated kernel (ABI version '${abiVersion}', feature '${feature}'): ${syscall} says ${errno}.`,
    { errno, syscall },
  );
}
