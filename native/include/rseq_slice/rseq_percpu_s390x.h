/* SPDX-License-Identifier: MIT */
/*
 * The restartable sequences of rseq_percpu.h for s390x: see
 * rseq_percpu_sequences.h. Stores become visible in their order here, and loads
 * are made in theirs, so there is no fence. Register 0 in an address stands for
 * no register, so what is part of one has the constraint "a".
 */

static inline ptrdiff_t rseq_percpu_thread_pointer(void)
{
	return (ptrdiff_t)__builtin_thread_pointer();
}

/* clang-format off */
#define RSEQ_PERCPU_INPUTS                                               \
	[area] "a"(rseq_percpu_thread_pointer() + area),                 \
	[id] "a"(rseq_percpu_thread_pointer() + area + pool->id_offset), \
	[stripes] "r"((uint64_t)pool->stripes),                          \
	[shift] "a"((uint64_t)pool->stride_shift),                       \
	[word] "r"(word),                                                \
	[signature] "i"(RSEQ_SLICE_ABI_SIGNATURE)

#define RSEQ_PERCPU_ADDRESS "a"
#define RSEQ_PERCPU_AMOUNT "r"
#define RSEQ_PERCPU_CLOBBERS "cc"

/* The signature is an instruction itself, which would trap. */
#define RSEQ_PERCPU_SIGNATURE ".balign 4\n\t" ".long %[signature]\n"
#define RSEQ_PERCPU_BEGIN_ANEW "jg 5f\n\t"
#define RSEQ_PERCPU_RESULT(value) "lghi %[result], " #value "\n\t"
#define RSEQ_PERCPU_LEAVE "j 6f\n"

#define RSEQ_PERCPU_FIND_STRIPE              \
	"larl %[at], 3b\n\t"                 \
	RSEQ_PERCPU_STEP(1)                  \
	"stg %[at], 8(%[area])\n"            \
	"1:\n\t"                             \
	RSEQ_PERCPU_STEP(2)                  \
	"icm %[at], 15, 4(%[area])\n\t"      \
	"jl 6f\n\t"                          \
	"llgf %[at], 0(%[id])\n\t"           \
	RSEQ_PERCPU_STEP(3)                  \
	"clgr %[at], %[stripes]\n\t"         \
	"jhe 6f\n\t"                         \
	"sllg %[at], %[at], 0(%[shift])\n\t" \
	"agr %[at], %[word]\n\t"             \
	RSEQ_PERCPU_STEP(4)

/* `result` has the sum on the way. */
#define RSEQ_PERCPU_ADD                \
	"lg %[result], 0(%[at])\n\t"   \
	RSEQ_PERCPU_STEP(5)            \
	"agr %[result], %[amount]\n\t" \
	RSEQ_PERCPU_STEP(6)            \
	"stg %[result], 0(%[at])\n"

#define RSEQ_PERCPU_COMPARE_AND_STORE  \
	"lg %[seen], 0(%[at])\n\t"     \
	RSEQ_PERCPU_STEP(5)            \
	"cgr %[seen], %[expected]\n\t" \
	"jne 7f\n\t"                   \
	RSEQ_PERCPU_STEP(6)            \
	"stg %[desired], 0(%[at])\n"

#define RSEQ_PERCPU_PUSH               \
	"lg %[first], 0(%[at])\n\t"    \
	RSEQ_PERCPU_STEP(5)            \
	"stg %[first], 0(%[link])\n\t" \
	RSEQ_PERCPU_STEP(6)            \
	"stg %[node], 0(%[at])\n"

#define RSEQ_PERCPU_POP                        \
	"lg %[first], 0(%[at])\n\t"            \
	RSEQ_PERCPU_STEP(5)                    \
	"ltgr %[first], %[first]\n\t"          \
	"jz 7f\n\t"                            \
	"lg %[rest], 0(%[link], %[first])\n\t" \
	RSEQ_PERCPU_STEP(6)                    \
	"stg %[rest], 0(%[at])\n"

#define RSEQ_PERCPU_PUT                          \
	"lg %[put], 0(%[at])\n\t"                \
	RSEQ_PERCPU_STEP(5)                      \
	"lgr %[slot], %[put]\n\t"                \
	"slg %[slot], 8(%[at])\n\t"              \
	"llgf %[left], 16(%[at])\n\t"            \
	"clgr %[slot], %[left]\n\t"              \
	"jhe 7f\n\t"                             \
	"lgr %[slot], %[left]\n\t"               \
	"aghi %[slot], -1\n\t"                   \
	"ngr %[slot], %[put]\n\t"                \
	"llgf %[left], 20(%[at])\n\t"            \
	"msgr %[slot], %[left]\n\t"              \
	"la %[slot], 32(%[slot], %[at])\n"       \
	"8:\n\t"                                 \
	"aghi %[left], -8\n\t"                   \
	"lg %[piece], 0(%[left], %[record])\n\t" \
	"stg %[piece], 0(%[left], %[slot])\n\t"  \
	RSEQ_PERCPU_STEP(6)                      \
	"ltgr %[left], %[left]\n\t"              \
	"jnz 8b\n\t"                             \
	"aghi %[put], 1\n\t"                     \
	RSEQ_PERCPU_STEP(7)                      \
	"stg %[put], 0(%[at])\n"
/* clang-format on */
