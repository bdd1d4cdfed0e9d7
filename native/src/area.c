/* SPDX-License-Identifier: MIT */
/*
 * Areas of our own: their memory, and how one is registered for the calling
 * thread, in the place of libc's where there is one, and given back. Whether a
 * thread is to have one is attach.c's business.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>

#include "shim.h"

uint32_t rseq_slice_get_full_length(const struct rseq_slice_kernel *kernel)
{
	return kernel->feature_size > RSEQ_SLICE_ABI_LEGACY_LENGTH ? kernel->feature_size
								   : RSEQ_SLICE_ABI_LEGACY_LENGTH;
}

struct rseq_slice_area *rseq_slice_create_area(const struct rseq_slice_kernel *kernel)
{
	size_t alignment = sizeof(struct rseq_slice_area);
	size_t length = rseq_slice_get_full_length(kernel);
	void *memory;

	if (kernel->alignment > alignment)
		alignment = kernel->alignment;
	/* Whole cache lines: nobody else's data shares what the kernel writes. */
	length = (length + alignment - 1) / alignment * alignment;
	if (posix_memalign(&memory, alignment, length) != 0)
		return NULL;
	memset(memory, 0, length);
	((struct rseq_slice_area *)memory)->cpu_id = (uint32_t)RSEQ_SLICE_ABI_CPU_ID_UNINITIALIZED;
	return memory;
}

/* The area may be the kernel's for good then, and its memory with it. */
static int unregister_own(struct rseq_slice_thread *thread)
{
	int error = sys_rseq(thread->section.area, thread->length, RSEQ_SLICE_ABI_FLAG_UNREGISTER,
		RSEQ_SLICE_ABI_SIGNATURE);

	thread->is_area_lost = error != 0;
	return error;
}

static int put_libc_back(const struct rseq_slice_thread *thread)
{
	int error;

	if (!thread->libc_area)
		return 0;
	error = sys_rseq(thread->libc_area, thread->libc_length, 0, RSEQ_SLICE_ABI_SIGNATURE);
	if (error == 0 && thread->libc_enabled)
		error = rseq_slice_set_enabled(1);
	return error;
}

/* libc's area is the live one, or none is. */
static void note_libc(struct rseq_slice_area *area)
{
	rseq_slice_set_live_area(area && (int32_t)area->cpu_id >= 0 ? area : NULL);
}

void rseq_slice_free_area(struct rseq_slice_thread *thread)
{
	if (!thread->is_area_lost)
		free(thread->section.area);
}

/*
 * Registers our area with slices enabled, which the kernel does by a flag from 7.1 on. A kernel
 * that does not know the flag, or has another area registered, answers EINVAL: then without it.
 * Whether slices are enabled the area says. 0, or the errors of rseq(2).
 */
static int register_own(struct rseq_slice_thread *thread)
{
	int error = sys_rseq(thread->section.area, thread->length,
		RSEQ_SLICE_ABI_FLAG_SLICE_DEFAULT_ON, RSEQ_SLICE_ABI_SIGNATURE);

	return error == -EINVAL
		       ? sys_rseq(thread->section.area, thread->length, 0, RSEQ_SLICE_ABI_SIGNATURE)
		       : error;
}

static int is_enabled(const struct rseq_slice_thread *thread)
{
	return (thread->section.area->flags & RSEQ_SLICE_ABI_FLAG_SLICE_ENABLED) != 0;
}

/* Takes libc's area away when there is one, and registers ours with slices. */
static int exchange(struct rseq_slice_thread *thread, const struct rseq_slice_libc *libc_state,
	enum rseq_slice_step *step)
{
	int error;

	if (libc_state->registered) {
		thread->libc_enabled = rseq_slice_get_enabled() == 1;
		error = sys_rseq(libc_state->area, rseq_slice_get_libc_length(libc_state),
			RSEQ_SLICE_ABI_FLAG_UNREGISTER, RSEQ_SLICE_ABI_SIGNATURE);
		if (error)
			return fail(step, RSEQ_SLICE_STEP_UNREGISTER, error);
		thread->libc_area = libc_state->area;
		thread->libc_length = rseq_slice_get_libc_length(libc_state);
	}
	error = register_own(thread);
	if (error) {
		put_libc_back(thread);
		/* The length is the kernel's own: some other area is registered. */
		return error == -EINVAL ? fail(step, RSEQ_SLICE_STEP_FOREIGN, -EBUSY)
					: fail(step, RSEQ_SLICE_STEP_REGISTER, error);
	}
	error = is_enabled(thread) ? 0 : rseq_slice_set_enabled(1);
	if (error) {
		if (unregister_own(thread) == 0)
			put_libc_back(thread);
		return fail(step, RSEQ_SLICE_STEP_ENABLE, error);
	}
	return 0;
}

int rseq_slice_register_area(struct rseq_slice_thread *thread,
	const struct rseq_slice_libc *libc_state, const struct rseq_slice_kernel *kernel,
	enum rseq_slice_step *step)
{
	sigset_t saved;
	int error;

	thread->section.area = rseq_slice_create_area(kernel);
	if (!thread->section.area)
		return fail(step, RSEQ_SLICE_STEP_MEMORY, -ENOMEM);
	thread->length = rseq_slice_get_full_length(kernel);
	/* A handler that used libc's area half-way through would find it dead. */
	rseq_slice_block_signals(&saved);
	error = exchange(thread, libc_state, step);
	if (!error)
		rseq_slice_set_live_area(thread->section.area);
	else
		note_libc(libc_state->area);
	rseq_slice_restore_signals(&saved);
	if (error)
		rseq_slice_free_area(thread);
	return error;
}

int rseq_slice_unregister_area(struct rseq_slice_thread *thread)
{
	sigset_t saved;
	int error;

	rseq_slice_block_signals(&saved);
	error = unregister_own(thread);
	if (!error)
		error = put_libc_back(thread);
	note_libc(thread->libc_area);
	rseq_slice_restore_signals(&saved);
	return error;
}
