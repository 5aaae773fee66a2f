//! What no correct store can have answered, each in the shortest form.

use election_conformance::history::{Answer, Checker, Request, Tolerance, Verdict};
use election_core::{Acquired, ElectionName};

use crate::script::{
    Script, TTL, acquire, candidate, election, extended, extended_for, granted, granted_for,
    incarnation, lease, lost, not_held, read, read_remaining, refused, release, released,
};

#[test]
fn two_holders_at_once_are_convicted() {
    Script::new()
        .line(0, 1, granted("ada", 1))
        .line(10, 11, granted("bob", 2))
        .assert_convicted_by(10);
}

#[test]
fn two_holders_that_began_together_are_convicted() {
    Script::new()
        .line(0, 10, granted("ada", 1))
        .line(0, 12, granted("bob", 2))
        .assert_convicted_by(0);
}

#[test]
fn a_restarted_holder_that_inherits_its_lease_is_convicted() {
    let (_, answer) = granted("ada", 2);
    let Answer::Acquired(Acquired::Granted { mut lease, ttl }) = answer else {
        unreachable!("a grant was asked for");
    };
    let restarted = incarnation("ada", 2);
    lease.holder = restarted.holder();
    let request = Request::Acquire {
        election: election(),
        candidate: restarted,
        ttl,
    };
    let answer = Answer::Acquired(Acquired::Granted { lease, ttl });
    Script::new()
        .line(0, 1, granted("ada", 1))
        .line(10, 11, (request, answer))
        .assert_convicted_by(10);
}

#[test]
fn a_token_that_repeats_is_convicted() {
    Script::new()
        .line(0, 1, granted("ada", 1))
        .line(2, 3, released("ada", 1))
        .line(4, 5, granted("bob", 1))
        .assert_convicted_by(4);
}

#[test]
fn a_token_that_repeats_for_the_same_holder_is_convicted() {
    Script::new()
        .line(0, 1, granted("ada", 1))
        .line(2, 3, granted("ada", 1))
        .assert_convicted_by(2);
}

#[test]
fn a_token_that_falls_is_convicted() {
    Script::new()
        .line(0, 1, granted("ada", 7))
        .line(2, 3, released("ada", 7))
        .line(4, 5, granted("bob", 6))
        .assert_convicted_by(4);
}

#[test]
fn a_stale_read_is_convicted() {
    Script::new()
        .line(0, 1, granted("ada", 1))
        .line(2, 3, released("ada", 1))
        .line(4, 5, granted("bob", 2))
        .line(6, 7, read(Some(("ada", 1))))
        .assert_convicted_by(6);
}

#[test]
fn a_read_that_misses_a_lease_in_force_is_convicted() {
    Script::new()
        .line(0, 1, granted("ada", 1))
        .line(2, 3, read(None))
        .assert_convicted_by(2);
}

#[test]
fn reads_that_go_back_in_time_are_convicted() {
    Script::new()
        .line(0, 1, granted("ada", 1))
        .line(2, 20, released("ada", 1))
        .line(3, 4, read(None))
        .line(5, 6, read(Some(("ada", 1))))
        .assert_convicted_by(5);
}

#[test]
fn a_resurrected_lease_is_convicted() {
    Script::new()
        .line(0, 1, granted("ada", 1))
        .line(102, 103, extended("ada", 1))
        .assert_convicted_by(102);
}

#[test]
fn a_lease_that_outlives_its_time_and_lag_is_convicted() {
    let history = || {
        Script::new()
            .line(0, 1, granted("ada", 1))
            .line(112, 113, read(Some(("ada", 1))))
            .history()
    };
    let with_lag = |ms| {
        let tolerance = Tolerance {
            expiry_lag: std::time::Duration::from_millis(ms),
            ..Tolerance::default()
        };
        Checker::new(tolerance).check(&history())
    };
    assert!(with_lag(10).is_violation());
    assert!(with_lag(11).is_linearizable());
}

#[test]
fn a_renewal_after_a_foreign_grant_is_convicted() {
    Script::new()
        .line(0, 1, granted("ada", 1))
        .line(101, 102, granted("bob", 2))
        .line(103, 104, extended("ada", 1))
        .assert_convicted_by(103);
}

#[test]
fn an_early_end_is_convicted() {
    Script::new()
        .line(0, 1, granted("ada", 1))
        .line(98, 99, granted("bob", 2))
        .assert_convicted_by(98);
}

#[test]
fn an_end_counted_from_before_the_renewal_is_convicted() {
    Script::new()
        .line(0, 1, granted("ada", 1))
        .line(50, 51, extended("ada", 1))
        .line(120, 121, lost("ada", 1, None))
        .assert_convicted_by(120);
}

#[test]
fn a_release_that_freed_somebody_elses_lease_is_convicted() {
    Script::new()
        .line(0, 1, granted("ada", 1))
        .line(101, 102, granted("bob", 2))
        .line(103, 104, not_held("ada", 1))
        .line(105, 106, granted("eve", 3))
        .assert_convicted_by(105);
}

#[test]
fn a_release_of_a_former_term_that_is_done_is_convicted() {
    Script::new()
        .line(0, 1, granted("ada", 1))
        .line(2, 3, granted("ada", 2))
        .line(4, 5, released("ada", 1))
        .assert_convicted_by(4);
}

#[test]
fn a_release_that_frees_nothing_is_convicted() {
    Script::new()
        .line(0, 1, granted("ada", 1))
        .line(2, 3, released("ada", 1))
        .line(4, 5, refused("bob", "ada", 1))
        .assert_convicted_by(4);
}

