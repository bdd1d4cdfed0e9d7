/* SPDX-License-Identifier: MIT */
/*
 * Threads that are created, cancelled, forked or ended while another one is
 * attached or is about to be, and handlers of signals that come then.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "cases.h"

/* It has a thread end before the destructors of its keys, and does not let a forked child create
 * threads. */
static void skip_under_thread_sanitizer(void)
{
#if defined(__SANITIZE_THREAD__)
	test_skip("ThreadSanitizer does not have it");
#endif
}

static void join(void *(*start)(void *))
{
	pthread_t id;

	CHECK_EQUAL(pthread_create(&id, NULL, start, NULL), 0);
	CHECK_EQUAL(pthread_join(id, NULL), 0);
}

static void *check_registered(void *unused)
{
	CHECK_EQUAL(find_owner(), OWNER_LIBC);
	return unused;
}

/* glibc left it without an area, since its creator's was ours. find_owner() would wipe what glibc
 * noted. */
static void check_left_without(void)
{
	CHECK_EQUAL((int32_t)libc_area()->cpu_id, RSEQ_SLICE_ABI_CPU_ID_REGISTRATION_FAILED);
	CHECK_EQUAL(rseq_slice_is_registered(), 0);
}

static void *attach_where_libc_could_not(void *unused)
{
	struct rseq_slice_thread *thread;

	check_left_without();
	thread = attach(RSEQ_SLICE_REGISTRATION_REPLACE);
	CHECK_EQUAL(rseq_slice_get_registration(thread), RSEQ_SLICE_REGISTRATION_REPLACE);
	CHECK_EQUAL(rseq_slice_detach(thread), 0);
	check_registered(NULL);
	join(check_registered);
	return unused;
}

static void *foretell_where_libc_could_not(void *unused)
{
	check_left_without();
	attach_is_foretold();
	return unused;
}

static void *restore_where_libc_could_not(void *unused)
{
	check_left_without();
	CHECK_EQUAL(rseq_slice_restore_libc(), 1);
	check_registered(NULL);
	CHECK_EQUAL(rseq_slice_restore_libc(), 0);
	join(check_registered);
	return unused;
}

void threads_of_a_replaced_thread(void)
{
	struct rseq_slice_thread *thread;

	if (find_owner() != OWNER_LIBC)
		test_skip("libc registered no area");
	CHECK_EQUAL(rseq_slice_restore_libc(), 0);
	join(check_registered);
	thread = attach(RSEQ_SLICE_REGISTRATION_REPLACE);
	/* What was taken away on purpose is not restored. */
	CHECK_EQUAL(rseq_slice_restore_libc(), 0);
	CHECK_EQUAL(find_owner(), OWNER_OTHER);
	join(attach_where_libc_could_not);
	join(restore_where_libc_could_not);
	join(foretell_where_libc_could_not);
	CHECK_EQUAL(rseq_slice_detach(thread), 0);
	join(check_registered);
}

void registration_is_asked_for(void)
{
	static struct rseq_slice_area foreign;
	enum owner before = find_owner();

	CHECK_EQUAL(rseq_slice_is_registered(), before != OWNER_NOBODY);
	CHECK_EQUAL(find_owner(), before);
	if (before == OWNER_OTHER)
		return;
	if (before == OWNER_LIBC)
		CHECK_EQUAL(sys_rseq(libc_area(), libc_length(), RSEQ_SLICE_ABI_FLAG_UNREGISTER,
				    RSEQ_SLICE_ABI_SIGNATURE),
			0);
	CHECK_EQUAL(rseq_slice_is_registered(), 0);
	CHECK_EQUAL(find_owner(), OWNER_NOBODY);
	CHECK_EQUAL(
		sys_rseq(&foreign, RSEQ_SLICE_ABI_LEGACY_LENGTH, 0, RSEQ_SLICE_ABI_SIGNATURE), 0);
	CHECK_EQUAL(rseq_slice_is_registered(), 1);
	FILTER(RULE_RSEQ_ANY(EPERM));
	CHECK_EQUAL(rseq_slice_is_registered(), -EPERM);
}

