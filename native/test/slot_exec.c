/* SPDX-License-Identifier: MIT */
/*
 * Counts what a thread's first look for its live area allocates: `slot_exec
 * SHIM`, the shim as an object that is loaded later, as an addon is. A signal
 * handler may be what looks, so it must be nothing. Prints a number for a thread
 * that is older than the object, and one for a younger one.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "../include/rseq_slice/slice.h"

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static _Thread_local int is_watched, allocations;
static struct rseq_slice_area *const *(*get_area_slot)(void);
static pthread_barrier_t is_loaded;

void *malloc(size_t size)
{
	allocations += is_watched;
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	allocations += is_watched;
	return __libc_calloc(count, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	allocations += is_watched;
	return __libc_memalign(alignment, size);
}

static void *look(void *unused)
{
	pthread_barrier_wait(&is_loaded);
	is_watched = 1;
	get_area_slot();
	is_watched = 0;
	printf("%d\n", allocations);
	return unused;
}

static int run_thread(pthread_t *id)
{
	return pthread_create(id, NULL, look, NULL);
}

int main(int argc, char **argv)
{
	pthread_t older, younger;
	void *shim;

	if (argc != 2 || pthread_barrier_init(&is_loaded, NULL, 2) != 0 || run_thread(&older) != 0)
		return 2;
	shim = dlopen(argv[1], RTLD_NOW);
	if (!shim) {
		fprintf(stderr, "%s\n", dlerror());
		return 2;
	}
	*(void **)&get_area_slot = dlsym(shim, "rseq_slice_get_area_slot");
	if (!get_area_slot)
		return 2;
	pthread_barrier_wait(&is_loaded);
	pthread_join(older, NULL);
	if (run_thread(&younger) != 0)
		return 2;
	pthread_barrier_wait(&is_loaded);
	pthread_join(younger, NULL);
	return 0;
}
