//! Leaders that die, leave and freeze, many times over: never two jobs at once.
//!
//! `ELECT_TRIALS` sets how many of each; the distributions are printed with `--nocapture`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)] // A test that meets the unexpected stops there.

mod support;

use std::time::Duration;

use rustix::process::Signal;
use support::{Stage, now, report, signal};

const LEASE: Duration = Duration::from_secs(2);

fn trials() -> u32 {
    std::env::var("ELECT_TRIALS").map_or(50, |trials| trials.parse().unwrap())
}

/// Some instant of a renewal cycle, another in every trial.
fn some_instant(trial: u32) -> Duration {
    Duration::from_millis(u64::from(trial.wrapping_mul(2_654_435_761) >> 16) % 900)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap()
}

#[test]
fn a_leader_killed_at_any_instant_takes_its_job_along_and_is_replaced_after_its_lease() {
    let mut stage = Stage::with_lease("2s");
    (0..3).for_each(|_| _ = stage.start());
    let (mut gone, mut taken_over) = (Vec::new(), Vec::new());
    let (mut leader, _, mut job) = stage.next_start();
    for trial in 0..trials() {
        stage.watch_for(some_instant(trial));
        let killed_at = now();
        signal(stage.pid(leader), Signal::KILL);
        gone.push(stage.closed(leader) - killed_at);
        assert!(
            !std::path::Path::new(&format!("/proc/{job}")).exists(),
            "the job lives on"
        );
        let (next, started_at, next_job) = stage.next_start();
        taken_over.push(started_at - killed_at);
        stage.start();
        (leader, job) = (next, next_job);
    }
    // Lease, spread of the attempts, one attempt, and starting the program.
    let bound = LEASE + LEASE * 2 / 15 + LEASE / 2;
    let slowest = *taken_over.iter().max().unwrap();
    report("SIGKILL to the job's end", gone);
    report("SIGKILL to the next job", taken_over);
    assert!(
        slowest <= nanos(bound),
        "a take-over took {slowest} ns, the rules allow {bound:?}"
    );
}

#[test]
fn a_leader_asked_to_stop_hands_over_without_waiting_for_its_lease() {
    let mut stage = Stage::with_lease("2s");
    (0..3).for_each(|_| _ = stage.start());
    let mut handed_over = Vec::new();
    let (mut leader, ..) = stage.next_start();
    for trial in 0..trials() {
        stage.watch_for(some_instant(trial) / 4);
        let asked_at = now();
        signal(stage.pid(leader), Signal::TERM);
        let (next, started_at, _) = stage.next_start();
        handed_over.push(started_at - asked_at);
        stage.start();
        leader = next;
    }
    let slowest = *handed_over.iter().max().unwrap();
    report("SIGTERM to the next job", handed_over);
    assert!(
        slowest < nanos(LEASE),
        "a hand-over took {slowest} ns: the lease was not released"
    );
}

#[test]
fn a_leader_frozen_past_its_lease_loses_its_job_to_its_watchdog_before_anybody_takes_over() {
    let mut stage = Stage::with_lease("2s");
    (0..2).for_each(|_| _ = stage.start());
    let (mut leader, ..) = stage.next_start();
    let mut taken_over = Vec::new();
    for trial in 0..trials().min(5) {
        stage.watch_for(some_instant(trial));
        let frozen_at = now();
        signal(stage.pid(leader), Signal::STOP);
        // The stage checks that the frozen leader's job has beaten for the last time by now.
        let (next, started_at, _) = stage.next_start();
        taken_over.push(started_at - frozen_at);
        signal(stage.pid(leader), Signal::CONT);
        // Thawed, it follows: any job of its own beside the new one would be seen here.
        stage.watch_for(LEASE / 2);
        leader = next;
    }
    report("SIGSTOP to the next job", taken_over);
}
