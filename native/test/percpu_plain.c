/* SPDX-License-Identifier: MIT */
/* The functions of rseq_percpu.h as any object has them that includes it. */
#define _GNU_SOURCE
#include "percpu.h"

const struct percpu_operations percpu_plain = { rseq_percpu_add, rseq_percpu_compare_and_store,
	rseq_percpu_push, rseq_percpu_pop, rseq_percpu_put, rseq_percpu_fence };
