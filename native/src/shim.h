/* SPDX-License-Identifier: MIT */
/*
 * What the shim's own files share and nobody outside needs. Each function that
 * can fail returns -errno. What has a place in the symbol table begins with
 * rseq_slice_, or with sys_ if it is a system call as it is: a program that has
 * the shim linked in keeps its own names.
 */
#ifndef RSEQ_SLICE_SHIM_H
#define RSEQ_SLICE_SHIM_H

#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include <rseq_slice/slice.h>

/*
 * calls.c: the raw system calls. All six arguments are given, since a number may
 * be another call's somewhere.
 */

/* Register or unregister an area for the calling thread. 0, or the errors of rseq(2). */
int sys_rseq(struct rseq_slice_area *area, uint32_t length, int flags, uint32_t signature);

/* rseq_slice_yield(2) at the given number: 1 yielded, 0 no grant. */
int sys_rseq_slice_yield(long number);

/*
 * Switches slices on or off with prctl. 0; -EINVAL no feature, -524 off at boot
 * or legacy area, -ENXIO no area.
 */
int rseq_slice_set_enabled(int enabled);

/* The kernel's number of the calling thread, asked for each time: libc's would survive a fork. */
pid_t sys_gettid(void);

/* signals.c */

/*
 * Keep handlers from running, but for those that answer what this thread does
 * itself: a sandbox may answer a system call in its handler of SIGSYS.
 */
void rseq_slice_block_signals(sigset_t *saved);
void rseq_slice_restore_signals(const sigset_t *saved);

/* The object behind the public one, which is opaque but for its first member. */
struct rseq_slice_thread {
	struct rseq_slice_section section; /* first: what the header's inline functions see */
	uint32_t length; /* as registered: unregistering with another is EINVAL */
	enum rseq_slice_registration registration;
	struct rseq_slice_area *libc_area; /* to put back; NULL unless replaced */
	uint32_t libc_length;
	int libc_enabled; /* and it had slices */
	int is_area_lost; /* still registered when we were done with it */
	pid_t tid;
	unsigned int generation; /* of forks */
	unsigned int references; /* touched by the owner only */
	unsigned int end_rounds; /* how often its destructor ran */
	/* One for the registration and one per view that may outlive it. */
	atomic_uint memory_holds;
};

/* For `return fail(...)`: notes the step, and passes the error on. */
static inline int fail(enum rseq_slice_step *step, enum rseq_slice_step which, int error)
{
	*step = which;
	return error;
}

/*
 * Fill a caller's struct, which may be an older, shorter one or a newer, longer
 * one: what it has not got is left out, what we have not got is zero.
 */
static inline void copy_out(void *to, size_t size, const void *from, size_t known)
{
	memset(to, 0, size);
	memcpy(to, from, size < known ? size : known);
}

/* forks.c */

/* Counted up in each child of fork(2): what is of an earlier one is the parent's. */
extern unsigned int rseq_slice_fork_generation;

/* Around every call of the dynamic linker: it has a lock that a child of fork(2) must not find
 * held. */
void rseq_slice_lock_loader(void);
void rseq_slice_unlock_loader(void);

/* libc.c */

/* Where libc tells of its areas; NULL where it does not. */
struct libc_symbols {
	const ptrdiff_t *offset; /* __rseq_offset */
	const unsigned int *size; /* __rseq_size */
};
void rseq_slice_find_libc(struct libc_symbols *symbols);

/* The calling thread's; it looks nothing up, so that it can be called where nothing may be
 * allocated. */
void rseq_slice_describe_libc(
	const struct libc_symbols *symbols, struct rseq_slice_libc *libc_state);

/* Bytes that libc registered: at least 32, whatever part of them it calls active. */
uint32_t rseq_slice_get_libc_length(const struct rseq_slice_libc *libc_state);

/* area.c */

/* An area of the kernel's size, in whole cache lines, to be freed; NULL: no memory. */
struct rseq_slice_area *rseq_slice_create_area(const struct rseq_slice_kernel *kernel);

/* Bytes to register such an area with. */
uint32_t rseq_slice_get_full_length(const struct rseq_slice_kernel *kernel);

/*
 * Gives the thread an area of ours with slices, in the place of libc's if that
 * is registered. 0, or -errno and *step, with the thread as it was found unless
 * the kernel does not let go of our area.
 */
int rseq_slice_register_area(struct rseq_slice_thread *thread,
	const struct rseq_slice_libc *libc_state, const struct rseq_slice_kernel *kernel,
	enum rseq_slice_step *step);

/* Takes ours away again, and puts libc's back if it was there. */
int rseq_slice_unregister_area(struct rseq_slice_thread *thread);

/* Its memory, unless the kernel may still write to it. */
void rseq_slice_free_area(struct rseq_slice_thread *thread);

/* slot.c */

/* From now on this is the calling thread's live area; NULL: it has none. */
void rseq_slice_set_live_area(struct rseq_slice_area *area);

/* attach.c */

/* What the calling thread is attached by; NULL: it is not attached. */
struct rseq_slice_thread *rseq_slice_get_current_thread(void);

/* thread_end.c */

/*
 * From now on the thread may end attached to this object; NULL: it ends
 * detached. Where the process has no key left, or no memory for its value, a
 * thread that ends attached leaves its area behind: a loss, and safe.
 */
void rseq_slice_set_thread_end(struct rseq_slice_thread *thread);

/* users.c */

/* Would someone in this process be harmed by an area of ours in the calling thread? */
int rseq_slice_has_harmed_users(const struct rseq_slice_libc *libc_state);

#endif
