//! The table: every check there is, in the order of the catalogue.
//!
//! | letter | asks about |
//! |---|---|
//! | X | exclusion, refusals and reads |
//! | T | expiry |
//! | R | renewal |
//! | L | release |
//! | K | fencing tokens |
//! | I | identity |
//! | U | calls that are dropped half-way |
//! | H | independence: names, metadata, many elections |
//! | W | hints |
//! | E | errors and connections in trouble |
//! | S | a server in trouble |

mod connections;
mod contest;
mod errors;
mod exclusion;
mod expiry;
mod hints;
mod histories;
mod identity;
mod independence;
mod late_requests;
mod lost_hints;
mod lost_replies;
mod pauses;
mod release;
mod renew;
mod tokens;
mod unknown_outcomes;

use std::sync::Arc;

use election_core::Disaster;

use crate::{
    check::{Check, Need},
    clause::Clause,
    context::Context,
};

/// A row: id, clause, need and the function, whose name is the sentence.
macro_rules! row {
    ($id:ident $clause:ident $need:expr, $room:ident::$name:ident) => {
        Check {
            id: stringify!($id),
            name: stringify!($name),
            clause: Clause::$clause,
            needs: $need,
            run: |cx: Arc<Context>| Box::pin(async move { $room::$name(&cx).await }),
        }
    };
}

