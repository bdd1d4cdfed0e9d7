/* SPDX-License-Identifier: MIT */
/*
 * What the shim's own files share and nobody outside needs. Each function that
 * can fail returns -errno.
 */
#ifndef RSEQ_SLICE_SHIM_H
#define RSEQ_SLICE_SHIM_H

#include <signal.h>
#include <string.h>

#include <rseq_slice/slice.h>

/* calls.c: the raw system calls. All six arguments are given, since a number may be another call's
 * somewhere. */

/* Register or unregister an area for the calling thread. 0, or the errors of rseq(2). */
int sys_rseq(struct rseq_slice_area *area, uint32_t length, int flags, uint32_t signature);

/* rseq_slice_yield at the given number: 1 yielded, 0 no grant. */
int sys_rseq_slice_yield(long number);

/* prctl SET: 0; -EINVAL no feature, -524 off at boot or legacy area, -ENXIO no area. */
int rseq_slice_set_enabled(int enabled);

/* The kernel's number of the calling thread, asked for each time: libc's would survive a fork. */
pid_t sys_gettid(void);

/*
 * Keep handlers from running, but for those that answer what this thread does
 * itself: a sandbox may answer a system call in its handler of SIGSYS.
 */
void block_signals(sigset_t *saved);
void restore_signals(const sigset_t *saved);

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
extern unsigned int fork_generation;

/* Around every call of the dynamic linker: it has a lock that a child of fork(2) must not find
 * held. */
void lock_loader(void);
void unlock_loader(void);

/* libc.c */

/* Where libc tells of its areas; NULL where it does not. */
struct libc_symbols {
	const ptrdiff_t *offset; /* __rseq_offset */
	const unsigned int *size; /* __rseq_size */
};
void find_libc(struct libc_symbols *symbols);

/* The calling thread's; it looks nothing up, so that it can be called where nothing may be
 * allocated. */
void describe_libc(const struct libc_symbols *symbols, struct rseq_slice_libc *libc_state);

/* Bytes that libc registered: at least 32, whatever part of them it calls active. */
uint32_t libc_registered_length(const struct rseq_slice_libc *libc_state);

/* kernel.c */

/* An area of the kernel's size, in whole cache lines, to be freed; NULL: no memory. */
struct rseq_slice_area *create_area(const struct rseq_slice_kernel *kernel);

/* Bytes to register such an area with. */
uint32_t full_length(const struct rseq_slice_kernel *kernel);

/* users.c */

/* Would somebody in this process be harmed by an area of ours in the calling thread? */
int has_users(const struct rseq_slice_libc *libc_state);

#endif
