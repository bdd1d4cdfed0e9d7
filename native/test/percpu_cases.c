/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU data, as rseq_percpu.h has it: what comes out is exact whatever
 * disturbs the threads, those with a mistake are seen, and whoever has no
 * restartable sequence has atomics.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cases.h"
#include "percpu.h"

typedef int64_t scenario(const struct rseq_percpu_pool *pool,
	const struct percpu_operations *operations, unsigned int disturbances);

/* Rounds of a wait: much for a sequence, and little for a thread's turn on a CPU. */
enum { DELAY = 4000 };

static void make_restartable_pool(struct rseq_percpu_pool *pool)
{
	percpu_make_pool(pool, rseq_slice_get_api());
	if (!rseq_percpu_is_restartable(pool))
		test_skip("threads have no restartable sequences here");
}

static void check_scenario(scenario *run, unsigned int disturbances)
{
	struct rseq_percpu_pool pool;

	percpu_make_pool(&pool, rseq_slice_get_api());
	CHECK_EQUAL(run(&pool, &percpu_plain, disturbances), 0);
	rseq_percpu_destroy(&pool);
}

static void check_each_step(scenario *run)
{
	struct rseq_percpu_pool pool;
	int step;

	make_restartable_pool(&pool);
	for (step = 1; step < PERCPU_STEPS; step++) {
		percpu_delays[step] = DELAY;
		CHECK_EQUAL(run(&pool, &percpu_stepped, PERCPU_STORMS), 0);
		percpu_delays[step] = 0;
	}
	rseq_percpu_destroy(&pool);
}

