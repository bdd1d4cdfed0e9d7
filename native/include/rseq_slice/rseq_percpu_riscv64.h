/* SPDX-License-Identifier: MIT */
/*
 * The restartable sequences of rseq_percpu.h for 64-bit RISC-V: see
 * rseq_percpu_sequences.h. A fence before the commit publishes what was written
 * before it.
 *
 * A linker that relaxes code moves labels and knows of it, but what refers to
 * labels of a sequence is left as it is: nothing between them changes its length.
 */

static inline ptrdiff_t rseq_percpu_thread_pointer(void)
{
	return (ptrdiff_t)__builtin_thread_pointer();
}

/* clang-format off */
#define RSEQ_PERCPU_INPUTS                                               \
	[area] "r"(rseq_percpu_thread_pointer() + area),                 \
	[id] "r"(rseq_percpu_thread_pointer() + area + pool->id_offset), \
	[stripes] "r"((uint64_t)pool->stripes),                          \
	[shift] "r"((uint64_t)pool->stride_shift),                       \
	[word] "r"(word),                                                \
	[signature] "i"(RSEQ_SLICE_ABI_SIGNATURE)

#define RSEQ_PERCPU_ADDRESS "r"
#define RSEQ_PERCPU_AMOUNT "r"
#define RSEQ_PERCPU_CLOBBERS "cc"

/* The signature is an instruction itself, a write to a register that is read only. */
#define RSEQ_PERCPU_SIGNATURE \
	".option push\n\t"    \
	".option norelax\n\t" \
	".balign 4\n\t"       \
	".long %[signature]\n"
/* By a register, since the function may be farther away than a jump alone reaches. */
#define RSEQ_PERCPU_BEGIN_ANEW \
	"jump 5f, %[at]\n\t"   \
	".option pop\n\t"
#define RSEQ_PERCPU_RESULT(value) "li %[result], " #value "\n\t"
#define RSEQ_PERCPU_LEAVE "j 6f\n"

#define RSEQ_PERCPU_FIND_STRIPE          \
	".option push\n\t"               \
	".option norelax\n\t"            \
	"lla %[at], 3b\n\t"              \
	".option pop\n\t"                \
	RSEQ_PERCPU_STEP(1)              \
	"sd %[at], 8(%[area])\n"         \
	"1:\n\t"                         \
	RSEQ_PERCPU_STEP(2)              \
	"lw %[at], 4(%[area])\n\t"       \
	"bltz %[at], 6f\n\t"             \
	"lwu %[at], 0(%[id])\n\t"        \
	RSEQ_PERCPU_STEP(3)              \
	"bgeu %[at], %[stripes], 6f\n\t" \
	"sll %[at], %[at], %[shift]\n\t" \
	"add %[at], %[at], %[word]\n\t"  \
	RSEQ_PERCPU_STEP(4)

/* `result` has the sum on the way. */
#define RSEQ_PERCPU_ADD                           \
	"ld %[result], 0(%[at])\n\t"              \
	RSEQ_PERCPU_STEP(5)                       \
	"add %[result], %[result], %[amount]\n\t" \
	RSEQ_PERCPU_STEP(6)                       \
	"sd %[result], 0(%[at])\n"

#define RSEQ_PERCPU_COMPARE_AND_STORE      \
	"ld %[seen], 0(%[at])\n\t"         \
	RSEQ_PERCPU_STEP(5)                \
	"bne %[seen], %[expected], 7f\n\t" \
	"fence rw, w\n\t"                  \
	RSEQ_PERCPU_STEP(6)                \
	"sd %[desired], 0(%[at])\n"

#define RSEQ_PERCPU_PUSH              \
	"ld %[first], 0(%[at])\n\t"   \
	RSEQ_PERCPU_STEP(5)           \
	"sd %[first], 0(%[link])\n\t" \
	"fence rw, w\n\t"             \
	RSEQ_PERCPU_STEP(6)           \
	"sd %[node], 0(%[at])\n"

#define RSEQ_PERCPU_POP                      \
	"ld %[first], 0(%[at])\n\t"          \
	RSEQ_PERCPU_STEP(5)                  \
	"beqz %[first], 7f\n\t"              \
	"add %[rest], %[first], %[link]\n\t" \
	"ld %[rest], 0(%[rest])\n\t"         \
	RSEQ_PERCPU_STEP(6)                  \
	"sd %[rest], 0(%[at])\n"

#define RSEQ_PERCPU_PUT                                    \
	"ld %[put], 0(%[at])\n\t"                          \
	RSEQ_PERCPU_STEP(5)                                \
	"ld %[slot], 8(%[at])\n\t"                         \
	"fence r, rw\n\t"                                  \
	"sub %[slot], %[put], %[slot]\n\t"                 \
	"lwu %[left], 16(%[at])\n\t"                       \
	"bgeu %[slot], %[left], 7f\n\t"                    \
	"addi %[slot], %[left], -1\n\t"                    \
	"and %[slot], %[slot], %[put]\n\t"                 \
	"lwu %[left], 20(%[at])\n\t"                       \
	"addi %[slot], %[slot], 1\n\t"                     \
	"mul %[slot], %[slot], %[left]\n\t"                \
	"add %[slot], %[slot], %[at]\n"                    \
	/* From the end of the record to its beginning. */ \
	"8:\n\t"                                           \
	"addi %[left], %[left], -8\n\t"                    \
	"add %[piece], %[record], %[left]\n\t"             \
	"ld %[piece], 0(%[piece])\n\t"                     \
	"sd %[piece], 24(%[slot])\n\t"                     \
	"addi %[slot], %[slot], -8\n\t"                    \
	RSEQ_PERCPU_STEP(6)                                \
	"bnez %[left], 8b\n\t"                             \
	"addi %[put], %[put], 1\n\t"                       \
	"fence rw, w\n\t"                                  \
	RSEQ_PERCPU_STEP(7)                                \
	"sd %[put], 0(%[at])\n"
/* clang-format on */