#[test]
fn a_release_that_denies_a_lease_in_force_is_convicted() {
    Script::new()
        .line(0, 1, granted("ada", 1))
        .line(2, 3, not_held("ada", 1))
        .assert_convicted_by(2);
}

#[test]
fn held_naming_a_past_holder_is_convicted() {
    Script::new()
        .line(0, 1, granted("ada", 1))
        .line(2, 3, released("ada", 1))
        .line(4, 5, granted("bob", 2))
        .line(6, 7, refused("eve", "ada", 1))
        .assert_convicted_by(6);
}

#[test]
fn held_naming_a_former_token_of_the_holder_is_convicted() {
    Script::new()
        .line(0, 1, granted("ada", 1))
        .line(2, 3, granted("ada", 2))
        .line(4, 5, refused("bob", "ada", 1))
        .assert_convicted_by(4);
}

#[test]
fn held_naming_nobody_ever_granted_is_convicted() {
    Script::new()
        .line(0, 1, refused("bob", "ada", 1))
        .assert_convicted_by(0);
}

#[test]
fn a_lost_renewal_that_names_its_own_lease_is_convicted() {
    Script::new()
        .line(0, 1, granted("ada", 1))
        .line(2, 3, lost("ada", 1, Some(("ada", 1))))
        .assert_convicted_by(2);
}

#[test]
fn a_grant_for_less_than_was_asked_is_convicted() {
    let (_, answer) = granted_for("ada", 1, 99);
    Script::new()
        .line(0, 1, (acquire("ada", TTL), answer))
        .assert_convicted_by(0);
}

#[test]
fn a_grant_of_another_election_is_convicted() {
    let mut foreign = lease("ada", 1);
    foreign.election = ElectionName::new("f").unwrap();
    let ttl = std::time::Duration::from_millis(TTL);
    let answer = Answer::Acquired(Acquired::Granted {
        lease: foreign,
        ttl,
    });
    Script::new()
        .line(0, 1, (acquire("ada", TTL), answer))
        .assert_convicted_by(0);
}

#[test]
fn an_answer_to_another_kind_of_call_is_convicted() {
    let (_, answer) = read(None);
    Script::new()
        .line(0, 1, (release("ada", 1), answer))
        .assert_convicted_by(0);
}

#[test]
fn metadata_of_another_candidate_is_convicted() {
    let (request, mut answer) = read(Some(("ada", 1)));
    if let Answer::Read(Some(record)) = &mut answer {
        record.metadata = candidate("bob").metadata;
    }
    Script::new()
        .line(0, 1, granted("ada", 1))
        .line(2, 3, (request, answer))
        .assert_convicted_by(2);
}

#[test]
fn a_record_with_less_remaining_than_must_be_is_convicted() {
    let script = |remaining| {
        Script::new().line(0, 1, granted("ada", 1)).line(
            50,
            51,
            read_remaining("ada", 1, remaining),
        )
    };
    script(49).assert_explained();
    script(48).assert_convicted_by(50);
}

#[test]
fn a_call_that_was_surely_not_applied_explains_nothing() {
    Script::new()
        .unavailable(0, acquire("ada", TTL))
        .line(2, 3, read(Some(("ada", 1))))
        .assert_convicted_by(2);
}

#[test]
fn a_shorter_renewal_ends_the_lease_sooner() {
    let script = || {
        Script::new()
            .line(0, 1, granted("ada", 1))
            .line(2, 3, extended_for("ada", 1, 20))
    };
    script().line(22, 23, granted("bob", 2)).assert_explained();
    script()
        .line(24, 25, extended("ada", 1))
        .assert_convicted_by(24);
}

#[test]
fn a_search_that_is_given_up_is_not_a_pass() {
    let history = Script::new()
        .line(0, 1, granted("ada", 1))
        .line(2, 3, read(Some(("ada", 1))))
        .history();
    let verdict = Checker::new(Tolerance::default())
        .with_limit(1)
        .check(&history);
    assert!(matches!(verdict, Verdict::Undecided { .. }));
    assert!(!verdict.is_linearizable());
    assert!(verdict.to_string().starts_with("undecided: "), "{verdict}");
}

#[test]
fn a_counterexample_is_a_table_that_ends_with_the_reason() {
    let found = Script::new()
        .line(0, 1, granted("ada", 1))
        .line(2, 3, released("ada", 1))
        .line(4, 6, granted("bob", 2))
        .line(5, 7, read(Some(("bob", 2))))
        .line(8, 9, refused("eve", "ada", 1))
        .line(10, 11, read(None))
        .assert_convicted_by(8);
    let expected = "\
no order of the calls of `e` explains what client 4 was told by `acquire as eve#1 for 100ms`; 4 calls before it are explained. What matters, in order of invocation:
   client  invoked  returned  call                        answer
   0       0ns      1ms       acquire as ada#1 for 100ms  Granted ada#1/1 for 100ms
   1       2ms      3ms       release ada#1/1             Done
   2       4ms      6ms       acquire as bob#1 for 100ms  Granted bob#1/2 for 100ms
   3       5ms      7ms       read                        bob#1/2, 1s left
>  4       8ms      9ms       acquire as eve#1 for 100ms  Held by ada#1/1, 1s left
> the lease that the answer says is in force is not (C1, C3, C9) (then: granted to bob#1 with token 2, ends between 104ms and 106ms)
";
    assert_eq!(found.to_string(), expected);
}
