/* SPDX-License-Identifier: MIT */
/*
 * users_exec [OBJECT...]: loads the objects for themselves alone and prints what
 * the shim makes of them, on a kernel whose answers are made up: a line `user
 * KIND ALLOCATOR OBJECT` for each that is found, and `POLICY ERROR STEP
 * REGISTRATION` for a thread that attaches. With LEGACY in the environment
 * libc's area, like any other, is refused slices, as a short one is.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "harness.h"

static void attach_by(const char *name, enum rseq_slice_registration policy)
{
	struct rseq_slice_thread *thread;
	enum rseq_slice_step step;
	int error = rseq_slice_attach(policy, RSEQ_SLICE_ABI_VERSION_AUTO, &thread, &step);

	printf("%s %d %d %d\n", name, error, (int)step,
		error ? 0 : (int)rseq_slice_get_registration(thread));
	if (error == 0 && rseq_slice_detach(thread) != 0)
		exit(2);
}

int main(int argc, char **argv)
{
	struct rseq_slice_user users[16];
	struct rseq_slice_kernel kernel;
	size_t count, i;
	int n;

	for (n = 1; n < argc; n++) {
		if (!dlopen(argv[n], RTLD_NOW | RTLD_LOCAL)) {
			fprintf(stderr, "%s\n", dlerror());
			return 2;
		}
	}
	count = rseq_slice_get_users(users, ARRAY_SIZE(users), sizeof(*users));
	for (i = 0; i < count && i < ARRAY_SIZE(users); i++)
		printf("user %d %d %s\n", (int)users[i].kind, users[i].is_allocator,
			users[i].object);
	fake_kernel();
	if (rseq_slice_get_kernel(&kernel, sizeof(kernel)) != 0)
		return 2;
	if (getenv("LEGACY"))
		FILTER(RULE_PRCTL_SET(RSEQ_SLICE_ABI_ENOTSUPP));
	attach_by("auto", RSEQ_SLICE_REGISTRATION_AUTO);
	attach_by("by name",
		libc_area() ? RSEQ_SLICE_REGISTRATION_REPLACE : RSEQ_SLICE_REGISTRATION_OWN);
	return 0;
}
