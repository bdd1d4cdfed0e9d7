/* SPDX-License-Identifier: MIT */
/*
 * The calls of conformance, each made as directly as possible, and what user
 * memory looks like after each. Nothing here may block or be preempted but where
 * a call says so: the kernel writes to a registered area on such occasions.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "conformance.h"

enum {
	/* Not 0, which is what the kernel writes when it forgets an area. */
	START_CPU = 1,
	PRCTL_SLICE_EXTENSION = 79,
	/* rseq_slice_yield on mainline; and the first public ABI's, which is another call there. */
	YIELD = 471,
	YIELD_RFC = 470,
};

struct shared *shared;
int shared_file;
char *self;
static int generation;
static _Thread_local int cpu = START_CPU;

void stop(const char *what)
{
	fprintf(stderr, "conformance: %s: %s\n", what, strerror(errno));
	_exit(1);
}

int pin(int to)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(to, &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

/* A millisecond is long enough that it cannot be over before it has begun. */
static void block(int milliseconds)
{
	const struct timespec time = { .tv_nsec = milliseconds * 1000000L };

	syscall(SYS_nanosleep, &time, NULL);
}

static void map_memory(void)
{
	void *memory = mmap(MEMORY, 4096, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_POPULATE, -1, 0);

	if (memory != MEMORY)
		stop("mmap of the areas");
}

void map_shared(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		shared_file, 0);
	if (shared == MAP_FAILED)
		stop("mmap of the results");
}

/*
 * Waits in user space until another task has had this CPU, so that the thread is
 * preempted by an interrupt and nothing else. The other task is SCHED_BATCH: its
 * wake-up does not preempt, the tick does.
 */
static void be_preempted(void)
{
	unsigned int asked = atomic_fetch_add(&shared->asked[cpu], 1) + 1;

	syscall(SYS_futex, &shared->asked[cpu], FUTEX_WAKE, 1, NULL, NULL, 0);
	while (atomic_load_explicit(&shared->ran[cpu], memory_order_relaxed) != asked)
		;
}

void serve_preemption(int on)
{
	const struct sched_param parameters = { 0 };
	unsigned int seen = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (pin(on) != 0 || sched_setscheduler(0, SCHED_BATCH, &parameters) != 0)
		stop("the task that preempts");
	for (;;) {
		syscall(SYS_futex, &shared->asked[on], FUTEX_WAIT, seen, NULL, NULL, 0);
		seen = atomic_load(&shared->asked[on]);
		atomic_store(&shared->ran[on], seen);
	}
}

static void *address(int64_t area, int64_t offset)
{
	/* Area -1 is where nothing is mapped. */
	return area < 0 ? (void *)(uintptr_t)offset : MEMORY + area * AREA_BYTES + offset;
}

static int64_t outcome(long value)
{
	return value == -1 ? -errno : value;
}

static void record(int64_t value)
{
	struct result *result = &shared->results[shared->done];

	result->generation = generation;
	result->value = value;
	memcpy(result->words, MEMORY, sizeof(result->words));
	shared->done++;
}

/* The parent is gone without ever having returned to its own sequence; the child goes on. */
static int64_t go_on_in_child(void)
{
	pid_t pid;

	shared->at[generation + 1] = shared->at[generation];
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid < 0)
		return -errno;
	if (pid > 0) {
		shared->next[generation] = pid;
		_exit(0);
	}
	generation++;
	/* It would compete for the CPU. */
	while (getppid() != shared->runner)
		block(1);
	return 0;
}

static int64_t execute_self(int next)
{
	char file[16], from[16], as[16], on[16];

	snprintf(file, sizeof(file), "%d", shared_file);
	snprintf(from, sizeof(from), "%d", next);
	snprintf(as, sizeof(as), "%d", generation);
	snprintf(on, sizeof(on), "%d", cpu);
	execl("/proc/self/exe", self, "after-exec", file, from, as, on, (char *)NULL);
	return -errno;
}

static int run_from(int index);

struct start {
	int next;
	int cpu;
};

static void *thread_main(void *argument)
{
	const struct start *start = argument;

	cpu = start->cpu;
	/* Until the thread that started this one waits for it, asleep: it must not be preempted by
	 * this one. */
	block(4);
	while (!atomic_load(&shared->joining))
		block(1);
	block(1);
	record(0);
	return (void *)(intptr_t)run_from(start->next);
}

/* Returns the index of the call to go on with, after the thread has ended itself. */
static int go_on_in_thread(int next)
{
	struct start start = { next, cpu };
	pthread_t thread;
	void *end;

	atomic_store(&shared->joining, 0);
	if (pthread_create(&thread, NULL, thread_main, &start) != 0)
		stop("pthread_create");
	block(1);
	atomic_store(&shared->joining, 1);
	if (pthread_join(thread, &end) != 0)
		stop("pthread_join");
	return (int)(intptr_t)end;
}

/* The number of the yield on this kernel, or the one it has by the other ABI version. */
static long yield_number(int elsewhere)
{
	const char *version = getenv("CONFORMANCE_ABI_VERSION");
	int is_rfc = version != NULL && strcmp(version, "rfc") == 0;

	return is_rfc != elsewhere ? YIELD_RFC : YIELD;
}

static int64_t perform(const struct call *call, int index)
{
	const int64_t *a = call->arguments;

	switch (call->what) {
	case 'r':
		return outcome(syscall(
			SYS_rseq, address(a[0], a[1]), (uint32_t)a[2], (int)a[3], (uint32_t)a[4]));
	case 'p':
		return outcome(
			syscall(SYS_prctl, (long)PRCTL_SLICE_EXTENSION, a[0], a[1], a[2], a[3]));
	case 'y':
		return outcome(syscall(yield_number(0)));
	case 'z':
		/* Here this is another call, or none, which refuses; how is no matter of ours. */
		return syscall(yield_number(1)) == -1 ? -1 : 0;
	case 'g':
		syscall(SYS_getppid);
		return 0;
	case 's':
		((volatile uint32_t *)MEMORY)[a[0]] = (uint32_t)a[1];
		return 0;
	case 'w':
		((volatile uint8_t *)MEMORY)[a[0]] = (uint8_t)a[1];
		return 0;
	case 'd':
		return outcome(sched_yield());
	case 'b':
		block(1);
		return 0;
	case 'i':
		be_preempted();
		return 0;
	case 'm':
		cpu = (int)a[0];
		return outcome(pin(cpu));
	case 'f':
		return go_on_in_child();
	case 'e':
		return execute_self(index + 1);
	default:
		stop("a call nobody knows");
	}
}

/* Returns the index of the call behind the end of this thread. */
static int run_from(int index)
{
	while (index < shared->length) {
		const struct call *call = &shared->calls[index];

		shared->at[generation] = index;
		if (call->what == 'x')
			return index;
		if (call->what == 't') {
			index = go_on_in_thread(index + 1);
			/* The thread's end is over only now. */
			record(0);
		} else {
			record(perform(call, index));
		}
		index++;
	}
	/* Nobody who waits for this thread shall return to user space again. */
	_exit(0);
}

void run_sequence_here(void)
{
	if (setpgid(0, 0) != 0 || pin(START_CPU) != 0)
		stop("setting a child up");
	map_memory();
	run_from(0);
	/* A sequence that ends a thread it has not started. */
	_exit(1);
}

void run_after_exec(int next, int as_generation, int on_cpu)
{
	generation = as_generation;
	cpu = on_cpu;
	map_memory();
	record(0);
	run_from(next);
	_exit(1);
}
