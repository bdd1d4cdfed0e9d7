// SPDX-License-Identifier: MIT
/**
 * Every number of the kernel's ABI that JavaScript needs, once. For C they stand in
 * `native/include/rseq_slice/abi.h`, under the same names with `RSEQ_SLICE_ABI_` before them, and a
 * test asks the C compiler whether the two agree. The numbers of our own C interface are in
 * `interface.ts`.
 *
 * Source, where nothing else is said: Linux `Documentation/userspace-api/rseq.rst` and
 * `include/uapi/linux/rseq.h`; for the first public ABI the mail of 2025-09-11 to linux-kernel.
 */

/** Bytes that members of `struct rseq` lie behind its start, under the names they have in C. */
export const AREA_OFFSETS = {
  cpu_id_start: 0,
  cpu_id: 4,
  rseq_cs: 8,
  flags: 16,
  node_id: 20,
  mm_cid: 24,
  slice_ctrl: 28,
  reserved: 32,
} as const;

/** Bytes of the first areas, without slices, and the alignment of those. */
export const LEGACY_LENGTH = 32;
/** Bytes of the shortest area that can have slices on Linux 7.1 and later. */
export const SLICE_LENGTH = 33;
/** Bytes that longer areas are aligned to: what AT_RSEQ_ALIGN says of one of 33. */
export const SLICE_ALIGNMENT = 64;

/** Bytes of `slice_ctrl`. */
export const CONTROL_WORD_BYTES = 4;
/** Byte of the control word that asks, from Linux 7.0 on. */
export const REQUEST_BYTE = 0;
/** Byte of the control word that is the grant, from Linux 7.0 on. */
export const GRANTED_BYTE = 1;
/** Bit of the control word that asks, in the first public ABI. */
export const REQUEST_BIT = 1;
/** Bit of the control word that is the grant, in the first public ABI. */
export const GRANTED_BIT = 2;

/** `struct rseq.cpu_id` of an area that is not registered. */
export const CPU_ID_UNINITIALIZED = -1;

/** `struct rseq.flags`: the kernel can grant slices to this area. */
export const FLAG_SLICE_AVAILABLE: number = 1 << 4;
/** `struct rseq.flags`: and this thread has asked for it with prctl. */
export const FLAG_SLICE_ENABLED: number = 1 << 5;

/** rseq(2), flags: take the registration back. */
export const FLAG_UNREGISTER = 1;
/** rseq(2), flags: register with slices enabled, from Linux 7.1 on. */
export const FLAG_SLICE_DEFAULT_ON = 2;

/** What libc registers with on x86-64; the kernel compares it when an area is unregistered. */
export const SIGNATURE = 0x53053053;

/** prctl(2), operation: everything about slices. `include/uapi/linux/prctl.h` */
export const PR_SLICE_EXTENSION = 79;
/** Its first argument: are slices enabled? */
export const PR_SLICE_GET = 1;
/** Its first argument: switch them on or off. */
export const PR_SLICE_SET = 2;
/** Its second argument with {@link PR_SLICE_SET}: on; 0 is off. */
export const PR_SLICE_ENABLE = 1;

/** rseq_slice_yield(2), on every architecture. `scripts/syscall.tbl` */
export const NR_SLICE_YIELD = 471;
/** The same in the first public ABI; on other kernels it is another call. */
export const NR_SLICE_YIELD_RFC = 470;

/** The kernel's 'not supported', which no libc has a name for. `include/linux/errno.h` */
export const ENOTSUPP = 524;

/**
 * Linux's error numbers, also where this runs on another system: what the simulated kernel answers
 * with. `include/uapi/asm-generic/errno.h`
 */
export const ErrorNumber = {
  EPERM: 1,
  ENXIO: 6,
  EFAULT: 14,
  EBUSY: 16,
  EINVAL: 22,
  ERANGE: 34,
  ENOSYS: 38,
} as const;

/**
 * ns; how long an extension may be, and is unless someone has set it. `kernel/rseq.c`; bits: the
 * first public ABI.
 */
export const EXTENSIONS = {
  bytes: { least: 5_000, default: 5_000, most: 50_000 },
  bits: { least: 10_000, default: 30_000, most: 50_000 },
} as const;
