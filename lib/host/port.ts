// SPDX-License-Identifier: MIT
/**
 * The port: what a thread needs of a kernel. Two implement it, Linux through
 * the addon and the simulated one; everything above cannot tell them apart.
 */
import type { AbiVersion } from '../abi/interface.ts';

/** Which kernel serves a thread. */
export type HostName = 'linux' | 'simulated';

/** Whose rseq area a thread uses: libc's, our own, or our own in place of libc's. */
export type Registration = 'libc' | 'own' | 'replace' | 'simulated';

/** One thread's side of a kernel. Every method concerns the calling thread. */
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
