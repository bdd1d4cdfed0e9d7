/* SPDX-License-Identifier: MIT */
/*
 * futex(2) on a word that threads of this process share. The engine's own
 * Atomics.wait takes a lock of the whole process for each wait and each wake;
 * whoever is preempted while holding that one stalls them all.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "futex.h"

#define NS_PER_S 1000000000

int rseq_slice_futex_wait(const int32_t *word, int32_t expected, int64_t timeout)
{
	struct timespec relative = {
		.tv_sec = timeout / NS_PER_S,
		.tv_nsec = timeout % NS_PER_S,
	};

	if (syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, timeout < 0 ? NULL : &relative,
		    NULL, 0) == 0)
		return 0;
	return -errno;
}

int rseq_slice_futex_wake(const int32_t *word, int count)
{
	long woken = syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);

	return woken < 0 ? -errno : (int)woken;
}
