/* SPDX-License-Identifier: MIT */
/*
 * A malloc with rseq areas of its own, to be preloaded: it registers 32 bytes of
 * TLS in each thread at its first allocation. If the first thread of the process
 * is refused, it does without for good; if a later one is, it ends the process.
 * So does tcmalloc, whose name for them it has.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { UNKNOWN, WITHOUT, WITH };

static _Thread_local struct {
	volatile uint32_t cpu_id_start, cpu_id;
	volatile uint64_t rseq_cs;
	uint32_t rest[4];
} area __attribute__((aligned(32), tls_model("initial-exec"))) = { .cpu_id = (uint32_t)-1 };
_Thread_local volatile uintptr_t tcmalloc_slabs __attribute__((tls_model("initial-exec")));
static int mode;

static void register_once(void)
{
	if (mode == WITHOUT || (int32_t)area.cpu_id >= 0)
		return;
	if (syscall(SYS_rseq, &area, sizeof(area), 0, 0x53053053, 0, 0) == 0)
		mode = WITH;
	else if (mode == UNKNOWN)
		mode = WITHOUT;
	else
		abort();
}

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size)
{
	register_once();
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	register_once();
	return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
	register_once();
	return __libc_realloc(memory, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
	register_once();
	*memory = __libc_memalign(alignment, size);
	return *memory ? 0 : 12;
}
