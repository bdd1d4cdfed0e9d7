/* SPDX-License-Identifier: MIT */
/*
 * mmap(2) of a file that is shared: what is stored there is the file's at once,
 * whatever becomes of the process. Only a crash of the machine can lose it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>

#include "mapping.h"

int rseq_slice_map_file(int file, size_t length, void **memory)
{
	void *mapped = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);

	if (mapped == MAP_FAILED)
		return -errno;
	*memory = mapped;
	return 0;
}

int rseq_slice_unmap(void *memory, size_t length)
{
	return munmap(memory, length) == 0 ? 0 : -errno;
}
