/* SPDX-License-Identifier: MIT */
/* A program with a mistake: `planted_fault NUMBER`, a number of enum fault, made in two threads. 0
 * makes none. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "faults.h"

static enum fault chosen;
static int results[2];

static void *run(void *result)
{
	*(int *)result = make_fault(chosen);
	return NULL;
}

int main(int argc, char **argv)
{
	long number = argc == 2 ? strtol(argv[1], NULL, 10) : -1;
	pthread_t ids[2];
	int i;

	if (number < FAULT_NONE || number >= FAULT_COUNT) {
		fprintf(stderr, "usage: %s NUMBER, from %d to %d\n", argv[0], FAULT_NONE,
			FAULT_COUNT - 1);
		return 2;
	}
	chosen = (enum fault)number;
	for (i = 0; i < 2; i++)
		if (pthread_create(&ids[i], NULL, run, &results[i]) != 0)
			return 2;
	for (i = 0; i < 2; i++)
		pthread_join(ids[i], NULL);
	printf("%d %d\n", results[0], results[1]);
	return 0;
}
