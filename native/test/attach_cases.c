/* SPDX-License-Identifier: MIT */
/*
 * A thread that is attached and detached: its area, its references, other
 * threads and processes, and a detach that the kernel refuses. Every case runs
 * on a kernel whose prctl is made up, and as it is on one that has slices.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cases.h"

struct rseq_slice_thread *attach(enum rseq_slice_registration policy)
{
	struct rseq_slice_thread *thread;
	enum rseq_slice_step step;
	int error = rseq_slice_attach(policy, RSEQ_SLICE_ABI_VERSION_AUTO, &thread, &step);

	if (error)
		test_fail(__FILE__, __LINE__, "attach by policy %d says %d at step %d", policy,
			error, step);
	CHECK(thread != NULL);
	CHECK_EQUAL(step, RSEQ_SLICE_STEP_NONE);
	return thread;
}

static struct rseq_slice_kernel get_kernel(void)
{
	struct rseq_slice_kernel kernel;

	CHECK_EQUAL(rseq_slice_get_kernel(&kernel, sizeof(struct rseq_slice_kernel)), 0);
	return kernel;
}

enum rseq_slice_registration own_policy(void)
{
	return find_owner() == OWNER_LIBC ? RSEQ_SLICE_REGISTRATION_REPLACE
					  : RSEQ_SLICE_REGISTRATION_OWN;
}

static int does_libc_area_serve(void)
{
	return find_owner() == OWNER_LIBC &&
	       (get_kernel().legacy_area == 0 || libc_length() > RSEQ_SLICE_ABI_LEGACY_LENGTH);
}

/* With libc's signature too, which find_owner() does not look at. */
static void check_owner(enum owner expected)
{
	CHECK_EQUAL(find_owner(), expected);
	if (expected == OWNER_LIBC)
		CHECK_EQUAL(
			sys_rseq(libc_area(), libc_length(), 0, RSEQ_SLICE_ABI_SIGNATURE), -EBUSY);
}

static void check_enabled(int expected)
{
	if (!kernel_is_faked)
		CHECK_EQUAL(rseq_slice_get_enabled(), expected);
}

static void check_attached(
	const struct rseq_slice_thread *thread, enum rseq_slice_registration registration)
{
	struct rseq_slice_area *area = rseq_slice_get_area(thread);
	uint32_t length = rseq_slice_get_length(thread);

	CHECK_EQUAL(rseq_slice_get_registration(thread), registration);
	CHECK_EQUAL(rseq_slice_get_abi_version(thread), get_kernel().abi_version);
	CHECK(rseq_slice_is_owner(thread));
	CHECK(is_registered(area, length));
	CHECK_EQUAL(sys_rseq(area, length, 0, RSEQ_SLICE_ABI_SIGNATURE), -EBUSY);
	CHECK((int32_t)area->cpu_id >= 0);
	CHECK_EQUAL(area->slice_ctrl.word, 0);
	if (!kernel_is_faked)
		CHECK(area->flags & RSEQ_SLICE_ABI_FLAG_SLICE_ENABLED);
	check_enabled(1);
	if (registration == RSEQ_SLICE_REGISTRATION_LIBC) {
		CHECK(area == libc_area());
		CHECK_EQUAL(length, libc_length());
		return;
	}
	CHECK(area != libc_area());
	CHECK(length >= RSEQ_SLICE_ABI_LEGACY_LENGTH && length >= get_kernel().feature_size);
	CHECK_EQUAL((uintptr_t)area % 64, 0);
	check_owner(OWNER_OTHER);
}

void attach_and_detach(void)
{
	enum owner before = find_owner();
	enum rseq_slice_registration expected = before == OWNER_NOBODY ? RSEQ_SLICE_REGISTRATION_OWN
						: does_libc_area_serve()
							? RSEQ_SLICE_REGISTRATION_LIBC
							: RSEQ_SLICE_REGISTRATION_REPLACE;
	struct rseq_slice_thread *thread;
	int i;

	for (i = 0; i < 3; i++) {
		thread = attach(RSEQ_SLICE_REGISTRATION_AUTO);
		check_attached(thread, expected);
		CHECK(rseq_slice_enter(
			rseq_slice_get_area(thread), rseq_slice_get_abi_version(thread)));
		rseq_slice_leave(rseq_slice_get_area(thread), rseq_slice_get_abi_version(thread));
		CHECK_EQUAL(rseq_slice_detach(thread), 0);
		check_owner(before);
		check_enabled(expected == RSEQ_SLICE_REGISTRATION_LIBC);
	}
}

