/* SPDX-License-Identifier: MIT */
/*
 * The restartable sequences of rseq_percpu.h for 64-bit Arm, of either byte
 * order: see rseq_percpu_sequences.h. What is published is committed by a store
 * with release. The count of what was taken from a ring is followed by a barrier
 * and is not loaded with acquire, which would wait for the commit of the put
 * before.
 */

static inline ptrdiff_t rseq_percpu_thread_pointer(void)
{
	return (ptrdiff_t)__builtin_thread_pointer();
}

/* clang-format off */
#define RSEQ_PERCPU_INPUTS                                               \
	[area] "r"(rseq_percpu_thread_pointer() + area),                 \
	[id] "r"(rseq_percpu_thread_pointer() + area + pool->id_offset), \
	[stripes] "r"(pool->stripes),                                    \
	[shift] "r"((uint64_t)pool->stride_shift),                       \
	[word] "r"(word),                                                \
	[signature] "i"(RSEQ_SLICE_ABI_SIGNATURE)

#define RSEQ_PERCPU_ADDRESS "r"
#define RSEQ_PERCPU_AMOUNT "r"
/* The registers of veneers, by which linkers have far branches go: the abort address's may be. */
#define RSEQ_PERCPU_CLOBBERS "cc", "x16", "x17"

/* The signature is an instruction itself, a breakpoint. */
#define RSEQ_PERCPU_SIGNATURE ".balign 4\n\t" ".long %c[signature]\n"
/* Not by a register: where branches are guarded by BTI, that would need a landing pad. */
#define RSEQ_PERCPU_BEGIN_ANEW "b 5f\n\t"
#define RSEQ_PERCPU_RESULT(value) "mov %w[result], #" #value "\n\t"
#define RSEQ_PERCPU_LEAVE "b 6f\n"

#define RSEQ_PERCPU_FIND_STRIPE          \
	"adrp %[at], 3b\n\t"             \
	"add %[at], %[at], :lo12:3b\n\t" \
	RSEQ_PERCPU_STEP(1)              \
	"str %[at], [%[area], #8]\n"     \
	"1:\n\t"                         \
	RSEQ_PERCPU_STEP(2)              \
	"ldr %w[at], [%[area], #4]\n\t"  \
	"cmp %w[at], #0\n\t"             \
	"b.lt 6f\n\t"                    \
	"ldr %w[at], [%[id]]\n\t"        \
	RSEQ_PERCPU_STEP(3)              \
	"cmp %w[at], %w[stripes]\n\t"    \
	"b.hs 6f\n\t"                    \
	"lsl %[at], %[at], %[shift]\n\t" \
	"add %[at], %[at], %[word]\n\t"  \
	RSEQ_PERCPU_STEP(4)

/* `result` has the sum on the way. */
#define RSEQ_PERCPU_ADD                             \
	"ldr %x[result], [%[at]]\n\t"               \
	RSEQ_PERCPU_STEP(5)                         \
	"add %x[result], %x[result], %[amount]\n\t" \
	RSEQ_PERCPU_STEP(6)                         \
	"str %x[result], [%[at]]\n"

#define RSEQ_PERCPU_COMPARE_AND_STORE  \
	"ldr %[seen], [%[at]]\n\t"     \
	RSEQ_PERCPU_STEP(5)            \
	"cmp %[seen], %[expected]\n\t" \
	"b.ne 7f\n\t"                  \
	RSEQ_PERCPU_STEP(6)            \
	"stlr %[desired], [%[at]]\n"

#define RSEQ_PERCPU_PUSH              \
	"ldr %[first], [%[at]]\n\t"   \
	RSEQ_PERCPU_STEP(5)           \
	"str %[first], [%[link]]\n\t" \
	RSEQ_PERCPU_STEP(6)           \
	"stlr %[node], [%[at]]\n"

#define RSEQ_PERCPU_POP                        \
	"ldr %[first], [%[at]]\n\t"            \
	RSEQ_PERCPU_STEP(5)                    \
	"cbz %[first], 7f\n\t"                 \
	"ldr %[rest], [%[first], %[link]]\n\t" \
	RSEQ_PERCPU_STEP(6)                    \
	"str %[rest], [%[at]]\n"

#define RSEQ_PERCPU_PUT                             \
	"ldr %[put], [%[at]]\n\t"                   \
	RSEQ_PERCPU_STEP(5)                         \
	"ldr %[slot], [%[at], #8]\n\t"              \
	"dmb ishld\n\t"                             \
	"sub %[slot], %[put], %[slot]\n\t"          \
	"ldr %w[left], [%[at], #16]\n\t"            \
	"cmp %[slot], %[left]\n\t"                  \
	"b.hs 7f\n\t"                               \
	"sub %[slot], %[left], #1\n\t"              \
	"and %[slot], %[slot], %[put]\n\t"          \
	"ldr %w[left], [%[at], #20]\n\t"            \
	"madd %[slot], %[slot], %[left], %[at]\n\t" \
	"add %[slot], %[slot], #32\n"               \
	"8:\n\t"                                    \
	"sub %[left], %[left], #8\n\t"              \
	"ldr %[piece], [%[record], %[left]]\n\t"    \
	"str %[piece], [%[slot], %[left]]\n\t"      \
	RSEQ_PERCPU_STEP(6)                         \
	"cbnz %[left], 8b\n\t"                      \
	"add %[put], %[put], #1\n\t"                \
	RSEQ_PERCPU_STEP(7)                         \
	"stlr %[put], [%[at]]\n"
/* clang-format on */
