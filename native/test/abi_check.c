/* SPDX-License-Identifier: MIT */
/*
 * Holds rseq_slice/abi.h against what the libc and kernel headers of the target say, so
 * that a number copied wrongly for one architecture does not compile there. It
 * is never linked or run. Names that the headers of the day do not have yet are
 * passed over; rseq(2) itself is older than any of them, so it must be there.
 */
#include <linux/auxvec.h>
#include <linux/prctl.h>
#include <stddef.h>
#include <sys/rseq.h>
#include <sys/syscall.h>

#include <rseq_slice/abi.h>

RSEQ_SLICE_ABI_ASSERT(RSEQ_SLICE_ABI_NR_RSEQ == SYS_rseq, "system call number of rseq(2)");
/* Older glibc registers nothing on these two, and has no signature for them. */
#if defined(RSEQ_SIG) || !(defined(__riscv) || defined(__loongarch__))
RSEQ_SLICE_ABI_ASSERT(RSEQ_SLICE_ABI_SIGNATURE == RSEQ_SIG, "signature libc registers with");
#endif
RSEQ_SLICE_ABI_ASSERT(RSEQ_SLICE_ABI_FLAG_UNREGISTER == RSEQ_FLAG_UNREGISTER, "flag of rseq(2)");
RSEQ_SLICE_ABI_ASSERT(
	RSEQ_SLICE_ABI_CPU_ID_UNINITIALIZED == (int)RSEQ_CPU_ID_UNINITIALIZED, "cpu_id");
RSEQ_SLICE_ABI_ASSERT(
	RSEQ_SLICE_ABI_CPU_ID_REGISTRATION_FAILED == (int)RSEQ_CPU_ID_REGISTRATION_FAILED,
	"cpu_id");

#define SAME_FIELD(field)                                                                  \
	RSEQ_SLICE_ABI_ASSERT(                                                             \
		offsetof(struct rseq_slice_area, field) == offsetof(struct rseq, field) && \
			sizeof(((struct rseq_slice_area *)0)->field) ==                    \
				sizeof(((struct rseq *)0)->field),                         \
		"struct rseq: " #field)

SAME_FIELD(cpu_id_start);
SAME_FIELD(cpu_id);
SAME_FIELD(rseq_cs);
SAME_FIELD(flags);
RSEQ_SLICE_ABI_ASSERT(
	RSEQ_SLICE_ABI_LEGACY_LENGTH == 32 && sizeof(struct rseq) >= 32, "legacy length");

#ifdef AT_RSEQ_FEATURE_SIZE
RSEQ_SLICE_ABI_ASSERT(RSEQ_SLICE_ABI_AT_FEATURE_SIZE == AT_RSEQ_FEATURE_SIZE, "auxiliary vector");
RSEQ_SLICE_ABI_ASSERT(RSEQ_SLICE_ABI_AT_ALIGN == AT_RSEQ_ALIGN, "auxiliary vector");
#endif
#ifdef PR_RSEQ_SLICE_EXTENSION
RSEQ_SLICE_ABI_ASSERT(RSEQ_SLICE_ABI_PR_SLICE_EXTENSION == PR_RSEQ_SLICE_EXTENSION, "prctl");
RSEQ_SLICE_ABI_ASSERT(RSEQ_SLICE_ABI_PR_SLICE_GET == PR_RSEQ_SLICE_EXTENSION_GET, "prctl");
RSEQ_SLICE_ABI_ASSERT(RSEQ_SLICE_ABI_PR_SLICE_SET == PR_RSEQ_SLICE_EXTENSION_SET, "prctl");
RSEQ_SLICE_ABI_ASSERT(RSEQ_SLICE_ABI_PR_SLICE_ENABLE == PR_RSEQ_SLICE_EXT_ENABLE, "prctl");
#endif
#ifdef SYS_rseq_slice_yield
RSEQ_SLICE_ABI_ASSERT(
	RSEQ_SLICE_ABI_NR_SLICE_YIELD == SYS_rseq_slice_yield, "system call number of the yield");
#endif
