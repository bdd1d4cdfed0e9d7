/* SPDX-License-Identifier: MIT */
/*
 * The cases of the shim's tests, for the table in shim_test.c. Each has a name
 * there that says what must hold.
 */
#ifndef RSEQ_SLICE_TEST_CASES_H
#define RSEQ_SLICE_TEST_CASES_H

#include "harness.h"

/* word_cases.c */
void word_asks_and_withdraws(void);
void bytes_clear_tells_what_was_found(void);
void bits_clear_tells_what_was_found(void);
void enter_leaves_a_foreign_word_alone(void);
void leave_calls_only_when_it_owes(void);
void leave_tells_a_race_from_a_yield(void);
void no_grant_is_lost_at_any_instruction(void);

/* refusal_cases.c */
void libc_is_described(void);
void kernel_is_described(void);
void kernel_is_described_to_many_threads(void);
void scout_that_cannot_start(void);
void enabled_passes_errno_on(void);
void abi_version_is_found_by_its_yield(void);
void attach_as_this_kernel_has_it(void);
void attach_without_feature(void);
void attach_without_feature_since_7_0(void);
void attach_off_at_boot(void);
void attach_with_prctl_denied(void);
void attach_with_rseq_denied(void);
void attach_with_rseq_missing(void);
void attach_when_the_scout_keeps_its_area(void);
void attach_when_libc_does_not_let_go(void);
void attach_when_registering_fails(void);
void attach_when_enabling_fails(void);
void attach_enables_by_its_registration(void);
void attach_on_a_legacy_area(void);
void attach_against_the_policy(void);
void attach_by_the_other_abi_version(void);
void attach_after_a_restartable_sequence(void);
void attach_beside_an_area_registered_here(void);
void attach_beside_an_area_libc_hides(void);

/* attach_cases.c: on a faked kernel, and on a real one that has slices */
void attach_and_detach(void);
void attach_by_each_policy(void);
void references_are_counted(void);
void detach_on_another_thread(void);
void detach_inside_a_section(void);
void detach_leaves_before_it_calls(void); /* faked alone */
void detach_keeps_what_is_held(void);
void detach_that_the_kernel_refuses(void);
void detach_that_cannot_put_libc_back(void);
void detach_leaves_slices_of_libc_on(void);
void detach_of_libc_asks_for_nothing(void);
void replaced_slices_come_back(void);
void many_threads(void);
void forked_child(void);
void sections_end_in_an_outcome(void);

/* Attaches, or ends the case. */
struct rseq_slice_thread *attach(enum rseq_slice_registration policy);

/* The policy that ends in an area of ours. */
enum rseq_slice_registration own_policy(void);

/* api_cases.c: as those of attach_cases.c, where nothing else is said */
void sections_of_a_thread(void);
void sections_yield_with_what_they_are_given(void); /* anywhere */
void sections_without_a_thread(void); /* anywhere */
void table_has_the_functions(void); /* anywhere */
void table_is_checked(void); /* anywhere */
void thread_that_ends_attached(void);
void destructors_of_others_come_first(void);
void thread_that_ends_where_keys_are_out(void);
void forked_child_attaches(void);

/* thread_cases.c: threads that others make, end or fork meanwhile */
void threads_of_a_replaced_thread(void);
void registration_is_asked_for(void);
void attach_is_foretold(void);
void area_that_stays_registered_stays(void);
void handler_after_the_end(void);
void fork_while_a_scout_is_out(void);
void fork_while_another_looks(void);
void cancelled_while_a_scout_is_out(void);
void scout_in_a_sandbox_that_answers(void);

/* contract_cases.c: what the header promises besides */
void calls_pass_six_arguments(void);
void structs_have_the_callers_size(void);
void libc_area_is_not_held(void);
void users_are_listed(void);
void slices_come_with_a_registration(void); /* on a real kernel alone */

/* percpu_cases.c: anywhere, with sequences where the process has them, where nothing else is said
 */
void percpu_totals_are_exact(void);
void percpu_atomics_are_exact(void);
void percpu_adds_are_exact(void);
void percpu_adds_survive_moves(void);
void percpu_adds_survive_signals(void);
void percpu_adds_survive_each_step(void);
void percpu_claims_are_exact(void);
void percpu_claims_survive_moves(void);
void percpu_claims_survive_signals(void);
void percpu_claims_survive_each_step(void);
void percpu_lists_are_exact(void);
void percpu_lists_survive_moves(void);
void percpu_lists_survive_signals(void);
void percpu_lists_survive_each_step(void);
void percpu_rings_are_exact(void);
void percpu_rings_survive_moves(void);
void percpu_rings_survive_signals(void);
void percpu_rings_survive_each_step(void);
void percpu_fences_are_waited_for(void);
void percpu_mistakes_are_seen(void);
void percpu_wrong_owner_is_seen(void); /* where threads can be attached */
void percpu_descriptors_are_looked_at(void);
void percpu_threads_without_an_area(void);
void percpu_process_without_sequences(void);
void percpu_areas_change_between_adds(void); /* where threads can be attached */
void percpu_threads_of_a_replaced_thread(void); /* where threads can be attached */
void percpu_forked_child_adds(void); /* where threads can be attached */
void first_look_takes_no_lock(void);
void percpu_objects_share_a_pool(void);
void percpu_pools_are_checked(void);

#endif
