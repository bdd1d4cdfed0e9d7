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
 * What all processors have in common is here. The instructions are in a file for
 * each processor, which defines
 *
 *   RSEQ_PERCPU_INPUTS          the operands that begin with `area`
 *   RSEQ_PERCPU_ADDRESS         the constraint of a register that is an address
 *   RSEQ_PERCPU_AMOUNT          the constraint of what is added
 *   RSEQ_PERCPU_CLOBBERS        what a sequence changes besides the operands
 *   RSEQ_PERCPU_SIGNATURE       the signature, as something that is never run
 *   RSEQ_PERCPU_BEGIN_ANEW      the jump from the abort address to label 5
 *   RSEQ_PERCPU_RESULT(value)   the instruction that sets `result`
 *   RSEQ_PERCPU_LEAVE           the jump to label 6
 *   RSEQ_PERCPU_FIND_STRIPE     from noting the descriptor to the stripe's word,
 *                               whose address it leaves in `at`; it has label 1,
 *                               and goes to label 6 where there is no stripe
 *   RSEQ_PERCPU_ADD and others  from there to the commit
 *
 * and rseq_percpu_thread_pointer(). An operand that is an output of these may be
 * overwritten on the way; an input must stay for the next attempt.
 *
 * Ordering: whoever sees on another CPU what a push or a put or a
 * compare-and-store has committed sees everything that the thread wrote before.
 * What is added, and what a pop leaves, brings nothing with it. From one sequence
 * to the next on the same stripe it is the kernel that keeps the order.
 */

/*
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
#elif defined(__aarch64__) && defined(__LP64__)
#include "rseq_percpu_aarch64.h"
#define RSEQ_PERCPU_HAS_SEQUENCES
#elif defined(__riscv) && __riscv_xlen == 64 && defined(__LP64__)
#include "rseq_percpu_riscv64.h"
#define RSEQ_PERCPU_HAS_SEQUENCES
#elif defined(__s390x__)
#include "rseq_percpu_s390x.h"
#define RSEQ_PERCPU_HAS_SEQUENCES
#endif

#ifdef RSEQ_PERCPU_HAS_SEQUENCES

/*
 * Label 1 begins the sequence, 2 is behind the commit, 3 the descriptor, 4 the
 * abort address, 5 where an attempt begins and 6 the end. Debuggers find
 * descriptors by __rseq_cs_ptr_array, and step over sequences. The '?' puts each
 * piece into the group of the function around it, or the linker could drop one
 * without the other.
 */
/* clang-format off */
#define RSEQ_PERCPU_BEGIN                               \
	".pushsection __rseq_cs, \"aw?\"\n\t"           \
	".balign 32\n"                                  \
	"3:\n\t"                                        \
	".long 0, 0\n\t"                                \
	".quad 1f, 2f - 1f, 4f\n\t"                     \
	".popsection\n\t"                               \
	".pushsection __rseq_cs_ptr_array, \"aw?\"\n\t" \
	".balign 8\n\t"                                 \
	".quad 3b\n\t"                                  \
	".popsection\n\t"                               \
	".pushsection .text.rseq_percpu, \"ax?\"\n\t"   \
	RSEQ_PERCPU_SIGNATURE                           \
	"4:\n\t"                                        \
	RSEQ_PERCPU_BEGIN_ANEW                          \
	".popsection\n"                                 \
	"5:\n\t"                                        \
	RSEQ_PERCPU_RESULT(-1)                          \
	RSEQ_PERCPU_FIND_STRIPE

#define RSEQ_PERCPU_END(success)    \
	"2:\n\t"                    \
	RSEQ_PERCPU_RESULT(success) \
	"6:\n"

/* Where something was found that ends the sequence without a commit: label 7. */
#define RSEQ_PERCPU_END_OR(success, other) \
	"2:\n\t"                           \
	RSEQ_PERCPU_RESULT(success)        \
	RSEQ_PERCPU_LEAVE                  \
	"7:\n\t"                           \
	RSEQ_PERCPU_RESULT(other)          \
	"6:\n"
/* clang-format on */

