/* SPDX-License-Identifier: MIT */
/*
 * The yardstick for the JavaScript sections: the same enter and leave, inlined
 * from the shim's public header into a C loop. It stays up between measurements
 * and runs one for each line it reads, so that the benchmark can interleave it
 * with loops of its own.
 *
 * Reads `N`, runs N sections, answers with the nanoseconds they took. Its first
 * line tells which area it uses: `registered`, or `plain` memory laid out like
 * one where the kernel has no slices.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <time.h>

#include <rseq_slice/slice.h>

static long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static long long run_sections(
	struct rseq_slice_area *area, enum rseq_slice_abi_version abi_version, long count)
{
	long long start = now();

	for (long i = 0; i < count; i++) {
		if (rseq_slice_enter(area, abi_version))
			rseq_slice_leave(area, abi_version);
	}
	return now() - start;
}

int main(void)
{
	static struct rseq_slice_area plain;
	struct rseq_slice_area *area = &plain;
	enum rseq_slice_abi_version abi_version = RSEQ_SLICE_ABI_VERSION_MAINLINE;
	struct rseq_slice_thread *thread;
	enum rseq_slice_step step;
	long count;
	int attached = rseq_slice_attach(RSEQ_SLICE_REGISTRATION_AUTO, RSEQ_SLICE_ABI_VERSION_AUTO,
			       &thread, &step) == 0;

	if (attached) {
		area = rseq_slice_get_area(thread);
		abi_version = rseq_slice_get_abi_version(thread);
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts(attached ? "registered" : "plain");
	while (scanf("%ld", &count) == 1)
		printf("%lld\n", run_sections(area, abi_version, count));
	if (attached)
		rseq_slice_detach(thread);
	return 0;
}