/// Every check, in the order they are listed and reported.
pub const TABLE: &[Check] = &[
    row!(X01 C1 Need::Store, exclusion::the_first_acquire_is_granted),
    row!(X02 C1 Need::Store, exclusion::one_of_many_contenders_is_granted),
    row!(X04 C1 Need::Store, exclusion::one_contender_is_granted_when_a_lease_ends),
    row!(X05 C9 Need::Store, histories::every_history_has_an_order_that_explains_it),
    row!(X06 C3 Need::Store, exclusion::a_refusal_tells_who_holds_the_lease_now),
    row!(X07 C2 Need::Store, exclusion::a_holder_that_acquires_again_gets_a_new_token_and_a_full_ttl),
    row!(X08 C4 Need::Store, exclusion::the_lease_before_a_second_acquire_is_dead),
    row!(X09 C9 Need::Store, exclusion::a_read_shows_what_was_answered_before_it),
    row!(X10 C9 Need::Store, exclusion::reads_never_step_back),
    row!(X11 C9 Need::Network, histories::every_history_on_a_bad_line_has_an_order_that_explains_it),
    row!(T01 C7 Need::Store, expiry::a_lease_never_ends_early),
    row!(T02 C7 Need::Store, expiry::a_lease_nobody_renews_ends_in_time),
    row!(T03 C7 Need::Store, expiry::a_granted_ttl_is_never_shorter_than_asked),
    row!(T04 C15 Need::Store, expiry::an_illegal_ttl_is_refused_and_changes_nothing),
    row!(T05 C7 Need::Store, expiry::many_leases_that_end_together_end_in_time),
    row!(T07 C8 Need::Store, expiry::a_lease_ends_though_nobody_looks),
    row!(T08 C7 Need::Store, expiry::a_read_shows_a_lease_until_it_ends),
    row!(T09 C3 Need::Store, expiry::the_time_remaining_is_true_and_rounded_up),
    row!(T10 C7 Need::Store, expiry::a_lease_ends_in_time_though_others_ask_for_it),
    row!(R01 C7 Need::Store, renew::a_renewal_counts_from_its_receipt),
    row!(R02 C7 Need::Store, renew::a_renewal_replaces_the_ttl),
    row!(R03 C5 Need::Store, renew::an_expired_lease_is_not_renewed_back),
    row!(R04 C4 Need::Store, renew::a_renewal_after_a_takeover_is_lost_and_changes_nothing),
    row!(R05 C4 Need::Store, renew::a_renewal_needs_the_exact_lease),
    row!(R06 C4 Need::Store, renew::renewals_at_the_same_time_are_all_extended),
    row!(R07 C5 Need::Store, renew::a_renewal_and_a_takeover_are_never_both_granted),
    row!(R08 C5 Need::Network, late_requests::a_renewal_delivered_again_after_the_end_changes_nothing),
    row!(R09 C2 Need::Store, renew::a_renewal_keeps_token_and_metadata),
    row!(R12 C4 Need::Store, renew::a_renewal_in_an_election_nobody_held_is_lost),
    row!(R13 C5 Need::Store, renew::a_released_lease_is_not_renewed_back),
    row!(L01 C6 Need::Store, release::a_released_lease_is_free_at_once),
    row!(L02 C6 Need::Store, release::a_second_release_changes_nothing),
    row!(L03 C4 Need::Store, release::a_release_after_a_takeover_changes_nothing),
    row!(L04 C6 Need::Store, release::a_release_after_the_end_is_not_held),
    row!(L05 C4 Need::Store, release::a_late_release_of_an_earlier_term_changes_nothing),
    row!(L06 C6 Need::Store, release::the_next_token_is_greater_than_the_released_one),
    row!(L07 C6 Need::Store, release::one_release_frees_a_lease_acquired_many_times),
    row!(L08 C4 Need::Store, release::a_release_needs_the_exact_lease),
    row!(L09 C6 Need::Store, release::one_of_many_releases_at_the_same_time_is_done),
    row!(L10 C6 Need::Store, release::a_release_in_an_election_nobody_held_is_not_held),
    row!(L11 C4 Need::Network, late_requests::a_release_delivered_after_a_second_acquire_changes_nothing),
    row!(K01 C2 Need::Store, tokens::tokens_rise_with_every_grant),
    row!(K02 C2 Need::Store, tokens::a_later_grant_has_the_greater_token),
    row!(K03 C2 Need::Store, tokens::tokens_rise_when_a_lease_has_ended_by_itself),
    row!(K04 C12 Need::Survival(Disaster::Restart), tokens::tokens_rise_across_a_restart),
    row!(K05 C12 Need::Survival(Disaster::Crash), tokens::tokens_rise_across_a_crash),
    row!(K06 C12 Need::Survival(Disaster::DataLoss), tokens::tokens_rise_across_a_loss_of_data),
    row!(K07 C12 Need::Survival(Disaster::Failover), tokens::tokens_rise_across_a_failover),
    row!(K08 C12 Need::Survival(Disaster::DataLoss), tokens::tokens_rise_when_an_election_was_deleted),
    row!(K09 C2 Need::Server, tokens::tokens_end_with_an_error_and_never_wrap),
    row!(I01 C16 Need::Store, identity::of_two_candidates_with_one_id_one_is_granted),
    row!(I02 C16 Need::Store, identity::a_restarted_candidate_waits_like_a_stranger),
    row!(I04 C16 Need::Store, identity::two_candidates_of_one_client_are_strangers),
    row!(U01 C13 Need::Network, lost_replies::an_acquire_whose_reply_is_lost_is_indeterminate_and_can_be_repeated),
    row!(U02 C13 Need::Network, lost_replies::a_renewal_whose_reply_is_lost_is_indeterminate_and_can_be_repeated),
    row!(U03 C13 Need::Network, lost_replies::a_release_whose_reply_is_lost_is_indeterminate_and_can_be_repeated),
    row!(U04 C13 Need::Network, late_requests::an_acquire_delivered_late_is_believed_by_nobody_and_ends),
    row!(U05 C2 Need::Network, late_requests::an_acquire_delivered_again_after_the_release_is_one_new_term_at_most),
    row!(U06 C13 Need::Store, unknown_outcomes::an_acquire_dropped_half_way_leaves_nothing_stuck),
    row!(U07 C13 Need::Store, unknown_outcomes::a_renewal_or_release_dropped_half_way_leaves_nothing_stuck),
    row!(U09 C7 Need::Store, unknown_outcomes::a_lease_ends_in_time_though_its_client_is_gone),
    row!(U10 C13 Need::Store, unknown_outcomes::an_acquire_whose_answer_was_lost_is_granted_when_repeated),
    row!(U11 C13 Need::Store, unknown_outcomes::calls_at_the_same_time_get_their_own_answers),
    row!(H01 C10 Need::Store, independence::of_many_leases_only_the_renewed_are_kept),
    row!(H02 C10 Need::Store, independence::every_name_is_an_election_of_its_own),
    row!(H03 C10 Need::Store, independence::names_that_look_alike_are_told_apart),
    row!(H04 C10 Need::Store, independence::the_longest_names_are_told_apart),
    row!(H05 C10 Need::Store, independence::text_that_means_something_elsewhere_means_nothing_here),
    row!(H06 C3 Need::Store, independence::metadata_is_kept_exactly),
    row!(H09 C3 Need::Store, independence::ids_are_kept_exactly),
    row!(H10 C10 Need::Store, independence::a_release_frees_no_other_election),
    row!(W01 C11 Need::Hints, hints::the_first_hint_comes_by_itself),
    row!(W02 C11 Need::Hints, hints::every_change_of_holder_is_followed_by_a_hint),
    row!(W03 C11 Need::Network, lost_hints::a_watcher_learns_of_changes_made_while_it_was_cut_off),
    row!(W06 C11 Need::Network, lost_hints::polling_finds_what_a_silent_line_does_not_tell),
    row!(W07 C11 Need::Hints, hints::a_watcher_that_never_listens_disturbs_nobody),
    row!(W08 C11 Need::Hints, hints::watchers_that_are_gone_disturb_nobody),
    row!(W09 C11 Need::Hints, hints::every_watcher_of_every_client_is_told),
    row!(W10 C11 Need::Server, lost_hints::a_watcher_is_told_to_look_after_a_restart),
    row!(W11 C14 Need::Network, lost_hints::streams_that_are_dropped_leave_no_connection),
    row!(E01 C14 Need::Network, connections::every_call_ends_though_no_reply_comes),
    row!(E02 C15 Need::Network, connections::a_refused_connection_is_unavailable),
    row!(E03 C15 Need::Network, lost_replies::a_call_that_is_reset_half_way_is_indeterminate),
    row!(E04 C14 Need::Server, pauses::a_client_outlives_a_restart),
    row!(E05 C15 Need::Secrets, errors::no_secret_is_shown),
    row!(E08 C13 Need::Network, connections::replies_in_single_bytes_are_understood),
    row!(E12 C14 Need::Server, pauses::every_call_ends_while_the_server_is_paused),
    row!(E13 C15 Need::Server, pauses::what_was_called_unavailable_is_never_applied),
    row!(S01 C1 Need::Server, pauses::a_pause_of_the_server_leaves_no_two_holders),
    row!(S02 C7 Need::Network, connections::a_lease_on_a_slow_line_is_kept_and_ends_no_later),
    row!(S07 C7 Need::Survival(Disaster::Restart), pauses::a_restart_neither_ends_nor_revives_a_lease),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_rows_share_an_id_or_a_sentence() {
        let ids: HashSet<_> = TABLE.iter().map(|check| check.id).collect();
        let names: HashSet<_> = TABLE.iter().map(|check| check.name).collect();
        assert_eq!(ids.len(), TABLE.len());
        assert_eq!(names.len(), TABLE.len());
    }

    #[test]
    fn every_row_is_found_by_its_path() {
        for check in TABLE {
            assert_eq!(check.path(), format!("{}::{}", check.id, check.name));
            assert!(check.id.len() == 3 && check.name.contains('_'), "{check:?}");
        }
    }
}