/* Added? */
static inline int rseq_percpu_sequence_add(
	ptrdiff_t area, const struct rseq_percpu_pool *pool, unsigned char *word, int64_t amount)
{
	uint64_t at;
	int result;

	/* No memory but the words: whoever adds in a loop need not load the pool each time. */
	__asm__ __volatile__(RSEQ_PERCPU_BEGIN RSEQ_PERCPU_ADD RSEQ_PERCPU_END(1)
			     : [result] "=&r"(result), [at] "=&" RSEQ_PERCPU_ADDRESS(at),
			     "+m"(*(rseq_percpu_words *)(void *)word)
			     : RSEQ_PERCPU_INPUTS, [amount] RSEQ_PERCPU_AMOUNT(amount)
			     : RSEQ_PERCPU_CLOBBERS RSEQ_PERCPU_STEP_CLOBBERS);
	return result > 0;
}

/* 1: stored; 0: *found is something else; -1: no id. */
static inline int rseq_percpu_sequence_compare_and_store(ptrdiff_t area,
	const struct rseq_percpu_pool *pool, unsigned char *word, int64_t expected, int64_t desired,
	int64_t *found)
{
	uint64_t at;
	int64_t seen;
	int result;

	__asm__ __volatile__(
		RSEQ_PERCPU_BEGIN RSEQ_PERCPU_COMPARE_AND_STORE RSEQ_PERCPU_END_OR(1, 0)
		: [result] "=&r"(result), [at] "=&" RSEQ_PERCPU_ADDRESS(at), [seen] "=&r"(seen)
		: RSEQ_PERCPU_INPUTS, [expected] "r"(expected), [desired] "r"(desired)
		: "memory", RSEQ_PERCPU_CLOBBERS RSEQ_PERCPU_STEP_CLOBBERS);
	if (result == 0)
		*found = seen;
	return result;
}

/* In? The node is nobody else's yet, so its link may be written more than once. */
static inline int rseq_percpu_sequence_push(ptrdiff_t area, const struct rseq_percpu_pool *pool,
	unsigned char *word, void *node, void *link)
{
	uint64_t at, first;
	int result;

	__asm__ __volatile__(
		RSEQ_PERCPU_BEGIN RSEQ_PERCPU_PUSH RSEQ_PERCPU_END(1)
		: [result] "=&r"(result), [at] "=&" RSEQ_PERCPU_ADDRESS(at), [first] "=&r"(first)
		: RSEQ_PERCPU_INPUTS, [node] "r"(node), [link] RSEQ_PERCPU_ADDRESS(link)
		: "memory", RSEQ_PERCPU_CLOBBERS RSEQ_PERCPU_STEP_CLOBBERS);
	return result > 0;
}

/*
 * Found? Then *node is the first, or NULL. What the link says is looked at
 * only while the node is the list's: nobody on this stripe has run since.
 */
static inline int rseq_percpu_sequence_pop(ptrdiff_t area, const struct rseq_percpu_pool *pool,
	unsigned char *word, size_t link, void **node)
{
	uint64_t at, rest;
	void *first;
	int result;

	__asm__ __volatile__(RSEQ_PERCPU_BEGIN RSEQ_PERCPU_POP RSEQ_PERCPU_END_OR(1, 1)
			     : [result] "=&r"(result), [at] "=&" RSEQ_PERCPU_ADDRESS(at),
			     [first] "=&" RSEQ_PERCPU_ADDRESS(first), [rest] "=&r"(rest)
			     : RSEQ_PERCPU_INPUTS, [link] RSEQ_PERCPU_ADDRESS(link)
			     : "memory", RSEQ_PERCPU_CLOBBERS RSEQ_PERCPU_STEP_CLOBBERS);
	*node = first;
	return result > 0;
}

/* 1: in; 0: full; -1: no id. The copy is behind what has been put, where nobody looks. */
static inline int rseq_percpu_sequence_put(ptrdiff_t area, const struct rseq_percpu_pool *pool,
	unsigned char *word, const void *record)
{
	uint64_t at, put, slot, left, piece;
	int result;

	__asm__ __volatile__(
		RSEQ_PERCPU_BEGIN RSEQ_PERCPU_PUT RSEQ_PERCPU_END_OR(1, 0)
		: [result] "=&r"(result), [at] "=&" RSEQ_PERCPU_ADDRESS(at), [put] "=&r"(put),
		[slot] "=&" RSEQ_PERCPU_ADDRESS(slot), [left] "=&" RSEQ_PERCPU_ADDRESS(left),
		[piece] "=&" RSEQ_PERCPU_ADDRESS(piece)
		: RSEQ_PERCPU_INPUTS, [record] RSEQ_PERCPU_ADDRESS(record)
		: "memory", RSEQ_PERCPU_CLOBBERS RSEQ_PERCPU_STEP_CLOBBERS);
	return result;
}

#endif
