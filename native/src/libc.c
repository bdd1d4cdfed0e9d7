/* SPDX-License-Identifier: MIT */
/*
 * The area that libc registers for each thread: where it is, and whether the
 * calling thread has it. Source: glibc's manual, "Restartable Sequences".
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <string.h>

#include "shim.h"
#ifdef RSEQ_SLICE_OLDEST_GLIBC
#include "glibc.h"
#endif

static char *thread_pointer(void)
{
#if defined(__x86_64__)
	char *pointer;

	/* Older compilers have no builtin for it. */
	__asm__("movq %%fs:0, %0" : "=r"(pointer));
	return pointer;
#else
	return (char *)__builtin_thread_pointer();
#endif
}

static struct libc_symbols libc_symbols;
static atomic_int is_looked_up;

/* libc is the same one for the life of a process. */
static void look_up(void)
{
	rseq_slice_lock_loader();
	if (!atomic_load_explicit(&is_looked_up, memory_order_relaxed)) {
		libc_symbols.offset = dlsym(RTLD_DEFAULT, "__rseq_offset");
		libc_symbols.size = dlsym(RTLD_DEFAULT, "__rseq_size");
		atomic_store_explicit(&is_looked_up, 1, memory_order_release);
	}
	rseq_slice_unlock_loader();
}

/* When we are loaded: later it may be a signal handler that asks, in a thread inside the loader. */
__attribute__((constructor)) static void look_up_early(void)
{
	look_up();
}

void rseq_slice_find_libc(struct libc_symbols *symbols)
{
	/* Somebody else's constructor may have come before. */
	if (!atomic_load_explicit(&is_looked_up, memory_order_acquire))
		look_up();
	*symbols = libc_symbols;
}

void rseq_slice_describe_libc(
	const struct libc_symbols *symbols, struct rseq_slice_libc *libc_state)
{
	memset(libc_state, 0, sizeof(*libc_state));
	libc_state->cpu_id = RSEQ_SLICE_ABI_CPU_ID_UNINITIALIZED;
	if (!symbols->offset || !symbols->size)
		return;
	libc_state->exported = 1;
	libc_state->size = *symbols->size;
	if (libc_state->size == 0)
		return;
	libc_state->area = (struct rseq_slice_area *)(thread_pointer() + *symbols->offset);
	libc_state->cpu_id = (int32_t)libc_state->area->cpu_id;
	libc_state->registered = libc_state->cpu_id >= 0;
	libc_state->flags = libc_state->area->flags;
}

void rseq_slice_get_libc(struct rseq_slice_libc *libc_state, size_t size)
{
	struct libc_symbols symbols;
	struct rseq_slice_libc found;

	rseq_slice_find_libc(&symbols);
	rseq_slice_describe_libc(&symbols, &found);
	copy_out(libc_state, size, &found, sizeof(found));
}

uint32_t rseq_slice_get_libc_length(const struct rseq_slice_libc *libc_state)
{
	return libc_state->size < RSEQ_SLICE_ABI_LEGACY_LENGTH ? RSEQ_SLICE_ABI_LEGACY_LENGTH
							       : libc_state->size;
}

/*
 * glibc registers a new thread only if the one that creates it has its area
 * registered just then, and that one may have ours. What it notes is the same
 * as after a refusal by the kernel, so this may be refused, too.
 */
int rseq_slice_restore_libc(void)
{
	struct rseq_slice_libc libc_state;
	int error;

	rseq_slice_get_libc(&libc_state, sizeof(libc_state));
	if (!libc_state.area || libc_state.cpu_id != RSEQ_SLICE_ABI_CPU_ID_REGISTRATION_FAILED)
		return 0;
	error = sys_rseq(libc_state.area, rseq_slice_get_libc_length(&libc_state), 0,
		RSEQ_SLICE_ABI_SIGNATURE);
	return error ? error : 1;
}
