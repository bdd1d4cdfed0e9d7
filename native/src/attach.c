/* SPDX-License-Identifier: MIT */
/*
 * Whose area the calling thread is to have, and the object that stands for its
 * being attached: libc's area as it is, our own, or our own in the place of a
 * legacy 32-byte one, which goes back on detach. area.c does the exchange.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "shim.h"
#ifdef RSEQ_SLICE_OLDEST_GLIBC
#include "glibc.h"
#endif

/*
 * The pointer may sit in our TLS because we are linked with nodelete; the area
 * may not, since TLS goes before the kernel's last write to it.
 */
static _Thread_local struct rseq_slice_thread *current_thread;

/*
 * What is a request by one version of the ABI is a kill by another, so one that
 * the kernel is known not to have is refused. A filter may hide which it is.
 */
static int is_abi_version_wrong(
	enum rseq_slice_abi_version wanted, const struct rseq_slice_kernel *kernel)
{
	if (wanted < RSEQ_SLICE_ABI_VERSION_AUTO || wanted > RSEQ_SLICE_ABI_VERSION_RFC)
		return 1;
	if (wanted == RSEQ_SLICE_ABI_VERSION_AUTO || (kernel->yield < 0 && kernel->yield_rfc < 0))
		return 0;
	return (wanted == RSEQ_SLICE_ABI_VERSION_RFC) !=
	       (kernel->abi_version == RSEQ_SLICE_ABI_VERSION_RFC);
}

static int explain_unavailable(const struct rseq_slice_kernel *kernel, enum rseq_slice_step *step)
{
	/* Nobody but a kernel without the feature refuses the question. */
	if (kernel->query == -EINVAL || kernel->query == -RSEQ_SLICE_ABI_ENOTSUPP)
		return fail(step, RSEQ_SLICE_STEP_FEATURE, kernel->query);
	switch (kernel->full_area) {
	case -EINVAL:
		return fail(step, RSEQ_SLICE_STEP_FEATURE, -EINVAL);
	case -RSEQ_SLICE_ABI_ENOTSUPP:
		return fail(step, RSEQ_SLICE_STEP_BOOT, -RSEQ_SLICE_ABI_ENOTSUPP);
	case -EBUSY:
		return fail(step, RSEQ_SLICE_STEP_FOREIGN, -EBUSY);
	default:
		return fail(step,
			kernel->area_refused ? RSEQ_SLICE_STEP_REGISTER : RSEQ_SLICE_STEP_ENABLE,
			kernel->full_area);
	}
}

/* May libc's area, a legacy one, give way to ours? */
static int replace_libc(enum rseq_slice_registration policy,
	const struct rseq_slice_libc *libc_state, int error, enum rseq_slice_step *step)
{
	if (policy == RSEQ_SLICE_REGISTRATION_LIBC)
		return fail(step, RSEQ_SLICE_STEP_LEGACY, error);
	/* Asked for by its name, it is the caller's word that nobody is harmed. */
	if (policy == RSEQ_SLICE_REGISTRATION_AUTO && rseq_slice_has_harmed_users(libc_state))
		return fail(step, RSEQ_SLICE_STEP_USERS, -EBUSY);
	return RSEQ_SLICE_REGISTRATION_REPLACE;
}

/*
 * Whose area the calling thread is to have, decided from what is known and
 * before anything changes: a registration, or -errno with *step.
 */
