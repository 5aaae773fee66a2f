//! How commands and their descendants end while everybody does their duty.

use std::fs;

use election_clock::BootClock;
use election_core::Clock;
use rustix::process::Signal;

use crate::stage::{Process, Setting, Stage};

crate::tests! {
    a_command_that_exits_at_once_is_reported_with_its_code,
    a_command_killed_by_a_signal_is_reported_with_the_signal,
    a_stopped_command_ends_in_its_own_way,
    a_command_that_is_suspended_can_still_be_stopped,
    a_command_that_ignores_term_is_killed_at_the_deadline,
    a_deadline_once_given_holds_without_the_supervisor,
    waiting_for_the_end_kills_at_its_deadline,
    an_expiring_trust_asks_first_and_kills_then,
    the_first_trust_ends_like_any_other,
    a_trust_that_has_run_out_starts_nothing,
    a_renewed_trust_lets_the_command_run_on,
    descendants_in_new_sessions_end_with_the_command,
    daemons_left_behind_are_asked_before_they_are_killed,
    daemons_that_do_not_end_when_asked_are_killed,
    a_tree_that_forks_while_it_is_killed_dies_all_the_same,
    a_dropped_guard_kills_the_whole_tree,
    a_program_that_does_not_exist_is_told_from_one_that_exits_127,
    a_file_that_is_not_executable_is_told_from_a_missing_one,
}

fn a_command_that_exits_at_once_is_reported_with_its_code() {
    let mut stage = Setting::default().script("exit 3");
    stage.expect_started();
    stage.expect("exited code 3");
    stage.expect("gone code 3");
}

fn a_command_killed_by_a_signal_is_reported_with_the_signal() {
    let mut stage = Setting::default().script("kill -USR1 $$");
    stage.expect_started();
    stage.expect("exited signal 10");
    stage.expect("gone signal 10");
}

fn a_stopped_command_ends_in_its_own_way() {
    let mut stage = Setting::default().script(
        "trap 'echo ending; exit 7' TERM
        echo ready
        while :; do sleep 1; done",
    );
    let command = stage.expect_started();
    assert_eq!(stage.line(), "ready");
    stage.order("stop");
    stage.expect("done");
    assert_eq!(stage.line(), "ending");
    stage.expect("exited code 7");
    stage.expect("gone code 7");
    assert!(command.has_ended());
}

fn a_command_that_is_suspended_can_still_be_stopped() {
    let mut stage = Setting::default().script("trap 'exit 7' TERM; kill -STOP $$; sleep 60");
    let command = stage.expect_started();
    command.suspended();
    stage.order("stop");
    stage.expect("done");
    stage.expect("exited code 7");
    stage.expect("gone code 7");
}

/// A shell that ignores SIGTERM, and has its children ignore it.
const STUBBORN: &str = "trap '' TERM; echo stubborn $$; while :; do sleep 1; done";

fn a_command_that_ignores_term_is_killed_at_the_deadline() {
    let mut stage = Setting::default().script(STUBBORN);
    stage.expect_started();
    let stubborn = stage.process("stubborn");
    let asked = BootClock.now();
    stage.order("stop 300");
    stage.expect("done");
    stage.expect("exited signal 9");
    stage.expect("gone signal 9");
    let lived = stubborn.ended().saturating_since(asked);
    assert!(lived.as_millis() >= 300, "killed after {lived:?}");
}

fn a_deadline_once_given_holds_without_the_supervisor() {
    let mut stage = Setting::default().script(STUBBORN);
    stage.expect_started();
    let stubborn = stage.process("stubborn");
    stage.order("stop 300");
    stage.expect("done");
    stage.signal_supervisor(Signal::STOP);
    stubborn.ended();
}

fn waiting_for_the_end_kills_at_its_deadline() {
    let mut stage = Setting::default().script(STUBBORN);
    stage.expect_started();
    let stubborn = stage.process("stubborn");
    stage.order("gone 300");
    stage.expect("gone signal 9");
    assert!(stubborn.has_ended());
}

fn an_expiring_trust_asks_first_and_kills_then() {
    let mut stage = Setting::default().script(
        "trap 'echo asked' TERM
        echo ready
        while :; do sleep 0.05; done",
    );
    stage.expect_started();
    assert_eq!(stage.line(), "ready");
    stage.order("trust 1500 500");
    let valid_until = stage.expect_trusted();
    assert_eq!(stage.line(), "asked");
    let asked = BootClock.now();
    stage.expect("exited signal 9");
    stage.expect("gone signal 9");
    let early = valid_until.saturating_since(asked).as_millis();
    assert!(early <= 500, "asked {early} ms before the end");
}

fn the_first_trust_ends_like_any_other() {
    let mut stage = Setting {
        trust: "500 200",
        ..Setting::default()
    }
    .command(&["sleep", "60"]);
    // On a busy host it may end before the command has begun.
    while !stage.event().starts_with("gone signal ") {}
    stage.expect_nobody_left();
}

fn a_trust_that_has_run_out_starts_nothing() {
    let setting = Setting {
        trust: "0 0",
        ..Setting::default()
    };
    let mut stage = setting.script("echo alive");
    while stage.event() != "gone signal 9" {}
    assert_eq!(stage.expect_nobody_left(), "");
}

