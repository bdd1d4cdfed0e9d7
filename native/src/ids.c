/* SPDX-License-Identifier: MIT */
/*
 * Where the calling thread runs, by its live area or, where that is not there or
 * too old to tell, by the kernel. An area that is not registered any more, since
 * another copy of this shim has put its own in its place, say, has a negative
 * CPU and is not believed.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ids.h"
#include "shim.h"

/* Does the kernel fill this member in? */
#define IS_FILLED_IN(member)              \
	(rseq_slice_get_feature_size() >= \
		offsetof(struct rseq_slice_area, member) + sizeof(uint32_t))

uint32_t rseq_slice_get_feature_size(void)
{
	return (uint32_t)getauxval(RSEQ_SLICE_ABI_AT_FEATURE_SIZE);
}

static struct rseq_slice_area *get_live_area(void)
{
	struct rseq_slice_area *area = *rseq_slice_get_area_slot();

	return area && (int32_t)area->cpu_id >= 0 ? area : NULL;
}

struct rseq_slice_area *rseq_slice_hold_live_area(struct rseq_slice_thread **held)
{
	struct rseq_slice_area *area = get_live_area();
	struct rseq_slice_thread *thread = rseq_slice_get_current_thread();

	*held = NULL;
	/* libc's lives as long as its thread. */
	if (area && thread && rseq_slice_get_area(thread) == area &&
		rseq_slice_hold_memory(thread) == 0)
		*held = thread;
	return area;
}

uint32_t rseq_slice_get_cpu(void)
{
	const struct rseq_slice_area *area = get_live_area();
	int cpu = area ? (int)area->cpu_id : sched_getcpu();

	return cpu < 0 ? 0 : (uint32_t)cpu;
}

uint32_t rseq_slice_get_node(void)
{
	const struct rseq_slice_area *area = get_live_area();
	unsigned int node = 0;

	if (area && IS_FILLED_IN(node_id))
		return area->node_id;
	/* No libc before glibc 2.29 has a function for it. */
	if (syscall(SYS_getcpu, NULL, &node, NULL) != 0)
		return 0;
	return node;
}

uint32_t rseq_slice_get_concurrency_id(void)
{
	const struct rseq_slice_area *area = get_live_area();

	return area && IS_FILLED_IN(mm_cid) ? area->mm_cid : rseq_slice_get_cpu();
}
