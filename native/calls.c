/*
 * The calls that slice extensions themselves need: prctl to query and switch,
 * and the yield. Which area the thread has is registration.c's business.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "slice.h"

int sys_rseq(struct rseq_abi *area, uint32_t length, int flags, uint32_t signature)
{
	return syscall(RSEQ_ABI_NR_RSEQ, area, length, flags, signature) == 0 ? 0 : -errno;
}

/* Not libc's prctl(): its wrapper is variadic and some drop trailing zeroes. */
static int sys_prctl_slice(unsigned long operation, unsigned long argument)
{
	long result = syscall(SYS_prctl, (unsigned long)RSEQ_ABI_PR_SLICE_EXTENSION, operation,
			      argument, 0UL, 0UL);

	return result < 0 ? -errno : (int)result;
}

int sys_rseq_slice_yield(long number)
{
	long result = syscall(number);

	return result < 0 ? -errno : (int)result;
}

int rseq_slice_get_enabled(void)
{
	return sys_prctl_slice(RSEQ_ABI_PR_SLICE_GET, 0);
}

int rseq_slice_set_enabled(int enabled)
{
	return sys_prctl_slice(RSEQ_ABI_PR_SLICE_SET, enabled ? RSEQ_ABI_PR_SLICE_ENABLE : 0);
}

int rseq_slice_yield(enum rseq_slice_flavour flavour)
{
	return sys_rseq_slice_yield(flavour == RSEQ_SLICE_FLAVOUR_RFC ? RSEQ_ABI_NR_SLICE_YIELD_RFC
								      : RSEQ_ABI_NR_SLICE_YIELD);
}
