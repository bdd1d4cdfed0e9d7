// SPDX-License-Identifier: MIT
/**
 * The numbers of the kernel's ABI that JavaScript needs; `native/include/rseq_slice/abi.h` is the
 * same mirror for C, and a test holds the two together.
 *
 * Source: Linux `Documentation/userspace-api/rseq.rst`; for the `rfc` flavour
 * the mail of 2025-09-11 to linux-kernel.
 */

/**
 * Which of the ABI's forms a kernel speaks.
 * - `mainline`: Linux 7.1 and later. Bytes; only areas longer than 32 bytes.
 * - `7.0`: bytes; any area.
 * - `rfc`: the first public ABI. Bits of one word; yield at system call 470.
 */
export type Flavour = 'mainline' | '7.0' | 'rfc';

/** In the order of `enum rseq_slice_abi_version`; 0 there means 'find out'. */
export const FLAVOURS: readonly Flavour[] = ['mainline', '7.0', 'rfc'];

/** Bytes of `slice_ctrl`. */
export const CONTROL_WORD_BYTES = 4;

/** Byte 0 of the control word in the bytes dialect. */
export const REQUEST_BYTE = 0;
/** Byte 1 of the control word in the bytes dialect. */
export const GRANTED_BYTE = 1;

/** Bit 0 of the control word in the bits dialect. */
export const REQUEST_BIT = 1;
/** Bit 1 of the control word in the bits dialect. */
export const GRANTED_BIT = 2;

/** `struct rseq.flags`: the kernel can grant slices to this area. */
export const FLAG_AVAILABLE: number = 1 << 4;
/** `struct rseq.flags`: and this thread has asked for it with prctl. */
export const FLAG_ENABLED: number = 1 << 5;

/** The kernel's ENOTSUPP, which no libc has a name for. */
export const ENOTSUPP = 524;
