/*
 * A library, to be preloaded, that uses libc's rseq area as tcmalloc does: it
 * says so by the symbol that tcmalloc has, and keeps data of its own behind the
 * ids, where slice extensions have their control word. At the end it looks
 * whether somebody was there.
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/rseq.h>
#include <unistd.h>

#define DATA_OFFSET 28
#define DATA 0x7c5a7c5aU

__thread char tcmalloc_slabs[8] __attribute__((visibility("default")));

static volatile uint32_t *data(void)
{
	return (volatile uint32_t *)((char *)__builtin_thread_pointer() + __rseq_offset + DATA_OFFSET);
}

__attribute__((constructor)) static void occupy(void)
{
	*data() = DATA;
}

__attribute__((destructor)) static void look(void)
{
	if (*data() == DATA)
		return;
	fprintf(stderr, "overlay: the area was written to: 0x%x\n", *data());
	_exit(9);
}
