/* SPDX-License-Identifier: MIT */
/*
 * The restartable sequences of rseq_percpu.h for x86-64: see
 * rseq_percpu_sequences.h. Stores become visible in their order here, and loads
 * are made in theirs, so there is no fence.
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

/* clang-format off */
#define RSEQ_PERCPU_INPUTS                          \
	[area] "r"(area),                           \
	[id_offset] "r"((uint64_t)pool->id_offset), \
	[stripes] "r"(pool->stripes),               \
	"c"(pool->stride_shift),                    \
	[word] "r"(word),                           \
	[signature] "i"(RSEQ_SLICE_ABI_SIGNATURE)

#define RSEQ_PERCPU_ADDRESS "r"
#define RSEQ_PERCPU_AMOUNT "er"
#define RSEQ_PERCPU_CLOBBERS "cc"

/* An undefined instruction, whose operand the signature is. */
#define RSEQ_PERCPU_SIGNATURE ".byte 0x0f, 0xb9, 0x3d\n\t" ".long %c[signature]\n"
#define RSEQ_PERCPU_BEGIN_ANEW "jmp 5f\n\t"
#define RSEQ_PERCPU_RESULT(value) "movl $" #value ", %[result]\n\t"
#define RSEQ_PERCPU_LEAVE "jmp 6f\n"

#define RSEQ_PERCPU_FIND_STRIPE                         \
	"leaq 3b(%%rip), %[at]\n\t"                     \
	RSEQ_PERCPU_STEP(1)                             \
	"movq %[at], %%fs:8(%[area])\n"                 \
	"1:\n\t"                                        \
	RSEQ_PERCPU_STEP(2)                             \
	"cmpl $0, %%fs:4(%[area])\n\t"                  \
	"jl 6f\n\t"                                     \
	"movl %%fs:(%[area], %[id_offset]), %k[at]\n\t" \
	RSEQ_PERCPU_STEP(3)                             \
	"cmpl %[stripes], %k[at]\n\t"                   \
	"jae 6f\n\t"                                    \
	"shlq %%cl, %[at]\n\t"                          \
	"addq %[word], %[at]\n\t"                       \
	RSEQ_PERCPU_STEP(4)

#define RSEQ_PERCPU_ADD \
	"addq %[amount], (%[at])\n"

#define RSEQ_PERCPU_COMPARE_AND_STORE   \
	"movq (%[at]), %[seen]\n\t"     \
	RSEQ_PERCPU_STEP(5)             \
	"cmpq %[expected], %[seen]\n\t" \
	"jne 7f\n\t"                    \
	RSEQ_PERCPU_STEP(6)             \
	"movq %[desired], (%[at])\n"

#define RSEQ_PERCPU_PUSH               \
	"movq (%[at]), %[first]\n\t"   \
	RSEQ_PERCPU_STEP(5)            \
	"movq %[first], (%[link])\n\t" \
	RSEQ_PERCPU_STEP(6)            \
	"movq %[node], (%[at])\n"

#define RSEQ_PERCPU_POP                         \
	"movq (%[at]), %[first]\n\t"            \
	RSEQ_PERCPU_STEP(5)                     \
	"testq %[first], %[first]\n\t"          \
	"jz 7f\n\t"                             \
	"movq (%[first], %[link]), %[rest]\n\t" \
	RSEQ_PERCPU_STEP(6)                     \
	"movq %[rest], (%[at])\n"

#define RSEQ_PERCPU_PUT                             \
	"movq (%[at]), %[put]\n\t"                  \
	RSEQ_PERCPU_STEP(5)                         \
	"movq %[put], %[slot]\n\t"                  \
	"subq 8(%[at]), %[slot]\n\t"                \
	"movl 16(%[at]), %k[left]\n\t"              \
	"cmpq %[left], %[slot]\n\t"                 \
	"jae 7f\n\t"                                \
	"leaq -1(%[left]), %[slot]\n\t"             \
	"andq %[put], %[slot]\n\t"                  \
	"movl 20(%[at]), %k[left]\n\t"              \
	"imulq %[left], %[slot]\n\t"                \
	"leaq 32(%[at], %[slot]), %[slot]\n"        \
	"8:\n\t"                                    \
	"movq -8(%[record], %[left]), %[piece]\n\t" \
	"movq %[piece], -8(%[slot], %[left])\n\t"   \
	RSEQ_PERCPU_STEP(6)                         \
	"subq $8, %[left]\n\t"                      \
	"jnz 8b\n\t"                                \
	"incq %[put]\n\t"                           \
	RSEQ_PERCPU_STEP(7)                         \
	"movq %[put], (%[at])\n"
/* clang-format on */
