/* SPDX-License-Identifier: MIT */
/*
 * The threads of a scenario, and what all scenarios need beside them.
 */
#ifndef RSEQ_SLICE_TEST_PERCPU_CREW_H
#define RSEQ_SLICE_TEST_PERCPU_CREW_H

#include "percpu.h"

/* Where the scenarios have their words in a stripe: lines of their own. */
enum { COUNT = 0, OTHER_COUNT = 8, CLAIM = 128, HELD = 192, LIST = 256, RING = 512 };

/* percpu_crew.c */

/* Handlers add from now on, until the threads have ended. */
void percpu_let_handlers_add(
	const struct rseq_percpu_pool *pool, const struct percpu_operations *operations);

/* How often they did. */
int64_t percpu_get_handled(void);

/* Four for each CPU. */
size_t percpu_get_thread_count(void);

void percpu_pause(long nanoseconds);

static inline int64_t magnitude(int64_t number)
{
	return number < 0 ? -number : number;
}

static inline int64_t *word_of(const struct rseq_percpu_pool *pool, uint32_t stripe, size_t offset)
{
	return (int64_t *)((unsigned char *)rseq_percpu_stripe(pool, stripe) + offset);
}

#endif