void attach_by_each_policy(void)
{
	enum owner before = find_owner();
	struct rseq_slice_thread *thread;

	if (does_libc_area_serve()) {
		thread = attach(RSEQ_SLICE_REGISTRATION_LIBC);
		check_attached(thread, RSEQ_SLICE_REGISTRATION_LIBC);
		CHECK_EQUAL(rseq_slice_detach(thread), 0);
		check_owner(before);
	}
	thread = attach(own_policy());
	check_attached(thread, before == OWNER_LIBC ? RSEQ_SLICE_REGISTRATION_REPLACE
						    : RSEQ_SLICE_REGISTRATION_OWN);
	CHECK_EQUAL(rseq_slice_detach(thread), 0);
	check_owner(before);
	/* To replace what is not there is to register our own. */
	if (before == OWNER_NOBODY) {
		thread = attach(RSEQ_SLICE_REGISTRATION_REPLACE);
		check_attached(thread, RSEQ_SLICE_REGISTRATION_OWN);
		CHECK_EQUAL(rseq_slice_detach(thread), 0);
		check_owner(before);
	}
}

void references_are_counted(void)
{
	enum owner before = find_owner();
	struct rseq_slice_thread *first = attach(own_policy());
	struct rseq_slice_thread *second = attach(RSEQ_SLICE_REGISTRATION_AUTO);

	CHECK(first == second);
	CHECK_EQUAL(rseq_slice_detach(second), 0);
	check_owner(OWNER_OTHER);
	check_enabled(1);
	CHECK(attach(RSEQ_SLICE_REGISTRATION_AUTO) == first);
	CHECK_EQUAL(rseq_slice_detach(first), 0);
	check_owner(OWNER_OTHER);
	CHECK_EQUAL(rseq_slice_detach(first), 0);
	check_owner(before);
	check_enabled(0);
}

static void *detach_elsewhere(void *thread)
{
	enum owner before = find_owner();

	CHECK(!rseq_slice_is_owner(thread));
	CHECK_EQUAL(rseq_slice_detach(thread), -ESRCH);
	CHECK_EQUAL(find_owner(), before);
	return NULL;
}

void detach_on_another_thread(void)
{
	enum owner before = find_owner();
	struct rseq_slice_thread *thread = attach(own_policy());
	pthread_t id;

	CHECK_EQUAL(pthread_create(&id, NULL, detach_elsewhere, thread), 0);
	CHECK_EQUAL(pthread_join(id, NULL), 0);
	check_owner(OWNER_OTHER);
	check_enabled(1);
	CHECK_EQUAL(rseq_slice_detach(thread), 0);
	check_owner(before);
}

void detach_inside_a_section(void)
{
	enum owner before = find_owner();
	struct rseq_slice_thread *thread = attach(RSEQ_SLICE_REGISTRATION_AUTO);
	struct rseq_slice_area *area = rseq_slice_get_area(thread);
	int is_held = rseq_slice_hold_memory(thread) == 0;

	CHECK_EQUAL(is_held, rseq_slice_get_registration(thread) != RSEQ_SLICE_REGISTRATION_LIBC);
	CHECK(rseq_slice_enter(area, rseq_slice_get_abi_version(thread)));
	CHECK_EQUAL(rseq_slice_detach(thread), 0);
	/* In an area that stays libc's a request would ask on for ever. */
	CHECK_EQUAL(area->slice_ctrl.word, 0);
	if (is_held)
		rseq_slice_release_memory(thread);
	check_owner(before);
}

static struct rseq_slice_area *watched_area;
static volatile long word_at_call = -1;

