// SPDX-License-Identifier: MIT
/**
 * Where the calling thread runs: loads from its rseq area, which the kernel
 * writes. The memory is never handed out, since the kernel kills a thread that
 * has written there, so it is in a private field and goes nowhere else.
 *
 * An area can cease to be registered while this has it: `attach()` may put
 * another in its place, and so may C code or a second copy of this package. The
 * kernel makes its CPU negative then, so every load looks at that first.
 */
import { threadId } from 'node:worker_threads';
import { AREA_OFFSETS } from '../../abi/kernel.ts';
import type { ThreadIds } from '../port.ts';
import type { Binding } from './binding.ts';

const WORD_BYTES = Int32Array.BYTES_PER_ELEMENT;
const CPU_ID = AREA_OFFSETS.cpu_id / WORD_BYTES;
const NODE_ID = AREA_OFFSETS.node_id / WORD_BYTES;
const CONCURRENCY_ID = AREA_OFFSETS.mm_cid / WORD_BYTES;
/** How many questions the addon answers by calls before the area is looked for again. */
const PATIENCE = 1000;

/** With a hidden class of their own, as `ControlWordBytes`. */
class AreaWords extends Int32Array<ArrayBuffer> {}

/** An area that is not registered. */
const NOWHERE = new AreaWords(new ArrayBuffer(AREA_OFFSETS.slice_ctrl)).fill(-1);

export class AreaIds implements ThreadIds {
  readonly #binding: Pick<Binding, 'areaIds' | 'featureSize' | 'cpu' | 'node' | 'concurrencyId'>;
  readonly #thread: number = threadId;
  /** Of the concurrency ID, or of the CPU where this kernel has none. */
  readonly #concurrencyAt: number;
  /** Whether the kernel writes the node down. */
  readonly #hasNode: boolean;
  #words: AreaWords = NOWHERE;
  /** How many questions are still answered by calls. */
  #patience = 0;

  constructor(
    binding: Pick<Binding, 'areaIds' | 'featureSize' | 'cpu' | 'node' | 'concurrencyId'>,
  ) {
    this.#binding = binding;
    const known = binding.featureSize();
    this.#hasNode = known >= (NODE_ID + 1) * WORD_BYTES;
    this.#concurrencyAt = known >= (CONCURRENCY_ID + 1) * WORD_BYTES ? CONCURRENCY_ID : CPU_ID;
  }

  get source(): 'area' | 'call' {
    return this.#isLive() ? 'area' : 'call';
  }

  cpu(): number {
    const cpu = this.#words[CPU_ID] as number;
    return cpu >= 0 ? cpu : this.#isLive() ? (this.#words[CPU_ID] as number) : this.#binding.cpu();
  }

  node(): number {
    if (this.#hasNode && ((this.#words[CPU_ID] as number) >= 0 || this.#isLive()))
      return this.#words[NODE_ID] as number;
    return this.#binding.node();
  }

  concurrencyId(): number {
    if ((this.#words[CPU_ID] as number) >= 0 || this.#isLive())
      return this.#words[this.#concurrencyAt] as number;
    return this.#binding.concurrencyId();
  }

  stripe(): number {
    if ((this.#words[CPU_ID] as number) >= 0 || this.#isLive())
      return this.#words[this.#concurrencyAt] as number;
    return this.#thread;
  }

  /** The calling thread is about to have another area, or has it. */
  forget(): void {
    this.#words = NOWHERE;
    this.#patience = 0;
  }

  /** Whether the area is registered, after another one was looked for where it is not. */
  #isLive(): boolean {
    if ((this.#words[CPU_ID] as number) >= 0) return true;
    if (this.#patience > 0) {
      this.#patience--;
      return false;
    }
    const found = this.#binding.areaIds();
    if (found === null) {
      this.#patience = PATIENCE;
      return false;
    }
    this.#words = new AreaWords(found);
    return true;
  }
}
