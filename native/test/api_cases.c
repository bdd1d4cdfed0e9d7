/* SPDX-License-Identifier: MIT */
/*
 * What other addons use: sections of a thread object, the table of functions,
 * and threads that end attached, which an addon's own threads may.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <unistd.h>

#include "cases.h"

void sections_of_a_thread(void)
{
	struct rseq_slice_thread *thread = attach(own_policy());
	struct rseq_slice_area *area = rseq_slice_get_area(thread);
	int outer, inner, i, undisturbed = 0;

	CHECK_EQUAL(((const struct rseq_slice_section *)thread)->size,
		sizeof(struct rseq_slice_section));
	for (i = 0; i < 1000; i++) {
		outer = rseq_slice_enter_section(thread);
		CHECK_EQUAL(outer, 1);
		inner = rseq_slice_enter_section(thread);
		/* A kernel that preempts between the two makes the inner one ask anew. */
		if (kernel_is_faked)
			CHECK_EQUAL(inner, 0);
		if (!inner) {
			CHECK_EQUAL(
				rseq_slice_leave_section(thread, inner), RSEQ_SLICE_OUTCOME_NESTED);
			if (kernel_is_faked)
				CHECK(area->slice_ctrl.word != 0);
		} else {
			CHECK(rseq_slice_leave_section(thread, inner) != RSEQ_SLICE_OUTCOME_NESTED);
		}
		undisturbed += rseq_slice_leave_section(thread, outer) ==
			       RSEQ_SLICE_OUTCOME_UNDISTURBED;
		CHECK_EQUAL(area->slice_ctrl.word, 0);
	}
	CHECK(undisturbed > (kernel_is_faked ? 999 : 0));
	CHECK_EQUAL(rseq_slice_detach(thread), 0);
}

static int yields, yield_answer;
static enum rseq_slice_abi_version yield_abi_version;

static int pretend_to_yield(enum rseq_slice_abi_version abi_version)
{
	yields++;
	yield_abi_version = abi_version;
	return yield_answer;
}

/* The kernel's part is the test's: a word that was granted, zeroed by a preemption, or neither. */
void sections_yield_with_what_they_are_given(void)
{
	static const enum rseq_slice_abi_version abi_versions[] = { RSEQ_SLICE_ABI_VERSION_MAINLINE,
		RSEQ_SLICE_ABI_VERSION_7_0, RSEQ_SLICE_ABI_VERSION_RFC };
	static const struct {
		int granted, preempted, answer, yields;
		enum rseq_slice_outcome outcome;
	} rows[] = {
		{ 0, 0, 1, 0, RSEQ_SLICE_OUTCOME_UNDISTURBED },
		{ 1, 0, 1, 1, RSEQ_SLICE_OUTCOME_YIELDED },
		{ 1, 0, 0, 1, RSEQ_SLICE_OUTCOME_RACED },
		{ 1, 0, -EPERM, 1, RSEQ_SLICE_OUTCOME_YIELDED },
		{ 0, 1, 0, 1, RSEQ_SLICE_OUTCOME_PREEMPTED },
		{ 0, 1, 1, 1, RSEQ_SLICE_OUTCOME_PREEMPTED },
	};
	static struct rseq_slice_area area;
	size_t f, i;

	for (f = 0; f < ARRAY_SIZE(abi_versions); f++)
		for (i = 0; i < ARRAY_SIZE(rows); i++) {
			const struct rseq_slice_section section = { sizeof(section),
				abi_versions[f], &area, pretend_to_yield };
			const struct rseq_slice_thread *thread =
				(const struct rseq_slice_thread *)&section;
			int asked;

			area.slice_ctrl.word = 0;
			yields = 0;
			yield_answer = rows[i].answer;
			asked = rseq_slice_enter_section(thread);
			CHECK_EQUAL(asked, 1);
			if (rows[i].granted || rows[i].preempted)
				area.slice_ctrl.word = 0;
			if (rows[i].granted && abi_versions[f] == RSEQ_SLICE_ABI_VERSION_RFC)
				area.slice_ctrl.word = RSEQ_SLICE_ABI_GRANTED_BIT;
			else if (rows[i].granted)
				area.slice_ctrl.bytes.granted = 1;
			CHECK_EQUAL(rseq_slice_leave_section(thread, asked), rows[i].outcome);
			CHECK_EQUAL(yields, rows[i].yields);
			if (yields)
				CHECK_EQUAL(yield_abi_version, abi_versions[f]);
		}
}