void attach_is_foretold(void)
{
	int before = rseq_slice_is_registered();
	int policy;

	for (policy = RSEQ_SLICE_REGISTRATION_AUTO; policy <= RSEQ_SLICE_REGISTRATION_REPLACE;
		policy++) {
		enum rseq_slice_registration registration;
		enum rseq_slice_step step, foretold;
		struct rseq_slice_thread *thread;
		int error = rseq_slice_check_attach((enum rseq_slice_registration)policy,
			RSEQ_SLICE_ABI_VERSION_AUTO, &registration, &foretold);

		CHECK_EQUAL(rseq_slice_is_registered(), before);
		CHECK_EQUAL(rseq_slice_attach((enum rseq_slice_registration)policy,
				    RSEQ_SLICE_ABI_VERSION_AUTO, &thread, &step),
			error);
		CHECK_EQUAL(step, foretold);
		if (error)
			continue;
		CHECK_EQUAL(rseq_slice_get_registration(thread), registration);
		CHECK_EQUAL(rseq_slice_check_attach(RSEQ_SLICE_REGISTRATION_AUTO,
				    RSEQ_SLICE_ABI_VERSION_AUTO, &registration, &step),
			0);
		CHECK_EQUAL(rseq_slice_get_registration(thread), registration);
		CHECK_EQUAL(rseq_slice_detach(thread), 0);
		/* What libc meant to be registered was before, and is now. */
		before = rseq_slice_is_registered();
	}
}

/*
 * Enabling is refused, and taking the area back, too: the kernel goes on writing
 * to it, so that nobody else may get that memory.
 */
void area_that_stays_registered_stays(void)
{
	enum { SIZES = 32 };
	struct rseq_slice_kernel kernel;
	struct rseq_slice_thread *thread;
	enum rseq_slice_step step;
	int i;

	CHECK_EQUAL(rseq_slice_get_kernel(&kernel, sizeof(kernel)), 0);
	if (find_owner() != OWNER_NOBODY)
		test_skip("libc registered an area, and giving that up is refused, too");
	FILTER(RULE_PRCTL_SET(EPERM), RULE_RSEQ_UNREGISTER(EPERM));
	CHECK_EQUAL(rseq_slice_attach(RSEQ_SLICE_REGISTRATION_OWN, RSEQ_SLICE_ABI_VERSION_AUTO,
			    &thread, &step),
		-EPERM);
	CHECK_EQUAL(step, RSEQ_SLICE_STEP_ENABLE);
	CHECK_EQUAL(find_owner(), OWNER_OTHER);
	for (i = 1; i <= SIZES; i++) {
		void *memory;

		CHECK_EQUAL(posix_memalign(&memory, 64, (size_t)i * 64), 0);
		CHECK(!is_registered(memory, RSEQ_SLICE_ABI_LEGACY_LENGTH));
	}
	/* What stays is no leak to a sanitizer if the process ends at once. */
	_exit(0);
}

static struct rseq_slice_thread *ending;
static volatile sig_atomic_t handled;

static void have_a_section(int number)
{
	int asked = rseq_slice_enter_section(ending);

	(void)number;
	rseq_slice_leave_section(ending, asked);
	handled++;
}

static pthread_key_t late_key;
static int late_rounds;

/* It comes behind the shim's own in each round, and a signal with it. */
static void end_late(void *argument)
{
	sigset_t mask;

	CHECK_EQUAL(raise(SIGUSR1), 0);
	if (++late_rounds < PTHREAD_DESTRUCTOR_ITERATIONS) {
		CHECK_EQUAL(handled, late_rounds);
		CHECK_EQUAL(pthread_setspecific(late_key, argument), 0);
		return;
	}
	/* The object is gone. */
	CHECK_EQUAL(handled, late_rounds - 1);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	CHECK(sigismember(&mask, SIGUSR1));
	/* But what the thread does itself is answered. */
	CHECK(!sigismember(&mask, SIGSYS) && !sigismember(&mask, SIGSEGV));
}

static void *end_with_signals(void *unused)
{
	ending = attach(own_policy());
	CHECK_EQUAL(pthread_setspecific(late_key, &late_key), 0);
	return unused;
}

void handler_after_the_end(void)
{
	struct sigaction action = { .sa_handler = have_a_section };

	skip_under_thread_sanitizer();
	CHECK_EQUAL(sigaction(SIGUSR1, &action, NULL), 0);
	/* Destructors are called in the order of their keys: the shim's is made by the first
	 * attach. */
	CHECK_EQUAL(rseq_slice_detach(attach(own_policy())), 0);
	CHECK_EQUAL(pthread_key_create(&late_key, end_late), 0);
	join(end_with_signals);
	CHECK_EQUAL(late_rounds, PTHREAD_DESTRUCTOR_ITERATIONS);
}

static int out[2], back[2];
static pid_t sender;

#if defined(__x86_64__)
/* The scout's yield: it says that it is out, and waits to be called back. In a child it is not held
 * up. */
