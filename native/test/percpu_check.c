/* SPDX-License-Identifier: MIT */
/*
 * Each function of rseq_percpu.h that has a restartable sequence, as C and as
 * C++ use it: by a function of its own, inlined into another one, and, in C++,
 * in a template that two files have. Linked as a library it is what the checks
 * of descriptors look at. As a program it has eight threads use all of them,
 * and checks that nothing was lost: it ends with 0, prints what is wrong, or 77
 * with a reason where a thread cannot be made.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <rseq_slice/rseq_percpu.h>

struct node {
	uint64_t number;
	struct node *next;
};

#ifdef __cplusplus
template <int Offset> void add_at(const struct rseq_percpu_pool *pool)
{
	rseq_percpu_add(pool, Offset, 1);
}

inline void *pop_first(const struct rseq_percpu_pool *pool)
{
	return rseq_percpu_pop(pool, 0, offsetof(struct node, next));
}
#endif

#ifdef PERCPU_CHECK_SECOND

#ifdef __cplusplus
void use_second(const struct rseq_percpu_pool *pool);
void use_second(const struct rseq_percpu_pool *pool)
{
	add_at<8>(pool);
	pop_first(pool);
}
#endif

#else

enum { THREADS = 8, ROUNDS = 2000, CAPACITY = 64 };
enum { COUNTER = 0, COMPARED = 8, LIST = 16, RING = 32 };

struct record {
	uint64_t number, twice, thrice;
};

void use_add(const struct rseq_percpu_pool *pool, int64_t amount);
int use_compare_and_store(
	const struct rseq_percpu_pool *pool, int64_t expected, int64_t desired, int64_t *found);
void use_push(const struct rseq_percpu_pool *pool, struct node *node);
struct node *use_pop(const struct rseq_percpu_pool *pool);
int use_put(const struct rseq_percpu_pool *pool, const struct record *record);

void use_add(const struct rseq_percpu_pool *pool, int64_t amount)
{
	rseq_percpu_add(pool, COUNTER, amount);
}

int use_compare_and_store(
	const struct rseq_percpu_pool *pool, int64_t expected, int64_t desired, int64_t *found)
{
	return rseq_percpu_compare_and_store(pool, COMPARED, expected, desired, found);
}

void use_push(const struct rseq_percpu_pool *pool, struct node *node)
{
	rseq_percpu_push(pool, LIST, node, offsetof(struct node, next));
}

struct node *use_pop(const struct rseq_percpu_pool *pool)
{
	return (struct node *)rseq_percpu_pop(pool, LIST, offsetof(struct node, next));
}

int use_put(const struct rseq_percpu_pool *pool, const struct record *record)
{
	return rseq_percpu_put(pool, RING, record);
}

#ifdef __cplusplus
void use_templates(const struct rseq_percpu_pool *pool);
void use_templates(const struct rseq_percpu_pool *pool)
{
	add_at<8>(pool);
	add_at<16>(pool);
	pop_first(pool);
}
#endif

#ifndef PERCPU_CHECK_NO_MAIN

static struct rseq_percpu_pool pool;
static struct node nodes[THREADS * ROUNDS];
static unsigned int popped[THREADS * ROUNDS], taken[THREADS * ROUNDS];
static unsigned int failures;

#define CHECK(condition)                                                                  \
	do {                                                                              \
		if (!(condition)) {                                                       \
			fprintf(stderr, "percpu_check.c:%d: " #condition "\n", __LINE__); \
			__atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);               \
		}                                                                         \
	} while (0)

static void take_all(void)
{
	struct record record;
	uint32_t stripe;

	for (stripe = 0; stripe < rseq_percpu_count(&pool); stripe++)
		while (rseq_percpu_take(&pool, stripe, RING, &record)) {
			CHECK(record.twice == 2 * record.number);
			CHECK(record.thrice == 3 * record.number);
			if (record.number < THREADS * ROUNDS)
				__atomic_fetch_add(&taken[record.number], 1, __ATOMIC_RELAXED);
		}
}

static int pop_one(void)
{
	struct node *node = use_pop(&pool);

	if (node)
		__atomic_fetch_add(&popped[node->number], 1, __ATOMIC_RELAXED);
	return node != NULL;
}

static void *work(void *argument)
{
	size_t first = (size_t)argument * ROUNDS, number;

	for (number = first; number < first + ROUNDS; number++) {
		struct record record = { number, 2 * number, 3 * number };
		int64_t seen = 0;

		use_add(&pool, (int64_t)number);
		while (!use_compare_and_store(&pool, seen, seen + 1, &seen))
			;
		nodes[number].number = number;
		use_push(&pool, &nodes[number]);
		if (number % 2 == 0)
			pop_one();
		while (!use_put(&pool, &record))
			take_all();
	}
	return NULL;
}

/* Lists of other stripes, when nobody works on them any more. */
static void pop_rest(void)
{
	uint32_t stripe;

	for (stripe = 0; stripe < rseq_percpu_count(&pool); stripe++) {
		struct rseq_percpu_list *list =
			(struct rseq_percpu_list *)((unsigned char *)rseq_percpu_stripe(
							    &pool, stripe) +
						    LIST);
		struct node *node;

		for (node = (struct node *)list->first; node; node = node->next)
			popped[node->number]++;
	}
}

int main(void)
{
	pthread_t threads[THREADS];
	const uint64_t all = THREADS * ROUNDS;
	size_t i;

	if (rseq_percpu_create(&pool, rseq_slice_get_api(),
		    RING + RSEQ_PERCPU_RING_BYTES(CAPACITY, sizeof(struct record))) != 0 ||
		rseq_percpu_make_rings(&pool, RING, CAPACITY, sizeof(struct record)) != 0)
		return 1;
	for (i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)i) != 0) {
			puts("no thread can be made");
			return 77;
		}
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pop_rest();
	take_all();
	CHECK(rseq_percpu_sum(&pool, COUNTER) == (int64_t)(all * (all - 1) / 2));
	CHECK(rseq_percpu_sum(&pool, COMPARED) == (int64_t)all);
	for (i = 0; i < all; i++)
		CHECK(popped[i] == 1 && taken[i] == 1);
	printf("%s: %" PRIu64 " of each\n",
		rseq_percpu_is_restartable(&pool) ? "restartable" : "atomics", all);
	rseq_percpu_destroy(&pool);
	return failures > 0;
}

#endif
#endif
