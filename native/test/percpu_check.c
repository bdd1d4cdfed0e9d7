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

#ifdef RSEQ_PERCPU_HAS_SEQUENCES
/*
 * One thread with an area that no kernel knows, so that the instructions run
 * under an emulator, too. All that is lacking is somebody who interrupts them.
 */
static void check_instructions(void)
{
	static struct rseq_slice_area area;
	static int64_t words[3][64];
	struct rseq_percpu_pool fake;
	struct node first = { 1, NULL }, second = { 2, NULL };
	struct record record = { 5, 10, 15 }, taken_record = { 0, 0, 0 };
	const ptrdiff_t at = (ptrdiff_t)&area - rseq_percpu_thread_pointer();
	unsigned char *base = (unsigned char *)words;
	int64_t found = 0;
	void *node = &fake;
	int i;

	CHECK(rseq_percpu_over(&fake, NULL, words, 2, 9) == 0);
	fake.id_offset = offsetof(struct rseq_slice_area, mm_cid);
	CHECK(rseq_percpu_make_rings(&fake, RING, 2, sizeof(struct record)) == 0);
	area.mm_cid = 1;
	CHECK(rseq_percpu_sequence_add(at, &fake, base, 40) && words[1][0] == 40);
	CHECK(rseq_percpu_sequence_add(at, &fake, base, -((int64_t)1 << 40)));
	CHECK(words[1][0] == 40 - ((int64_t)1 << 40));
	CHECK(area.rseq_cs != 0);
	CHECK(rseq_percpu_sequence_compare_and_store(
		      at, &fake, base + COMPARED, 0, INT64_MIN, &found) == 1);
	CHECK(rseq_percpu_sequence_compare_and_store(at, &fake, base + COMPARED, 0, 1, &found) ==
		0);
	CHECK(found == INT64_MIN && words[1][1] == INT64_MIN);

	CHECK(rseq_percpu_sequence_pop(at, &fake, base + LIST, 8, &node) && !node);
	CHECK(rseq_percpu_sequence_push(at, &fake, base + LIST, &first, &first.next));
	CHECK(rseq_percpu_sequence_push(at, &fake, base + LIST, &second, &second.next));
	CHECK(second.next == &first);
	CHECK(rseq_percpu_sequence_pop(at, &fake, base + LIST, 8, &node) && node == &second);
	CHECK(rseq_percpu_sequence_pop(at, &fake, base + LIST, 8, &node) && node == &first);
	CHECK(rseq_percpu_sequence_pop(at, &fake, base + LIST, 8, &node) && !node);

	/* Each place of the ring, and the place behind it stays as it is. */
	words[1][14] = -7;
	for (i = 0; i < 5; i++) {
		record.number = (uint64_t)i;
		CHECK(rseq_percpu_sequence_put(at, &fake, base + RING, &record) == 1);
		if (i == 0)
			continue;
		CHECK(rseq_percpu_sequence_put(at, &fake, base + RING, &record) == 0);
		CHECK(rseq_percpu_take(&fake, 1, RING, &taken_record) == 1);
		CHECK(taken_record.number == (uint64_t)i - 1 && taken_record.twice == 10 &&
			taken_record.thrice == 15);
	}
	CHECK(words[1][14] == -7);

	/* Ids that are none. */
	area.mm_cid = 2;
	CHECK(!rseq_percpu_sequence_add(at, &fake, base, 1));
	area.mm_cid = UINT32_MAX;
	CHECK(!rseq_percpu_sequence_push(at, &fake, base + LIST, &first, &first.next));
	area.mm_cid = 0;
	area.cpu_id = (uint32_t)-1;
	CHECK(!rseq_percpu_sequence_pop(at, &fake, base + LIST, 8, &node));
	CHECK(rseq_percpu_sequence_put(at, &fake, base + RING, &record) == -1);
	CHECK(rseq_percpu_sequence_compare_and_store(at, &fake, base, 0, 1, &found) == -1);
	for (i = 0; i < 64; i++)
		CHECK(i >= 4 && i < 8 ? 1 : words[0][i] == 0 && words[2][i] == 0);
}
#endif

int main(void)
{
	pthread_t threads[THREADS];
	const uint64_t all = THREADS * ROUNDS;
	size_t i;

#ifdef RSEQ_PERCPU_HAS_SEQUENCES
	check_instructions();
#endif
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
