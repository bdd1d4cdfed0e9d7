/* SPDX-License-Identifier: MIT */
/*
 * The machinery behind the shim's tests; see harness.h. A case runs in a child
 * process, so that a crash, a kill by the kernel or a filter that cannot be
 * taken off again concerns that case alone.
 */
#define _GNU_SOURCE
#include "harness.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_FAILED = 1, EXIT_SKIPPED = 77, CASE_SECONDS = 60, REASON_LENGTH = 400 };

int kernel_is_faked;

/* Where a case leaves its reason; shared with the parent. */
static struct {
	char reason[REASON_LENGTH];
} * shared;

/* Outside of cases, as in fake_kernel_exec, the reason is for people. */
static _Noreturn void end_case(const char *reason, int code)
{
	if (shared)
		strncpy(shared->reason, reason, sizeof(shared->reason) - 1);
	else
		fprintf(stderr, "%s\n", reason);
	_exit(code);
}

void test_fail(const char *file, int line, const char *format, ...)
{
	const char *slash = strrchr(file, '/');
	char reason[REASON_LENGTH];
	va_list arguments;
	int length;

	length = snprintf(reason, sizeof(reason), "%s:%d: ", slash ? slash + 1 : file, line);
	va_start(arguments, format);
	vsnprintf(reason + length, sizeof(reason) - (size_t)length, format, arguments);
	va_end(arguments);
	end_case(reason, EXIT_FAILED);
}

void test_skip(const char *format, ...)
{
	char reason[REASON_LENGTH];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason, sizeof(reason), format, arguments);
	va_end(arguments);
	end_case(reason, EXIT_SKIPPED);
}

static _Noreturn void run_case(const struct test_case *test)
{
	setpgid(0, 0);
	/* A case that hangs is one failing case, too. */
	alarm(CASE_SECONDS);
	if (test->prepare)
		test->prepare();
	test->run();
	/* Not _exit: a sanitizer looks for leaks at exit. */
	exit(EXIT_SUCCESS);
}

/* Prints the case's line; 1 if it failed. */
static int report_case(const struct test_case *test, int status)
{
	if (WIFSIGNALED(status)) {
		printf("not ok %s: killed by signal %d (%s)\n", test->name, WTERMSIG(status),
			strsignal(WTERMSIG(status)));
		return 1;
	}
	switch (WEXITSTATUS(status)) {
	case EXIT_SUCCESS:
		printf("ok %s\n", test->name);
		return 0;
	case EXIT_SKIPPED:
		printf("SKIP %s: %s\n", test->name, shared->reason);
		return 0;
	default:
		printf("not ok %s: %s (exit code %d)\n", test->name,
			shared->reason[0] ? shared->reason : "ended with no reason",
			WEXITSTATUS(status));
		return 1;
	}
}

int run_cases(const struct test_case *cases, size_t count)
{
	size_t i;
	int status, failed = 0;
	pid_t child;

	shared = mmap(
		NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	/* With it a reader sees that a list was cut short. */
	printf("1..%zu\n", count);
	for (i = 0; i < count; i++) {
		shared->reason[0] = '\0';
		fflush(stdout);
		child = fork();
		if (child == 0)
			run_case(&cases[i]);
		if (child < 0 || waitpid(child, &status, 0) != child) {
			printf("not ok %s: no child process: %s\n", cases[i].name, strerror(errno));
			failed++;
			continue;
		}
		/* Children that it left behind would keep our output open. */
		kill(-child, SIGKILL);
		failed += report_case(&cases[i], status);
	}
	fflush(stdout);
	munmap(shared, sizeof(*shared));
	return failed;
}

void check_child(pid_t child)
{
	int status;

	CHECK(child > 0);
	CHECK_EQUAL(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status))
		test_fail(__FILE__, __LINE__, "the forked child was killed by signal %d",
			WTERMSIG(status));
	/* A check that failed in it has left its reason. */
	if (WEXITSTATUS(status) != 0)
		_exit(WEXITSTATUS(status));
}

/* Looked up: a program that refers to them is one that uses libc's area. */
const unsigned int *libc_size(void)
{
	return dlsym(RTLD_DEFAULT, "__rseq_size");
}

struct rseq_slice_area *libc_area(void)
{
	const ptrdiff_t *offset = dlsym(RTLD_DEFAULT, "__rseq_offset");
	const unsigned int *size = libc_size();

	if (!offset || !size || *size == 0)
		return NULL;
#if defined(__x86_64__)
	char *pointer;

	/* Older compilers have no builtin for it. */
	__asm__("movq %%fs:0, %0" : "=r"(pointer));
	return (struct rseq_slice_area *)(pointer + *offset);
#else
	return (struct rseq_slice_area *)((char *)__builtin_thread_pointer() + *offset);
#endif
}

uint32_t libc_length(void)
{
	if (!libc_area())
		return 0;
	return *libc_size() < RSEQ_SLICE_ABI_LEGACY_LENGTH ? RSEQ_SLICE_ABI_LEGACY_LENGTH
							   : *libc_size();
}

/*
 * Registering anew with another signature tells and changes nothing: EPERM for
 * the area and length that are registered, EINVAL for others. No filter here
 * answers a call with this signature, see install_filter().
 */
