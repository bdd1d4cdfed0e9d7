/* SPDX-License-Identifier: MIT */
/*
 * What the shim says of libc and the kernel, and every way in which attach is
 * refused: the errno, the step that failed, and the thread left as it was
 * found, its registration and its signal mask.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cases.h"

#define ANY_POLICY RSEQ_SLICE_REGISTRATION_AUTO
#define ANY_ABI_VERSION RSEQ_SLICE_ABI_VERSION_AUTO

static int has_libc_area(void)
{
	return find_owner() == OWNER_LIBC;
}

static int try_attach(enum rseq_slice_registration policy, enum rseq_slice_abi_version abi_version,
	enum rseq_slice_step *step)
{
	enum owner before = find_owner();
	struct rseq_slice_thread *thread = (struct rseq_slice_thread *)&before;
	sigset_t mask_before, mask_after;
	int error, signal;

	pthread_sigmask(SIG_SETMASK, NULL, &mask_before);
	error = rseq_slice_attach(policy, abi_version, &thread, step);
	if (error == 0)
		return 0;
	CHECK(thread == NULL);
	CHECK_EQUAL(find_owner(), before);
	pthread_sigmask(SIG_SETMASK, NULL, &mask_after);
	for (signal = 1; signal < NSIG; signal++)
		CHECK_EQUAL(sigismember(&mask_after, signal), sigismember(&mask_before, signal));
	return error;
}

#define CHECK_REFUSED(policy, abi_version, error, expected_step)            \
	do {                                                                \
		enum rseq_slice_step step;                                  \
		CHECK_EQUAL(try_attach(policy, abi_version, &step), error); \
		CHECK_EQUAL(step, expected_step);                           \
	} while (0)

/* The scout goes once: what is filtered after this does not concern it. */
static void learn_kernel(void)
{
	struct rseq_slice_kernel kernel;

	CHECK_EQUAL(rseq_slice_get_kernel(&kernel, sizeof(struct rseq_slice_kernel)), 0);
	CHECK(kernel.abi_version != RSEQ_SLICE_ABI_VERSION_AUTO);
}

void libc_is_described(void)
{
	struct rseq_slice_libc libc_state;
	enum owner before = find_owner();

	memset(&libc_state, 0xff, sizeof(libc_state));
	rseq_slice_get_libc(&libc_state, sizeof(struct rseq_slice_libc));
	CHECK_EQUAL(find_owner(), before);
	if (before == OWNER_LIBC && !libc_state.exported)
		test_skip("libc registered an area and does not tell");
	CHECK_EQUAL(libc_state.registered, before == OWNER_LIBC);
	CHECK(libc_state.area == libc_area());
	if (!libc_area()) {
		CHECK_EQUAL(libc_state.size, 0);
		CHECK_EQUAL(libc_state.flags, 0);
		return;
	}
	CHECK_EQUAL(libc_state.exported, 1);
	CHECK_EQUAL(libc_state.size, *libc_size());
	CHECK_EQUAL(libc_state.cpu_id, (int32_t)libc_area()->cpu_id);
	CHECK_EQUAL(libc_state.flags, libc_area()->flags);
	/* Someone took it away: exported, and not registered. */
	CHECK_EQUAL(sys_rseq(libc_area(), libc_length(), RSEQ_SLICE_ABI_FLAG_UNREGISTER,
			    RSEQ_SLICE_ABI_SIGNATURE),
		0);
	rseq_slice_get_libc(&libc_state, sizeof(struct rseq_slice_libc));
	CHECK_EQUAL(libc_state.exported, 1);
	CHECK_EQUAL(libc_state.registered, 0);
	CHECK_EQUAL(libc_state.cpu_id, RSEQ_SLICE_ABI_CPU_ID_UNINITIALIZED);
}

