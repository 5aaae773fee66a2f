//! What becomes of the tree when a process of the guard is killed or frozen.

use std::{fs, time::Duration};

use election_clock::BootClock;
use election_core::Clock;
use rustix::process::Signal;

use crate::{ends::Family, stage::Setting};

crate::tests! {
    a_killed_supervisor_takes_the_whole_tree_with_it,
    a_frozen_supervisor_cannot_keep_the_tree_alive_past_its_trust,
    a_killed_watchdog_takes_the_whole_tree_with_it,
    the_kernel_kills_the_command_of_a_killed_watchdog,
    a_frozen_watchdog_does_not_save_the_tree_from_a_stop,
    a_frozen_watchdog_does_not_save_the_tree_from_the_end_of_its_trust,
    a_watchdog_does_not_obey_signals_meant_for_the_service,
    children_from_before_the_guard_survive_its_failure,
}

fn a_killed_supervisor_takes_the_whole_tree_with_it() {
    let (stage, family) = Family::start_with(Setting::default(), "trap '' TERM;");
    let killed = BootClock.now();
    stage.signal_supervisor(Signal::KILL);
    let took = family.ended().saturating_since(killed);
    println!("the tree was gone {took:?} after its supervisor");
    assert!(took < STARVED);
}

/// What a starved host may add to any delay. A watchdog that does not act adds for ever.
const STARVED: Duration = Duration::from_secs(10);

fn a_frozen_supervisor_cannot_keep_the_tree_alive_past_its_trust() {
    // The command writes down the boot clock as long as it lives.
    let pulse = "trap '' TERM
        while :; do read up _ < /proc/uptime; echo $up >> $PLACE/pulse; sleep 0.01; done &";
    let (mut stage, family) = Family::start_with(Setting::default(), pulse);
    stage.expect_started();
    stage.order("trust 3000 1500");
    let valid_until = stage.expect_trusted();
    stage.signal_supervisor(Signal::STOP);
    family.ended();
    let pulse = fs::read_to_string(stage.place.path().join("pulse")).unwrap();
    let last: f64 = pulse.lines().last().unwrap().parse().unwrap();
    let spare = valid_until.since_origin().as_secs_f64() - last;
    println!("the last sign of life came {spare:.3} s before the end of the trust");
    assert!(spare > -STARVED.as_secs_f64());
    stage.signal_supervisor(Signal::CONT);
    stage.expect("exited signal 9");
    stage.expect("gone signal 9");
}

fn a_killed_watchdog_takes_the_whole_tree_with_it() {
    let (mut stage, family) = Family::start_with(Setting::default(), "trap '' TERM;");
    let command = stage.expect_started();
    stage.watchdog_of(&command).signal(Signal::KILL);
    stage.expect("exited signal 9");
    stage.expect("gone signal 9");
    assert!(command.has_ended());
    assert!(family.has_ended());
}

fn the_kernel_kills_the_command_of_a_killed_watchdog() {
    let mut stage = Setting::default().command(&["sleep", "60"]);
    let command = stage.expect_started();
    let watchdog = stage.watchdog_of(&command);
    // So the supervisor cannot have done it.
    stage.signal_supervisor(Signal::STOP);
    watchdog.signal(Signal::KILL);
    command.ended();
}

fn a_frozen_watchdog_does_not_save_the_tree_from_a_stop() {
    let (mut stage, family) = Family::start_with(Setting::default(), "trap '' TERM;");
    let command = stage.expect_started();
    let watchdog = stage.watchdog_of(&command);
    watchdog.signal(Signal::STOP);
    stage.order("stop 100");
    stage.expect("done");
    stage.expect("exited signal 9");
    stage.expect("gone signal 9");
    assert!(watchdog.has_ended());
    assert!(family.has_ended());
}

fn a_frozen_watchdog_does_not_save_the_tree_from_the_end_of_its_trust() {
    let (mut stage, family) = Family::start_with(Setting::default(), "trap '' TERM;");
    let command = stage.expect_started();
    let watchdog = stage.watchdog_of(&command);
    watchdog.signal(Signal::STOP);
    stage.order("trust 500 200");
    stage.expect_trusted();
    stage.expect("exited signal 9");
    stage.expect("gone signal 9");
    assert!(watchdog.has_ended());
    assert!(family.has_ended());
}

fn a_watchdog_does_not_obey_signals_meant_for_the_service() {
    let mut stage = Setting::default().script(
        "trap 'exit 7' TERM
        echo ready
        while :; do sleep 1; done",
    );
    let command = stage.expect_started();
    assert_eq!(stage.line(), "ready");
    let watchdog = stage.watchdog_of(&command);
    for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT] {
        watchdog.signal(signal);
    }
    stage.order("stop");
    stage.expect("done");
    stage.expect("exited code 7");
    stage.expect("gone code 7");
}

fn children_from_before_the_guard_survive_its_failure() {
    let setting = Setting {
        wrapper: Some("sleep 60 & echo bystander $!; exec \"$@\""),
        ..Setting::default()
    };
    let (mut stage, family) = Family::start(setting);
    let bystander = stage.process("bystander");
    let command = stage.expect_started();
    stage.watchdog_of(&command).signal(Signal::KILL);
    stage.expect("exited signal 9");
    stage.expect("gone signal 9");
    assert!(family.has_ended());
    assert!(!bystander.has_ended());
}