#define PROBE_SIGNATURE (RSEQ_SLICE_ABI_SIGNATURE + 1)

int is_registered(struct rseq_slice_area *area, uint32_t length)
{
	int result = sys_rseq(area, length, 0, PROBE_SIGNATURE);

	if (result == -ENOSYS)
		test_skip("this kernel has no rseq(2)");
	if (result == 0)
		CHECK_EQUAL(
			sys_rseq(area, length, RSEQ_SLICE_ABI_FLAG_UNREGISTER, PROBE_SIGNATURE), 0);
	else if (result != -EPERM)
		CHECK_EQUAL(result, -EINVAL);
	return result == -EPERM;
}

enum owner find_owner(void)
{
	static _Thread_local struct rseq_slice_area probe;
	int result;

	if (libc_area() && is_registered(libc_area(), libc_length()))
		return OWNER_LIBC;
	result = sys_rseq(&probe, RSEQ_SLICE_ABI_LEGACY_LENGTH, 0, PROBE_SIGNATURE);
	if (result == -ENOSYS)
		test_skip("this kernel has no rseq(2)");
	if (result == -EINVAL)
		return OWNER_OTHER;
	CHECK_EQUAL(result, 0);
	CHECK_EQUAL(sys_rseq(&probe, RSEQ_SLICE_ABI_LEGACY_LENGTH, RSEQ_SLICE_ABI_FLAG_UNREGISTER,
			    PROBE_SIGNATURE),
		0);
	return OWNER_NOBODY;
}

static uint32_t answer_of(int answer)
{
	switch (answer) {
	case ANSWER_PASS:
		return SECCOMP_RET_ALLOW;
	case ANSWER_TRAP:
		return SECCOMP_RET_TRAP;
	default:
		return SECCOMP_RET_ERRNO | (uint32_t)answer;
	}
}

/* seccomp_data has 64-bit arguments; this is where the low half is. */
static uint32_t low_half(unsigned int argument)
{
	uint32_t offset =
		(uint32_t)(offsetof(struct seccomp_data, args) + sizeof(uint64_t) * argument);

	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? offset + 4 : offset;
}

static unsigned short add_rule(struct sock_filter *code, const struct rule *rule)
{
	unsigned short n = 0;
	size_t j, conditions = 0;

	while (conditions < ARRAY_SIZE(rule->when) && rule->when[conditions].argument != 0)
		conditions++;
	code[n++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	/* Each comparison that fails jumps over the rest of its rule. */
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)rule->number,
		0, (uint8_t)(2 * conditions + 1));
	for (j = 0; j < conditions; j++) {
		code[n++] = (struct sock_filter)BPF_STMT(
			BPF_LD | BPF_W | BPF_ABS, low_half(rule->when[j].argument - 1));
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
			rule->when[j].value, 0, (uint8_t)(2 * (conditions - 1 - j) + 1));
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, answer_of(rule->answer));
	return n;
}

void install_filter(const struct rule *rules, size_t count)
{
	const struct rule probe = { RSEQ_SLICE_ABI_NR_RSEQ, ANSWER_PASS,
		{ { 4, PROBE_SIGNATURE } } };
	struct sock_filter code[250];
	struct sock_fprog program = { 0, code };
	unsigned short n = add_rule(code, &probe);
	size_t i;

	CHECK((count + 2) * (3 + 2 * ARRAY_SIZE(rules->when)) < ARRAY_SIZE(code));
	for (i = 0; i < count; i++)
		n += add_rule(code + n, &rules[i]);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = n;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		test_skip("no seccomp filters here: %s", strerror(errno));
}

static void skip_if_hidden(void)
{
	struct rseq_slice_libc libc_state;

	rseq_slice_get_libc(&libc_state, sizeof(struct rseq_slice_libc));
	if (!libc_state.registered && find_owner() != OWNER_NOBODY)
		test_skip("libc registered an area and does not tell");
}

void fake_kernel(void)
{
	skip_if_hidden();
	FILTER(RULE_PRCTL_GET(0), RULE_PRCTL_SET(0), RULE_YIELD(0), RULE_YIELD_RFC(ENOSYS),
		RULE_RSEQ_REGISTER_ENABLED(EINVAL));
	kernel_is_faked = 1;
}

void fake_kernel_rfc(void)
{
	skip_if_hidden();
	FILTER(RULE_PRCTL_GET(0), RULE_PRCTL_SET(0), RULE_YIELD(ENOSYS), RULE_YIELD_RFC(0),
		RULE_RSEQ_REGISTER_ENABLED(EINVAL));
	kernel_is_faked = 1;
}

void need_slices(void)
{
	int enabled = rseq_slice_get_enabled();
	struct rseq_slice_kernel kernel;

	if (enabled < 0)
		test_skip("this kernel has no slices: prctl says %d (%s)", -enabled,
			strerror(-enabled));
	skip_if_hidden();
	CHECK_EQUAL(rseq_slice_get_kernel(&kernel, sizeof(struct rseq_slice_kernel)), 0);
	if (kernel.full_area == -RSEQ_SLICE_ABI_ENOTSUPP)
		test_skip("slices are switched off: prctl says %d", RSEQ_SLICE_ABI_ENOTSUPP);
}