fn a_renewed_trust_lets_the_command_run_on() {
    let mut stage = Setting::default().command(&["sleep", "4"]);
    stage.expect_started();
    stage.order("trust 3000 1000");
    stage.order("trust 60000 1000");
    stage.expect_trusted();
    stage.expect_trusted();
    stage.expect("exited code 0");
    stage.expect("gone code 0");
}

/// A child, a grandchild in a session of its own, and a daemon whose parents have both ended.
const FAMILY: &str = "
    sh -c 'echo child $$; exec sleep 60' &
    setsid sh -c 'echo session $$; sh -c \"echo grandchild \\$\\$; exec sleep 60\"; :' &
    ( ( setsid sh -c 'echo daemon $$; exec sleep 60' & ) & )
    echo shell $$
    wait
    sleep 60";

pub(crate) struct Family {
    members: Vec<Process>,
}

impl Family {
    pub(crate) fn start(setting: Setting) -> (Stage, Self) {
        Self::start_with(setting, "")
    }

    pub(crate) fn start_with(setting: Setting, preamble: &str) -> (Stage, Self) {
        let mut stage = setting.script(&format!("{preamble}{FAMILY}"));
        let names = ["shell", "child", "session", "grandchild", "daemon"];
        let members = names.map(|name| stage.process(name)).into();
        (stage, Self { members })
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.members.iter().all(Process::has_ended)
    }

    pub(crate) fn ended(&self) -> election_core::Instant {
        self.members.iter().map(Process::ended).max().unwrap()
    }
}

fn descendants_in_new_sessions_end_with_the_command() {
    let (mut stage, family) = Family::start(Setting::default());
    stage.expect_started();
    stage.order("stop");
    stage.expect("done");
    stage.expect("exited signal 15");
    stage.expect("gone signal 15");
    assert!(family.has_ended());
}

fn daemons_left_behind_are_asked_before_they_are_killed() {
    let mut stage = Setting {
        linger_ms: 60_000,
        ..Setting::default()
    }
    .script(
        "setsid sh -c 'trap \"echo asked; exit\" TERM
            echo daemon $$
            while :; do sleep 1 & wait $!; done' &
        while :; do sleep 1; done",
    );
    stage.expect_started();
    let daemon = stage.process("daemon");
    stage.order("stop");
    stage.expect("done");
    assert_eq!(stage.line(), "asked");
    daemon.ended();
    assert!(stage.event().starts_with("exited "));
    assert!(stage.event().starts_with("gone "));
    stage.expect_nobody_left();
}

fn daemons_that_do_not_end_when_asked_are_killed() {
    let mut stage = Setting::default().script(
        "trap '' TERM
        setsid sh -c 'echo daemon $$; exec sleep 60' &
        exit 0",
    );
    let daemon = stage.process("daemon");
    stage.expect_started();
    stage.expect("exited code 0");
    stage.expect("gone code 0");
    assert!(daemon.has_ended());
}

/// Each link of the chain starts the next, in a new session if told so, and ends. It ends by itself
/// after so many links that no failure of the guard can flood the host.
const CHAIN: &str = "LINKS=$((LINKS - 1)); [ $LINKS -gt 0 ] && $1 sh $PLACE/chain $1 &";

fn a_tree_that_forks_while_it_is_killed_dies_all_the_same() {
    // Chains in the command's group, in groups of their own, and in a new group every time.
    let mut stage = Setting::default().script(
        "trap '' TERM
        export LINKS=1000
        until [ -e $PLACE/chain ]; do sleep 0.01; done
        for i in 1 2; do
            sh $PLACE/chain & setsid sh $PLACE/chain & sh $PLACE/chain setsid &
        done",
    );
    stage.expect_started();
    let written = stage.place.path().join("written");
    fs::write(&written, CHAIN).unwrap();
    fs::rename(&written, stage.place.path().join("chain")).unwrap();
    stage.expect("exited code 0");
    stage.expect("gone code 0");
    stage.expect_nobody_left();
}

fn a_dropped_guard_kills_the_whole_tree() {
    let (mut stage, family) = Family::start(Setting::default());
    stage.expect_started();
    stage.order("drop");
    stage.expect("done");
    family.ended();
}

fn a_program_that_does_not_exist_is_told_from_one_that_exits_127() {
    let mut stage = Setting::default().command(&["/nonexistent/program"]);
    let event = stage.event();
    assert!(event.starts_with("exited not-started 127 "), "{event}");
    assert!(event.contains("/nonexistent/program"), "{event}");
    assert!(stage.event().starts_with("gone not-started 127 "));

    let mut stage = Setting::default().script("exit 127");
    stage.expect_started();
    stage.expect("exited code 127");
    stage.expect("gone code 127");
}

fn a_file_that_is_not_executable_is_told_from_a_missing_one() {
    let mut stage = Setting::default().command(&["/etc/passwd"]);
    let event = stage.event();
    assert!(event.starts_with("exited not-started 126 "), "{event}");
    assert!(stage.event().starts_with("gone not-started 126 "));
}
