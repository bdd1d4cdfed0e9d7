/* SPDX-License-Identifier: MIT */
/*
 * The threads that do something with per-CPU data in the tests, and what
 * disturbs them meanwhile: a thread that moves all others from CPU to CPU, and
 * one that sends them signals, whose handler adds as well.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cases.h"
#include "percpu_crew.h"

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

void percpu_pause(long nanoseconds)
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
		percpu_pause(20000);
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
		percpu_pause(50000);
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

void percpu_let_handlers_add(
	const struct rseq_percpu_pool *pool, const struct percpu_operations *operations)
{
	crew.pool = pool;
	crew.operations = operations;
}

int64_t percpu_get_handled(void)
{
	return crew.handled;
}

size_t percpu_get_thread_count(void)
{
	return 4 * (size_t)sysconf(_SC_NPROCESSORS_ONLN);
}