void sections_without_a_thread(void)
{
	int i;

	for (i = 0; i < 3; i++) {
		CHECK_EQUAL(rseq_slice_enter_section(NULL), 0);
		CHECK_EQUAL(rseq_slice_leave_section(NULL, 0), RSEQ_SLICE_OUTCOME_NESTED);
	}
	CHECK_EQUAL(rseq_slice_detach(NULL), 0);
}

void table_has_the_functions(void)
{
	const struct rseq_slice_api *api = rseq_slice_get_api();

	CHECK_EQUAL(api->size, sizeof(*api));
	CHECK_EQUAL(api->major, RSEQ_SLICE_API_MAJOR);
	CHECK_EQUAL(api->minor, RSEQ_SLICE_API_MINOR);
	CHECK(api->get_kernel == rseq_slice_get_kernel);
	CHECK(api->get_libc == rseq_slice_get_libc);
	CHECK(api->get_users == rseq_slice_get_users);
	CHECK(api->is_registered == rseq_slice_is_registered);
	CHECK(api->get_enabled == rseq_slice_get_enabled);
	CHECK(api->restore_libc == rseq_slice_restore_libc);
	CHECK(api->check_attach == rseq_slice_check_attach);
	CHECK(api->attach == rseq_slice_attach);
	CHECK(api->detach == rseq_slice_detach);
	CHECK(api->hold_memory == rseq_slice_hold_memory);
	CHECK(api->release_memory == rseq_slice_release_memory);
	CHECK(api->get_area == rseq_slice_get_area);
	CHECK(api->get_registration == rseq_slice_get_registration);
	CHECK(api->get_abi_version == rseq_slice_get_abi_version);
	CHECK(api->get_length == rseq_slice_get_length);
	CHECK(api->is_owner == rseq_slice_is_owner);
	CHECK(api->yield_cpu == rseq_slice_yield_cpu);
}

void table_is_checked(void)
{
	struct rseq_slice_api api = *rseq_slice_get_api();

	CHECK_EQUAL(rseq_slice_check_api(&api), 0);
	CHECK_EQUAL(rseq_slice_check_api(NULL), -ENXIO);
	/* Newer, with members that this header knows nothing of. */
	api.minor++;
	api.size += 64;
	CHECK_EQUAL(rseq_slice_check_api(&api), 0);
	CHECK(RSEQ_SLICE_API_HAS(&api, yield_cpu));
	/* The first of this major version, and one that was cut short. */
	api.minor = 0;
	api.size = RSEQ_SLICE_API_SIZE_1_0;
	CHECK_EQUAL(rseq_slice_check_api(&api), 0);
	CHECK(RSEQ_SLICE_API_HAS(&api, yield_cpu));
	api.size--;
	CHECK_EQUAL(rseq_slice_check_api(&api), -EPROTO);
	CHECK(!RSEQ_SLICE_API_HAS(&api, yield_cpu));
	CHECK(RSEQ_SLICE_API_HAS(&api, is_owner));
	api.size = sizeof(api);
	api.major++;
	CHECK_EQUAL(rseq_slice_check_api(&api), -EPROTO);
}

/*
 * The tests below look at an area's memory after its thread: the object is held,
 * and the kernel marks the area of a thread when it lets go of it.
 */
static int is_let_go(const struct rseq_slice_area *area)
{
	return (int32_t)area->cpu_id == RSEQ_SLICE_ABI_CPU_ID_UNINITIALIZED;
}

/*
 * TSan has a thread end before the destructors of its keys, and holds what they
 * write for a race with whoever has joined it.
 */
__attribute__((noinline, no_sanitize("thread"))) static uint32_t word_left(
	const struct rseq_slice_area *area)
{
	return area->slice_ctrl.word;
}

static struct rseq_slice_thread *held_thread;

static void *end_attached(void *unused)
{
	held_thread = attach(own_policy());
	CHECK(attach(RSEQ_SLICE_REGISTRATION_AUTO) == held_thread);
	CHECK(attach(RSEQ_SLICE_REGISTRATION_LIBC) == held_thread);
	rseq_slice_hold_memory(held_thread);
	CHECK(!is_let_go(rseq_slice_get_area(held_thread)));
	/* And in a section. */
	CHECK_EQUAL(rseq_slice_enter_section(held_thread), 1);
	return unused;
}

static void join(void *(*start)(void *))
{
	pthread_t id;

	CHECK_EQUAL(pthread_create(&id, NULL, start, NULL), 0);
	CHECK_EQUAL(pthread_join(id, NULL), 0);
}

