/* SPDX-License-Identifier: MIT */
/*
 * What threads do with per-CPU data in the tests, and what disturbs them
 * meanwhile: a thread that moves all others from CPU to CPU, and one that sends
 * them signals, whose handler adds as well.
 */
#define _GNU_SOURCE
#include "percpu.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cases.h"

/* Where the scenarios have their words in a stripe: lines of their own. */
enum { COUNT = 0, OTHER_COUNT = 8, CLAIM = 128, HELD = 192, LIST = 256, RING = 512 };

enum { MOST_THREADS = 1024, SLICE_MILLISECONDS = 60, MOST_SLICES = 4 };

unsigned int percpu_times(void)
{
	const char *text = getenv("RSEQ_SLICE_PERCPU_TIMES");
	unsigned long times = text ? strtoul(text, NULL, 10) : 1;

	return times > 0 ? (unsigned int)times : 1;
}

void percpu_make_pool(struct rseq_percpu_pool *pool, const struct rseq_slice_api *api)
{
	CHECK_EQUAL(rseq_percpu_create(pool, api, PERCPU_BYTES), 0);
}

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

/* The threads of a scenario */

static struct {
	void (*run)(void *context, size_t number);
	void *context;
	/* What the handler adds to, while there is any. */
	const struct rseq_percpu_pool *pool;
	const struct percpu_operations *operations;
	size_t count;
	atomic_size_t ready, ended;
	atomic_int tids[MOST_THREADS];
	_Atomic int64_t deadline;
	_Atomic int64_t handled;
} crew;

static _Thread_local volatile int64_t handled_here;

static void on_signal(int number)
{
	(void)number;
	if (!crew.operations)
		return;
	crew.operations->add(crew.pool, COUNT, 1);
	handled_here++;
}

static void block(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(how, &set, NULL);
}

struct member {
	pthread_t id;
	size_t number;
};

static void *run_member(void *argument)
{
	int64_t slices = percpu_times() < MOST_SLICES ? percpu_times() : MOST_SLICES;
	struct member *self = argument;

	atomic_store(&crew.tids[self->number], sys_gettid());
	/* Those that count go on for longer. */
	if (atomic_fetch_add(&crew.ready, 1) + 1 == crew.count)
		atomic_store(
			&crew.deadline, now() + slices * SLICE_MILLISECONDS * INT64_C(1000000));
	while (atomic_load(&crew.ready) < crew.count)
		sched_yield();
	block(SIG_UNBLOCK);
	crew.run(crew.context, self->number);
	block(SIG_BLOCK);
	atomic_fetch_add(&crew.handled, handled_here);
	atomic_store(&crew.tids[self->number], 0);
	atomic_fetch_add(&crew.ended, 1);
	return NULL;
}

static void pause_for(long nanoseconds)
{
	const struct timespec time = { 0, nanoseconds };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

static int are_all_ended(void)
{
	return atomic_load(&crew.ended) == crew.count;
}

/* One number after the other, the same each time. */
static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* A thread that is gone by now is no matter: its number is not given away again so soon. */
static void *move_all(void *all_cpus)
{
	const cpu_set_t *all = all_cpus;
	int cpus[CPU_SETSIZE], count = 0, cpu;
	uint32_t random = 1;
	size_t i;

	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, all))
			cpus[count++] = cpu;
	while (!are_all_ended()) {
		for (i = 0; i < crew.count; i++) {
			int tid = atomic_load(&crew.tids[i]);
			cpu_set_t one;

			CPU_ZERO(&one);
			CPU_SET(cpus[next_random(&random) % (uint32_t)count], &one);
			if (tid != 0)
				sched_setaffinity(tid, sizeof(one), &one);
		}
		pause_for(20000);
	}
	return NULL;
}

static void *signal_all(void *unused)
{
	size_t i;

	while (!are_all_ended()) {
		for (i = 0; i < crew.count; i++) {
			int tid = atomic_load(&crew.tids[i]);

			if (tid != 0)
				syscall(SYS_tgkill, getpid(), tid, SIGUSR1);
		}
		pause_for(50000);
	}
	return unused;
}

void percpu_run_threads(size_t count, void (*run)(void *context, size_t number), void *context,
	unsigned int disturbances)
{
	static struct member members[MOST_THREADS];
	const struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	pthread_t mover, signaller;
	cpu_set_t all;
	size_t i;

	CHECK(count <= MOST_THREADS);
	CHECK_EQUAL(sched_getaffinity(0, sizeof(all), &all), 0);
	CHECK_EQUAL(sigaction(SIGUSR1, &action, NULL), 0);
	crew.run = run;
	crew.context = context;
	crew.count = count;
	atomic_store(&crew.deadline, INT64_MAX);
	atomic_store(&crew.ready, 0);
	atomic_store(&crew.ended, 0);
	atomic_store(&crew.handled, 0);
	/* For the threads to come. */
	block(SIG_BLOCK);
	for (i = 0; i < count; i++) {
		members[i].number = i;
		CHECK_EQUAL(pthread_create(&members[i].id, NULL, run_member, &members[i]), 0);
	}
	if (disturbances & PERCPU_AFFINITY)
		CHECK_EQUAL(pthread_create(&mover, NULL, move_all, &all), 0);
	if (disturbances & PERCPU_SIGNALS)
		CHECK_EQUAL(pthread_create(&signaller, NULL, signal_all, NULL), 0);
	for (i = 0; i < count; i++)
		CHECK_EQUAL(pthread_join(members[i].id, NULL), 0);
	if (disturbances & PERCPU_AFFINITY)
		CHECK_EQUAL(pthread_join(mover, NULL), 0);
	if (disturbances & PERCPU_SIGNALS)
		CHECK_EQUAL(pthread_join(signaller, NULL), 0);
	crew.operations = NULL;
}

