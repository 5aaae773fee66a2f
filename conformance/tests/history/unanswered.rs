//! Calls without an answer have happened, or not, or happen later.

use crate::script::{
    Script, TTL, acquire, extended, granted, granted_for, lost, not_held, read, read_remaining,
    refused, release, released, renew,
};

#[test]
fn an_unanswered_acquire_may_have_been_granted_or_not() {
    let script = || Script::new().lost_answer(0, acquire("ada", TTL));
    script()
        .line(2, 3, refused("bob", "ada", 1))
        .assert_explained();
    script().line(2, 3, granted("bob", 1)).assert_explained();
}

#[test]
fn an_unanswered_acquire_may_be_granted_late() {
    Script::new()
        .lost_answer(0, acquire("ada", TTL))
        .line(2, 3, granted("bob", 1))
        .line(4, 5, released("bob", 1))
        .line(6, 7, read(None))
        .line(500, 501, read(Some(("ada", 2))))
        .assert_explained();
}

#[test]
fn an_unanswered_acquire_is_granted_once_at_most() {
    Script::new()
        .lost_answer(0, acquire("ada", TTL))
        .line(2, 3, read(Some(("ada", 1))))
        .line(4, 5, released("ada", 1))
        .line(6, 7, read(Some(("ada", 2))))
        .assert_convicted_by(6);
}

#[test]
fn an_unanswered_acquire_cannot_be_granted_while_another_holds() {
    Script::new()
        .line(0, 1, granted("bob", 1))
        .lost_answer(2, acquire("ada", TTL))
        .line(4, 5, read(Some(("ada", 2))))
        .assert_convicted_by(4);
}

#[test]
fn an_unanswered_acquire_cannot_be_granted_before_it_was_made() {
    Script::new()
        .line(2, 3, read(Some(("ada", 1))))
        .lost_answer(4, acquire("ada", TTL))
        .assert_convicted_by(2);
}

#[test]
fn an_unanswered_grant_ends_like_any_other() {
    let script = || {
        Script::new()
            .lost_answer(0, acquire("ada", TTL))
            .line(2, 3, read(Some(("ada", 1))))
    };
    script().line(98, 99, read(None)).assert_convicted_by(98);
    script().line(100, 101, read(None)).assert_explained();
    script()
        .line(103, 104, read(Some(("ada", 1))))
        .assert_explained();
    script()
        .line(104, 105, read(Some(("ada", 1))))
        .assert_convicted_by(104);
}

#[test]
fn the_token_of_an_unanswered_grant_takes_its_place_in_the_order() {
    let script = || {
        Script::new()
            .line(0, 1, granted("ada", 1))
            .line(2, 3, released("ada", 1))
            .lost_answer(4, acquire("bob", TTL))
    };
    script()
        .line(5, 6, read(Some(("bob", 2))))
        .line(7, 8, released("bob", 2))
        .line(9, 10, granted("eve", 3))
        .assert_explained();
    script()
        .line(5, 6, read(Some(("bob", 1))))
        .assert_convicted_by(5);
    script()
        .line(5, 6, read(Some(("bob", 3))))
        .line(7, 8, released("bob", 3))
        .line(9, 10, granted("eve", 3))
        .assert_convicted_by(9);
}

#[test]
fn an_unanswered_acquire_of_the_holder_may_end_its_former_term() {
    let script = || {
        Script::new()
            .line(0, 1, granted("ada", 1))
            .lost_answer(2, acquire("ada", TTL))
    };
    script().line(4, 5, extended("ada", 1)).assert_explained();
    script()
        .line(4, 5, lost("ada", 1, Some(("ada", 2))))
        .assert_explained();
    script()
        .line(4, 5, not_held("ada", 1))
        .line(6, 7, refused("bob", "ada", 2))
        .assert_explained();
    script()
        .line(4, 5, not_held("ada", 1))
        .line(6, 7, extended("ada", 1))
        .assert_convicted_by(6);
}