static void on_call(int number)
{
	(void)number;
	word_at_call = (long)watched_area->slice_ctrl.word;
}

/* The first ABI kills for any call but the yield inside a grant. */
void detach_leaves_before_it_calls(void)
{
	struct rseq_slice_thread *thread = attach(RSEQ_SLICE_REGISTRATION_AUTO);
	struct sigaction action = { .sa_handler = on_call };

	watched_area = rseq_slice_get_area(thread);
	CHECK_EQUAL(rseq_slice_enter_section(thread), 1);
	CHECK_EQUAL(sigaction(SIGSYS, &action, NULL), 0);
	FILTER({ SYS_gettid, ANSWER_TRAP, { { 0, 0 } } });
	/* What a trapped call returns is no thread's number. */
	CHECK_EQUAL(rseq_slice_detach(thread), -ESRCH);
	CHECK_EQUAL(word_at_call, 0);
	/* A sanitizer would have calls of its own trapped at exit. */
	_exit(0);
}

/* Too early a free is for a sanitizer to see, and a forgotten one too. */
void detach_keeps_what_is_held(void)
{
	struct rseq_slice_thread *thread = attach(own_policy());
	struct rseq_slice_area *area = rseq_slice_get_area(thread);

	rseq_slice_hold_memory(thread);
	rseq_slice_hold_memory(thread);
	CHECK_EQUAL(rseq_slice_detach(thread), 0);
	area->slice_ctrl.word = 3;
	rseq_slice_release_memory(thread);
	CHECK_EQUAL(area->slice_ctrl.word, 3);
	rseq_slice_release_memory(thread);
}

/* The kernel goes on writing to the area then, so that its memory has to stay; the object is gone.
 */
void detach_that_the_kernel_refuses(void)
{
	/* Reachable, so that no sanitizer takes what stays for a leak. */
	static struct rseq_slice_area *area;
	struct rseq_slice_thread *thread;
	uint32_t length;

	thread = attach(own_policy());
	area = rseq_slice_get_area(thread);
	length = rseq_slice_get_length(thread);
	FILTER(RULE_RSEQ_UNREGISTER(EPERM));
	CHECK_EQUAL(rseq_slice_detach(thread), -EPERM);
	CHECK(is_registered(area, length));
	CHECK((int32_t)area->cpu_id >= 0);
	CHECK_EQUAL(rseq_slice_detach(thread), -ESRCH);
}

void detach_that_cannot_put_libc_back(void)
{
	struct rseq_slice_thread *thread;

	if (find_owner() != OWNER_LIBC)
		test_skip("libc registered no area");
	thread = attach(RSEQ_SLICE_REGISTRATION_REPLACE);
	FILTER(RULE_RSEQ_AREA(libc_area(), ENOSYS));
	CHECK_EQUAL(rseq_slice_detach(thread), -ENOSYS);
	CHECK_EQUAL(find_owner(), OWNER_NOBODY);
	CHECK_EQUAL(rseq_slice_detach(thread), -ESRCH);
}

static void need_libc_slices(void)
{
	if (find_owner() != OWNER_LIBC)
		test_skip("libc registered no area");
	if (!does_libc_area_serve())
		test_skip("libc's area is a legacy one, which has no slices");
}

/* Another copy of the shim may count on them. */
void detach_leaves_slices_of_libc_on(void)
{
	need_libc_slices();
	CHECK_EQUAL(rseq_slice_detach(attach(RSEQ_SLICE_REGISTRATION_LIBC)), 0);
	check_enabled(1);
	check_owner(OWNER_LIBC);
}

/* On a faked kernel: it does not even ask. */
void detach_of_libc_asks_for_nothing(void)
{
	struct rseq_slice_thread *thread;

	need_libc_slices();
	thread = attach(RSEQ_SLICE_REGISTRATION_LIBC);
	FILTER(RULE_PRCTL_SET(ENOMEM));
	CHECK_EQUAL(rseq_slice_detach(thread), 0);
	check_owner(OWNER_LIBC);
}

