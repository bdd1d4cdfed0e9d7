/* SPDX-License-Identifier: MIT */
/*
 * What the header and the manual promise beside attaching: arguments of raw
 * calls, sizes of structs, memory that is held, and what is said of others.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cases.h"

#define ALL_ZERO                                                  \
	{                                                         \
		{ 1, 0 }, { 2, 0 }, { 3, 0 }, { 4, 0 }, { 5, 0 }, \
		{                                                 \
			6, 0                                      \
		}                                                 \
	}

/* What is in the registers by chance would be another call's arguments. */
static void dirty_registers(void)
{
	syscall(SYS_getpid, -1L, -2L, -3L, -4L, -5L, -6L);
}

void calls_pass_six_arguments(void)
{
	FILTER({ RSEQ_SLICE_ABI_NR_SLICE_YIELD, 0, ALL_ZERO },
		{ RSEQ_SLICE_ABI_NR_SLICE_YIELD_RFC, 0, ALL_ZERO }, RULE_YIELD(EFAULT),
		RULE_YIELD_RFC(EFAULT));
	dirty_registers();
	CHECK_EQUAL(rseq_slice_yield_cpu(RSEQ_SLICE_ABI_VERSION_MAINLINE), 0);
	dirty_registers();
	CHECK_EQUAL(rseq_slice_yield_cpu(RSEQ_SLICE_ABI_VERSION_RFC), 0);
	FILTER({ SYS_prctl, 0,
		       { { 1, RSEQ_SLICE_ABI_PR_SLICE_EXTENSION }, { 4, 0 }, { 5, 0 }, { 6, 0 } } },
		{ SYS_prctl, EFAULT, { { 1, RSEQ_SLICE_ABI_PR_SLICE_EXTENSION } } });
	dirty_registers();
	CHECK_EQUAL(rseq_slice_get_enabled(), 0);
	dirty_registers();
	CHECK_EQUAL(rseq_slice_set_enabled(1), 0);
	FILTER({ RSEQ_SLICE_ABI_NR_RSEQ, EFAULT, { { 5, 0 }, { 6, 0 } } }, RULE_RSEQ_ANY(EPERM));
	dirty_registers();
	CHECK_EQUAL(rseq_slice_is_registered(), 0);
}

void structs_have_the_callers_size(void)
{
	struct {
		struct rseq_slice_kernel kernel;
		unsigned char more[16];
	} newer;
	struct rseq_slice_kernel known, older;
	struct rseq_slice_libc libc_state;
	size_t i;

	CHECK_EQUAL(rseq_slice_get_kernel(&known, sizeof(known)), 0);
	memset(&newer, 0xff, sizeof(newer));
	CHECK_EQUAL(rseq_slice_get_kernel(&newer.kernel, sizeof(newer)), 0);
	CHECK(memcmp(&newer.kernel, &known, sizeof(known)) == 0);
	for (i = 0; i < sizeof(newer.more); i++)
		CHECK_EQUAL(newer.more[i], 0);
	memset(&older, 0xff, sizeof(older));
	CHECK_EQUAL(rseq_slice_get_kernel(&older, 8), 0);
	CHECK_EQUAL(older.feature_size, getauxval(RSEQ_SLICE_ABI_AT_FEATURE_SIZE));
	for (i = 8; i < sizeof(older); i++)
		CHECK_EQUAL(((unsigned char *)&older)[i], 0xff);
	memset(&libc_state, 0xff, sizeof(libc_state));
	rseq_slice_get_libc(&libc_state, offsetof(struct rseq_slice_libc, size));
	CHECK_EQUAL(libc_state.exported, libc_size() != NULL);
	CHECK_EQUAL(libc_state.size, 0xffffffffu);
}

void libc_area_is_not_held(void)
{
	struct rseq_slice_thread *thread = attach(RSEQ_SLICE_REGISTRATION_AUTO);
	int expected =
		rseq_slice_get_registration(thread) == RSEQ_SLICE_REGISTRATION_LIBC ? -ENOTSUP : 0;

	CHECK_EQUAL(rseq_slice_hold_memory(thread), expected);
	CHECK_EQUAL(rseq_slice_detach(thread), 0);
	if (expected == 0)
		rseq_slice_release_memory(thread);
}

/* This program refers to nothing of libc's, and sanitizers and the shim neither. */
void users_are_listed(void)
{
	struct rseq_slice_user users[4];

	memset(users, 0xff, sizeof(users));
	CHECK_EQUAL(rseq_slice_get_users(users, ARRAY_SIZE(users), sizeof(users[0])), 0);
	CHECK_EQUAL(rseq_slice_get_users(NULL, 0, 0), 0);
}

/* Why the security page says that to filter prctl is not enough. */
void slices_come_with_a_registration(void)
{
	static struct rseq_slice_area area __attribute__((aligned(64)));
	const int default_on = 2;
	int error;

	FILTER(RULE_PRCTL_GET(EPERM), RULE_PRCTL_SET(EPERM));
	if (libc_area())
		CHECK_EQUAL(sys_rseq(libc_area(), libc_length(), RSEQ_SLICE_ABI_FLAG_UNREGISTER,
				    RSEQ_SLICE_ABI_SIGNATURE),
			0);
	error = sys_rseq(&area, RSEQ_SLICE_ABI_SLICE_LENGTH, default_on, RSEQ_SLICE_ABI_SIGNATURE);
	if (error == -EINVAL)
		test_skip("this kernel does not know the flag");
	CHECK_EQUAL(error, 0);
	CHECK(area.flags & RSEQ_SLICE_ABI_FLAG_SLICE_ENABLED);
}
