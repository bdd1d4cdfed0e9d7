// SPDX-License-Identifier: MIT
/**
 * The numbers of our own C interface, `native/include/rseq_slice/slice.h`, which the addon hands to
 * JavaScript as they are: each list is in the order of an enum there, and a test asks the C
 * compiler whether it is. The kernel's numbers are in `kernel.ts`.
 */

/**
 * Which version of the ABI a kernel has.
 * - `mainline`: Linux 7.1 and later. Bytes; only areas longer than 32 bytes.
 * - `7.0`: bytes; any area.
 * - `rfc`: the first public ABI. Bits of one word; yield at system call 470.
 */
export type AbiVersion = 'mainline' | '7.0' | 'rfc';

/** In the order of `enum rseq_slice_abi_version`, from 1; 0 there means 'find out'. */
export const ABI_VERSIONS: readonly AbiVersion[] = ['mainline', '7.0', 'rfc'];

/**
 * Whose rseq area a thread is to use.
 * - `auto`: whichever can have slices and harms nobody.
 * - `libc`: the area that libc registers.
 * - `own`: one of the library's, where libc registers none.
 * - `replace`: one of the library's, in the place of libc's.
 */
export type RegistrationPolicy = 'auto' | 'libc' | 'own' | 'replace';

/** In the order of `enum rseq_slice_registration`. */
export const REGISTRATIONS: readonly RegistrationPolicy[] = ['auto', 'libc', 'own', 'replace'];

/** In the order of `enum rseq_slice_step`: what failed when a thread was to be attached. */
export const STEPS = [
  'none',
  'feature',
  'boot',
  'legacy',
  'foreign',
  'register',
  'unregister',
  'enable',
  'memory',
  'policy',
  'abi-version',
  'users',
] as const;

/** How an object uses rseq: libc's areas, by way of librseq, or areas of its own. */
export type Use = 'libc-area' | 'librseq' | 'own-areas';

/** In the order of `enum rseq_slice_user_kind`, from 1. */
export const USES: readonly Use[] = ['libc-area', 'librseq', 'own-areas'];

/**
 * How a section ended, as `enum rseq_slice_outcome` has it; small constants, so that `leave`
 * allocates nothing.
 */
export const Outcome = {
  /** Nobody wanted the CPU meanwhile. */
  Undisturbed: 0,
  /** The slice was extended, and the CPU given up at the end. */
  Yielded: 1,
  /** The slice was extended, but the extension was over by the time we yielded. */
  Raced: 2,
  /** The thread was scheduled out inside the section. */
  Preempted: 3,
  /** Not the outermost layer: nothing was done. */
  Nested: 4,
} as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];
