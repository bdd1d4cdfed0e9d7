/* SPDX-License-Identifier: MIT */
/*
 * What the kernel can do, found out on a scout, a thread nobody else needs, so
 * that a caller's registration is replaced only when that is known to help.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/auxv.h>

#include "shim.h"
#ifdef RSEQ_SLICE_OLDEST_GLIBC
#include "glibc.h"
#endif

/* Registers the area, tries to enable slices, unregisters. 0, or the first error. */
static int try_length(
	struct rseq_slice_area *area, uint32_t length, struct rseq_slice_kernel *kernel)
{
	int result = sys_rseq(area, length, 0, RSEQ_SLICE_ABI_SIGNATURE);
	int yield;

	/* The last length tried is the full one. */
	kernel->area_refused = result != 0;
	if (result)
		/* Both lengths are the kernel's own: some other area is registered. */
		return result == -EINVAL ? -EBUSY : result;
	result = rseq_slice_set_enabled(1);
	if (result == 0) {
		yield = sys_rseq_slice_yield(RSEQ_SLICE_ABI_NR_SLICE_YIELD);
		kernel->yield = yield;
		if (yield < 0)
			kernel->yield_rfc = sys_rseq_slice_yield(RSEQ_SLICE_ABI_NR_SLICE_YIELD_RFC);
	}
	sys_rseq(area, length, RSEQ_SLICE_ABI_FLAG_UNREGISTER, RSEQ_SLICE_ABI_SIGNATURE);
	return result;
}

static enum rseq_slice_abi_version detect_abi_version(const struct rseq_slice_kernel *kernel)
{
	if (kernel->legacy_area != 0 && kernel->full_area != 0)
		return RSEQ_SLICE_ABI_VERSION_AUTO;
	/* A filter may hide 471; only the first ABI answers 0 at 470. */
	if (kernel->yield < 0 && kernel->yield_rfc >= 0)
		return RSEQ_SLICE_ABI_VERSION_RFC;
	return kernel->legacy_area == 0 ? RSEQ_SLICE_ABI_VERSION_7_0
					: RSEQ_SLICE_ABI_VERSION_MAINLINE;
}

struct scout {
	struct rseq_slice_kernel *kernel;
	struct rseq_slice_area *area;
	struct libc_symbols libc;
};

/*
 * Nothing here allocates: an allocator with areas of its own would register one
 * in this thread, and the question would have the wrong answer.
 */
static void *run_scout(void *argument)
{
	const struct scout *scout = argument;
	struct rseq_slice_kernel *kernel = scout->kernel;
	struct rseq_slice_libc libc_state;

	rseq_slice_describe_libc(&scout->libc, &libc_state);
	if (libc_state.registered &&
		sys_rseq(libc_state.area, rseq_slice_get_libc_length(&libc_state),
			RSEQ_SLICE_ABI_FLAG_UNREGISTER, RSEQ_SLICE_ABI_SIGNATURE) != 0) {
		kernel->legacy_area = kernel->full_area = -EBUSY;
		return NULL;
	}
	kernel->legacy_area = try_length(scout->area, RSEQ_SLICE_ABI_LEGACY_LENGTH, kernel);
	kernel->full_area =
		rseq_slice_get_full_length(kernel) == RSEQ_SLICE_ABI_LEGACY_LENGTH
			? kernel->legacy_area
			: try_length(scout->area, rseq_slice_get_full_length(kernel), kernel);
	if (libc_state.registered)
		sys_rseq(libc_state.area, rseq_slice_get_libc_length(&libc_state), 0,
			RSEQ_SLICE_ABI_SIGNATURE);
	return NULL;
}

/* Runs the scout to its end: what it registered is the kernel's until then. */
static int send_scout(struct rseq_slice_kernel *kernel)
{
	struct scout scout = { .kernel = kernel, .area = rseq_slice_create_area(kernel) };
	sigset_t saved;
	pthread_t id;
	int error;

	if (!scout.area)
		return -ENOMEM;
	rseq_slice_find_libc(&scout.libc);
	rseq_slice_block_signals(&saved);
	error = pthread_create(&id, NULL, run_scout, &scout);
	rseq_slice_restore_signals(&saved);
	if (error == 0)
		pthread_join(id, NULL);
	free(scout.area);
	return -error;
}

static int describe(struct rseq_slice_kernel *kernel)
{
	int error = 0;

	memset(kernel, 0, sizeof(*kernel));
	kernel->feature_size = (uint32_t)getauxval(RSEQ_SLICE_ABI_AT_FEATURE_SIZE);
	kernel->alignment = (uint32_t)getauxval(RSEQ_SLICE_ABI_AT_ALIGN);
	kernel->yield = kernel->yield_rfc = -ENOSYS;
	kernel->query = rseq_slice_get_enabled();
	if (kernel->query < 0)
		kernel->legacy_area = kernel->full_area = kernel->query;
	else
		error = send_scout(kernel);
	kernel->abi_version = detect_abi_version(kernel);
	return error;
}

/*
 * No lock: a child of fork(2) would find it held by a thread it has not got. So
 * several may send a scout at once, and the first that is back is believed.
 */
int rseq_slice_get_kernel(struct rseq_slice_kernel *kernel, size_t size)
{
	enum { UNKNOWN, BEING_WRITTEN, KNOWN };
	static atomic_int state = UNKNOWN;
	static struct rseq_slice_kernel known;
	struct rseq_slice_kernel found;
	int error, cancellation, expected = UNKNOWN;

	if (atomic_load_explicit(&state, memory_order_acquire) == KNOWN) {
		copy_out(kernel, size, &known, sizeof(known));
		return 0;
	}
	/* A caller that is cancelled while it waits for its scout would leave it our stack. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancellation);
	error = describe(&found);
	pthread_setcancelstate(cancellation, NULL);
	copy_out(kernel, size, &found, sizeof(found));
	if (error == 0 && atomic_compare_exchange_strong(&state, &expected, BEING_WRITTEN)) {
		known = found;
		atomic_store_explicit(&state, KNOWN, memory_order_release);
	}
	return error;
}
