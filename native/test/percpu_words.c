/* SPDX-License-Identifier: MIT */
/*
 * Scenarios of words: adds, also while areas change, and claims.
 */
#define _GNU_SOURCE
#include <stdatomic.h>

#include "cases.h"
#include "percpu_crew.h"

/* Adds */

struct adding {
	const struct rseq_percpu_pool *pool;
	const struct percpu_operations *operations;
	int64_t adds; /* a thread; 0: until time is up */
	_Atomic int64_t added, other_added, wrong;
};

/* All amounts to the first word are positive, those to the other of every size and sign. */
static void add_many(void *context, size_t number)
{
	static const int64_t amounts[] = { 1, -1, INT64_C(-5000000000), 0, INT64_C(1) << 33 };
	struct adding *adding = context;
	int64_t added = 0, other_added = 0, before = 0, i;

	for (i = 0; adding->adds ? i < adding->adds : (i & 63) || !percpu_is_over(); i++) {
		int64_t amount = amounts[(size_t)i % ARRAY_SIZE(amounts)];

		adding->operations->add(adding->pool, COUNT, 1 + (i & 3));
		added += 1 + (i & 3);
		if (adding->adds)
			continue;
		adding->operations->add(adding->pool, OTHER_COUNT, amount);
		other_added += amount;
		if (number == 0 && i % 16 == 0) {
			int64_t sum = rseq_percpu_sum(adding->pool, COUNT);

			if (sum < before || sum < added)
				atomic_fetch_add(&adding->wrong, 1);
			before = sum;
		}
	}
	atomic_fetch_add(&adding->added, added);
	atomic_fetch_add(&adding->other_added, other_added);
}

static int64_t check_adds(struct adding *adding, size_t threads, unsigned int disturbances)
{
	int64_t before = rseq_percpu_sum(adding->pool, COUNT);
	int64_t other_before = rseq_percpu_sum(adding->pool, OTHER_COUNT);

	percpu_let_handlers_add(adding->pool, adding->operations);
	percpu_run_threads(threads, add_many, adding, disturbances);
	return adding->wrong +
	       magnitude(rseq_percpu_sum(adding->pool, COUNT) - before - adding->added -
			 percpu_get_handled()) +
	       magnitude(rseq_percpu_sum(adding->pool, OTHER_COUNT) - other_before -
			 adding->other_added);
}

int64_t percpu_count_adds(const struct rseq_percpu_pool *pool,
	const struct percpu_operations *operations, size_t threads, int64_t adds)
{
	struct adding adding = { .pool = pool, .operations = operations, .adds = adds };

	return check_adds(&adding, threads, PERCPU_CALM);
}

int64_t percpu_adds(const struct rseq_percpu_pool *pool, const struct percpu_operations *operations,
	unsigned int disturbances)
{
	struct adding adding = { .pool = pool, .operations = operations };

	return check_adds(&adding, percpu_get_thread_count(), disturbances);
}

/* Attachments: areas that change between adds */

/* TSan is done with a thread before that is given back, and does not bear that it frees then. */
#ifdef __SANITIZE_THREAD__
#define CAN_END_ATTACHED 0
#else
#define CAN_END_ATTACHED 1
#endif

struct attaching {
	const struct rseq_percpu_pool *pool;
	const struct percpu_operations *operations;
	_Atomic int64_t added, wrong;
};

static int64_t add_some(const struct attaching *attaching)
{
	int i;

	for (i = 0; i < 100; i++)
		attaching->operations->add(attaching->pool, COUNT, 1);
	return i;
}

static void attach_between_adds(void *context, size_t number)
{
	struct rseq_slice_area *const *slot = rseq_slice_get_area_slot();
	struct rseq_slice_area *before = *slot;
	struct attaching *attaching = context;
	struct rseq_slice_thread *thread;
	int64_t added = 0, wrong = 0;

	while (!percpu_is_over()) {
		added += add_some(attaching);
		thread = attach(own_policy());
		wrong += *slot != rseq_slice_get_area(thread);
		added += add_some(attaching);
		/* Some end attached. */
		if (CAN_END_ATTACHED && number % 2 == 0 && percpu_is_over())
			break;
		CHECK_EQUAL(rseq_slice_detach(thread), 0);
		wrong += *slot != before;
	}
	atomic_fetch_add(&attaching->added, added);
	atomic_fetch_add(&attaching->wrong, wrong);
}

