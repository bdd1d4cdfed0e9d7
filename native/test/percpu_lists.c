/* SPDX-License-Identifier: MIT */
/*
 * The scenario of lists: nodes that threads take and put back.
 */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdlib.h>

#include "cases.h"
#include "percpu_crew.h"

enum { NODES_EACH = 4 };

struct node {
	uint64_t serial, check; /* written by who has it */
	struct node *next;
	uint32_t is_held;
};

struct listing {
	const struct rseq_percpu_pool *pool;
	const struct percpu_operations *operations;
	struct node *nodes;
	_Atomic int64_t pops, wrong;
};

static uint64_t check_of(const struct node *node, uint64_t serial)
{
	return (serial ^ (uintptr_t)node) * UINT64_C(0x9e3779b97f4a7c15);
}

/* Atomics, since a sanitizer does not know of the sequences between them. */
static void let_go(struct listing *listing, struct node *node)
{
	uint64_t serial = __atomic_load_n(&node->serial, __ATOMIC_RELAXED) + 1;

	__atomic_store_n(&node->serial, serial, __ATOMIC_RELAXED);
	__atomic_store_n(&node->check, check_of(node, serial), __ATOMIC_RELAXED);
	__atomic_store_n(&node->is_held, 0, __ATOMIC_RELAXED);
	listing->operations->push(listing->pool, LIST, node, offsetof(struct node, next));
}

static struct node *take_hold(struct listing *listing)
{
	struct node *node = listing->operations->pop(
		listing->pool, LIST, offsetof(struct node, next));

	if (!node)
		return NULL;
	atomic_fetch_add(&listing->pops, 1);
	if (__atomic_exchange_n(&node->is_held, 1, __ATOMIC_RELAXED) != 0 ||
		__atomic_load_n(&node->check, __ATOMIC_RELAXED) !=
			check_of(node, __atomic_load_n(&node->serial, __ATOMIC_RELAXED)))
		atomic_fetch_add(&listing->wrong, 1);
	return node;
}

static void circulate(void *context, size_t number)
{
	struct listing *listing = context;
	int i;

	for (i = 0; i < NODES_EACH; i++)
		let_go(listing, &listing->nodes[number * NODES_EACH + (size_t)i]);
	/* What is wrong by then may be a circle, in which it would go on for ever. */
	for (i = 1; ((i & 63) || !percpu_is_over()) && !listing->wrong; i++) {
		struct node *first = take_hold(listing), *second = take_hold(listing);

		/* In the order in which they came, so that they go back in the other. */
		if (first)
			let_go(listing, first);
		if (second)
			let_go(listing, second);
	}
}

/* Those that are in lists, each once; they are taken out. */
static int64_t count_listed(const struct listing *listing, int64_t all)
{
	int64_t count = 0;
	uint32_t stripe;

	for (stripe = 0; stripe < rseq_percpu_count(listing->pool); stripe++) {
		struct rseq_percpu_list *list = (struct rseq_percpu_list *)word_of(
			listing->pool, stripe, LIST);
		struct node *node;

		for (node = list->first; node && count <= all; node = node->next, count++)
			if (__atomic_exchange_n(&node->is_held, 1, __ATOMIC_RELAXED) != 0)
				return -1;
		list->first = NULL;
	}
	return count;
}

int64_t percpu_lists(const struct rseq_percpu_pool *pool,
	const struct percpu_operations *operations, unsigned int disturbances)
{
	size_t threads = percpu_get_thread_count();
	int64_t all = (int64_t)threads * NODES_EACH, wrong;
	struct listing listing = { .pool = pool, .operations = operations };
	int64_t counted = rseq_percpu_sum(pool, COUNT);

	listing.nodes = calloc((size_t)all, sizeof(*listing.nodes));
	CHECK(listing.nodes != NULL);
	percpu_let_handlers_add(pool, operations);
	percpu_run_threads(threads, circulate, &listing, disturbances);
	CHECK(listing.pops > 0);
	wrong = listing.wrong + magnitude(count_listed(&listing, all) - all) +
		magnitude(rseq_percpu_sum(pool, COUNT) - counted - percpu_get_handled());
	free(listing.nodes);
	return wrong;
}
