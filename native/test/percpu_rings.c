/* SPDX-License-Identifier: MIT */
/*
 * Scenarios of rings: records that are put and taken, and rings that are closed.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "percpu_crew.h"

/* Records */

enum { CAPACITY = 32, PIECES = 5, TAKERS = 2, MOST_PRODUCERS = 256, MOST_STRIPES = 1025 };

struct record {
	uint64_t producer, serial, pieces[PIECES];
};

struct ringing {
	const struct rseq_percpu_pool *pool;
	const struct percpu_operations *operations;
	atomic_size_t producing; /* who is still at it */
	size_t producers;
	_Atomic int64_t full, wrong;
	/* Of each producer, mixed: what it put, and what of it was taken. */
	_Atomic uint64_t put[MOST_PRODUCERS], taken[MOST_PRODUCERS], mixed[MOST_PRODUCERS];
};

static void produce(struct ringing *ringing, size_t number)
{
	struct record record = { .producer = number };
	int i;

	while ((record.serial & 63) || !percpu_is_over()) {
		record.serial++;
		for (i = 0; i < PIECES; i++)
			record.pieces[i] = record.serial * (uint64_t)(i + 3) + number;
		while (!ringing->operations->put(ringing->pool, RING, &record)) {
			atomic_fetch_add(&ringing->full, 1);
			sched_yield();
		}
		atomic_fetch_add(&ringing->put[number], 1);
		atomic_fetch_add(
			&ringing->mixed[number], record.serial * UINT64_C(0x9e3779b97f4a7c15));
	}
	atomic_fetch_sub(&ringing->producing, 1);
}

static void look_at(struct ringing *ringing, const struct record *record, uint64_t *last)
{
	int i, wrong = 0;

	if (record->producer >= ringing->producers) {
		atomic_fetch_add(&ringing->wrong, 1);
		return;
	}
	for (i = 0; i < PIECES; i++)
		wrong += record->pieces[i] != record->serial * (uint64_t)(i + 3) + record->producer;
	/* Of one producer in one stripe, each is behind the one before. */
	wrong += record->serial <= last[record->producer];
	last[record->producer] = record->serial;
	atomic_fetch_add(&ringing->taken[record->producer], 1);
	atomic_fetch_sub(
		&ringing->mixed[record->producer], record->serial * UINT64_C(0x9e3779b97f4a7c15));
	if (wrong)
		atomic_fetch_add(&ringing->wrong, wrong);
}

static void consume(struct ringing *ringing)
{
	uint64_t(*last)[MOST_PRODUCERS] = calloc(MOST_STRIPES, sizeof(*last));
	struct record record;
	uint32_t stripe;
	int is_done, found;

	CHECK(last != NULL);
	do {
		is_done = atomic_load(&ringing->producing) == 0;
		found = 0;
		for (stripe = 0; stripe < rseq_percpu_count(ringing->pool); stripe++)
			while (rseq_percpu_take(ringing->pool, stripe, RING, &record)) {
				found = 1;
				look_at(ringing, &record, last[stripe]);
			}
		if (!found)
			sched_yield();
	} while (found || !is_done);
	free(last);
}

static void put_or_take(void *context, size_t number)
{
	struct ringing *ringing = context;

	if (number < ringing->producers)
		produce(ringing, number);
	else
		consume(ringing);
}

/* Puts until a ring is full: then one is, and all that went in is there. */
static int64_t fill(const struct ringing *ringing)
{
	struct record record = { 0 };
	int64_t put = 0, wrong = 1;
	uint32_t stripe;

	while (ringing->operations->put(ringing->pool, RING, &record))
		put++;
	for (stripe = 0; stripe < rseq_percpu_count(ringing->pool); stripe++) {
		const struct rseq_percpu_ring *ring = (struct rseq_percpu_ring *)word_of(
			ringing->pool, stripe, RING);

		if (ring->put - ring->taken == CAPACITY)
			wrong = 0;
		while (rseq_percpu_take(ringing->pool, stripe, RING, &record))
			put--;
	}
	return wrong + magnitude(put);
}