static int choose(enum rseq_slice_registration policy, const struct rseq_slice_libc *libc_state,
	const struct rseq_slice_kernel *kernel, enum rseq_slice_step *step)
{
	int registered;

	if (policy < RSEQ_SLICE_REGISTRATION_AUTO || policy > RSEQ_SLICE_REGISTRATION_REPLACE)
		return fail(step, RSEQ_SLICE_STEP_POLICY, -EINVAL);
	if (libc_state->registered) {
		if (policy == RSEQ_SLICE_REGISTRATION_OWN)
			return fail(step, RSEQ_SLICE_STEP_POLICY, -EBUSY);
		if (policy != RSEQ_SLICE_REGISTRATION_REPLACE &&
			(kernel->legacy_area == 0 || rseq_slice_get_libc_length(libc_state) >
							     RSEQ_SLICE_ABI_LEGACY_LENGTH))
			return RSEQ_SLICE_REGISTRATION_LIBC;
		return replace_libc(policy, libc_state, kernel->legacy_area, step);
	}
	registered = rseq_slice_is_registered();
	if (registered < 0)
		return fail(step, RSEQ_SLICE_STEP_REGISTER, registered);
	if (registered)
		return fail(step, RSEQ_SLICE_STEP_FOREIGN, -EBUSY);
	if (policy == RSEQ_SLICE_REGISTRATION_LIBC)
		return fail(step, RSEQ_SLICE_STEP_POLICY, -ENXIO);
	if (policy == RSEQ_SLICE_REGISTRATION_AUTO && rseq_slice_has_harmed_users(libc_state))
		return fail(step, RSEQ_SLICE_STEP_USERS, -EBUSY);
	return RSEQ_SLICE_REGISTRATION_OWN;
}

/*
 * Enables slices in libc's area. The kernel has the last word on whether it is a
 * legacy one: then it is to be replaced. A registration, or -errno with *step.
 */
static int adopt_libc(struct rseq_slice_thread *thread, const struct rseq_slice_libc *libc_state,
	enum rseq_slice_registration policy, enum rseq_slice_step *step)
{
	int error = rseq_slice_set_enabled(1);

	if (error == -RSEQ_SLICE_ABI_ENOTSUPP)
		return replace_libc(policy, libc_state, error, step);
	if (error)
		return fail(step, RSEQ_SLICE_STEP_ENABLE, error);
	thread->section.area = libc_state->area;
	thread->length = rseq_slice_get_libc_length(libc_state);
	rseq_slice_set_live_area(libc_state->area);
	return RSEQ_SLICE_REGISTRATION_LIBC;
}

/* Can threads have slices by this version of the ABI at all? 0, or -errno with *step. */
static int check_kernel(enum rseq_slice_abi_version abi_version, struct rseq_slice_kernel *kernel,
	enum rseq_slice_step *step)
{
	int error = rseq_slice_get_kernel(kernel, sizeof(*kernel));

	if (error)
		return fail(step, RSEQ_SLICE_STEP_MEMORY, error);
	if (kernel->abi_version == RSEQ_SLICE_ABI_VERSION_AUTO)
		return explain_unavailable(kernel, step);
	if (is_abi_version_wrong(abi_version, kernel))
		return fail(step, RSEQ_SLICE_STEP_ABI_VERSION, -EINVAL);
	return 0;
}

int rseq_slice_check_attach(enum rseq_slice_registration policy,
	enum rseq_slice_abi_version abi_version, enum rseq_slice_registration *registration,
	enum rseq_slice_step *step)
{
	struct rseq_slice_kernel kernel;
	struct rseq_slice_libc libc_state;
	int result;

	*registration = RSEQ_SLICE_REGISTRATION_AUTO;
	*step = RSEQ_SLICE_STEP_NONE;
	if (current_thread) {
		*registration = current_thread->registration;
		return 0;
	}
	result = check_kernel(abi_version, &kernel, step);
	if (result < 0)
		return result;
	rseq_slice_get_libc(&libc_state, sizeof(libc_state));
	/* Attaching would restore it first. */
	if (libc_state.cpu_id == RSEQ_SLICE_ABI_CPU_ID_REGISTRATION_FAILED &&
		rseq_slice_is_registered() == 0)
		libc_state.registered = 1;
	result = choose(policy, &libc_state, &kernel, step);
	if (result < 0)
		return result;
	*registration = (enum rseq_slice_registration)result;
	return 0;
}

static int attach_thread(enum rseq_slice_registration policy,
	enum rseq_slice_abi_version abi_version, struct rseq_slice_thread *thread,
	enum rseq_slice_step *step)
{
	struct rseq_slice_kernel kernel;
	struct rseq_slice_libc libc_state;
	int error, result;

