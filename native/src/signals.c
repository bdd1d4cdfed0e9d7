/* SPDX-License-Identifier: MIT */
/*
 * Which signals a thread hears while its area changes hands, and after it has
 * been given back.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>

#include "shim.h"
#ifdef RSEQ_SLICE_OLDEST_GLIBC
#include "glibc.h"
#endif

void rseq_slice_block_signals(sigset_t *saved)
{
	static const int synchronous[] = { SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS,
		SIGTRAP };
	sigset_t blocked;
	size_t i;

	sigfillset(&blocked);
	for (i = 0; i < sizeof(synchronous) / sizeof(*synchronous); i++)
		sigdelset(&blocked, synchronous[i]);
	/* SIG_BLOCK: who blocked one of those has done so on purpose. */
	pthread_sigmask(SIG_BLOCK, &blocked, saved);
}

void rseq_slice_restore_signals(const sigset_t *saved)
{
	pthread_sigmask(SIG_SETMASK, saved, NULL);
}
