/* SPDX-License-Identifier: MIT */
/*
 * The restartable sequences of rseq_percpu.h, which includes this file; it is
 * nothing to be included by itself.
 *
 * Each is one statement of assembly with all of this in it: the descriptor is
 * noted in the area, then the id is read, the stripe's address computed and the
 * change prepared, and the last instruction commits it. The kernel, when it has
 * interrupted a thread between the second of these and the commit, has it go on
 * at the abort address, before which the signature stands; from there it begins
 * anew. An area whose cpu_id is negative is not registered, whatever its other
 * words say, and an id that has no stripe is none.
 *
 * RSEQ_PERCPU_STEP(n) stands between any two instructions that matter. It is
 * empty but in tests, which have a thread wait there.
 */
#ifndef RSEQ_PERCPU_STEP
#define RSEQ_PERCPU_STEP(number)
#define RSEQ_PERCPU_STEP_CLOBBERS
#endif

#if defined(__x86_64__) && defined(__LP64__)
#include "rseq_percpu_x86_64.h"
#define RSEQ_PERCPU_HAS_SEQUENCES
#elif defined(__aarch64__)
#include "rseq_percpu_aarch64.h"
#define RSEQ_PERCPU_HAS_SEQUENCES
#elif defined(__riscv) && __riscv_xlen == 64
#include "rseq_percpu_riscv64.h"
#define RSEQ_PERCPU_HAS_SEQUENCES
#elif defined(__s390x__)
#include "rseq_percpu_s390x.h"
#define RSEQ_PERCPU_HAS_SEQUENCES
#endif