void kernel_is_described(void)
{
	struct rseq_slice_kernel first, second;
	enum owner before = find_owner();
	int enabled = rseq_slice_get_enabled();

	memset(&first, 0xff, sizeof(first));
	CHECK_EQUAL(rseq_slice_get_kernel(&first, sizeof(struct rseq_slice_kernel)), 0);
	CHECK_EQUAL(first.feature_size, getauxval(RSEQ_SLICE_ABI_AT_FEATURE_SIZE));
	CHECK_EQUAL(first.alignment, getauxval(RSEQ_SLICE_ABI_AT_ALIGN));
	if (enabled < 0) {
		CHECK_EQUAL(first.legacy_area, enabled);
		CHECK_EQUAL(first.full_area, enabled);
		CHECK_EQUAL(first.abi_version, RSEQ_SLICE_ABI_VERSION_AUTO);
	} else if (first.abi_version == RSEQ_SLICE_ABI_VERSION_AUTO) {
		CHECK(first.full_area < 0);
	} else {
		CHECK_EQUAL(first.full_area, 0);
		CHECK(first.abi_version != RSEQ_SLICE_ABI_VERSION_MAINLINE ||
			first.legacy_area < 0);
	}
	CHECK_EQUAL(rseq_slice_get_kernel(&second, sizeof(struct rseq_slice_kernel)), 0);
	CHECK(memcmp(&first, &second, sizeof(first)) == 0);
	CHECK_EQUAL(find_owner(), before);
	CHECK_EQUAL(rseq_slice_get_enabled(), enabled);
}

static void *describe_kernel(void *result)
{
	CHECK_EQUAL(rseq_slice_get_kernel(result, sizeof(struct rseq_slice_kernel)), 0);
	return NULL;
}

void kernel_is_described_to_many_threads(void)
{
	struct rseq_slice_kernel kernels[8];
	pthread_t ids[ARRAY_SIZE(kernels)];
	size_t i;

	memset(kernels, 0, sizeof(kernels));
	for (i = 0; i < ARRAY_SIZE(ids); i++)
		CHECK_EQUAL(pthread_create(&ids[i], NULL, describe_kernel, &kernels[i]), 0);
	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		CHECK_EQUAL(pthread_join(ids[i], NULL), 0);
		CHECK(memcmp(&kernels[i], &kernels[0], sizeof(kernels[0])) == 0);
	}
}

