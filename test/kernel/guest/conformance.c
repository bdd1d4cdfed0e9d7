/* SPDX-License-Identifier: MIT */
/*
 * Runs sequences of calls against the kernel it is started on, one process a
 * sequence, and writes down what each call gave and what user memory looked like
 * after it. What should come out stands in the same line of the input, so that a
 * sequence into which an interrupt fell is repeated here; the verdict is the
 * caller's. Each line is: name TAB calls TAB expected; each line of the output:
 * name TAB repetitions TAB found. The letters are those of support/conformance/sequence.ts.
 *
 *	conformance INPUT OUTPUT
 *	conformance host	what the kernel says of itself, as JSON
 *
 * Exit codes: 0, 1 for wrong input, 77 when this machine cannot be used.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "conformance.h"

enum {
	MAX_LINE = 1 << 16,
	REPETITIONS = 3,
	/*
	 * Where another task is to have the CPU it can be had at the wrong moment: in the system
	 * call before the preemption, or, on a machine that stalls, before a grant was seen. So it
	 * is where the CPU is given up to whoever waits for it, on a busy host.
	 */
	REPETITIONS_COMPETING = 12,
	HANG_SECONDS = 20,
	EXIT_UNUSABLE = 77,
	/* The auxiliary vector's entries; older C libraries have no names for them. */
	RSEQ_FEATURE_SIZE = 27,
	RSEQ_ALIGN = 28,
};

static int parse_calls(char *text)
{
	char *rest = NULL;

	memset(shared->calls, 0, sizeof(shared->calls));
	shared->length = 0;
	for (char *token = strtok_r(text, " ", &rest); token != NULL;
		token = strtok_r(NULL, " ", &rest)) {
		struct call *call = &shared->calls[shared->length];
		char *at = token + 1;

		if (shared->length++ == MAX_CALLS)
			return -1;
		call->what = *token;
		for (int i = 0; *at == ',' && i < MAX_ARGUMENTS; i++)
			call->arguments[i] = strtoll(at + 1, &at, 10);
		if (*at != '\0')
			return -1;
	}
	return 0;
}

static void on_alarm(int number)
{
	(void)number;
}

/* Follows a sequence through its processes. Returns how the last one ended; -1: it hung. */
static int await_end(pid_t child, int *last)
{
	int status;

	*last = 0;
	for (;;) {
		alarm(HANG_SECONDS);
		if (waitpid(child, &status, 0) != child)
			status = -1;
		alarm(0);
		if (status != 0 || shared->next[*last] == 0)
			break;
		child = shared->next[(*last)++];
	}
	return status;
}

/* Whatever is still there, as after a death in fork, is none of the next sequence's. */
static void clear_away(pid_t group)
{
	kill(-group, SIGKILL);
	while (waitpid(-group, NULL, 0) > 0 || errno == EINTR)
		;
}

/* A thread's concurrency ID is anything small. */
static uint32_t normalized(int slot, uint32_t word)
{
	return slot % 8 == 6 && word < 8 ? 0 : word;
}

static void describe(FILE *to, int status, int last)
{
	if (status == -1)
		fprintf(to, "hang:%d", shared->at[last]);
	else if (WIFSIGNALED(status))
		fprintf(to, "signal:%d:%d", WTERMSIG(status), shared->at[last]);
	else
		fprintf(to, "exit:%d", WEXITSTATUS(status));
	for (int i = 0; i < shared->done && shared->results[i].generation <= last; i++) {
		const struct result *result = &shared->results[i];
		char separator = ';';

		fprintf(to, " %lld", (long long)result->value);
		for (int slot = 0; slot < SLOTS; slot++) {
			uint32_t word = normalized(slot, result->words[slot]);

			if (word == 0)
				continue;
			fprintf(to, "%c%d=%x", separator, slot, word);
			separator = ',';
		}
	}
}

