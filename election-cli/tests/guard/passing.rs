//! What passes through the guard to the command: streams, signals, environment, and nothing else.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    process::{Command, Stdio},
};

use election_cli::guard::FORWARDED;
use rustix::{
    fs::{Mode, OFlags, open},
    process::Pid,
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};

use crate::stage::Setting;

crate::tests! {
    input_and_output_pass_through,
    a_terminal_is_not_handed_to_the_command,
    the_command_sees_the_variables_it_was_given,
    no_descriptor_of_the_guard_reaches_the_command,
    the_command_leads_its_own_process_group,
    signals_are_passed_on,
    the_hidden_steps_refuse_to_be_called_by_hand,
}

fn input_and_output_pass_through() {
    let (input, mut writer) = io::pipe().unwrap();
    let mut stage = Setting {
        input: input.into(),
        ..Setting::default()
    }
    .command(&["cat"]);
    stage.expect_started();
    writer.write_all(b"hello\n").unwrap();
    assert_eq!(stage.line(), "hello");
    drop(writer);
    stage.expect("exited code 0");
    stage.expect("gone code 0");
}

fn a_terminal_is_not_handed_to_the_command() {
    let near = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&near).unwrap();
    unlockpt(&near).unwrap();
    let far = ptsname(&near, Vec::new()).unwrap();
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let terminal = open(far, flags, Mode::empty()).unwrap();
    let mut stage = Setting {
        input: terminal.into(),
        ..Setting::default()
    }
    .script("readlink /proc/$$/fd/0");
    assert_eq!(stage.line(), "/dev/null");
    stage.expect_started();
    stage.expect("exited code 0");
}

fn the_command_sees_the_variables_it_was_given() {
    let mut stage = Setting::default().script("echo \"$GUARDED_BY\"");
    assert_eq!(stage.line(), "a test");
}

fn no_descriptor_of_the_guard_reaches_the_command() {
    // A program that has said something has closed the files it opened to get started.
    let command = ["/bin/sh", "-c", "echo ready; kill -STOP $$"];
    let mut stage = Setting::default().command(&command);
    let guarded = stage.expect_started();
    assert_eq!(stage.line(), "ready");
    // Whoever runs the tests may leave descriptors open for all children.
    let mut unguarded = Command::new(command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = [0; 6];
    let mut output = unguarded.stdout.take().unwrap();
    output.read_exact(&mut ready).unwrap();
    let expected = descriptors(Pid::from_child(&unguarded));
    unguarded.kill().unwrap();
    unguarded.wait().unwrap();
    assert_eq!(descriptors(guarded.pid), expected);
}

fn descriptors(pid: Pid) -> Vec<i32> {
    let listed = fs::read_dir(format!("/proc/{}/fd", pid.as_raw_pid())).unwrap();
    let mut descriptors: Vec<i32> = listed
        .map(|entry| {
            entry
                .unwrap()
                .file_name()
                .to_str()
                .unwrap()
                .parse()
                .unwrap()
        })
        .collect();
    descriptors.sort_unstable();
    descriptors
}

fn the_command_leads_its_own_process_group() {
    let mut stage = Setting::default().command(&["sleep", "60"]);
    let command = stage.expect_started();
    let group = rustix::process::getpgid(Some(command.pid)).unwrap();
    assert_eq!(group, command.pid);
}

fn signals_are_passed_on() {
    let mut stage = Setting::default().script(
        "for signal in HUP QUIT USR1 USR2 WINCH; do trap \"echo $signal\" $signal; done
        echo ready
        while :; do sleep 1 & wait $!; done",
    );
    stage.expect_started();
    assert_eq!(stage.line(), "ready");
    for (signal, name) in FORWARDED
        .iter()
        .zip(["HUP", "QUIT", "USR1", "USR2", "WINCH"])
    {
        stage.order(&format!("signal {}", signal.as_raw()));
        stage.expect("done");
        assert_eq!(stage.line(), name);
    }
}

fn the_hidden_steps_refuse_to_be_called_by_hand() {
    let nothing = File::open("/dev/null").unwrap();
    for args in [
        &["__guard"][..],
        &["__guard", "1", "true"],
        &["__exec"],
        &["__exec", "1", "true"],
    ] {
        let called = Command::new(env!("CARGO_BIN_EXE_elect"))
            .args(args)
            .stdin(nothing.try_clone().unwrap())
            .output()
            .unwrap();
        assert_eq!(called.status.code(), Some(2), "{args:?}");
        let told = String::from_utf8(called.stderr).unwrap();
        assert!(told.contains("use `elect run NAME -- COMMAND`"), "{told}");
    }
}