int64_t percpu_attachments(const struct rseq_percpu_pool *pool,
	const struct percpu_operations *operations, unsigned int disturbances)
{
	struct attaching attaching = { .pool = pool, .operations = operations };
	int64_t counted = rseq_percpu_sum(pool, COUNT);

	percpu_let_handlers_add(pool, operations);
	percpu_run_threads(
		percpu_get_thread_count(), attach_between_adds, &attaching, disturbances);
	return attaching.wrong + magnitude(rseq_percpu_sum(pool, COUNT) - counted -
					   attaching.added - percpu_get_handled());
}

/* Claims: a lock of each stripe that is tried, and a count that is raised by comparing */

struct claiming {
	const struct rseq_percpu_pool *pool;
	const struct percpu_operations *operations;
	_Atomic int64_t claims, raised, wrong;
};

/* Whoever got a claim looks for the stripe where it is, counts there, and gives it back. */
static int64_t use_claim(const struct rseq_percpu_pool *pool, int64_t token)
{
	uint32_t stripe, found = 0;

	for (stripe = 0; stripe < rseq_percpu_count(pool); stripe++) {
		int64_t *held = word_of(pool, stripe, HELD), count;

		if (__atomic_load_n(word_of(pool, stripe, CLAIM), __ATOMIC_ACQUIRE) != token)
			continue;
		found++;
		/* Not one instruction: it needs the claim. */
		count = __atomic_load_n(held, __ATOMIC_RELAXED);
		__atomic_store_n(held, count + 1, __ATOMIC_RELAXED);
		__atomic_store_n(word_of(pool, stripe, CLAIM), 0, __ATOMIC_RELEASE);
	}
	return found != 1;
}

static void claim_many(void *context, size_t number)
{
	struct claiming *claiming = context;
	const struct rseq_percpu_pool *pool = claiming->pool;
	int64_t claims = 0, raised = 0, wrong = 0, found = 0, i;

	for (i = 1; (i & 63) || !percpu_is_over(); i++) {
		int64_t token = i << 12 | (int64_t)number, guess;

		if (claiming->operations->compare_and_store(pool, CLAIM, 0, token, &found)) {
			claims++;
			wrong += use_claim(pool, token);
		} else if (found == 0 || found == token) {
			wrong++;
		}
		/* A refusal tells what would have done just then. */
		for (guess = 0; !claiming->operations->compare_and_store(
			     pool, OTHER_COUNT, guess, guess + 1, &found);) {
			wrong += found == guess;
			guess = found;
		}
		raised++;
	}
	atomic_fetch_add(&claiming->claims, claims);
	atomic_fetch_add(&claiming->raised, raised);
	atomic_fetch_add(&claiming->wrong, wrong);
}

int64_t percpu_claims(const struct rseq_percpu_pool *pool,
	const struct percpu_operations *operations, unsigned int disturbances)
{
	struct claiming claiming = { .pool = pool, .operations = operations };
	int64_t counted = rseq_percpu_sum(pool, COUNT), held = rseq_percpu_sum(pool, HELD);
	int64_t raised = rseq_percpu_sum(pool, OTHER_COUNT);

	percpu_let_handlers_add(pool, operations);
	percpu_run_threads(percpu_get_thread_count(), claim_many, &claiming, disturbances);
	CHECK(claiming.claims > 0);
	return claiming.wrong +
	       magnitude(rseq_percpu_sum(pool, COUNT) - counted - percpu_get_handled()) +
	       magnitude(rseq_percpu_sum(pool, HELD) - held - claiming.claims) +
	       magnitude(rseq_percpu_sum(pool, OTHER_COUNT) - raised - claiming.raised) +
	       magnitude(rseq_percpu_sum(pool, CLAIM));
}
