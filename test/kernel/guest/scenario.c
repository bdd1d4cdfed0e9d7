/* SPDX-License-Identifier: MIT */
/*
 * Runs small programs over the control word again and again, beside a process
 * that wakes a thousand times a second on the same CPU, and counts which results
 * came out. Each line of the input is a name and instructions as pairs
 * 'operation,register'; each line of the output a name, a count and results.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rseq_slice/slice.h>

enum operation { ASK, WITHDRAW, REQUEST, GRANTED, YIELD, CALL, SPIN };

#define MOST_INSTRUCTIONS 32
#define MOST_RESULTS 8
#define MOST_OUTCOMES 256

struct instruction {
	int operation;
	int result;
};

struct outcome {
	int results[MOST_RESULTS];
	unsigned long count;
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void spin(unsigned long rounds)
{
	while (rounds--)
		__asm__ __volatile__("" ::: "memory");
}

/* How many rounds of spin take so many seconds here, the best of several. */
static unsigned long rounds_for(double seconds)
{
	const unsigned long rounds = 100000;
	double best = 1;
	int i;

	for (i = 0; i < 50; i++) {
		double start = now(), taken;

		spin(rounds);
		taken = now() - start;
		if (taken < best)
			best = taken;
	}
	return (unsigned long)((double)rounds * seconds / best) + 1;
}

static void pin_to_first_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof set, &set);
}

static pid_t start_neighbour(unsigned long rounds)
{
	pid_t child = fork();

	if (child != 0)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		usleep(1000);
		spin(rounds);
	}
}

static int perform(volatile uint8_t *word, enum operation operation, unsigned long rounds)
{
	switch (operation) {
	case ASK:
		word[0] = 1;
		return 0;
	case WITHDRAW:
		word[0] = 0;
		return 0;
	case REQUEST:
		return word[0];
	case GRANTED:
		return word[1];
	case YIELD:
		return rseq_slice_yield_cpu(RSEQ_SLICE_ABI_VERSION_MAINLINE);
	case CALL:
		syscall(SYS_getppid);
		return 0;
	case SPIN:
		spin(rounds);
		return 0;
	}
	return -1;
}

static void count_outcome(struct outcome *outcomes, int *used, const int *results)
{
	int i;

	for (i = 0; i < *used; i++)
		if (memcmp(outcomes[i].results, results, sizeof outcomes[i].results) == 0) {
			outcomes[i].count++;
			return;
		}
	if (*used == MOST_OUTCOMES)
		exit(3);
	memcpy(outcomes[*used].results, results, sizeof outcomes[*used].results);
	outcomes[(*used)++].count = 1;
}

static void run(char *line, volatile uint8_t *word, double seconds, unsigned long rounds)
{
	static struct outcome outcomes[MOST_OUTCOMES];
	struct instruction program[MOST_INSTRUCTIONS];
	const char *name = strtok(line, " \n");
	char *text;
	int length = 0, used = 0, most = -1, i, j;
	double end = now() + seconds;

	while ((text = strtok(NULL, " \n")) != NULL && length < MOST_INSTRUCTIONS) {
		sscanf(text, "%d,%d", &program[length].operation, &program[length].result);
		if (program[length].result > most)
			most = program[length].result;
		length++;
	}
	while (now() < end) {
		int results[MOST_RESULTS] = { 0 };

		for (i = 0; i < length; i++) {
			int result = perform(word, (enum operation)program[i].operation, rounds);

			if (program[i].result >= 0)
				results[program[i].result] = result;
		}
		count_outcome(outcomes, &used, results);
		/* Whatever is left over ends here, so that each begins alike. */
		word[0] = 0;
		rseq_slice_yield_cpu(RSEQ_SLICE_ABI_VERSION_MAINLINE);
	}
	for (i = 0; i < used; i++) {
		printf("%s %lu", name, outcomes[i].count);
		for (j = 0; j <= most; j++)
			printf(" %d", outcomes[i].results[j]);
		printf("\n");
	}
}

/* Arguments: the file, seconds a scenario, microseconds a spin. */
int main(int argc, char **argv)
{
	struct rseq_slice_thread *thread;
	enum rseq_slice_step step;
	unsigned long rounds;
	char line[1024];
	pid_t neighbour;
	FILE *file;
	int result;

	if (argc != 4 || (file = fopen(argv[1], "r")) == NULL)
		return 2;
	pin_to_first_cpu();
	rounds = rounds_for(atof(argv[3]) / 1e6);
	neighbour = start_neighbour(rounds * 5);
	result = rseq_slice_attach(
		RSEQ_SLICE_REGISTRATION_AUTO, RSEQ_SLICE_ABI_VERSION_MAINLINE, &thread, &step);
	if (result) {
		fprintf(stderr, "attach: %d in step %d\n", result, step);
		return 4;
	}
	while (fgets(line, sizeof line, file))
		run(line, (volatile uint8_t *)&rseq_slice_get_area(thread)->slice_ctrl,
			atof(argv[2]), rounds);
	rseq_slice_detach(thread);
	kill(neighbour, SIGKILL);
	waitpid(neighbour, NULL, 0);
	return 0;
}