#[test]
fn an_unanswered_acquire_leaves_no_room_between_two_known_tokens() {
    let script = |next| {
        Script::new()
            .line(0, 1, granted("ada", 1))
            .lost_answer(2, acquire("ada", TTL))
            .line(4, 5, not_held("ada", 1))
            .line(6, 7, granted("ada", next))
    };
    script(3).assert_explained();
    script(2).assert_convicted_by(6);
}

#[test]
fn an_unanswered_renewal_may_have_extended_the_lease_or_not() {
    let script = || {
        Script::new()
            .line(0, 1, granted("ada", 1))
            .lost_answer(50, renew("ada", 1, TTL))
    };
    script()
        .line(101, 102, granted("bob", 2))
        .assert_explained();
    script()
        .line(140, 141, read(Some(("ada", 1))))
        .assert_explained();
    script()
        .line(140, 141, read(Some(("ada", 1))))
        .line(145, 146, granted("bob", 2))
        .assert_convicted_by(145);
    // It cannot have been applied after the end of what it extends, which is at 101 at the latest.
    script()
        .line(201, 202, read(Some(("ada", 1))))
        .assert_explained();
    script()
        .line(202, 203, read(Some(("ada", 1))))
        .assert_convicted_by(202);
}

#[test]
fn an_unanswered_renewal_extends_the_lease_once_at_most() {
    Script::new()
        .line(0, 1, granted("ada", 1))
        .lost_answer(50, renew("ada", 1, TTL))
        .line(140, 141, read(Some(("ada", 1))))
        .line(250, 251, read(Some(("ada", 1))))
        .assert_convicted_by(250);
}

#[test]
fn unanswered_renewals_may_follow_each_other() {
    Script::new()
        .line(0, 1, granted("ada", 1))
        .lost_answer(50, renew("ada", 1, TTL))
        .lost_answer(120, renew("ada", 1, TTL))
        .line(250, 251, read(Some(("ada", 1))))
        .assert_explained();
}

#[test]
fn an_unanswered_renewal_for_a_shorter_time_may_end_the_lease_sooner() {
    let script = || {
        Script::new()
            .line(0, 1, granted("ada", 1))
            .lost_answer(10, renew("ada", 1, 20))
    };
    script().line(30, 31, granted("bob", 2)).assert_explained();
    script()
        .line(12, 13, read_remaining("ada", 1, 18))
        .assert_explained();
    script()
        .line(28, 29, granted("bob", 2))
        .assert_convicted_by(28);
}

#[test]
fn an_unanswered_release_may_have_freed_the_lease_or_not() {
    let script = || {
        Script::new()
            .line(0, 1, granted("ada", 1))
            .lost_answer(2, release("ada", 1))
    };
    script().line(4, 5, extended("ada", 1)).assert_explained();
    script().line(4, 5, granted("bob", 2)).assert_explained();
    script().line(4, 5, not_held("ada", 1)).assert_explained();
    script()
        .line(4, 5, granted("bob", 2))
        .line(6, 7, extended("ada", 1))
        .assert_convicted_by(6);
}

#[test]
fn an_unanswered_release_of_a_former_term_frees_nothing() {
    Script::new()
        .line(0, 1, granted("ada", 1))
        .lost_answer(2, release("ada", 1))
        .line(4, 5, granted("ada", 2))
        .line(6, 7, granted("bob", 3))
        .assert_convicted_by(6);
}

#[test]
fn an_unanswered_grant_is_bounded_by_every_answer_after_it() {
    // Whatever order the two answers in the middle have, the grant came before 14.
    Script::new()
        .lost_answer(0, acquire("bob", 3))
        .line(13, 15, not_held("ada", 1))
        .line(14, 14, refused("ada", "bob", 3))
        .line(18, 18, released("bob", 3))
        .assert_convicted_by(18);
}

#[test]
fn a_lucky_guess_may_have_shortened_a_term_nobody_knows() {
    Script::new()
        .lost_answer(0, renew("ada", 2, 3))
        .lost_answer(10, acquire("ada", 8))
        .line(15, 15, granted_for("ada", 1, 3))
        .line(17, 17, read(None))
        .assert_explained();
}
