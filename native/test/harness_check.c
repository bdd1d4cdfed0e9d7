/* SPDX-License-Identifier: MIT */
/*
 * A list of cases of which most do not pass, for the test that sees whether the
 * harness tells: a failed check, a crash, an exit and a skip are told apart, and
 * the cases after them still run.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "harness.h"

static void pass(void)
{
	CHECK_EQUAL(1 + 1, 2);
}

static void fail_equality(void)
{
	CHECK_EQUAL(1 + 1, 3);
}

static void *fail_condition(void *unused)
{
	CHECK(unused != NULL);
	return NULL;
}

static void fail_in_thread(void)
{
	pthread_t id;

	pthread_create(&id, NULL, fail_condition, NULL);
	pthread_join(id, NULL);
}

static void crash(void)
{
	raise(SIGKILL);
}

static void end_early(void)
{
	exit(3);
}

static void skip(void)
{
	test_skip("because of %d", 7);
}

int main(void)
{
	static const struct test_case cases[] = {
		{ "equality", fail_equality, NULL },
		{ "thread", fail_in_thread, NULL },
		{ "crash", crash, NULL },
		{ "early", end_early, NULL },
		{ "skip", skip, NULL },
		{ "prepared", crash, skip },
		{ "pass", pass, NULL },
	};

	return run_cases(cases, ARRAY_SIZE(cases));
}
