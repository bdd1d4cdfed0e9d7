/* SPDX-License-Identifier: MIT */
/*
 * The system calls: prctl to query and switch, rseq(2), and the yield. Which
 * area the thread has is attach.c's business.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim.h"

int sys_rseq(struct rseq_slice_area *area, uint32_t length, int flags, uint32_t signature)
{
	return syscall(RSEQ_SLICE_ABI_NR_RSEQ, area, (unsigned long)length, (long)flags,
		       (unsigned long)signature, 0UL, 0UL) == 0
		       ? 0
		       : -errno;
}

/* Not libc's prctl(): its wrapper is variadic and some drop trailing zeroes. */
static int sys_prctl_slice(unsigned long operation, unsigned long argument)
{
	long result = syscall(SYS_prctl, (unsigned long)RSEQ_SLICE_ABI_PR_SLICE_EXTENSION,
		operation, argument, 0UL, 0UL, 0UL);

	return result < 0 ? -errno : (int)result;
}

int sys_rseq_slice_yield(long number)
{
	/* It has no arguments; on other kernels 470 is a call that writes through its second one.
	 */
	long result = syscall(number, 0UL, 0UL, 0UL, 0UL, 0UL, 0UL);

	return result < 0 ? -errno : (int)result;
}

pid_t sys_gettid(void)
{
	return (pid_t)syscall(SYS_gettid, 0UL, 0UL, 0UL, 0UL, 0UL, 0UL);
}

int rseq_slice_get_enabled(void)
{
	return sys_prctl_slice(RSEQ_SLICE_ABI_PR_SLICE_GET, 0);
}

int rseq_slice_set_enabled(int enabled)
{
	return sys_prctl_slice(
		RSEQ_SLICE_ABI_PR_SLICE_SET, enabled ? RSEQ_SLICE_ABI_PR_SLICE_ENABLE : 0);
}

/*
 * Which area a thread has the kernel does not tell; that one of another address
 * cannot be had where there is one already, it does. The address is the
 * kernel's own, so nothing can be registered by the question.
 */
int rseq_slice_is_registered(void)
{
	struct rseq_slice_area *nowhere = (struct rseq_slice_area *)-4096L;

	int error = sys_rseq(nowhere, RSEQ_SLICE_ABI_LEGACY_LENGTH, 0, RSEQ_SLICE_ABI_SIGNATURE);

	return error == -EFAULT ? 0 : error == -EINVAL ? 1 : error;
}

int rseq_slice_yield_cpu(enum rseq_slice_abi_version abi_version)
{
	return sys_rseq_slice_yield(abi_version == RSEQ_SLICE_ABI_VERSION_RFC
					    ? RSEQ_SLICE_ABI_NR_SLICE_YIELD_RFC
					    : RSEQ_SLICE_ABI_NR_SLICE_YIELD);
}
