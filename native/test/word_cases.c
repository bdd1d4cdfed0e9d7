/* SPDX-License-Identifier: MIT */
/*
 * The control word in ordinary memory: what enter, leave and their parts make
 * of it in each ABI version, with the kernel's part played by the test, also between
 * any two instructions. Nothing here needs a kernel with the feature.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "cases.h"

static const enum rseq_slice_abi_version abi_versions[] = {
	RSEQ_SLICE_ABI_VERSION_MAINLINE,
	RSEQ_SLICE_ABI_VERSION_7_0,
	RSEQ_SLICE_ABI_VERSION_RFC,
};

#define FOR_EACH_ABI_VERSION(f)                                   \
	for (const enum rseq_slice_abi_version *f = abi_versions; \
		f < abi_versions + ARRAY_SIZE(abi_versions); f++)

/* An area with a pattern everywhere but in the word. */
static void fill_area(struct rseq_slice_area *area, uint32_t word)
{
	memset((void *)area, 0xa5, sizeof(*area));
	area->slice_ctrl.word = word;
}

static void check_only_word_changed(const struct rseq_slice_area *area)
{
	struct rseq_slice_area expected;

	fill_area(&expected, area->slice_ctrl.word);
	CHECK(memcmp((const void *)area, (const void *)&expected, sizeof(expected)) == 0);
}

