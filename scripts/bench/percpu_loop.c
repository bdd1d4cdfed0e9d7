/* SPDX-License-Identifier: MIT */
/*
 * One way to count in many threads: `percpu_loop WAY THREADS`. It stays up between
 * measurements, so that a benchmark can have several of these take turns.
 *
 * Its first line says what ids are. Then it reads `N`, has the threads count to N
 * together, and answers with the nanoseconds of CPU time that they took for it.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rseq_slice/rseq_percpu.h>

enum { MOST_THREADS = 256 };

static struct rseq_percpu_pool pool;
static struct {
	_Alignas(128) int64_t count;
} own[MOST_THREADS];
static long adds;
static atomic_long started;
static long threads;

static long long cpu_time(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* A copy of the pool, which no call is told of, stays in registers. */
static void add_by_copy(size_t thread)
{
	const struct rseq_percpu_pool copy = pool;
	const long count = adds;
	long i;

	(void)thread;
	for (i = 0; i < count; i++)
		rseq_percpu_add(&copy, 0, 1);
}

static __attribute__((noinline)) void add_once(const struct rseq_percpu_pool *counters)
{
	rseq_percpu_add(counters, 0, 1);
}

/* As where somebody counts in the midst of something else. */
static void add_by_call(size_t thread)
{
	const long count = adds;
	long i;

	(void)thread;
	for (i = 0; i < count; i++)
		add_once(&pool);
}

static __attribute__((noinline)) void add_atomically_once(int64_t *word)
{
	__atomic_fetch_add(word, 1, __ATOMIC_RELAXED);
}

static void add_atomically(size_t thread)
{
	const long count = adds;
	long i;

	for (i = 0; i < count; i++)
		__atomic_fetch_add(&own[thread].count, 1, __ATOMIC_RELAXED);
}

static void add_atomically_by_call(size_t thread)
{
	const long count = adds;
	long i;

	for (i = 0; i < count; i++)
		add_atomically_once(&own[thread].count);
}

/* Wrong: what another thread of the CPU adds in between is lost. */
static void add_plainly(size_t thread)
{
	const struct rseq_slice_area *area;
	const long count = adds;
	long i;

	(void)thread;
	if (!pool.libc_area)
		return;
	area = (const struct rseq_slice_area *)((ptrdiff_t)pool.libc_area +
						rseq_percpu_thread_pointer());
	for (i = 0; i < count; i++) {
		uint32_t id = *(const volatile uint32_t *)((const char *)area + pool.id_offset);

		++*(volatile int64_t *)(pool.base + ((size_t)id << pool.stride_shift));
	}
}

static const struct {
	const char *name;
	void (*run)(size_t thread);
} ways[] = { { "copy", add_by_copy }, { "call", add_by_call }, { "xadd", add_atomically },
	{ "xadd-call", add_atomically_by_call }, { "plain", add_plainly } };
static void (*run)(size_t thread);

static void *run_thread(void *argument)
{
	size_t thread = (size_t)argument;
	long long start;

	atomic_fetch_add(&started, 1);
	while (atomic_load(&started) < threads)
		sched_yield();
	start = cpu_time();
	run(thread);
	return (void *)(intptr_t)(cpu_time() - start);
}

static long long measure(void)
{
	pthread_t ids[MOST_THREADS];
	long long sum = 0;
	void *time;
	long i;

	atomic_store(&started, 0);
	for (i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, run_thread, (void *)i) != 0)
			exit(1);
	for (i = 0; i < threads; i++) {
		pthread_join(ids[i], &time);
		sum += (intptr_t)time;
	}
	return sum;
}

int main(int argc, char **argv)
{
	size_t i;
	long total;

	for (i = 0; argc == 3 && i < sizeof(ways) / sizeof(ways[0]); i++)
		if (strcmp(argv[1], ways[i].name) == 0)
			run = ways[i].run;
	threads = argc == 3 ? atol(argv[2]) : 0;
	if (!run || threads < 1 || threads > MOST_THREADS ||
		rseq_percpu_create(&pool, rseq_slice_get_api(), 128) != 0)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts(pool.id_offset == 0                                             ? "atomics"
		: pool.id_offset == offsetof(struct rseq_slice_area, mm_cid) ? "concurrency IDs"
									     : "CPU numbers");
	while (scanf("%ld", &total) == 1) {
		adds = (total + threads - 1) / threads;
		printf("%lld\n", measure() * total / (adds * threads));
	}
	return 0;
}
