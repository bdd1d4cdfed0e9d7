/* SPDX-License-Identifier: MIT */
/*
 * A wait at each step of a sequence, for files that include it before
 * rseq_percpu.h. Its instructions change the flags and one register, which is
 * why no step is between a comparison and its jump.
 */
#ifndef RSEQ_SLICE_TEST_PERCPU_STEP_H
#define RSEQ_SLICE_TEST_PERCPU_STEP_H

#include <stdint.h>

extern uint32_t percpu_delays[];

#if defined(__x86_64__) && defined(__LP64__)
#define RSEQ_PERCPU_STEP(number)                              \
	"movl 4*" #number "+percpu_delays(%%rip), %%r11d\n\t" \
	"testl %%r11d, %%r11d\n\t"                            \
	"jz 92f\n"                                            \
	"91:\n\t"                                             \
	"decl %%r11d\n\t"                                     \
	"jnz 91b\n"                                           \
	"92:\n\t"
#define RSEQ_PERCPU_STEP_CLOBBERS , "r11"
#endif

#endif
