/* SPDX-License-Identifier: MIT */
/*
 * Tests of the shim: every case is a row here and a child process at run time.
 * Prints `ok name`, `not ok name: why` or `SKIP name: reason` a case, and ends
 * with 0 if none failed. It takes no arguments and runs on any kernel: most of
 * what the shim does is shown on a kernel whose answers are made up (harness.h),
 * and the same again on the real one where that has slices.
 */
#include <stdio.h>

#include "cases.h"

static const struct test_case cases[] = {
	{ "each ABI version asks and withdraws, in its own word only", word_asks_and_withdraws,
		NULL },
	{ "clearing bytes tells what was found", bytes_clear_tells_what_was_found, NULL },
	{ "clearing bits tells what was found", bits_clear_tells_what_was_found, NULL },
	{ "enter leaves a foreign layer's word alone", enter_leaves_a_foreign_word_alone, NULL },
	{ "leave makes a system call only when it owes one", leave_calls_only_when_it_owes, NULL },
	{ "leave tells a race from a yield", leave_tells_a_race_from_a_yield, NULL },
	{ "no grant is lost at any instruction", no_grant_is_lost_at_any_instruction, NULL },

	{ "sections of a thread yield with its function", sections_yield_with_what_they_are_given,
		NULL },
	{ "sections without a thread do nothing", sections_without_a_thread, NULL },
	{ "the table has the functions", table_has_the_functions, NULL },
	{ "the table is checked", table_is_checked, NULL },

	{ "libc's registration is described", libc_is_described, NULL },
	{ "the kernel is described, the caller left alone", kernel_is_described, NULL },
	{ "the kernel is described to many threads at once", kernel_is_described_to_many_threads,
		NULL },
	{ "a scout that cannot start is sent again", scout_that_cannot_start, fake_kernel },
	{ "prctl's errors are passed on", enabled_passes_errno_on, NULL },
	{ "the ABI version is found by its yield", abi_version_is_found_by_its_yield, fake_kernel },

	{ "attach is refused as this kernel has it", attach_as_this_kernel_has_it, NULL },
	{ "attach without the feature", attach_without_feature, NULL },
	{ "attach without the feature, since 7.0", attach_without_feature_since_7_0, fake_kernel },
	{ "attach with slices off at boot", attach_off_at_boot, fake_kernel },
	{ "attach with prctl denied", attach_with_prctl_denied, NULL },
	{ "attach with rseq denied", attach_with_rseq_denied, fake_kernel },
	{ "attach with rseq missing", attach_with_rseq_missing, fake_kernel },
	{ "attach when the scout keeps its area", attach_when_the_scout_keeps_its_area,
		fake_kernel },
	{ "attach when libc's area cannot be taken", attach_when_libc_does_not_let_go,
		fake_kernel },
	{ "attach when registering fails", attach_when_registering_fails, fake_kernel },
	{ "attach when enabling fails", attach_when_enabling_fails, fake_kernel },
	{ "attach enables slices by its registration (this kernel)",
		attach_enables_by_its_registration, need_slices },
	{ "attach on a legacy area", attach_on_a_legacy_area, fake_kernel },
	{ "attach against the policy", attach_against_the_policy, fake_kernel },
	{ "attach by the other ABI version", attach_by_the_other_abi_version, fake_kernel },
	{ "attach by the other ABI version, rfc", attach_by_the_other_abi_version,
		fake_kernel_rfc },
	{ "attach after a restartable sequence", attach_after_a_restartable_sequence, fake_kernel },
	{ "attach beside an area registered here", attach_beside_an_area_registered_here,
		fake_kernel },
	{ "attach beside an area that libc hides", attach_beside_an_area_libc_hides, NULL },

#define ON_BOTH(name, run)                              \
	{ name " (faked kernel)", run, fake_kernel },   \
	{                                               \
		name " (this kernel)", run, need_slices \
	}
	ON_BOTH("attach and detach", attach_and_detach),
	{ "attach and detach (faked rfc kernel)", attach_and_detach, fake_kernel_rfc },
	ON_BOTH("each policy has its area", attach_by_each_policy),
	ON_BOTH("references are counted", references_are_counted),
	ON_BOTH("detach on another thread touches nothing", detach_on_another_thread),
	ON_BOTH("detach inside a section", detach_inside_a_section),
	{ "detach leaves a section before it calls", detach_leaves_before_it_calls, fake_kernel },
	{ "detach leaves a section before it calls, rfc", detach_leaves_before_it_calls,
		fake_kernel_rfc },
	ON_BOTH("held memory outlives detach", detach_keeps_what_is_held),
	ON_BOTH("detach that the kernel refuses", detach_that_the_kernel_refuses),
	ON_BOTH("detach that cannot put libc's area back", detach_that_cannot_put_libc_back),
	ON_BOTH("detach leaves libc's slices on", detach_leaves_slices_of_libc_on),
	ON_BOTH("detach of libc's area asks for nothing", detach_of_libc_asks_for_nothing),
	ON_BOTH("slices of libc's area come back with it", replaced_slices_come_back),
	ON_BOTH("many threads attach and detach", many_threads),
	ON_BOTH("a forked child of an attached thread", forked_child),
	ON_BOTH("a thousand sections", sections_end_in_an_outcome),
	ON_BOTH("sections of a thread, nested", sections_of_a_thread),
	ON_BOTH("a thread that ends attached is given back", thread_that_ends_attached),
	ON_BOTH("destructors of others come before that", destructors_of_others_come_first),
	ON_BOTH("a thread that ends attached where keys are out",
		thread_that_ends_where_keys_are_out),
	ON_BOTH("a forked child that attaches", forked_child_attaches),

	ON_BOTH("threads of a replaced thread get libc's area", threads_of_a_replaced_thread),
	{ "a registration is asked for, whosever", registration_is_asked_for, NULL },
	ON_BOTH("what attach will do is foretold", attach_is_foretold),
	{ "an area that stays registered stays", area_that_stays_registered_stays, fake_kernel },
	ON_BOTH("no handler runs after the end", handler_after_the_end),
	{ "a fork while a scout is out", fork_while_a_scout_is_out, fake_kernel },
	{ "a fork while another thread looks for users", fork_while_another_looks, fake_kernel },
	{ "a cancellation while a scout is out", cancelled_while_a_scout_is_out, fake_kernel },
	{ "a scout in a sandbox that answers in a handler", scout_in_a_sandbox_that_answers,
		fake_kernel },
	{ "raw calls pass six arguments", calls_pass_six_arguments, fake_kernel },
	{ "structs have the caller's size", structs_have_the_callers_size, NULL },
	ON_BOTH("libc's area is not held", libc_area_is_not_held),
	{ "the program's own use of rseq is listed", users_are_listed, NULL },
	{ "slices come with a registration (this kernel)", slices_come_with_a_registration,
		need_slices },

#define CALM_AND_DISTURBED(what, run)                                                          \
	{ "per-CPU " what, run##_are_exact, NULL },                                            \
		{ "per-CPU " what " of threads that are moved", run##_survive_moves, NULL },   \
		{ "per-CPU " what " of threads that are interrupted", run##_survive_signals,   \
			NULL },                                                                \
	{                                                                                      \
		"per-CPU " what " of threads that wait at each step", run##_survive_each_step, \
			NULL                                                                   \
	}
	{ "per-CPU totals of 1 to 16 threads a CPU", percpu_totals_are_exact, NULL },
	{ "per-CPU totals by atomics", percpu_atomics_are_exact, NULL },
	CALM_AND_DISTURBED("adds", percpu_adds),
	CALM_AND_DISTURBED("claims", percpu_claims),
	CALM_AND_DISTURBED("lists", percpu_lists),
	CALM_AND_DISTURBED("rings", percpu_rings),
	{ "per-CPU fences are waited for", percpu_fences_are_waited_for, NULL },
	{ "per-CPU mistakes are seen", percpu_mistakes_are_seen, NULL },
	{ "per-CPU adds into an area that is not live are seen", percpu_wrong_owner_is_seen,
		fake_kernel },
	{ "descriptors that are wrong or gone end a thread", percpu_descriptors_are_looked_at,
		NULL },
	{ "per-CPU adds of threads without an area", percpu_threads_without_an_area, NULL },
	{ "per-CPU data of a process without sequences", percpu_process_without_sequences, NULL },
	ON_BOTH("per-CPU adds while areas change", percpu_areas_change_between_adds),
	ON_BOTH("per-CPU adds of a replaced thread's threads", percpu_threads_of_a_replaced_thread),
	ON_BOTH("per-CPU adds of a forked child", percpu_forked_child_adds),
	{ "a thread's first look for its area takes no lock", first_look_takes_no_lock, NULL },
	{ "objects share a per-CPU pool", percpu_objects_share_a_pool, NULL },
	{ "per-CPU pools are checked", percpu_pools_are_checked, NULL },
};

int main(void)
{
	return run_cases(cases, ARRAY_SIZE(cases)) == 0 ? 0 : 1;
}
