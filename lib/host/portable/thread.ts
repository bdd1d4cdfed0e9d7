// SPDX-License-Identifier: MIT
/**
 * A thread without a kernel that grants anything. Its word is ordinary memory, used by the same
 * control words as on Linux: a section costs the same, and is never disturbed.
 */
import type { AbiVersion } from '../../abi/interface.ts';
import { CONTROL_WORD_BYTES } from '../../abi/kernel.ts';
import { ControlWordBytes } from '../control-word-bytes.ts';
import type { HostThread } from '../port.ts';
import { PortableIds } from './ids.ts';

export class PortableHostThread implements HostThread {
  readonly host = 'simulated';
  readonly registration = 'simulated';
  readonly abiVersion: AbiVersion;
  readonly controlWord: Uint8Array = new ControlWordBytes(new ArrayBuffer(CONTROL_WORD_BYTES));

  readonly #ids = new PortableIds();

  constructor(abiVersion: AbiVersion) {
    this.abiVersion = abiVersion;
  }

  /** Not called: the word is mapped. */
  enter(): number {
    return 0;
  }

  /** Not called: the word is mapped. */
  clear(): number {
    return 0;
  }

  /** There is never a grant. */
  yieldSlice(): number {
    return 0;
  }

  cpu(): number {
    return this.#ids.cpu();
  }

  node(): number {
    return this.#ids.node();
  }

  concurrencyId(): number {
    return this.#ids.concurrencyId();
  }

  detach(): void {
    // There is nobody who knows of the thread.
  }
}
