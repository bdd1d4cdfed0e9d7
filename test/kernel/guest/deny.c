/* SPDX-License-Identifier: MIT */
/*
 * Runs a command in a seccomp filter that answers calls of the feature with an
 * errno: `deny WHAT=ERRNO COMMAND ARGUMENT…`, where WHAT is yield, rseq or
 * prctl, and ERRNO is EPERM or ENOSYS.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../../native/test/harness.h"

static int number_of(const char *name)
{
	if (strcmp(name, "EPERM") == 0)
		return EPERM;
	if (strcmp(name, "ENOSYS") == 0)
		return ENOSYS;
	return -1;
}

static int deny(const char *what, int error)
{
	const struct rule yield = RULE_YIELD(error);
	const struct rule prctl_rule = { SYS_prctl, error,
		{ { 1, RSEQ_SLICE_ABI_PR_SLICE_EXTENSION } } };
	const struct rule rseq = { RSEQ_SLICE_ABI_NR_RSEQ, error, { { 0, 0 } } };

	if (strcmp(what, "yield") == 0)
		install_filter(&yield, 1);
	else if (strcmp(what, "prctl") == 0)
		install_filter(&prctl_rule, 1);
	else if (strcmp(what, "rseq") == 0)
		install_filter(&rseq, 1);
	else
		return -1;
	return 0;
}

int main(int argc, char **argv)
{
	char *error = argc < 3 ? NULL : strchr(argv[1], '=');

	if (error == NULL || number_of(error + 1) < 0) {
		fprintf(stderr, "usage: deny yield|rseq|prctl=EPERM|ENOSYS COMMAND ARGUMENT...\n");
		return 2;
	}
	*error = '\0';
	if (deny(argv[1], number_of(error + 1)) != 0)
		return 2;
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 2;
}