static void run_sequence(char *found, size_t size)
{
	int last, status;
	FILE *text;
	pid_t child;

	shared->done = 0;
	memset(shared->at, 0, sizeof(shared->at));
	memset(shared->next, 0, sizeof(shared->next));
	child = fork();
	if (child < 0)
		stop("fork");
	if (child == 0)
		run_sequence_here();
	status = await_end(child, &last);
	clear_away(child);
	text = fmemopen(found, size, "w");
	if (text == NULL)
		stop("fmemopen");
	describe(text, status, last);
	fclose(text);
}

static int allowed_repetitions(void)
{
	for (int i = 0; i < shared->length; i++) {
		if (strchr("itd", shared->calls[i].what) != NULL)
			return REPETITIONS_COMPETING;
	}
	return REPETITIONS;
}

static int run_file(const char *input, const char *output)
{
	static char line[MAX_LINE], found[MAX_LINE];
	FILE *in = fopen(input, "r");
	FILE *out = fopen(output, "w");

	if (in == NULL || out == NULL)
		stop("the files");
	while (fgets(line, sizeof(line), in) != NULL) {
		char *name = strtok(line, "\t"), *calls = strtok(NULL, "\t"),
		     *expected = strtok(NULL, "\n");
		int repetitions = 0;

		if (name == NULL || calls == NULL || expected == NULL || parse_calls(calls) != 0) {
			fprintf(stderr, "conformance: this is no sequence: %s\n", line);
			return 1;
		}
		run_sequence(found, sizeof(found));
		while (strcmp(found, expected) != 0 && repetitions < allowed_repetitions()) {
			repetitions++;
			run_sequence(found, sizeof(found));
		}
		fprintf(out, "%s\t%d\t%s\n", name, repetitions, found);
	}
	return fclose(out) == 0 ? 0 : 1;
}

static int describe_host(void)
{
	static _Alignas(AREA_BYTES) char area[AREA_BYTES];
	long result = syscall(SYS_rseq, area, 32, 0, 0);

	printf("{\"featureSize\":%lu,\"alignment\":%lu,\"register\":%d}\n",
		getauxval(RSEQ_FEATURE_SIZE), getauxval(RSEQ_ALIGN), result == 0 ? 0 : -errno);
	/* Registered until the process ends. */
	return 0;
}

int main(int argc, char **argv)
{
	const struct rlimit none = { 0, 0 };
	const struct sigaction action = { .sa_handler = on_alarm };
	cpu_set_t allowed;
	pid_t helpers[2];
	int code;

	self = argv[0];
	/* Where it may: a sched_yield() then leaves the CPU with its caller, whatever else runs. */
	(void)setpriority(PRIO_PROCESS, 0, -20);
	if (argc == 6 && strcmp(argv[1], "after-exec") == 0) {
		shared_file = atoi(argv[2]);
		map_shared();
		run_after_exec(atoi(argv[3]), atoi(argv[4]), atoi(argv[5]));
	}
	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0 || !CPU_ISSET(0, &allowed) ||
		!CPU_ISSET(1, &allowed)) {
		fprintf(stderr, "conformance: it wants to run on CPUs 0 and 1\n");
		return EXIT_UNUSABLE;
	}
	if (argc == 2 && strcmp(argv[1], "host") == 0)
		return describe_host();
	if (argc != 3)
		return 1;
	shared_file = memfd_create("conformance", 0);
	if (shared_file < 0 || ftruncate(shared_file, sizeof(*shared)) != 0)
		stop("memfd_create");
	map_shared();
	shared->runner = getpid();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	setrlimit(RLIMIT_CORE, &none);
	sigaction(SIGALRM, &action, NULL);
	for (int i = 0; i < 2; i++) {
		helpers[i] = fork();
		if (helpers[i] == 0)
			serve_preemption(i);
	}
	code = run_file(argv[1], argv[2]);
	for (int i = 0; i < 2; i++) {
		kill(helpers[i], SIGKILL);
		waitpid(helpers[i], NULL, 0);
	}
	return code;
}