int64_t percpu_rings(const struct rseq_percpu_pool *pool,
	const struct percpu_operations *operations, unsigned int disturbances)
{
	static struct ringing ringing;
	size_t threads = percpu_get_thread_count(), i;
	int64_t wrong, counted = rseq_percpu_sum(pool, COUNT);

	memset(&ringing, 0, sizeof(ringing));
	ringing.pool = pool;
	ringing.operations = operations;
	ringing.producers = threads < MOST_PRODUCERS ? threads : MOST_PRODUCERS;
	atomic_store(&ringing.producing, ringing.producers);
	CHECK(rseq_percpu_count(pool) <= MOST_STRIPES);
	CHECK_EQUAL(rseq_percpu_make_rings(pool, RING, CAPACITY, sizeof(struct record)), 0);
	wrong = fill(&ringing);
	percpu_let_handlers_add(pool, operations);
	percpu_run_threads(ringing.producers + TAKERS, put_or_take, &ringing, disturbances);
	for (i = 0; i < ringing.producers; i++)
		wrong += ringing.put[i] != ringing.taken[i] || ringing.mixed[i] != 0;
	return wrong + ringing.wrong +
	       magnitude(rseq_percpu_sum(pool, COUNT) - counted - percpu_get_handled());
}

/* Fences: rings that are closed while others put, and memory that is somebody else's then */

enum { LEAST_CLOSED = 20 };

struct fencing {
	const struct rseq_percpu_pool *pool;
	const struct percpu_operations *operations;
	_Atomic int64_t closed, wrong;
	atomic_int is_over;
};

static struct rseq_percpu_ring *ring_of(const struct fencing *fencing, uint32_t stripe)
{
	return (struct rseq_percpu_ring *)word_of(fencing->pool, stripe, RING);
}

/* Those who use atomics look at it under the lock, which a fence does not wait for. */
static void set_capacity(const struct fencing *fencing, uint32_t capacity)
{
	uint32_t stripe;

	for (stripe = 0; stripe < rseq_percpu_count(fencing->pool); stripe++) {
		struct rseq_percpu_ring *ring = ring_of(fencing, stripe);

		rseq_percpu_lock(&ring->lock);
		if (capacity != 0)
			__atomic_store_n(&ring->taken, ring->put, __ATOMIC_RELAXED);
		__atomic_store_n(&ring->capacity, capacity, __ATOMIC_RELEASE);
		rseq_percpu_unlock(&ring->lock);
	}
}

static int is_touched(const struct fencing *fencing, uint32_t stripe, uint64_t put)
{
	const struct rseq_percpu_ring *ring = ring_of(fencing, stripe);
	const uint64_t *words = (const uint64_t *)(ring + 1);
	size_t i;

	for (i = 0; i < CAPACITY * sizeof(struct record) / sizeof(*words); i++)
		if (__atomic_load_n(&words[i], __ATOMIC_RELAXED) != UINT64_MAX)
			return 1;
	return __atomic_load_n(&ring->put, __ATOMIC_RELAXED) != put;
}

static void close_many(struct fencing *fencing)
{
	uint32_t stripes = rseq_percpu_count(fencing->pool), stripe;
	uint64_t *put = calloc(stripes, sizeof(*put));
	int rounds, error;
	size_t i;

	CHECK(put != NULL);
	while (fencing->closed < LEAST_CLOSED || !percpu_is_over()) {
		set_capacity(fencing, 0);
		error = fencing->operations->fence(fencing->pool);
		CHECK_EQUAL(error, 0);
		atomic_fetch_add(&fencing->closed, 1);
		for (stripe = 0; stripe < stripes; stripe++) {
			uint64_t *words = (uint64_t *)(ring_of(fencing, stripe) + 1);

			put[stripe] = __atomic_load_n(
				&ring_of(fencing, stripe)->put, __ATOMIC_RELAXED);
			for (i = 0; i < CAPACITY * sizeof(struct record) / sizeof(*words); i++)
				__atomic_store_n(&words[i], UINT64_MAX, __ATOMIC_RELAXED);
		}
		for (rounds = 0; rounds < 3; rounds++) {
			sched_yield();
			for (stripe = 0; stripe < stripes; stripe++)
				if (is_touched(fencing, stripe, put[stripe]))
					atomic_fetch_add(&fencing->wrong, 1);
		}
		set_capacity(fencing, CAPACITY);
		percpu_pause(100000);
	}
	atomic_store(&fencing->is_over, 1);
	free(put);
}

static void put_or_close(void *context, size_t number)
{
	struct fencing *fencing = context;
	const struct record record = { .producer = number };

	if (number == 0)
		close_many(fencing);
	else
		while (!atomic_load(&fencing->is_over))
			fencing->operations->put(fencing->pool, RING, &record);
}

int64_t percpu_fences(const struct rseq_percpu_pool *pool,
	const struct percpu_operations *operations, unsigned int disturbances)
{
	struct fencing fencing = { .pool = pool, .operations = operations };

	CHECK_EQUAL(rseq_percpu_make_rings(pool, RING, CAPACITY, sizeof(struct record)), 0);
	percpu_let_handlers_add(pool, operations);
	percpu_run_threads(percpu_get_thread_count(), put_or_close, &fencing, disturbances);
	return fencing.wrong;
}
