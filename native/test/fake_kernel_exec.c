/* SPDX-License-Identifier: MIT */
/*
 * Runs a command on a kernel that says it has slices (harness.h): `fake_kernel_exec
 * COMMAND ARGUMENT…`. Registrations are the real kernel's, prctl and the yield
 * are made up, so Node attaches its threads on any host. Nothing is granted.
 */
#include <stdio.h>
#include <unistd.h>

#include "harness.h"

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: %s COMMAND ARGUMENT...\n", argv[0]);
		return 2;
	}
	fake_kernel();
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 2;
}
