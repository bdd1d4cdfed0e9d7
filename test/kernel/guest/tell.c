/* SPDX-License-Identifier: MIT */
/*
 * Linked into a program of the shim: before main it prints, as a line of its
 * own, which libc it runs with, how many CPUs there are, whether the kernel
 * checks sequences, and what an attached thread gets. In a child, so that the
 * program finds everything as if nobody had asked.
 */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rseq_slice/slice.h>

#ifdef __GLIBC__
#include <gnu/libc-version.h>
#else
#define gnu_get_libc_version() ""
#endif

/* Does the kernel check sequences as rseq_debug=1 has it do? */
static int is_debugging(void)
{
	FILE *file = fopen("/sys/kernel/debug/rseq/debug", "r");
	int first = file ? fgetc(file) : EOF;

	if (file)
		fclose(file);
	return first == '1';
}

static void print_attached(void)
{
	static const char *const registrations[] = { "auto", "libc", "own", "replace" };
	static const char *const abi_versions[] = { "auto", "mainline", "7.0", "rfc" };
	struct rseq_slice_thread *thread;
	enum rseq_slice_step step;
	int result;

	result = rseq_slice_attach(
		RSEQ_SLICE_REGISTRATION_AUTO, RSEQ_SLICE_ABI_VERSION_AUTO, &thread, &step);
	printf("# libc %s%s, CPUs %ld, debug %d, ", *gnu_get_libc_version() ? "glibc " : "musl",
		gnu_get_libc_version(), sysconf(_SC_NPROCESSORS_ONLN), is_debugging());
	if (result)
		printf("attach says %d in step %d\n", result, (int)step);
	else
		printf("registration %s, ABI version %s\n",
			registrations[rseq_slice_get_registration(thread)],
			abi_versions[rseq_slice_get_abi_version(thread)]);
	fflush(stdout);
}

__attribute__((constructor)) static void tell(void)
{
	pid_t child = fork();

	if (child == 0) {
		print_attached();
		_exit(0);
	}
	waitpid(child, NULL, 0);
}
