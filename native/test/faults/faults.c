/* SPDX-License-Identifier: MIT */
/* The mistakes themselves. Each hides its values from the compiler, which would warn of it or take
 * it out. */
#include "faults.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>

static int shared_counter;

static int *opaque(int *pointer)
{
	__asm__ __volatile__("" : "+r"(pointer) : : "memory");
	return pointer;
}

static int overflow_heap(void)
{
	int *numbers = opaque(malloc(4 * sizeof(*numbers)));
	int result;

	numbers[4] = 1;
	result = numbers[4];
	free(numbers);
	return result;
}

static int use_after_free(void)
{
	int *number = malloc(sizeof(*number));
	int *dangling = opaque(number);

	free(number);
	return *opaque(dangling);
}

static int leak(void)
{
	return opaque(malloc(64)) != NULL;
}

static int overflow_signed(void)
{
	int number = INT_MAX;

	return *opaque(&number) + 1;
}

static int load_misaligned(void)
{
	int numbers[2] = { 0 };

	return *opaque((int *)((uintptr_t)numbers + 1));
}

/* Long enough that two threads which start one after the other do it at once. */
static int race(void)
{
	int i;

	for (i = 0; i < 1000; i++)
		*opaque(&shared_counter) += 1;
	return shared_counter;
}

int make_fault(enum fault fault)
{
	switch (fault) {
	case FAULT_HEAP_OVERFLOW:
		return overflow_heap();
	case FAULT_USE_AFTER_FREE:
		return use_after_free();
	case FAULT_LEAK:
		return leak();
	case FAULT_SIGNED_OVERFLOW:
		return overflow_signed();
	case FAULT_MISALIGNED:
		return load_misaligned();
	case FAULT_DATA_RACE:
		return race();
	default:
		return 0;
	}
}
