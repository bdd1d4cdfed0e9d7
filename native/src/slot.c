/* SPDX-License-Identifier: MIT */
/*
 * Where each thread's live area stands, for the restartable sequences of
 * rseq_percpu.h in whatever object, and by which number the process's threads
 * find their stripes.
 */
#include <errno.h>
#include <stdatomic.h>
#include <sys/auxv.h>

#include "shim.h"

/*
 * In our TLS, which stays until the thread is gone, since we are linked with
 * nodelete. A thread's first use may be in a signal handler, which must not
 * allocate: glibc does that for words that are not of this model. Others have
 * their memory ready when they load us, and refuse the model.
 */
#if defined(__GLIBC__)
#define TLS_OF_HANDLERS _Thread_local __attribute__((tls_model("initial-exec")))
#else
#define TLS_OF_HANDLERS _Thread_local
#endif
static TLS_OF_HANDLERS struct rseq_slice_area *live_area;
static TLS_OF_HANDLERS int is_known;

/* What the kernel's areas must have of mm_cid: its last byte. */
#define CONCURRENCY_ID_END (offsetof(struct rseq_slice_area, mm_cid) + sizeof(uint32_t))

/* An offset, or one of these. */
#define UNDECIDED 1u
#define ATOMICS 0u
static atomic_uint percpu_id = UNDECIDED;

void rseq_slice_set_live_area(struct rseq_slice_area *area)
{
	live_area = area;
	is_known = 1;
}

/* Signal handlers call it: it takes no lock and allocates nothing. */
struct rseq_slice_area *const *rseq_slice_get_area_slot(void)
{
	struct rseq_slice_libc libc_state;

	if (!is_known) {
		/* libc left it without one if its creator had ours just then. */
		rseq_slice_restore_libc();
		rseq_slice_get_libc(&libc_state, sizeof(libc_state));
		rseq_slice_set_live_area(libc_state.registered ? libc_state.area : NULL);
	}
	return &live_area;
}

unsigned int rseq_slice_get_percpu_id(void)
{
	unsigned int found = atomic_load(&percpu_id), mine = ATOMICS;

	if (found != UNDECIDED)
		return found;
	/* Sequences of a process need a kernel that fences them, too: from 5.10 on. */
	if (*rseq_slice_get_area_slot())
		mine = getauxval(RSEQ_SLICE_ABI_AT_FEATURE_SIZE) >= CONCURRENCY_ID_END
			       ? offsetof(struct rseq_slice_area, mm_cid)
			       : offsetof(struct rseq_slice_area, cpu_id);
	return atomic_compare_exchange_strong(&percpu_id, &found, mine) ? mine : found;
}