#define DEFINE_CASES(what)                                      \
	void percpu_##what##_are_exact(void)                    \
	{                                                       \
		check_scenario(percpu_##what, PERCPU_CALM);     \
	}                                                       \
	void percpu_##what##_survive_moves(void)                \
	{                                                       \
		check_scenario(percpu_##what, PERCPU_AFFINITY); \
	}                                                       \
	void percpu_##what##_survive_signals(void)              \
	{                                                       \
		check_scenario(percpu_##what, PERCPU_SIGNALS);  \
	}                                                       \
	void percpu_##what##_survive_each_step(void)            \
	{                                                       \
		check_each_step(percpu_##what);                 \
	}
DEFINE_CASES(adds)
DEFINE_CASES(claims)
DEFINE_CASES(lists)
DEFINE_CASES(rings)

/* As many adds in all, whatever the number of threads. */
enum { TOTAL = 2000000 };

static void check_totals(const struct rseq_slice_api *api, int is_restartable)
{
	size_t cpus = (size_t)sysconf(_SC_NPROCESSORS_ONLN), threads_each, threads;
	/* With atomics, each add asks the system for its CPU. */
	int64_t total = is_restartable ? TOTAL : TOTAL / 10;
	struct rseq_percpu_pool pool;

	percpu_make_pool(&pool, api);
	CHECK_EQUAL(rseq_percpu_is_restartable(&pool), is_restartable);
	CHECK_EQUAL(percpu_count_adds(&pool, &percpu_plain, 1, total), 0);
	for (threads_each = 1; threads_each <= 16; threads_each *= 2) {
		threads = threads_each * cpus;
		CHECK_EQUAL(percpu_count_adds(&pool, &percpu_plain, threads,
				    percpu_times() * total / (int64_t)threads),
			0);
	}
	rseq_percpu_destroy(&pool);
}

void percpu_totals_are_exact(void)
{
	check_totals(rseq_slice_get_api(), rseq_slice_get_percpu_id() != 0);
}

void percpu_atomics_are_exact(void)
{
	check_totals(NULL, 0);
	check_scenario(percpu_lists, PERCPU_CALM);
}

void percpu_fences_are_waited_for(void)
{
	struct rseq_percpu_pool pool;
	int error;

	percpu_make_pool(&pool, rseq_slice_get_api());
	error = rseq_percpu_fence(&pool);
	if (error)
		test_skip("this kernel fences no sequences: membarrier says %d (%s)", -error,
			strerror(-error));
	CHECK_EQUAL(percpu_fences(&pool, &percpu_plain, PERCPU_CALM), 0);
	/* Between what is looked at and what is stored. */
	percpu_delays[6] = percpu_delays[7] = DELAY;
	CHECK_EQUAL(percpu_fences(&pool, &percpu_stepped, PERCPU_CALM), 0);
	CHECK_EQUAL(percpu_fences(&pool, &percpu_stepped, PERCPU_STORMS), 0);
}

/* Until it is seen. A test that sees no mistake proves nothing by seeing none elsewhere. */
static void check_is_seen(const struct rseq_percpu_pool *pool, const char *name, scenario *run,
	const struct percpu_operations *operations)
{
	int rounds;

	for (rounds = 0; rounds < 100; rounds++)
		if (run(pool, operations, PERCPU_STORMS) != 0)
			return;
	test_fail(__FILE__, __LINE__, "nobody sees the mistake: %s", name);
}

static void need_mistakes(void)
{
	if (!percpu_without_sequence.add)
		test_skip("mistakes are written for x86-64 alone");
}

void percpu_mistakes_are_seen(void)
{
	static const struct {
		const char *name;
		const struct percpu_operations *operations;
		scenario *run;
	} mistakes[] = {
		{ "a plain add by id", &percpu_without_sequence, percpu_adds },
		{ "the id read before the descriptor is set", &percpu_with_early_id, percpu_adds },
		{ "a descriptor that ends before the commit", &percpu_with_short_sequence,
			percpu_adds },
		{ "a commit that is not the last store", &percpu_with_early_commit, percpu_lists },
		{ "a store without a compare", &percpu_without_compare, percpu_claims },
		{ "a fence left out", &percpu_without_fence, percpu_fences },
	};
	size_t i;

	need_mistakes();
	for (i = 0; i < ARRAY_SIZE(mistakes); i++) {
		struct rseq_percpu_pool pool;

		make_restartable_pool(&pool);
		if (!pool.libc_area)
			test_skip("libc registered no area");
		percpu_delays[3] = percpu_delays[5] = percpu_delays[6] = percpu_delays[7] = DELAY;
		check_is_seen(&pool, mistakes[i].name, mistakes[i].run, mistakes[i].operations);
		rseq_percpu_destroy(&pool);
	}
}

/* Attached threads have areas of their own, and libc's says what was once. */
void percpu_wrong_owner_is_seen(void)
{
	struct rseq_percpu_pool pool;

	need_mistakes();
	make_restartable_pool(&pool);
	if (!pool.libc_area)
		test_skip("libc registered no area");
	percpu_delays[5] = DELAY;
	check_is_seen(&pool, "an area that is not live", percpu_attachments, &percpu_without_owner);
}

/* Descriptors */

/* As the kernel has it. */
struct descriptor {
	uint32_t version, flags;
	uint64_t start, length, abort;
} __attribute__((aligned(32)));

/* Its memory, and that of the abort address, before which the signature is. */
enum { PAGE = 4096, ABORT = PAGE + 64 };

static void ignore(int number)
{
	(void)number;
}

/* Notes a descriptor, and waits until the kernel has looked at it. */
static _Noreturn void wait_with_descriptor(struct descriptor *descriptor, int is_gone)
{
	const struct itimerval interval = { { 0, 1000 }, { 0, 1000 } };
	volatile struct rseq_slice_area *area = libc_area();

	/* A sanitizer has a handler. */
	signal(SIGSEGV, SIG_DFL);
	signal(SIGALRM, ignore);
	if (is_gone)
		CHECK_EQUAL(munmap(descriptor, PAGE), 0);
	setitimer(ITIMER_REAL, &interval, NULL);
	area->rseq_cs = (uintptr_t)descriptor;
	while (area->rseq_cs != 0)
		;
	_exit(0);
}

/* A descriptor of the code from `start` on, as it is when it is the thread's turn to go on. */
static void check_descriptor(uint64_t start, uint32_t signature, int is_gone, int expected)
{
	unsigned char *pages = mmap(
		NULL, ABORT + 64, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct descriptor *descriptor = (struct descriptor *)pages;
	int status;
	pid_t child;

	CHECK(pages != MAP_FAILED);
	*descriptor = (struct descriptor){
		.start = start, .length = UINT64_C(2) * PAGE, .abort = (uintptr_t)pages + ABORT
	};
	memcpy(pages + ABORT - sizeof(signature), &signature, sizeof(signature));
	child = fork();
	if (child == 0)
		wait_with_descriptor(descriptor, is_gone);
	CHECK_EQUAL(waitpid(child, &status, 0), child);
	CHECK_EQUAL(WIFSIGNALED(status) ? WTERMSIG(status) : 0, expected);
	munmap(pages, ABORT + 64);
}

void percpu_descriptors_are_looked_at(void)
{
	/* Around the function that waits. */
	uint64_t here = (uintptr_t)wait_with_descriptor - PAGE;

	if (find_owner() != OWNER_LIBC)
		test_skip("libc registered no area");
	/* One of other code is forgotten. */
	check_descriptor(PAGE, RSEQ_SLICE_ABI_SIGNATURE, 0, 0);
	check_descriptor(here, RSEQ_SLICE_ABI_SIGNATURE + 1, 0, SIGSEGV);
	check_descriptor(PAGE, RSEQ_SLICE_ABI_SIGNATURE, 1, SIGSEGV);
}

/* Threads without an area */

static void give_area_up(void)
{
	if (find_owner() == OWNER_LIBC)
		CHECK_EQUAL(sys_rseq(libc_area(), libc_length(), RSEQ_SLICE_ABI_FLAG_UNREGISTER,
				    RSEQ_SLICE_ABI_SIGNATURE),
			0);
	CHECK_EQUAL(find_owner(), OWNER_NOBODY);
}

enum { ADDS = 20000 };

static void add_with_or_without(void *pool, size_t number)
{
	int i;

	/* Half of them after they had it for a time. */
	for (i = 0; i < ADDS; i++) {
		if (number % 2 == 1 && i == (number % 4 == 1 ? 0 : ADDS / 2))
			give_area_up();
		percpu_plain.add(pool, 0, 1);
	}
}

void percpu_threads_without_an_area(void)
{
	enum { COUNT_OF_THREADS = 8 };
	struct rseq_percpu_pool pool;

	make_restartable_pool(&pool);
	if (find_owner() != OWNER_LIBC)
		test_skip("libc registered no area");
	percpu_run_threads(COUNT_OF_THREADS, add_with_or_without, &pool, PERCPU_AFFINITY);
	CHECK_EQUAL(rseq_percpu_sum(&pool, 0), COUNT_OF_THREADS * ADDS);
	CHECK_EQUAL(*(int64_t *)rseq_percpu_stripe(&pool, rseq_percpu_count(&pool) - 1),
		(COUNT_OF_THREADS / 4) * (ADDS + ADDS / 2));
}

void percpu_process_without_sequences(void)
{
	struct rseq_percpu_pool pool;

	if (find_owner() == OWNER_OTHER)
		test_skip("libc registered an area and does not tell");
	give_area_up();
	CHECK_EQUAL(rseq_slice_get_percpu_id(), 0);
	percpu_make_pool(&pool, rseq_slice_get_api());
	CHECK(!rseq_percpu_is_restartable(&pool));
	CHECK_EQUAL(rseq_percpu_fence(&pool), 0);
	/* Threads to come have no area either, unless libc registers it anew. */
	CHECK_EQUAL(percpu_adds(&pool, &percpu_plain, PERCPU_STORMS), 0);
	CHECK_EQUAL(percpu_claims(&pool, &percpu_plain, PERCPU_STORMS), 0);
	CHECK_EQUAL(percpu_lists(&pool, &percpu_plain, PERCPU_STORMS), 0);
	CHECK_EQUAL(percpu_rings(&pool, &percpu_plain, PERCPU_STORMS), 0);
	CHECK_EQUAL(percpu_fences(&pool, &percpu_plain, PERCPU_STORMS), 0);
}

/* Attached threads */

void percpu_areas_change_between_adds(void)
{
	struct rseq_percpu_pool pool;

	percpu_make_pool(&pool, rseq_slice_get_api());
	CHECK_EQUAL(percpu_attachments(&pool, &percpu_plain, PERCPU_CALM), 0);
	CHECK_EQUAL(percpu_attachments(&pool, &percpu_plain, PERCPU_STORMS), 0);
	percpu_delays[5] = DELAY;
	CHECK_EQUAL(percpu_attachments(&pool, &percpu_stepped, PERCPU_STORMS), 0);
}

static void *add_and_look(void *pool)
{
	int i;

	for (i = 0; i < ADDS; i++)
		percpu_plain.add(pool, 0, 1);
	/* A thread that libc left without an area has one since its first add. */
	if (rseq_percpu_is_restartable(pool))
		CHECK_EQUAL(find_owner(), OWNER_LIBC);
	return NULL;
}

void percpu_threads_of_a_replaced_thread(void)
{
	struct rseq_slice_thread *thread;
	struct rseq_percpu_pool pool;
	pthread_t ids[4];
	size_t i;

	percpu_make_pool(&pool, rseq_slice_get_api());
	thread = attach(own_policy());
	for (i = 0; i < ARRAY_SIZE(ids); i++)
		CHECK_EQUAL(pthread_create(&ids[i], NULL, add_and_look, &pool), 0);
	for (i = 0; i < ARRAY_SIZE(ids); i++)
		CHECK_EQUAL(pthread_join(ids[i], NULL), 0);
	CHECK_EQUAL(rseq_percpu_sum(&pool, 0), (int64_t)ARRAY_SIZE(ids) * ADDS);
	CHECK_EQUAL(rseq_slice_detach(thread), 0);
}

void percpu_forked_child_adds(void)
{
	struct rseq_slice_thread *thread;
	struct rseq_percpu_pool pool;
	int is_attached;
	pid_t child;

	percpu_make_pool(&pool, rseq_slice_get_api());
	for (is_attached = 0; is_attached <= 1; is_attached++) {
		thread = is_attached ? attach(own_policy()) : NULL;
		CHECK_EQUAL(percpu_adds(&pool, &percpu_plain, PERCPU_CALM), 0);
		child = fork();
		if (child == 0) {
			/* Of the thread that forked, whose area it has, and of new ones. */
			percpu_plain.add(&pool, 0, 1);
			CHECK_EQUAL(percpu_adds(&pool, &percpu_plain, PERCPU_SIGNALS), 0);
			_exit(0);
		}
		check_child(child);
		CHECK_EQUAL(percpu_adds(&pool, &percpu_plain, PERCPU_CALM), 0);
		rseq_slice_detach(thread);
	}
}

static void *look_for_area(void *unused)
{
	CHECK_EQUAL(*rseq_slice_get_area_slot() != NULL, find_owner() == OWNER_LIBC);
	return unused;
}

/* It may be in a signal handler, which came while the thread has the lock. */
void first_look_takes_no_lock(void)
{
	pthread_t id;

	if (find_owner() == OWNER_OTHER)
		test_skip("libc registered an area and does not tell");
	rseq_slice_lock_loader();
	CHECK_EQUAL(pthread_create(&id, NULL, look_for_area, NULL), 0);
	CHECK_EQUAL(pthread_join(id, NULL), 0);
	rseq_slice_unlock_loader();
}

/* Objects */

static void add_by_turns(void *pool, size_t number)
{
	size_t i;

	for (i = 0; i < ADDS; i++)
		((i + number) % 2 ? percpu_plain : percpu_stepped).add(pool, 0, 1);
}

void percpu_objects_share_a_pool(void)
{
	enum { COUNT_OF_THREADS = 8 };
	struct rseq_percpu_pool pool, copy;

	percpu_make_pool(&pool, rseq_slice_get_api());
	/* And each its own description of the same memory. */
	CHECK_EQUAL(rseq_percpu_over(&copy, rseq_slice_get_api(), pool.base, pool.stripes,
			    pool.stride_shift),
		0);
	percpu_run_threads(COUNT_OF_THREADS, add_by_turns, &copy, PERCPU_AFFINITY);
	percpu_run_threads(COUNT_OF_THREADS, add_by_turns, &pool, PERCPU_AFFINITY);
	CHECK_EQUAL(rseq_percpu_sum(&pool, 0), 2 * COUNT_OF_THREADS * ADDS);
}

void percpu_pools_are_checked(void)
{
	static int64_t memory[64];
	const struct rseq_slice_api *api = rseq_slice_get_api();
	struct rseq_slice_api old = *api;
	struct rseq_percpu_pool pool, large = { 0 };

	CHECK_EQUAL(rseq_percpu_create(&pool, api, 0), -EINVAL);
	CHECK_EQUAL(rseq_percpu_create(&pool, api, ((size_t)1 << 30) + 1), -EINVAL);
	CHECK_EQUAL(rseq_percpu_over(&pool, api, NULL, 1, 7), -EINVAL);
	CHECK_EQUAL(rseq_percpu_over(&pool, api, memory, 0, 7), -EINVAL);
	CHECK_EQUAL(rseq_percpu_over(&pool, api, memory, 1, 3), -EINVAL);
	CHECK_EQUAL(rseq_percpu_over(&pool, api, memory, 1, 41), -EINVAL);
	CHECK_EQUAL(rseq_percpu_over(&pool, api, memory, UINT32_MAX, 4), -EINVAL);
	CHECK_EQUAL(rseq_percpu_over(&pool, api, memory, UINT32_MAX - 1, 40), -EINVAL);
	CHECK_EQUAL(rseq_percpu_over(&pool, api, (char *)memory + 4, 1, 7), -EINVAL);
	CHECK_EQUAL(rseq_percpu_over(&pool, api, memory, 1, 7), 0);
	CHECK_EQUAL(rseq_percpu_make_rings(&pool, 0, 3, 8), -EINVAL);
	CHECK_EQUAL(rseq_percpu_make_rings(&pool, 0, 4, 12), -EINVAL);
	CHECK_EQUAL(rseq_percpu_make_rings(&pool, 4, 4, 8), -EINVAL);
	CHECK_EQUAL(rseq_percpu_make_rings(&pool, 0, 16, 8), -EINVAL);
	CHECK_EQUAL(rseq_percpu_make_rings(&pool, (size_t)-64, 4, 8), -EINVAL);
	CHECK_EQUAL(rseq_percpu_make_rings(&pool, 64, 4, 8), 0);
	/* More threads than stripes: all others have the last one. */
	CHECK_EQUAL(percpu_count_adds(&pool, &percpu_plain, 4, ADDS), 0);
	CHECK_EQUAL(rseq_percpu_create(&large, api, (size_t)1 << 20), 0);
	CHECK_EQUAL(rseq_percpu_make_rings(&large, 0, 2, RSEQ_PERCPU_MOST_RECORD), 0);
	CHECK_EQUAL(rseq_percpu_make_rings(&large, 0, 2, RSEQ_PERCPU_MOST_RECORD + 8), -EINVAL);
	rseq_percpu_destroy(&large);
	/* A table of before has no slots. */
	old.size = offsetof(struct rseq_slice_api, get_area_slot);
	CHECK_EQUAL(rseq_percpu_over(&pool, &old, memory + 32, 1, 7), 0);
	CHECK(!rseq_percpu_is_restartable(&pool));
}
