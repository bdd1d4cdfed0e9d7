/**
 * The simulated kernel, idle: a control word in ordinary memory that nobody
 * ever grants anything in. Hosts without the feature run on it at the cost of
 * the real one. It never touches the addon.
 */
import { threadId } from 'node:worker_threads';
import { CONTROL_WORD_BYTES } from '../abi.ts';
import type { Flavour } from '../abi.ts';
import { Cleared } from '../control-word.ts';
import type { KernelThread } from '../kernel.ts';

export class SimulatedKernelThread implements KernelThread {
  readonly backend = 'simulated';
  readonly registration = 'simulated';
  readonly flavour: Flavour;
  readonly controlWord: ArrayBuffer = new ArrayBuffer(CONTROL_WORD_BYTES);

  constructor(flavour: Flavour = 'mainline') {
    this.flavour = flavour;
  }

  /** Never called: the word is mapped. */
  enter(): number {
    return 0;
  }

  /** Never called: the word is mapped. */
  clear(): number {
    return Cleared.Revoked;
  }

  yieldSlice(): number {
    return 0;
  }

  /** One CPU. */
  cpu(): number {
    return 0;
  }

  /** One node. */
  node(): number {
    return 0;
  }

  /** Unique, as on Linux, but not reused when a thread ends. */
  concurrencyId(): number {
    return threadId;
  }

  detach(): void {
    // Nothing was registered.
  }
}
