/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU data with one mistake planted in each table, so that the tests of
 * rseq_percpu.h are seen to notice. They are what one gets who writes sequences
 * by hand: the code does nearly always what it should.
 */
#define _GNU_SOURCE
#include "percpu_step.h"

#include "percpu.h"

#define REST_OF_OPERATIONS                                                            \
	.compare_and_store = rseq_percpu_compare_and_store, .push = rseq_percpu_push, \
	.pop = rseq_percpu_pop, .put = rseq_percpu_put, .fence = rseq_percpu_fence

/* The kernel is not asked to have the sequences that are under way begin anew. */
static int do_not_fence(const struct rseq_percpu_pool *pool)
{
	(void)pool;
	return 0;
}

const struct percpu_operations percpu_without_fence = { rseq_percpu_add,
	rseq_percpu_compare_and_store, rseq_percpu_push, rseq_percpu_pop, rseq_percpu_put,
	do_not_fence };

#if defined(__x86_64__) && defined(__LP64__)

/* As the header's, whose labels these are. */
#define DESCRIPTOR                                   \
	".pushsection __rseq_cs, \"aw\"\n\t"         \
	".balign 32\n"                               \
	"3:\n\t"                                     \
	".long 0, 0\n\t"                             \
	".quad 1f, 2f - 1f, 4f\n\t"                  \
	".popsection\n\t"                            \
	".pushsection .text.rseq_percpu, \"ax\"\n\t" \
	".byte 0x0f, 0xb9, 0x3d\n\t"                 \
	".long %c[signature]\n"                      \
	"4:\n\t"                                     \
	"jmp 5f\n\t"                                 \
	".popsection\n"                              \
	"5:\n\t"

#define SET_DESCRIPTOR                  \
	"leaq 3b(%%rip), %[at]\n\t"     \
	"movq %[at], %%fs:8(%[area])\n" \
	"1:\n\t"

#define READ_ID "movl %%fs:(%[area], %[id_offset]), %k[id]\n\t"

#define FIND_WORD                 \
	"movl %k[id], %k[at]\n\t" \
	"shlq %%cl, %[at]\n\t"    \
	"addq %[word], %[at]\n\t"

/* The sum, not yet stored. */
#define ADD                                           \
	"movq (%[at]), %[seen]\n\t" RSEQ_PERCPU_STEP( \
		5) "addq %[amount], %[seen]\n\t" RSEQ_PERCPU_STEP(6)

#define COMMIT "movq %[seen], (%[at])\n"

#define DEFINE_ADD(name, code)                                                               \
	static void name(const struct rseq_percpu_pool *pool, size_t offset, int64_t amount) \
	{                                                                                    \
		ptrdiff_t area = (ptrdiff_t)pool->libc_area;                                 \
		unsigned char *word = pool->base + offset;                                   \
		uint64_t at, id;                                                             \
		int64_t seen;                                                                \
                                                                                             \
		__asm__ __volatile__(code                                                    \
				     : [at] "=&r"(at), [id] "=&r"(id), [seen] "=&r"(seen)    \
				     : RSEQ_PERCPU_INPUTS, [amount] "r"(amount)              \
				     : "memory", "cc" RSEQ_PERCPU_STEP_CLOBBERS);            \
	}

/* Plain. */
DEFINE_ADD(add_without_sequence, READ_ID FIND_WORD ADD COMMIT)
/* The kernel is told of the sequence when the id may be that of another CPU already. */
DEFINE_ADD(add_with_early_id,
	DESCRIPTOR READ_ID RSEQ_PERCPU_STEP(3) SET_DESCRIPTOR FIND_WORD ADD COMMIT "2:\n")
/* The kernel takes it for ended before it has committed. */
DEFINE_ADD(add_with_short_sequence,
	DESCRIPTOR SET_DESCRIPTOR READ_ID FIND_WORD "movq (%[at]), %[seen]\n\t"
						    "addq %[amount], %[seen]\n"
						    "2:\n\t" RSEQ_PERCPU_STEP(6) COMMIT)
/* Nobody looks whether the area is the live one. */
DEFINE_ADD(add_without_owner, DESCRIPTOR SET_DESCRIPTOR READ_ID FIND_WORD ADD COMMIT "2:\n")

/* The node is in the list before it says what comes behind it. */
static void push_with_early_commit(
	const struct rseq_percpu_pool *pool, size_t offset, void *node, size_t next)
{
	ptrdiff_t area = (ptrdiff_t)pool->libc_area;
	unsigned char *word = pool->base + offset, *link = (unsigned char *)node + next;
	uint64_t at, first;
	int result;

	__asm__ __volatile__(RSEQ_PERCPU_BEGIN
			     "movq (%[at]), %[first]\n\t"
			     "movq %[node], (%[at])\n\t" RSEQ_PERCPU_STEP(
				     5) "movq %[first], (%[link])\n" RSEQ_PERCPU_END(1)
			     : [result] "=&r"(result), [at] "=&r"(at), [first] "=&r"(first)
			     : RSEQ_PERCPU_INPUTS, [node] "r"(node), [link] "r"(link)
			     : "memory", "cc" RSEQ_PERCPU_STEP_CLOBBERS);
}

/* It stores, whatever is there. */
static int compare_and_store_without_compare(const struct rseq_percpu_pool *pool, size_t offset,
	int64_t expected, int64_t desired, int64_t *found)
{
	ptrdiff_t area = (ptrdiff_t)pool->libc_area;
	unsigned char *word = pool->base + offset;
	uint64_t at;
	int result;

	*found = expected;
	__asm__ __volatile__(RSEQ_PERCPU_BEGIN "movq %[desired], (%[at])\n" RSEQ_PERCPU_END(1)
			     : [result] "=&r"(result), [at] "=&r"(at)
			     : RSEQ_PERCPU_INPUTS, [desired] "r"(desired)
			     : "memory", "cc" RSEQ_PERCPU_STEP_CLOBBERS);
	return result > 0;
}

const struct percpu_operations percpu_without_sequence = { .add = add_without_sequence,
	REST_OF_OPERATIONS };
const struct percpu_operations percpu_with_early_id = { .add = add_with_early_id,
	REST_OF_OPERATIONS };
const struct percpu_operations percpu_with_short_sequence = { .add = add_with_short_sequence,
	REST_OF_OPERATIONS };
const struct percpu_operations percpu_without_owner = { .add = add_without_owner,
	REST_OF_OPERATIONS };
const struct percpu_operations percpu_with_early_commit = { rseq_percpu_add,
	rseq_percpu_compare_and_store, push_with_early_commit, rseq_percpu_pop, rseq_percpu_put,
	rseq_percpu_fence };
const struct percpu_operations percpu_without_compare = { rseq_percpu_add,
	compare_and_store_without_compare, rseq_percpu_push, rseq_percpu_pop, rseq_percpu_put,
	rseq_percpu_fence };

#else

#define NONE                                       \
	{                                          \
		NULL, NULL, NULL, NULL, NULL, NULL \
	}
const struct percpu_operations percpu_without_sequence = NONE, percpu_with_early_id = NONE,
			       percpu_with_short_sequence = NONE, percpu_without_owner = NONE,
			       percpu_with_early_commit = NONE, percpu_without_compare = NONE;

#endif
