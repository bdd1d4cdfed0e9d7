// SPDX-License-Identifier: MIT
/**
 * The port over the addon: a thread on the real kernel. It turns what the addon
 * answers into the library's own words, and system call failures into errors.
 */
import { ABI_VERSIONS, REGISTRATIONS } from '../../abi/interface.ts';
import type { AbiVersion } from '../../abi/interface.ts';
import { RseqSliceError } from '../../errors.ts';
import { ControlWordBytes } from '../control-word-bytes.ts';
import type { HostOptions, HostThread, Registration } from '../port.ts';
import type { Binding } from './binding.ts';
import type { AreaIds } from './ids.ts';
import { describeFailure, nameErrno } from '../status.ts';
import type { Status } from '../status.ts';

export class LinuxHostThread implements HostThread {
  readonly host = 'linux';
  readonly registration: Registration;
  readonly abiVersion: AbiVersion;
  readonly controlWord: Uint8Array | null;
  readonly enter: () => number;
  readonly clear: () => number;
  readonly yieldSlice: () => number;
  readonly #binding: Binding;
  readonly #ids: AreaIds;
  /** Loads, or calls where nothing is to be mapped. */
  readonly #source: Pick<HostThread, 'cpu' | 'node' | 'concurrencyId'>;

  private constructor(
    binding: Binding,
    ids: AreaIds,
    registration: Registration,
    abiVersion: AbiVersion,
    controlWord: Uint8Array | null,
    isMapped: boolean,
  ) {
    this.#binding = binding;
    this.#ids = ids;
    this.#source = isMapped ? ids : binding;
    this.registration = registration;
    this.abiVersion = abiVersion;
    this.controlWord = controlWord;
    this.enter = binding.enter;
    this.clear = binding.clear;
    this.yieldSlice = binding.yieldSlice;
  }

  /** Attaches the calling thread, or tells why it cannot be. */
  static attach(binding: Binding, ids: AreaIds, options: HostOptions): LinuxHostThread | Status {
    const raw = binding.attach(
      REGISTRATIONS.indexOf(options.registration),
      options.abiVersion === 'auto' ? 0 : ABI_VERSIONS.indexOf(options.abiVersion) + 1,
    );
    const registration = REGISTRATIONS[raw.registration ?? 0];
    const abiVersion = ABI_VERSIONS[(raw.abiVersion ?? 0) - 1];
    if (
      raw.errno !== 0 ||
      registration === undefined ||
      registration === 'auto' ||
      abiVersion === undefined
    ) {
      return describeFailure(raw.step, raw.errno, raw.users);
    }
    const controlWord = options.mapped ? binding.controlWord() : null;
    ids.forget();
    return new LinuxHostThread(
      binding,
      ids,
      registration,
      abiVersion,
      controlWord && new ControlWordBytes(controlWord),
      options.mapped,
    );
  }

  cpu(): number {
    return this.#source.cpu();
  }

  node(): number {
    return this.#source.node();
  }

  concurrencyId(): number {
    return this.#source.concurrencyId();
  }

  detach(): void {
    // The memory may go with the registration.
    this.#ids.forget();
    const errno = this.#binding.detach();
    if (errno !== 0) {
      throw new RseqSliceError(
        'ERR_RSEQ_SYSTEM',
        `The kernel did not take this thread's registration back: rseq says ${nameErrno(errno)}. ` +
          'The thread object is detached all the same.',
        { errno, syscall: 'rseq' },
      );
    }
  }
}
