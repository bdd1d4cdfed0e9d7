/* SPDX-License-Identifier: MIT */
/* The functions of rseq_percpu.h with a wait between any two instructions that matter. */
#define _GNU_SOURCE
#include "percpu_step.h"

#include "percpu.h"

uint32_t percpu_delays[PERCPU_STEPS];

const struct percpu_operations percpu_stepped = { rseq_percpu_add, rseq_percpu_compare_and_store,
	rseq_percpu_push, rseq_percpu_pop, rseq_percpu_put, rseq_percpu_fence };