void thread_that_ends_attached(void)
{
	enum owner before = find_owner();
	int i;

	for (i = 0; i < 3; i++) {
		join(end_attached);
		CHECK(is_let_go(rseq_slice_get_area(held_thread)));
		CHECK_EQUAL(word_left(rseq_slice_get_area(held_thread)), 0);
		/* The last hold: a sanitizer sees what is left over. */
		rseq_slice_release_memory(held_thread);
	}
	CHECK_EQUAL(find_owner(), before);
}

enum { OTHERS = 3 };
static pthread_key_t others[OTHERS];
static int others_ended;

/* Has sections in every round there is but the last, and detaches in that. */
static void end_other(void *argument)
{
	pthread_key_t *key = argument;
	static _Thread_local int rounds[OTHERS];
	int *round = &rounds[key - others];
	int asked = rseq_slice_enter_section(held_thread);

	CHECK_EQUAL(asked, 1);
	rseq_slice_leave_section(held_thread, asked);
	CHECK(rseq_slice_is_owner(held_thread));
	CHECK(is_registered(rseq_slice_get_area(held_thread), rseq_slice_get_length(held_thread)));
	if (++*round < PTHREAD_DESTRUCTOR_ITERATIONS - 1) {
		CHECK_EQUAL(pthread_setspecific(*key, key), 0);
		return;
	}
	others_ended++;
	CHECK_EQUAL(rseq_slice_detach(held_thread), 0);
}

/* One reference is dropped by nobody else. */
static void *end_with_others(void *unused)
{
	size_t i;

	held_thread = attach(own_policy());
	for (i = 0; i < OTHERS; i++) {
		CHECK(attach(RSEQ_SLICE_REGISTRATION_AUTO) == held_thread);
		CHECK_EQUAL(pthread_setspecific(others[i], &others[i]), 0);
	}
	rseq_slice_hold_memory(held_thread);
	return unused;
}

void destructors_of_others_come_first(void)
{
	struct rseq_slice_thread *thread;
	size_t i;

	/* Destructors are called in the order of their keys: some before the shim's, one after. */
	for (i = 0; i < OTHERS - 1; i++)
		CHECK_EQUAL(pthread_key_create(&others[i], end_other), 0);
	thread = attach(RSEQ_SLICE_REGISTRATION_AUTO);
	CHECK_EQUAL(rseq_slice_detach(thread), 0);
	CHECK_EQUAL(pthread_key_create(&others[OTHERS - 1], end_other), 0);
	join(end_with_others);
	CHECK_EQUAL(others_ended, OTHERS);
	CHECK(is_let_go(rseq_slice_get_area(held_thread)));
	rseq_slice_release_memory(held_thread);
}

/* Nothing gives it back then, and so nothing may free what the kernel has written to. */
void thread_that_ends_where_keys_are_out(void)
{
	/* Static: what stays is no leak to a sanitizer. */
	static struct rseq_slice_thread *thread;
	static struct rseq_slice_area *area;
	pthread_key_t key;

	while (pthread_key_create(&key, NULL) == 0)
		;
	join(end_attached);
	thread = held_thread;
	area = rseq_slice_get_area(thread);
	CHECK(!is_let_go(area));
	rseq_slice_release_memory(thread);
	/* A sanitizer would tell if this was freed. */
	CHECK(!is_let_go(area));
	thread = attach(own_policy());
	CHECK_EQUAL(rseq_slice_detach(thread), 0);
}

/* It has the parent's object and area, which are good for sections and nothing else. */
void forked_child_attaches(void)
{
	struct rseq_slice_thread *thread = attach(own_policy());
	pid_t child = fork();

	if (child == 0) {
		struct rseq_slice_thread *again = attach(RSEQ_SLICE_REGISTRATION_AUTO);
		int asked;

		CHECK(again == thread);
		asked = rseq_slice_enter_section(again);
		CHECK_EQUAL(asked, 1);
		CHECK(rseq_slice_leave_section(again, asked) != RSEQ_SLICE_OUTCOME_NESTED);
		CHECK_EQUAL(rseq_slice_detach(again), -ESRCH);
		CHECK(is_registered(rseq_slice_get_area(again), rseq_slice_get_length(again)));
		/* A thread of its own starts anew. */
		join(end_attached);
		CHECK(held_thread != thread);
		CHECK(is_let_go(rseq_slice_get_area(held_thread)));
		_exit(0);
	}
	check_child(child);
	CHECK_EQUAL(rseq_slice_detach(thread), 0);
}
