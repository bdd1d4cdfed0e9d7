/* SPDX-License-Identifier: MIT */
/*
 * The restartable sequences of rseq_percpu.h for x86-64: see
 * rseq_percpu_sequences.h. Stores become visible in their order here, so the
 * one that commits needs no fence.
 *
 * Areas are reached relative to the thread pointer, whosever they are: with
 * libc's, whose distance is the same in all threads, no address need be loaded
 * first. A load that waits for the store of the sequence before doubles the time.
 */

static inline ptrdiff_t rseq_percpu_thread_pointer(void)
{
	ptrdiff_t pointer;

	/* Not volatile: it is the same for the life of a thread. */
	__asm__("movq %%fs:0, %0" : "=r"(pointer));
	return pointer;
}

/*
 * Label 1 begins the sequence, 2 is behind the commit, 3 the descriptor, 4 the
 * abort address, 5 where an attempt begins and 6 the end. Debuggers find
 * descriptors by __rseq_cs_ptr_array, and step over sequences. The '?' puts each
 * piece into the group of the function around it, or the linker could drop one
 * without the other. The bytes before the signature make it the operand of an
 * undefined instruction.
 *
 * It leaves the address of the stripe's word in `at`.
 */
#define RSEQ_PERCPU_BEGIN                                                                       \
	".pushsection __rseq_cs, \"aw?\"\n\t"                                                   \
	".balign 32\n"                                                                          \
	"3:\n\t"                                                                                \
	".long 0, 0\n\t"                                                                        \
	".quad 1f, 2f - 1f, 4f\n\t"                                                             \
	".popsection\n\t"                                                                       \
	".pushsection __rseq_cs_ptr_array, \"aw?\"\n"                                           \
	"\t.quad 3b\n\t"                                                                        \
	".popsection\n\t"                                                                       \
	".pushsection .text.rseq_percpu, \"ax?\"\n\t"                                           \
	".byte 0x0f, 0xb9, 0x3d\n\t"                                                            \
	".long %c[signature]\n"                                                                 \
	"4:\n\t"                                                                                \
	"jmp 5f\n\t"                                                                            \
	".popsection\n"                                                                         \
	"5:\n\t"                                                                                \
	"movl $-1, %[result]\n\t"                                                               \
	"leaq 3b(%%rip), %[at]\n\t" RSEQ_PERCPU_STEP(                                           \
		1) "movq %[at], %%fs:8(%[area])\n"                                              \
		   "1:\n\t" RSEQ_PERCPU_STEP(                                                   \
			   2) "cmpl $0, %%fs:4(%[area])\n\t"                                    \
			      "jl 6f\n\t"                                                       \
			      "movl %%fs:(%[area], %[id_offset]), %k[at]\n\t" RSEQ_PERCPU_STEP( \
				      3) "cmpl %[stripes], %k[at]\n\t"                          \
					 "jae 6f\n\t"                                           \
					 "shlq %%cl, %[at]\n\t"                                 \
					 "addq %[word], %[at]\n\t" RSEQ_PERCPU_STEP(4)

#define RSEQ_PERCPU_END(success)          \
	"2:\n\t"                          \
	"movl $" #success ", %[result]\n" \
	"6:\n"

/* Where something was found that ends the sequence without a commit. */
#define RSEQ_PERCPU_END_OR(success, other)  \
	"2:\n\t"                            \
	"movl $" #success ", %[result]\n\t" \
	"jmp 6f\n"                          \
	"7:\n\t"                            \
	"movl $" #other ", %[result]\n"     \
	"6:\n"

#define RSEQ_PERCPU_INPUTS                                                               \
	[area] "r"(area), [id_offset] "r"((uint64_t)pool->id_offset),                    \
		[stripes] "r"(pool->stripes), "c"(pool->stride_shift), [word] "r"(word), \
		[signature] "i"(RSEQ_SLICE_ABI_SIGNATURE)

