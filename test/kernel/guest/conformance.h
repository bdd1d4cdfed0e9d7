/* SPDX-License-Identifier: MIT */
/*
 * What the two halves of conformance share: the runner, which starts a process a
 * sequence and reports (conformance.c), and what happens in these processes
 * (conformance-calls.c).
 */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	AREAS = 3,
	AREA_BYTES = 64,
	SLOTS = AREAS * AREA_BYTES / 4,
	MAX_CALLS = 64,
	MAX_ARGUMENTS = 5,
	MAX_FORKS = MAX_CALLS + 1,
};

/* Where the areas are: low enough for any length of 32 bits behind it to be user memory. */
#define MEMORY ((char *)0x200000000)

struct call {
	char what;
	int64_t arguments[MAX_ARGUMENTS];
};

struct result {
	int generation;
	int64_t value;
	uint32_t words[SLOTS];
};

/* One sequence and what came of it, in memory that survives fork and execve. */
struct shared {
	pid_t runner;
	int length;
	struct call calls[MAX_CALLS];
	struct result results[MAX_CALLS];
	int done;
	/* By generation, one more with every fork: the call it is in, and the process that goes on.
	 */
	int at[MAX_FORKS];
	pid_t next[MAX_FORKS];
	atomic_int joining;
	/* By CPU: how often a preemption was asked for, and how often the other task has run. */
	atomic_uint asked[2];
	atomic_uint ran[2];
};

extern struct shared *shared;
/* A memfd, so that the memory is found again after execve. */
extern int shared_file;
/* What /proc/self/exe is called. */
extern char *self;

/* What cannot go on ends its process with 1. */
_Noreturn void stop(const char *what);
int pin(int to);
void map_shared(void);

/* The task that others are preempted by on this CPU. */
_Noreturn void serve_preemption(int on);

/* The sequence in `shared`, from its beginning, in a fresh process. */
_Noreturn void run_sequence_here(void);
/* The rest of it, in a process that has executed itself. */
_Noreturn void run_after_exec(int next, int as_generation, int on_cpu);

#endif
