/* SPDX-License-Identifier: MIT */
/*
 * What the tests of rseq_percpu.h share. Its functions are compiled into each
 * object anew, and the tests do so in more than one way: as users have them,
 * with a wait between any two instructions of a sequence, and with a mistake
 * planted. A scenario is given one of them as a table, and counts what came out
 * wrong: 0 for those without a mistake, and for the others anything else.
 */
#ifndef RSEQ_SLICE_TEST_PERCPU_H
#define RSEQ_SLICE_TEST_PERCPU_H

#include <stddef.h>
#include <stdint.h>

#include <rseq_slice/rseq_percpu.h>

struct percpu_operations {
	void (*add)(const struct rseq_percpu_pool *pool, size_t offset, int64_t amount);
	int (*compare_and_store)(const struct rseq_percpu_pool *pool, size_t offset,
		int64_t expected, int64_t desired, int64_t *found);
	void (*push)(const struct rseq_percpu_pool *pool, size_t offset, void *node, size_t next);
	void *(*pop)(const struct rseq_percpu_pool *pool, size_t offset, size_t next);
	int (*put)(const struct rseq_percpu_pool *pool, size_t offset, const void *record);
	int (*fence)(const struct rseq_percpu_pool *pool);
};

/* percpu_plain.c: as users have them */
extern const struct percpu_operations percpu_plain;

/*
 * percpu_stepped.c: at step n a thread goes percpu_delays[n] times round a loop.
 * Without sequences they are the plain ones.
 */
enum { PERCPU_STEPS = 8 }; /* from 1 on */
extern uint32_t percpu_delays[PERCPU_STEPS];
extern const struct percpu_operations percpu_stepped;

/*
 * percpu_mistakes.c: one mistake each, all else as in percpu_stepped. Where there
 * are no sequences they have none.
 */
extern const struct percpu_operations percpu_without_sequence, percpu_with_early_id,
	percpu_with_early_commit, percpu_with_short_sequence, percpu_without_compare,
	percpu_without_owner, percpu_without_fence;

/* percpu_crew.c, percpu_words.c, percpu_lists.c, percpu_rings.c */

/* What goes on meanwhile, besides delays. */
enum {
	PERCPU_CALM = 0,
	PERCPU_AFFINITY = 1, /* all threads are moved about */
	PERCPU_SIGNALS = 2, /* and interrupted by a handler that adds, too */
	PERCPU_STORMS = PERCPU_AFFINITY | PERCPU_SIGNALS
};

/* Bytes of a stripe that the scenarios need. */
enum { PERCPU_BYTES = 4096 };

/* How much longer than in a short test: of RSEQ_SLICE_PERCPU_TIMES, else 1. */
unsigned int percpu_times(void);

/* A pool for scenarios, of what `api` says. */
void percpu_make_pool(struct rseq_percpu_pool *pool, const struct rseq_slice_api *api);

/* Runs a function in as many threads, among disturbances; each is given its number. */
void percpu_run_threads(size_t count, void (*run)(void *context, size_t number), void *context,
	unsigned int disturbances);

/* Is time up for the threads that run? They stop by their own count, or by this. */
int percpu_is_over(void);

/* Adds in as many threads, each as often: what is missing or too much. */
int64_t percpu_count_adds(const struct rseq_percpu_pool *pool,
	const struct percpu_operations *operations, size_t threads, int64_t adds);

/* For some time, each: what came out wrong. */
int64_t percpu_adds(const struct rseq_percpu_pool *pool, const struct percpu_operations *operations,
	unsigned int disturbances);
int64_t percpu_claims(const struct rseq_percpu_pool *pool,
	const struct percpu_operations *operations, unsigned int disturbances);
int64_t percpu_lists(const struct rseq_percpu_pool *pool,
	const struct percpu_operations *operations, unsigned int disturbances);
int64_t percpu_rings(const struct rseq_percpu_pool *pool,
	const struct percpu_operations *operations, unsigned int disturbances);
int64_t percpu_attachments(const struct rseq_percpu_pool *pool,
	const struct percpu_operations *operations, unsigned int disturbances);
int64_t percpu_fences(const struct rseq_percpu_pool *pool,
	const struct percpu_operations *operations, unsigned int disturbances);

#endif