int percpu_is_over(void)
{
	return now() >= atomic_load(&crew.deadline);
}

/* Handlers add from now on, until the threads have ended. */
static void let_handlers_add(
	const struct rseq_percpu_pool *pool, const struct percpu_operations *operations)
{
	crew.pool = pool;
	crew.operations = operations;
}

static size_t get_thread_count(void)
{
	return 4 * (size_t)sysconf(_SC_NPROCESSORS_ONLN);
}

static int64_t magnitude(int64_t number)
{
	return number < 0 ? -number : number;
}

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

	let_handlers_add(adding->pool, adding->operations);
	percpu_run_threads(threads, add_many, adding, disturbances);
	return adding->wrong +
	       magnitude(rseq_percpu_sum(adding->pool, COUNT) - before - adding->added -
			 crew.handled) +
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

	return check_adds(&adding, get_thread_count(), disturbances);
}

/* Claims: a lock of each stripe that is tried, and a count that is raised by comparing */

struct claiming {
	const struct rseq_percpu_pool *pool;
	const struct percpu_operations *operations;
	_Atomic int64_t claims, raised, wrong;
};

static int64_t *word_of(const struct rseq_percpu_pool *pool, uint32_t stripe, size_t offset)
{
	return (int64_t *)((unsigned char *)rseq_percpu_stripe(pool, stripe) + offset);
}

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

	let_handlers_add(pool, operations);
	percpu_run_threads(get_thread_count(), claim_many, &claiming, disturbances);
	CHECK(claiming.claims > 0);
	return claiming.wrong + magnitude(rseq_percpu_sum(pool, COUNT) - counted - crew.handled) +
	       magnitude(rseq_percpu_sum(pool, HELD) - held - claiming.claims) +
	       magnitude(rseq_percpu_sum(pool, OTHER_COUNT) - raised - claiming.raised) +
	       magnitude(rseq_percpu_sum(pool, CLAIM));
}

/* Lists */

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
	size_t threads = get_thread_count();
	int64_t all = (int64_t)threads * NODES_EACH, wrong;
	struct listing listing = { .pool = pool, .operations = operations };
	int64_t counted = rseq_percpu_sum(pool, COUNT);

	listing.nodes = calloc((size_t)all, sizeof(*listing.nodes));
	CHECK(listing.nodes != NULL);
	let_handlers_add(pool, operations);
	percpu_run_threads(threads, circulate, &listing, disturbances);
	CHECK(listing.pops > 0);
	wrong = listing.wrong + magnitude(count_listed(&listing, all) - all) +
		magnitude(rseq_percpu_sum(pool, COUNT) - counted - crew.handled);
	free(listing.nodes);
	return wrong;
}

/* Rings */

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
	size_t threads = get_thread_count(), i;
	int64_t wrong, counted = rseq_percpu_sum(pool, COUNT);

	memset(&ringing, 0, sizeof(ringing));
	ringing.pool = pool;
	ringing.operations = operations;
	ringing.producers = threads < MOST_PRODUCERS ? threads : MOST_PRODUCERS;
	atomic_store(&ringing.producing, ringing.producers);
	CHECK(rseq_percpu_count(pool) <= MOST_STRIPES);
	CHECK_EQUAL(rseq_percpu_make_rings(pool, RING, CAPACITY, sizeof(struct record)), 0);
	wrong = fill(&ringing);
	let_handlers_add(pool, operations);
	percpu_run_threads(ringing.producers + TAKERS, put_or_take, &ringing, disturbances);
	for (i = 0; i < ringing.producers; i++)
		wrong += ringing.put[i] != ringing.taken[i] || ringing.mixed[i] != 0;
	return wrong + ringing.wrong +
	       magnitude(rseq_percpu_sum(pool, COUNT) - counted - crew.handled);
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

	let_handlers_add(pool, operations);
	percpu_run_threads(get_thread_count(), attach_between_adds, &attaching, disturbances);
	return attaching.wrong +
	       magnitude(rseq_percpu_sum(pool, COUNT) - counted - attaching.added - crew.handled);
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
		pause_for(100000);
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
	let_handlers_add(pool, operations);
	percpu_run_threads(get_thread_count(), put_or_close, &fencing, disturbances);
	return fencing.wrong;
}