void scout_that_cannot_start(void)
{
	struct rlimit limit, none;
	struct rseq_slice_kernel kernel;

	/* root is exempt from the limit on threads. */
	if (geteuid() == 0)
		CHECK_EQUAL(syscall(SYS_setresuid, 65534, 65534, 65534), 0);
	CHECK_EQUAL(getrlimit(RLIMIT_NPROC, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	CHECK_EQUAL(setrlimit(RLIMIT_NPROC, &none), 0);
	CHECK_REFUSED(ANY_POLICY, ANY_ABI_VERSION, -EAGAIN, RSEQ_SLICE_STEP_MEMORY);
	CHECK_EQUAL(rseq_slice_get_kernel(&kernel, sizeof(struct rseq_slice_kernel)), -EAGAIN);
	CHECK_EQUAL(setrlimit(RLIMIT_NPROC, &limit), 0);
	learn_kernel();
}

void enabled_passes_errno_on(void)
{
	static const int errors[] = { EPERM, ENOSYS, EINVAL, RSEQ_SLICE_ABI_ENOTSUPP, ENXIO };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		FILTER(RULE_PRCTL_GET(errors[i]), RULE_PRCTL_SET(0));
		CHECK_EQUAL(rseq_slice_get_enabled(), -errors[i]);
		CHECK_EQUAL(rseq_slice_set_enabled(1), 0);
		FILTER(RULE_PRCTL_GET(0), RULE_PRCTL_SET(errors[i]));
		CHECK_EQUAL(rseq_slice_get_enabled(), 0);
		CHECK_EQUAL(rseq_slice_set_enabled(0), -errors[i]);
	}
}

static void check_abi_version(enum rseq_slice_abi_version expected, int yield, int yield_rfc)
{
	struct rseq_slice_kernel kernel;
	pid_t child = fork();

	if (child == 0) {
		FILTER(RULE_YIELD(yield), RULE_YIELD_RFC(yield_rfc));
		CHECK_EQUAL(rseq_slice_get_kernel(&kernel, sizeof(struct rseq_slice_kernel)), 0);
		CHECK_EQUAL(kernel.legacy_area, 0);
		CHECK_EQUAL(kernel.full_area, 0);
		CHECK_EQUAL(kernel.yield, -yield);
		CHECK_EQUAL(kernel.abi_version, expected);
		_exit(0);
	}
	check_child(child);
}

void abi_version_is_found_by_its_yield(void)
{
	check_abi_version(RSEQ_SLICE_ABI_VERSION_7_0, 0, ENOSYS);
	check_abi_version(RSEQ_SLICE_ABI_VERSION_7_0, 0, EINVAL);
	check_abi_version(RSEQ_SLICE_ABI_VERSION_RFC, ENOSYS, 0);
	/* Mainline's 470 is another call, and a filter may hide 471. */
	check_abi_version(RSEQ_SLICE_ABI_VERSION_7_0, EPERM, EFAULT);
}

void attach_as_this_kernel_has_it(void)
{
	int query = rseq_slice_get_enabled();
	int error = query;
	struct rseq_slice_kernel kernel;
	int policy;

	CHECK_EQUAL(rseq_slice_get_kernel(&kernel, sizeof(struct rseq_slice_kernel)), 0);
	if (kernel.abi_version != RSEQ_SLICE_ABI_VERSION_AUTO)
		test_skip("this kernel has slices");
	if (error >= 0)
		error = kernel.full_area;
	for (policy = RSEQ_SLICE_REGISTRATION_AUTO; policy <= RSEQ_SLICE_REGISTRATION_REPLACE;
		policy++)
		CHECK_REFUSED((enum rseq_slice_registration)policy, ANY_ABI_VERSION, error,
			query == -EINVAL || query == -RSEQ_SLICE_ABI_ENOTSUPP
				? RSEQ_SLICE_STEP_FEATURE
			: error == -EBUSY                   ? RSEQ_SLICE_STEP_FOREIGN
			: error == -RSEQ_SLICE_ABI_ENOTSUPP ? RSEQ_SLICE_STEP_BOOT
							    : RSEQ_SLICE_STEP_ENABLE);
}

void attach_without_feature(void)
{
	FILTER(RULE_PRCTL_GET(EINVAL), RULE_PRCTL_SET(EINVAL));
	CHECK_REFUSED(ANY_POLICY, ANY_ABI_VERSION, -EINVAL, RSEQ_SLICE_STEP_FEATURE);
}

/* From 7.0 on a kernel built without answers as one that is switched off, but to the question too.
 */
void attach_without_feature_since_7_0(void)
{
	FILTER(RULE_PRCTL_GET(RSEQ_SLICE_ABI_ENOTSUPP), RULE_PRCTL_SET(RSEQ_SLICE_ABI_ENOTSUPP));
	CHECK_REFUSED(
		ANY_POLICY, ANY_ABI_VERSION, -RSEQ_SLICE_ABI_ENOTSUPP, RSEQ_SLICE_STEP_FEATURE);
}

void attach_off_at_boot(void)
{
	FILTER(RULE_PRCTL_SET(RSEQ_SLICE_ABI_ENOTSUPP));
	CHECK_REFUSED(ANY_POLICY, ANY_ABI_VERSION, -RSEQ_SLICE_ABI_ENOTSUPP, RSEQ_SLICE_STEP_BOOT);
}

void attach_with_prctl_denied(void)
{
	FILTER(RULE_PRCTL_GET(EPERM), RULE_PRCTL_SET(EPERM));
	CHECK_REFUSED(ANY_POLICY, ANY_ABI_VERSION, -EPERM, RSEQ_SLICE_STEP_ENABLE);
}

static void need_libc_area(void)
{
	if (!has_libc_area())
		test_skip("libc registered no area");
}

/*
 * A sandbox older than the process: libc could not register either. Where it
 * did, it ends the process in its next thread, before we have a say.
 */
static void check_refused_without_rseq(int error)
{
	enum rseq_slice_step step;

	if (has_libc_area())
		test_skip("libc ends a process that is denied rseq(2) later");
	FILTER(RULE_RSEQ_ANY(error));
	CHECK_EQUAL(try_attach(ANY_POLICY, ANY_ABI_VERSION, &step), -error);
	CHECK_EQUAL(step, RSEQ_SLICE_STEP_REGISTER);
}

void attach_with_rseq_denied(void)
{
	check_refused_without_rseq(EPERM);
}

void attach_with_rseq_missing(void)
{
	check_refused_without_rseq(ENOSYS);
}

/* Only its owner could refuse that in earnest. */
void attach_when_the_scout_keeps_its_area(void)
{
	need_libc_area();
	FILTER(RULE_RSEQ_UNREGISTER(EPERM));
	CHECK_REFUSED(ANY_POLICY, ANY_ABI_VERSION, -EBUSY, RSEQ_SLICE_STEP_FOREIGN);
}

void attach_when_libc_does_not_let_go(void)
{
	need_libc_area();
	learn_kernel();
	FILTER(RULE_RSEQ_UNREGISTER(EPERM));
	CHECK_REFUSED(RSEQ_SLICE_REGISTRATION_REPLACE, ANY_ABI_VERSION, -EPERM,
		RSEQ_SLICE_STEP_UNREGISTER);
}

void attach_when_registering_fails(void)
{
	enum rseq_slice_registration policy = has_libc_area() ? RSEQ_SLICE_REGISTRATION_REPLACE
							      : RSEQ_SLICE_REGISTRATION_OWN;

	learn_kernel();
	FILTER(RULE_RSEQ_AREA(libc_area(), ANSWER_PASS), RULE_RSEQ_REGISTER(ENOSYS));
	CHECK_REFUSED(policy, ANY_ABI_VERSION, -ENOSYS, RSEQ_SLICE_STEP_REGISTER);
}

void attach_when_enabling_fails(void)
{
	enum rseq_slice_registration policy = has_libc_area() ? RSEQ_SLICE_REGISTRATION_REPLACE
							      : RSEQ_SLICE_REGISTRATION_OWN;

	learn_kernel();
	FILTER(RULE_PRCTL_SET(EPERM));
	CHECK_REFUSED(policy, ANY_ABI_VERSION, -EPERM, RSEQ_SLICE_STEP_ENABLE);
	CHECK_REFUSED(ANY_POLICY, ANY_ABI_VERSION, -EPERM, RSEQ_SLICE_STEP_ENABLE);
}

/* By the flag of rseq(2), which the kernels of the mainline kind know: prctl is not asked. */
void attach_enables_by_its_registration(void)
{
	struct rseq_slice_thread *thread;
	struct rseq_slice_kernel kernel;
	enum rseq_slice_step step;

	learn_kernel();
	CHECK_EQUAL(rseq_slice_get_kernel(&kernel, sizeof(struct rseq_slice_kernel)), 0);
	if (kernel.abi_version != RSEQ_SLICE_ABI_VERSION_MAINLINE)
		test_skip("this kernel does not know the flag");
	FILTER(RULE_PRCTL_SET(EPERM));
	CHECK_EQUAL(rseq_slice_attach(has_libc_area() ? RSEQ_SLICE_REGISTRATION_REPLACE
						      : RSEQ_SLICE_REGISTRATION_OWN,
			    ANY_ABI_VERSION, &thread, &step),
		0);
	CHECK(thread->section.area->flags & RSEQ_SLICE_ABI_FLAG_SLICE_ENABLED);
	CHECK_EQUAL(rseq_slice_get_enabled(), 1);
	CHECK_EQUAL(rseq_slice_detach(thread), 0);
}

void attach_on_a_legacy_area(void)
{
	need_libc_area();
	learn_kernel();
	FILTER(RULE_PRCTL_SET(RSEQ_SLICE_ABI_ENOTSUPP));
	CHECK_REFUSED(RSEQ_SLICE_REGISTRATION_LIBC, ANY_ABI_VERSION, -RSEQ_SLICE_ABI_ENOTSUPP,
		RSEQ_SLICE_STEP_LEGACY);
	/* It is replaced then; our own area fares no better here, and libc's comes back. */
	CHECK_REFUSED(
		ANY_POLICY, ANY_ABI_VERSION, -RSEQ_SLICE_ABI_ENOTSUPP, RSEQ_SLICE_STEP_ENABLE);
}

void attach_against_the_policy(void)
{
	learn_kernel();
	CHECK_REFUSED(
		(enum rseq_slice_registration)5, ANY_ABI_VERSION, -EINVAL, RSEQ_SLICE_STEP_POLICY);
	CHECK_REFUSED(
		ANY_POLICY, (enum rseq_slice_abi_version)4, -EINVAL, RSEQ_SLICE_STEP_ABI_VERSION);

	if (has_libc_area())
		CHECK_REFUSED(RSEQ_SLICE_REGISTRATION_OWN, ANY_ABI_VERSION, -EBUSY,
			RSEQ_SLICE_STEP_POLICY);
	else
		CHECK_REFUSED(RSEQ_SLICE_REGISTRATION_LIBC, ANY_ABI_VERSION, -ENXIO,
			RSEQ_SLICE_STEP_POLICY);
}

void attach_by_the_other_abi_version(void)
{
	struct rseq_slice_kernel kernel;

	CHECK_EQUAL(rseq_slice_get_kernel(&kernel, sizeof(struct rseq_slice_kernel)), 0);
	if (kernel.abi_version == RSEQ_SLICE_ABI_VERSION_RFC) {
		CHECK_REFUSED(ANY_POLICY, RSEQ_SLICE_ABI_VERSION_MAINLINE, -EINVAL,
			RSEQ_SLICE_STEP_ABI_VERSION);
		CHECK_REFUSED(ANY_POLICY, RSEQ_SLICE_ABI_VERSION_7_0, -EINVAL,
			RSEQ_SLICE_STEP_ABI_VERSION);
	} else {
		CHECK_REFUSED(ANY_POLICY, RSEQ_SLICE_ABI_VERSION_RFC, -EINVAL,
			RSEQ_SLICE_STEP_ABI_VERSION);
	}
}

static void enter_sequence(void)
{
	/* Valid in the kernel's eyes: the signature stands before the abort address. */
	static const uint32_t abort_code[2] = { RSEQ_SLICE_ABI_SIGNATURE, 0 };
	static struct {
		uint32_t version, flags;
		uint64_t start, length, abort;
	} __attribute__((aligned(32))) sequence;

	sequence.start = (uintptr_t)abort_code;
	sequence.length = 1;
	sequence.abort = (uintptr_t)&abort_code[1];
	libc_area()->rseq_cs = (uintptr_t)&sequence;
}

/* What a user of the area leaves behind until the next switch says nothing of who else uses it. */
void attach_after_a_restartable_sequence(void)
{
	static const enum rseq_slice_registration policies[] = { RSEQ_SLICE_REGISTRATION_AUTO,
		RSEQ_SLICE_REGISTRATION_LIBC, RSEQ_SLICE_REGISTRATION_REPLACE };
	enum rseq_slice_step step;
	struct rseq_slice_thread *thread;
	int i;

	need_libc_area();
	learn_kernel();
	for (i = 0; i < 300; i++) {
		enter_sequence();
		CHECK_EQUAL(rseq_slice_attach(policies[i % 3], ANY_ABI_VERSION, &thread, &step), 0);
		CHECK_EQUAL(rseq_slice_detach(thread), 0);
		CHECK(has_libc_area());
	}
	libc_area()->rseq_cs = 0;
}

void attach_beside_an_area_registered_here(void)
{
	static struct rseq_slice_area foreign;

	learn_kernel();
	if (libc_area())
		CHECK_EQUAL(sys_rseq(libc_area(), libc_length(), RSEQ_SLICE_ABI_FLAG_UNREGISTER,
				    RSEQ_SLICE_ABI_SIGNATURE),
			0);
	CHECK_EQUAL(
		sys_rseq(&foreign, RSEQ_SLICE_ABI_LEGACY_LENGTH, 0, RSEQ_SLICE_ABI_SIGNATURE), 0);
	CHECK_REFUSED(ANY_POLICY, ANY_ABI_VERSION, -EBUSY, RSEQ_SLICE_STEP_FOREIGN);
	CHECK(is_registered(&foreign, RSEQ_SLICE_ABI_LEGACY_LENGTH));
}

/* As every thread of a static program is, and one whose areas a library registers. */
void attach_beside_an_area_libc_hides(void)
{
	struct rseq_slice_libc libc_state;
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	need_libc_area();
	FILTER(RULE_PRCTL_GET(0), RULE_PRCTL_SET(0), RULE_YIELD(0));
	rseq_slice_get_libc(&libc_state, sizeof(struct rseq_slice_libc));
	if (libc_state.registered) {
		CHECK_EQUAL(mprotect((void *)((uintptr_t)libc_size() & ~(page - 1)), page,
				    PROT_READ | PROT_WRITE),
			0);
		*(volatile unsigned int *)(uintptr_t)libc_size() = 0;
	}
	CHECK_REFUSED(ANY_POLICY, ANY_ABI_VERSION, -EBUSY, RSEQ_SLICE_STEP_FOREIGN);
}