/* Whoever asks for it gets it where libc's area has slices, too, and they come back with it. */
void replaced_slices_come_back(void)
{
	int enabled;

	need_libc_slices();
	for (enabled = 0; enabled <= 1; enabled++) {
		CHECK_EQUAL(rseq_slice_set_enabled(enabled), 0);
		CHECK_EQUAL(rseq_slice_detach(attach(RSEQ_SLICE_REGISTRATION_REPLACE)), 0);
		check_owner(OWNER_LIBC);
		check_enabled(enabled);
	}
}

enum { THREADS = 12, ROUNDS = 40 };

static void *attach_many_times(void *unused)
{
	enum owner before = find_owner();
	int i;

	for (i = 0; i < ROUNDS; i++) {
		struct rseq_slice_thread *thread = attach(
			i % 2 ? own_policy() : RSEQ_SLICE_REGISTRATION_AUTO);
		struct rseq_slice_area *area = rseq_slice_get_area(thread);

		CHECK(rseq_slice_is_owner(thread));
		CHECK(is_registered(area, rseq_slice_get_length(thread)));
		CHECK(rseq_slice_enter(area, rseq_slice_get_abi_version(thread)));
		rseq_slice_leave(area, rseq_slice_get_abi_version(thread));
		CHECK_EQUAL(rseq_slice_detach(thread), 0);
		check_owner(before);
	}
	return unused;
}

void many_threads(void)
{
	pthread_t ids[THREADS];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ids); i++)
		CHECK_EQUAL(pthread_create(&ids[i], NULL, attach_many_times, NULL), 0);
	attach_many_times(NULL);
	for (i = 0; i < ARRAY_SIZE(ids); i++)
		CHECK_EQUAL(pthread_join(ids[i], NULL), 0);
}

/*
 * A fork takes registration and memory with it; the thread that attached is the
 * parent's. So sections go on in the child, and detaching is not its to do.
 */
void forked_child(void)
{
	enum owner before = find_owner();
	struct rseq_slice_thread *thread = attach(own_policy());
	struct rseq_slice_area *area = rseq_slice_get_area(thread);
	pid_t child = fork();

	if (child == 0) {
		check_owner(OWNER_OTHER);
		CHECK(is_registered(area, rseq_slice_get_length(thread)));
		CHECK(!rseq_slice_is_owner(thread));
		CHECK(rseq_slice_enter(area, rseq_slice_get_abi_version(thread)));
		rseq_slice_leave(area, rseq_slice_get_abi_version(thread));
		/* Nothing, that is a request neither. */
		CHECK(rseq_slice_enter(area, rseq_slice_get_abi_version(thread)));
		CHECK_EQUAL(rseq_slice_detach(thread), -ESRCH);
		if (kernel_is_faked)
			CHECK(area->slice_ctrl.word != 0);
		rseq_slice_leave(area, rseq_slice_get_abi_version(thread));
		check_owner(OWNER_OTHER);
		_exit(0);
	}
	check_child(child);
	check_owner(OWNER_OTHER);
	CHECK_EQUAL(rseq_slice_detach(thread), 0);
	check_owner(before);
}

void sections_end_in_an_outcome(void)
{
	struct rseq_slice_thread *thread = attach(RSEQ_SLICE_REGISTRATION_AUTO);
	struct rseq_slice_area *area = rseq_slice_get_area(thread);
	enum rseq_slice_abi_version abi_version = rseq_slice_get_abi_version(thread);
	unsigned int count[RSEQ_SLICE_OUTCOME_NESTED + 1] = { 0 };
	int i;

	for (i = 0; i < 1000; i++) {
		CHECK(rseq_slice_enter(area, abi_version));
		count[rseq_slice_leave(area, abi_version)]++;
		CHECK_EQUAL(area->slice_ctrl.word, 0);
	}
	/* A kernel that nobody grants anything on never says anything else. */
	CHECK_EQUAL(count[RSEQ_SLICE_OUTCOME_NESTED], 0);
	if (kernel_is_faked)
		CHECK_EQUAL(count[RSEQ_SLICE_OUTCOME_UNDISTURBED], 1000);
	CHECK_EQUAL(rseq_slice_detach(thread), 0);
}