	result = check_kernel(abi_version, &kernel, step);
	if (result < 0)
		return result;
	rseq_slice_restore_libc();
	rseq_slice_get_libc(&libc_state, sizeof(libc_state));
	result = choose(policy, &libc_state, &kernel, step);
	if (result == RSEQ_SLICE_REGISTRATION_LIBC)
		result = adopt_libc(thread, &libc_state, policy, step);
	if (result < 0)
		return result;
	thread->registration = (enum rseq_slice_registration)result;
	if (thread->registration != RSEQ_SLICE_REGISTRATION_LIBC) {
		error = rseq_slice_register_area(thread, &libc_state, &kernel, step);
		if (error)
			return error;
	}
	thread->section.size = sizeof(thread->section);
	thread->section.abi_version =
		abi_version == RSEQ_SLICE_ABI_VERSION_AUTO ? kernel.abi_version : abi_version;
	thread->section.yield_cpu = rseq_slice_yield_cpu;
	thread->tid = sys_gettid();
	thread->generation = rseq_slice_fork_generation;
	thread->references = 1;
	atomic_init(&thread->memory_holds, 1);
	current_thread = thread;
	rseq_slice_set_thread_end(thread);
	return 0;
}

int rseq_slice_attach(enum rseq_slice_registration policy, enum rseq_slice_abi_version abi_version,
	struct rseq_slice_thread **result, enum rseq_slice_step *step)
{
	struct rseq_slice_thread *thread;
	int cancellation, error;

	*result = NULL;
	*step = RSEQ_SLICE_STEP_NONE;
	if (current_thread) {
		current_thread->references++;
		*result = current_thread;
		return 0;
	}
	/* It comes first: see users.c on the allocator. */
	thread = calloc(1, sizeof(*thread));
	if (!thread)
		return fail(step, RSEQ_SLICE_STEP_MEMORY, -ENOMEM);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancellation);
	error = attach_thread(policy, abi_version, thread, step);
	pthread_setcancelstate(cancellation, NULL);
	if (error) {
		free(thread);
		return error;
	}
	*result = thread;
	return 0;
}

int rseq_slice_detach(struct rseq_slice_thread *thread)
{
	int error = 0;

	if (!thread)
		return 0;
	/* In a child of fork(2) it is the parent's. */
	if (thread != current_thread || thread->generation != rseq_slice_fork_generation)
		return -ESRCH;
	/*
	 * A thread that ends inside a section: what is granted is given up, and
	 * before any other system call, for which the first ABI kills.
	 */
	if (thread->references == 1 && thread->section.area->slice_ctrl.word != 0)
		rseq_slice_leave(thread->section.area, thread->section.abi_version);
	/* And of one that no handler was told of. */
	if (thread->tid != sys_gettid())
		return -ESRCH;
	if (--thread->references > 0)
		return 0;
	current_thread = NULL;
	rseq_slice_set_thread_end(NULL);
	/*
	 * libc's area keeps its slices: whoever shares it, another copy of us
	 * say, counts on them, and without a request they do nothing.
	 */
	if (thread->registration != RSEQ_SLICE_REGISTRATION_LIBC)
		error = rseq_slice_unregister_area(thread);
	rseq_slice_release_memory(thread);
	return error;
}

int rseq_slice_hold_memory(struct rseq_slice_thread *thread)
{
	if (thread->registration == RSEQ_SLICE_REGISTRATION_LIBC)
		return -ENOTSUP;
	atomic_fetch_add(&thread->memory_holds, 1);
	return 0;
}

void rseq_slice_release_memory(struct rseq_slice_thread *thread)
{
	if (atomic_fetch_sub(&thread->memory_holds, 1) != 1)
		return;
	if (thread->registration != RSEQ_SLICE_REGISTRATION_LIBC)
		rseq_slice_free_area(thread);
	free(thread);
}

struct rseq_slice_thread *rseq_slice_get_current_thread(void)
{
	return current_thread;
}

struct rseq_slice_area *rseq_slice_get_area(const struct rseq_slice_thread *thread)
{
	return thread->section.area;
}

enum rseq_slice_registration rseq_slice_get_registration(const struct rseq_slice_thread *thread)
{
	return thread->registration;
}

enum rseq_slice_abi_version rseq_slice_get_abi_version(const struct rseq_slice_thread *thread)
{
	return thread->section.abi_version;
}

uint32_t rseq_slice_get_length(const struct rseq_slice_thread *thread)
{
	return thread->length;
}

int rseq_slice_is_owner(const struct rseq_slice_thread *thread)
{
	return thread->tid == sys_gettid();
}