void word_asks_and_withdraws(void)
{
	struct rseq_slice_area area;

	FOR_EACH_ABI_VERSION(abi_version)
	{
		fill_area(&area, 0);
		CHECK_EQUAL(rseq_slice_enter(&area, *abi_version), 1);
		if (*abi_version == RSEQ_SLICE_ABI_VERSION_RFC)
			CHECK_EQUAL(area.slice_ctrl.word, RSEQ_SLICE_ABI_REQUEST_BIT);
		CHECK_EQUAL(area.slice_ctrl.bytes.request,
			*abi_version != RSEQ_SLICE_ABI_VERSION_RFC ||
				__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
		check_only_word_changed(&area);
		CHECK_EQUAL(rseq_slice_leave(&area, *abi_version), RSEQ_SLICE_OUTCOME_UNDISTURBED);
		CHECK_EQUAL(area.slice_ctrl.word, 0);
		check_only_word_changed(&area);
	}
}

/* The bytes behind the two in use belong to nobody yet: they are left alone. */
void bytes_clear_tells_what_was_found(void)
{
	unsigned int request, granted, i;

	for (i = 0; i < 2; i++)
		for (request = 0; request < 256; request++)
			for (granted = 0; granted < 256; granted++) {
				unsigned char word[4] = { (uint8_t)request, (uint8_t)granted, 0x77,
					0x88 };
				struct rseq_slice_area area;

				fill_area(&area, 0);
				memcpy((void *)&area.slice_ctrl, word, sizeof(word));
				CHECK_EQUAL(rseq_slice_clear(&area, abi_versions[i]),
					granted   ? RSEQ_SLICE_OUTCOME_YIELDED
					: request ? RSEQ_SLICE_OUTCOME_UNDISTURBED
						  : RSEQ_SLICE_OUTCOME_PREEMPTED);
				word[0] = 0;
				CHECK(memcmp((void *)&area.slice_ctrl, word, sizeof(word)) == 0);
				check_only_word_changed(&area);
			}
}

static const uint32_t other_bits[] = { 0, 4, 0x80000000, 0xfffffffc, 0xa5a5a5a4 };

void bits_clear_tells_what_was_found(void)
{
	struct rseq_slice_area area;
	uint32_t i, state, word;

	for (i = 0; i < ARRAY_SIZE(other_bits); i++)
		for (state = 0; state < 4; state++) {
			word = other_bits[i] | state;
			fill_area(&area, word);
			CHECK_EQUAL(rseq_slice_clear(&area, RSEQ_SLICE_ABI_VERSION_RFC),
				state & RSEQ_SLICE_ABI_REQUEST_BIT ? RSEQ_SLICE_OUTCOME_UNDISTURBED
				: state & RSEQ_SLICE_ABI_GRANTED_BIT
					? RSEQ_SLICE_OUTCOME_YIELDED
					: RSEQ_SLICE_OUTCOME_PREEMPTED);
			CHECK_EQUAL(area.slice_ctrl.word, word & ~RSEQ_SLICE_ABI_REQUEST_BIT);
			check_only_word_changed(&area);

			area.slice_ctrl.word = word;
			CHECK_EQUAL(rseq_slice_test_and_clear_request(&area.slice_ctrl.word),
				state & 1);
			CHECK_EQUAL(area.slice_ctrl.word, word & ~RSEQ_SLICE_ABI_REQUEST_BIT);
		}
}

void enter_leaves_a_foreign_word_alone(void)
{
	struct rseq_slice_area area;
	int bit;

	FOR_EACH_ABI_VERSION(abi_version)
	{
		/* The other two bytes are reserved where bytes are used, and not looked at. */
		const int bits = *abi_version == RSEQ_SLICE_ABI_VERSION_RFC ? 32 : 16;

		for (bit = 0; bit < bits; bit++) {
			fill_area(&area, 1u << bit);
			CHECK_EQUAL(rseq_slice_enter(&area, *abi_version), 0);
			CHECK_EQUAL(area.slice_ctrl.word, 1u << bit);
			check_only_word_changed(&area);
		}
	}
}

static volatile sig_atomic_t traps, trapped_number;

static void count_trap(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	traps++;
	trapped_number = info->si_syscall;
}

void leave_calls_only_when_it_owes(void)
{
	struct sigaction action = { .sa_sigaction = count_trap, .sa_flags = SA_SIGINFO };
	struct rseq_slice_area area;
	long number;

	CHECK_EQUAL(sigaction(SIGSYS, &action, NULL), 0);
	FILTER(RULE_YIELD(ANSWER_TRAP), RULE_YIELD_RFC(ANSWER_TRAP));
	FOR_EACH_ABI_VERSION(abi_version)
	{
		int is_rfc = *abi_version == RSEQ_SLICE_ABI_VERSION_RFC;

		number = is_rfc ? RSEQ_SLICE_ABI_NR_SLICE_YIELD_RFC : RSEQ_SLICE_ABI_NR_SLICE_YIELD;
		traps = 0;
		fill_area(&area, 0);
		CHECK(rseq_slice_enter(&area, *abi_version));
		CHECK_EQUAL(rseq_slice_leave(&area, *abi_version), RSEQ_SLICE_OUTCOME_UNDISTURBED);
		CHECK_EQUAL(traps, 0);
		/* Preempted: the kernel zeroed the word meanwhile. */
		CHECK(rseq_slice_enter(&area, *abi_version));
		area.slice_ctrl.word = 0;
		CHECK_EQUAL(rseq_slice_leave(&area, *abi_version), RSEQ_SLICE_OUTCOME_PREEMPTED);
		CHECK_EQUAL(traps, 1);
		CHECK_EQUAL(trapped_number, number);
		area.slice_ctrl.word = 0;
		if (is_rfc)
			area.slice_ctrl.word = RSEQ_SLICE_ABI_GRANTED_BIT;
		else
			area.slice_ctrl.bytes.granted = 1;
		rseq_slice_leave(&area, *abi_version);
		CHECK_EQUAL(traps, 2);
		CHECK_EQUAL(trapped_number, number);
	}
}

static void check_granted_leave(enum rseq_slice_outcome expected)
{
	struct rseq_slice_area area;

	FOR_EACH_ABI_VERSION(abi_version)
	{
		fill_area(&area, 0);
		if (*abi_version == RSEQ_SLICE_ABI_VERSION_RFC)
			area.slice_ctrl.word = RSEQ_SLICE_ABI_GRANTED_BIT;
		else
			area.slice_ctrl.bytes.granted = 1;
		CHECK_EQUAL(rseq_slice_leave(&area, *abi_version), expected);
		/* The grant is the kernel's to take back. */
		CHECK(area.slice_ctrl.word != 0);
	}
}

void leave_tells_a_race_from_a_yield(void)
{
	FILTER(RULE_YIELD(0), RULE_YIELD_RFC(0));
	check_granted_leave(RSEQ_SLICE_OUTCOME_RACED);
	/* Behind a filter the CPU was given up all the same. */
	FILTER(RULE_YIELD(EPERM), RULE_YIELD_RFC(EPERM));
	check_granted_leave(RSEQ_SLICE_OUTCOME_YIELDED);
	CHECK_EQUAL(rseq_slice_yield_cpu(RSEQ_SLICE_ABI_VERSION_MAINLINE), -EPERM);
	FILTER(RULE_YIELD(ENOSYS), RULE_YIELD_RFC(ENOSYS));
	check_granted_leave(RSEQ_SLICE_OUTCOME_YIELDED);
	CHECK_EQUAL(rseq_slice_yield_cpu(RSEQ_SLICE_ABI_VERSION_RFC), -ENOSYS);
}

/* ThreadSanitizer calls handlers when it suits it, and then the steps never end. */
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)

