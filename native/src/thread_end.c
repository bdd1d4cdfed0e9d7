/* SPDX-License-Identifier: MIT */
/*
 * Threads that end attached: each is given back by a destructor of
 * thread-specific data, behind those of everybody else.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

#include "shim.h"
#ifdef RSEQ_SLICE_OLDEST_GLIBC
#include "glibc.h"
#endif

/* One more than the key whose destructor gives a thread back that ends attached; 0: none yet. */
static atomic_uint end_key;

/*
 * The area would be lost with the thread otherwise. Other destructors may still
 * have sections to go through or references to drop, and nobody orders them, so
 * this one asks to be called again until there is no other round.
 */
static void end_thread(void *argument)
{
	struct rseq_slice_thread *thread = argument;
	sigset_t saved;

	if (++thread->end_rounds < PTHREAD_DESTRUCTOR_ITERATIONS &&
		pthread_setspecific(atomic_load(&end_key) - 1, thread) == 0)
		return;
	/* For the rest of its life: a handler with a section in it would find the object gone. */
	rseq_slice_block_signals(&saved);
	thread->references = 1;
	rseq_slice_detach(thread);
}

/* 0: no key is left. No pthread_once(3): a child of fork(2) may find that under way for ever. */
static unsigned int get_end_key(void)
{
	unsigned int present = atomic_load(&end_key);
	pthread_key_t key;

	if (present != 0 || pthread_key_create(&key, end_thread) != 0)
		return present;
	if (atomic_compare_exchange_strong(&end_key, &present, key + 1))
		return key + 1;
	pthread_key_delete(key);
	return present;
}

void rseq_slice_set_thread_end(struct rseq_slice_thread *thread)
{
	unsigned int key = get_end_key();

	if (key != 0)
		pthread_setspecific(key - 1, thread);
}