static void hold_the_scout(int number, siginfo_t *info, void *context)
{
	char byte = 0;

	(void)number;
	(void)info;
	if (getpid() == sender && (write(out[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1))
		_exit(3);
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = 0;
}

static void trap_the_scout(void)
{
	struct sigaction action = { .sa_sigaction = hold_the_scout, .sa_flags = SA_SIGINFO };

	sender = getpid();
	CHECK_EQUAL(pipe(out), 0);
	CHECK_EQUAL(pipe(back), 0);
	CHECK_EQUAL(sigaction(SIGSYS, &action, NULL), 0);
	FILTER(RULE_YIELD(ANSWER_TRAP));
}
#else
static void trap_the_scout(void)
{
	test_skip("what a trapped call returns is known for x86-64 only");
}
#endif

static void wait_for_the_scout(void)
{
	char byte;

	CHECK_EQUAL(read(out[0], &byte, 1), 1);
}

static void call_the_scout_back(void)
{
	char byte = 0;
	int i;

	/* It tries two areas. */
	for (i = 0; i < 2; i++)
		CHECK_EQUAL(write(back[1], &byte, 1), 1);
}

static void *ask_for_the_kernel(void *unused)
{
	struct rseq_slice_kernel kernel;

	CHECK_EQUAL(rseq_slice_get_kernel(&kernel, sizeof(kernel)), 0);
	CHECK(kernel.abi_version != RSEQ_SLICE_ABI_VERSION_AUTO);
	return unused;
}

void fork_while_a_scout_is_out(void)
{
	pthread_t asking;
	pid_t child;

	skip_under_thread_sanitizer();
	trap_the_scout();
	CHECK_EQUAL(pthread_create(&asking, NULL, ask_for_the_kernel, NULL), 0);
	wait_for_the_scout();
	child = fork();
	if (child == 0) {
		alarm(10);
		ask_for_the_kernel(NULL);
		CHECK_EQUAL(rseq_slice_detach(attach(own_policy())), 0);
		_exit(0);
	}
	check_child(child);
	call_the_scout_back();
	CHECK_EQUAL(pthread_join(asking, NULL), 0);
}

static int was_told;

static volatile int has_forked_enough;

static void *look_again_and_again(void *unused)
{
	while (!has_forked_enough)
		rseq_slice_get_users(NULL, 0, 0);
	return unused;
}

/* The dynamic linker's lock is not for a child to find held. */
void fork_while_another_looks(void)
{
	pthread_t looking;
	int i;

	skip_under_thread_sanitizer();
	/* No sanitizer lets a child of many threads start another. */
	ask_for_the_kernel(NULL);
	CHECK_EQUAL(pthread_create(&looking, NULL, look_again_and_again, NULL), 0);
	for (i = 0; i < 50; i++) {
		pid_t child = fork();

		if (child == 0) {
			alarm(10);
			rseq_slice_get_users(NULL, 0, 0);
			CHECK_EQUAL(rseq_slice_detach(attach(RSEQ_SLICE_REGISTRATION_AUTO)), 0);
			_exit(0);
		}
		check_child(child);
	}
	has_forked_enough = 1;
	CHECK_EQUAL(pthread_join(looking, NULL), 0);
}

static void *ask_and_be_cancelled(void *unused)
{
	ask_for_the_kernel(NULL);
	was_told = 1;
	pthread_testcancel();
	return unused;
}

void cancelled_while_a_scout_is_out(void)
{
	pthread_t asking;
	void *result;

	trap_the_scout();
	CHECK_EQUAL(pthread_create(&asking, NULL, ask_and_be_cancelled, NULL), 0);
	wait_for_the_scout();
	CHECK_EQUAL(pthread_cancel(asking), 0);
	call_the_scout_back();
	CHECK_EQUAL(pthread_join(asking, &result), 0);
	CHECK(result == PTHREAD_CANCELED);
	/* Before it was cancelled: else its scout would write to a stack that is gone. And nothing
	 * is held. */
	CHECK(was_told);
	alarm(10);
	ask_for_the_kernel(NULL);
}

#if defined(__x86_64__)
static void answer(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = -ENOSYS;
}

void scout_in_a_sandbox_that_answers(void)
{
	struct sigaction action = { .sa_sigaction = answer, .sa_flags = SA_SIGINFO };
	struct rseq_slice_kernel kernel;

	CHECK_EQUAL(sigaction(SIGSYS, &action, NULL), 0);
	FILTER(RULE_YIELD(ANSWER_TRAP), RULE_YIELD_RFC(ANSWER_TRAP));
	CHECK_EQUAL(rseq_slice_get_kernel(&kernel, sizeof(kernel)), 0);
	CHECK_EQUAL(kernel.yield, -ENOSYS);
	CHECK_EQUAL(kernel.yield_rfc, -ENOSYS);
}
#else
void scout_in_a_sandbox_that_answers(void)
{
	test_skip("what a trapped call returns is known for x86-64 only");
}
#endif