#define TRAP_FLAG 0x100

static struct {
	volatile uint32_t *word;
	int is_rfc;
	int grant_at;
	volatile int step, granted, stop;
} stepping;

/* What the kernel does on its way back from an interrupt. */
static void grant(void)
{
	volatile uint8_t *bytes = (volatile uint8_t *)stepping.word;

	if (stepping.is_rfc && (*stepping.word & RSEQ_SLICE_ABI_REQUEST_BIT)) {
		*stepping.word = RSEQ_SLICE_ABI_GRANTED_BIT;
		stepping.granted = 1;
	} else if (!stepping.is_rfc && bytes[0]) {
		bytes[0] = 0;
		bytes[1] = 1;
		stepping.granted = 1;
	}
}

/* After every instruction while the trap flag is set; the first call sets it. */
static void on_step(int number, siginfo_t *info, void *context)
{
	greg_t *flags = &((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL];

	(void)number;
	(void)info;
	if (stepping.stop) {
		*flags &= ~TRAP_FLAG;
		return;
	}
	*flags |= TRAP_FLAG;
	if (stepping.step++ == stepping.grant_at)
		grant();
}

/*
 * One section per instruction of its end, the grant made before that one. It
 * must be found if and only if it was made, and be still in the word.
 */
void no_grant_is_lost_at_any_instruction(void)
{
	struct sigaction action = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO };
	struct rseq_slice_area area;

	CHECK_EQUAL(sigaction(SIGTRAP, &action, NULL), 0);
	FOR_EACH_ABI_VERSION(abi_version)
	{
		int found[5] = { 0 };

		stepping.is_rfc = *abi_version == RSEQ_SLICE_ABI_VERSION_RFC;
		stepping.word = &area.slice_ctrl.word;
		stepping.grant_at = 0;
		do {
			enum rseq_slice_outcome outcome;

			fill_area(&area, 0);
			stepping.step = stepping.granted = stepping.stop = 0;
			CHECK(rseq_slice_enter(&area, *abi_version));
			raise(SIGTRAP);
			outcome = rseq_slice_clear(&area, *abi_version);
			stepping.stop = 1;
			/* One more instruction, for the flag to go. */
			__asm__ __volatile__("nop" ::: "memory");
			CHECK_EQUAL(outcome, stepping.granted ? RSEQ_SLICE_OUTCOME_YIELDED
							      : RSEQ_SLICE_OUTCOME_UNDISTURBED);
			CHECK_EQUAL(area.slice_ctrl.word, !stepping.granted ? 0
							  : stepping.is_rfc
								  ? RSEQ_SLICE_ABI_GRANTED_BIT
								  : 0x100);
			found[outcome]++;
		} while (stepping.grant_at++ < stepping.step);
		CHECK(found[RSEQ_SLICE_OUTCOME_YIELDED] > 2);
		CHECK(found[RSEQ_SLICE_OUTCOME_UNDISTURBED] > 1);
	}
}

#else

void no_grant_is_lost_at_any_instruction(void)
{
	test_skip("single steps are taken on x86-64 only, and not under ThreadSanitizer");
}

#endif
