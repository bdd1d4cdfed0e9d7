/* SPDX-License-Identifier: MIT */
/*
 * Our mirror of the kernel's rseq user space ABI, as far as slice extensions
 * need it: layouts, system call numbers, signatures and bits. It stands on its
 * own so that the shim builds with the headers of any distribution; the static
 * asserts hold every offset to what the kernel publishes in linux/rseq.h.
 */
#ifndef RSEQ_SLICE_ABI_H
#define RSEQ_SLICE_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define RSEQ_SLICE_ABI_ASSERT static_assert
#else
#define RSEQ_SLICE_ABI_ASSERT _Static_assert
#endif

/*
 * One per thread. The kernel writes every field but rseq_cs and slice_ctrl at
 * each context switch; from Linux 7.1 on, user space that writes the others in
 * an area longer than 32 bytes is killed. Aligned as the kernel's: libc's area
 * need not be aligned to more, whatever AT_RSEQ_ALIGN asks of longer ones.
 */
struct rseq_slice_area {
	/* Kernel writes. Current CPU; 0 before registration. */
	volatile uint32_t cpu_id_start;
	/* Kernel writes. Current CPU; RSEQ_SLICE_ABI_CPU_ID_* when negative. */
	volatile uint32_t cpu_id;
	/* User space sets, kernel clears. Active restartable sequence or 0. */
	volatile uint64_t rseq_cs;
	/* Kernel writes. RSEQ_SLICE_ABI_FLAG_SLICE_*; other bits are historical. */
	volatile uint32_t flags;
	/* Kernel writes. Current NUMA node. */
	volatile uint32_t node_id;
	/* Kernel writes. Small number, unique among the process's running threads. */
	volatile uint32_t mm_cid;
	/* Both write: the control word; which half of the union, the ABI version says. */
	union {
		volatile uint32_t word;
		struct {
			volatile uint8_t request;
			volatile uint8_t granted;
		} bytes;
	} slice_ctrl;
	/* Makes the feature size 33, so that longer areas announce themselves. */
	volatile uint8_t reserved;
} __attribute__((aligned(32)));

RSEQ_SLICE_ABI_ASSERT(offsetof(struct rseq_slice_area, cpu_id_start) == 0, "rseq ABI");
RSEQ_SLICE_ABI_ASSERT(offsetof(struct rseq_slice_area, cpu_id) == 4, "rseq ABI");
RSEQ_SLICE_ABI_ASSERT(offsetof(struct rseq_slice_area, rseq_cs) == 8, "rseq ABI");
RSEQ_SLICE_ABI_ASSERT(offsetof(struct rseq_slice_area, flags) == 16, "rseq ABI");
RSEQ_SLICE_ABI_ASSERT(offsetof(struct rseq_slice_area, node_id) == 20, "rseq ABI");
RSEQ_SLICE_ABI_ASSERT(offsetof(struct rseq_slice_area, mm_cid) == 24, "rseq ABI");
RSEQ_SLICE_ABI_ASSERT(offsetof(struct rseq_slice_area, slice_ctrl) == 28, "rseq ABI");
RSEQ_SLICE_ABI_ASSERT(offsetof(struct rseq_slice_area, slice_ctrl.bytes.request) == 28, "rseq ABI");
RSEQ_SLICE_ABI_ASSERT(offsetof(struct rseq_slice_area, slice_ctrl.bytes.granted) == 29, "rseq ABI");
RSEQ_SLICE_ABI_ASSERT(offsetof(struct rseq_slice_area, reserved) == 32, "rseq ABI");
RSEQ_SLICE_ABI_ASSERT(sizeof(((struct rseq_slice_area *)0)->slice_ctrl) == 4, "rseq ABI");

#define RSEQ_SLICE_ABI_LEGACY_LENGTH 32u
/* The shortest area that can have slices on Linux 7.1 and later. */
#define RSEQ_SLICE_ABI_SLICE_LENGTH 33u

/*
 * struct rseq_slice_area.cpu_id as a signed number: nobody registered the area,
 * or libc was refused.
 */
#define RSEQ_SLICE_ABI_CPU_ID_UNINITIALIZED (-1)
#define RSEQ_SLICE_ABI_CPU_ID_REGISTRATION_FAILED (-2)

/* rseq(2), flags. The second from Linux 7.1 on: registered with slices enabled. */
#define RSEQ_SLICE_ABI_FLAG_UNREGISTER 1
#define RSEQ_SLICE_ABI_FLAG_SLICE_DEFAULT_ON 2

/* struct rseq_slice_area.flags. */
#define RSEQ_SLICE_ABI_FLAG_SLICE_AVAILABLE (1u << 4)
#define RSEQ_SLICE_ABI_FLAG_SLICE_ENABLED (1u << 5)

/* The control word in the first public ABI; later it is two bytes of struct rseq_slice_area. */
#define RSEQ_SLICE_ABI_REQUEST_BIT (1u << 0)
#define RSEQ_SLICE_ABI_GRANTED_BIT (1u << 1)

#define RSEQ_SLICE_ABI_AT_FEATURE_SIZE 27
#define RSEQ_SLICE_ABI_AT_ALIGN 28

#define RSEQ_SLICE_ABI_PR_SLICE_EXTENSION 79
#define RSEQ_SLICE_ABI_PR_SLICE_GET 1
#define RSEQ_SLICE_ABI_PR_SLICE_SET 2
#define RSEQ_SLICE_ABI_PR_SLICE_ENABLE 1

/* The kernel's internal 'not supported', which no libc has a name for. */
#define RSEQ_SLICE_ABI_ENOTSUPP 524

/* rseq_slice_yield(2): mainline on every architecture, and the first public ABI. */
#define RSEQ_SLICE_ABI_NR_SLICE_YIELD 471
#define RSEQ_SLICE_ABI_NR_SLICE_YIELD_RFC 470

/*
 * rseq(2)'s number, and the signature libc registers with, which the kernel
 * compares when an area is unregistered.
 */
#if defined(__x86_64__) && !defined(__ILP32__)
#define RSEQ_SLICE_ABI_NR_RSEQ 334
#define RSEQ_SLICE_ABI_SIGNATURE 0x53053053u
#elif defined(__aarch64__) && !defined(__AARCH64EB__)
#define RSEQ_SLICE_ABI_NR_RSEQ 293
#define RSEQ_SLICE_ABI_SIGNATURE 0xd428bc00u
#elif defined(__aarch64__)
#define RSEQ_SLICE_ABI_NR_RSEQ 293
#define RSEQ_SLICE_ABI_SIGNATURE 0x00bc28d4u
#elif defined(__riscv) && __riscv_xlen == 64
#define RSEQ_SLICE_ABI_NR_RSEQ 293
#define RSEQ_SLICE_ABI_SIGNATURE 0xf1401073u
#elif defined(__s390x__)
#define RSEQ_SLICE_ABI_NR_RSEQ 383
#define RSEQ_SLICE_ABI_SIGNATURE 0xb2ff0fffu
#elif defined(__loongarch64)
#define RSEQ_SLICE_ABI_NR_RSEQ 293
#define RSEQ_SLICE_ABI_SIGNATURE 0x002a0010u
#else
#error "rseq-slice: this architecture has no rseq numbers here"
#endif

#endif
