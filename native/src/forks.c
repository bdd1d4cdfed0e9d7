/* SPDX-License-Identifier: MIT */
/*
 * What the shim does for children of fork(2): it lets nobody fork while one of
 * its threads is inside the dynamic linker, whose lock the child would find held
 * for ever, and notes that what was attached before is the parent's.
 */
#include <pthread.h>

#include "shim.h"

unsigned int rseq_slice_fork_generation;

static pthread_mutex_t loader = PTHREAD_MUTEX_INITIALIZER;

void rseq_slice_lock_loader(void)
{
	pthread_mutex_lock(&loader);
}

void rseq_slice_unlock_loader(void)
{
	pthread_mutex_unlock(&loader);
}

static void begin_child(void)
{
	rseq_slice_fork_generation++;
	rseq_slice_unlock_loader();
}

__attribute__((constructor)) static void watch_forks(void)
{
	pthread_atfork(rseq_slice_lock_loader, rseq_slice_unlock_loader, begin_child);
}