/* Added? */
static inline int rseq_percpu_sequence_add(
	ptrdiff_t area, const struct rseq_percpu_pool *pool, unsigned char *word, int64_t amount)
{
	uint64_t at;
	int result;

	/* No memory but the words: whoever adds in a loop need not load the pool each time. */
	__asm__ __volatile__(
		RSEQ_PERCPU_BEGIN "addq %[amount], (%[at])\n" RSEQ_PERCPU_END(1)
		: [result] "=&r"(result), [at] "=&r"(at), "+m"(*(rseq_percpu_words *)word)
		: RSEQ_PERCPU_INPUTS, [amount] "er"(amount)
		: "cc" RSEQ_PERCPU_STEP_CLOBBERS);
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

	__asm__ __volatile__(RSEQ_PERCPU_BEGIN "movq (%[at]), %[seen]\n\t" RSEQ_PERCPU_STEP(
		5) "cmpq %[expected], %[seen]\n\t"
		   "jne 7f\n\t" RSEQ_PERCPU_STEP(6) "movq %[desired], (%[at])\n" RSEQ_PERCPU_END_OR(
			   1, 0)
			     : [result] "=&r"(result), [at] "=&r"(at), [seen] "=&r"(seen)
			     : RSEQ_PERCPU_INPUTS, [expected] "r"(expected), [desired] "r"(desired)
			     : "memory", "cc" RSEQ_PERCPU_STEP_CLOBBERS);
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

	__asm__ __volatile__(RSEQ_PERCPU_BEGIN "movq (%[at]), %[first]\n\t" RSEQ_PERCPU_STEP(
		5) "movq %[first], (%[link])\n\t" RSEQ_PERCPU_STEP(6) "movq %[node], "
								      "(%[at])\n" RSEQ_PERCPU_END(1)
			     : [result] "=&r"(result), [at] "=&r"(at), [first] "=&r"(first)
			     : RSEQ_PERCPU_INPUTS, [node] "r"(node), [link] "r"(link)
			     : "memory", "cc" RSEQ_PERCPU_STEP_CLOBBERS);
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

	__asm__ __volatile__(
		RSEQ_PERCPU_BEGIN "movq (%[at]), %[first]\n\t" RSEQ_PERCPU_STEP(
			5) "testq %[first], %[first]\n\t"
			   "jz 7f\n\t"
			   "movq (%[first], %[link]), %[rest]\n\t" RSEQ_PERCPU_STEP(
				   6) "movq %[rest], (%[at])\n" RSEQ_PERCPU_END_OR(1, 1)
		: [result] "=&r"(result), [at] "=&r"(at), [first] "=&r"(first), [rest] "=&r"(rest)
		: RSEQ_PERCPU_INPUTS, [link] "r"(link)
		: "memory", "cc" RSEQ_PERCPU_STEP_CLOBBERS);
	*node = first;
	return result > 0;
}

/* 1: in; 0: full; -1: no id. The copy is behind what has been put, where nobody looks. */
static inline int rseq_percpu_sequence_put(ptrdiff_t area, const struct rseq_percpu_pool *pool,
	unsigned char *word, const void *record)
{
	uint64_t at, put, slot, left, piece;
	int result;

	__asm__ __volatile__(RSEQ_PERCPU_BEGIN "movq (%[at]), %[put]\n\t" RSEQ_PERCPU_STEP(
		5) "movq %[put], %[slot]\n\t"
		   "subq 8(%[at]), %[slot]\n\t"
		   "movl 16(%[at]), %k[left]\n\t"
		   "cmpq %[left], %[slot]\n\t"
		   "jae 7f\n\t"
		   "leaq -1(%[left]), %[slot]\n\t"
		   "andq %[put], %[slot]\n\t"
		   "movl 20(%[at]), %k[left]\n\t"
		   "imulq %[left], %[slot]\n\t"
		   "leaq 32(%[at], %[slot]), %[slot]\n"
		   "8:\n\t"
		   "movq -8(%[record], %[left]), %[piece]\n\t"
		   "movq %[piece], -8(%[slot], %[left])\n\t" RSEQ_PERCPU_STEP(
			   6) "subq $8, %[left]\n\t"
			      "jnz 8b\n\t"
			      "incq %[put]\n\t" RSEQ_PERCPU_STEP(
				      7) "movq %[put], (%[at])\n" RSEQ_PERCPU_END_OR(1, 0)
			     : [result] "=&r"(result), [at] "=&r"(at), [put] "=&r"(put),
			     [slot] "=&r"(slot), [left] "=&r"(left), [piece] "=&r"(piece)
			     : RSEQ_PERCPU_INPUTS, [record] "r"(record)
			     : "memory", "cc" RSEQ_PERCPU_STEP_CLOBBERS);
	return result;
}
