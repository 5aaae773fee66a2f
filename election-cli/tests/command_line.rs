//! What `elect` says and how it exits.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)] // A test that meets the unexpected stops there.

mod support;

use std::{ffi::OsString, fs, io::Read, os::unix::ffi::OsStringExt, process::Stdio};

use rustix::process::Signal;
use support::{elect, signal};

/// Runs `elect` to its end: exit code, standard output, standard error.
fn ask(args: &[&str], environment: &[(&str, &str)]) -> (i32, String, String) {
    let output = elect()
        .args(args)
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn bad_input_gets_one_clear_sentence_and_its_exit_code() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name).display().to_string();
    let store = format!("sqlite:{}", path("ok.db"));
    fs::write(path("broken.toml"), "store = [").unwrap();
    fs::write(path("unknown.toml"), "leese_duration = \"5s\"").unwrap();
    fs::write(path("store.txt"), "sqlite:/elsewhere/a.db").unwrap();
    fs::write(
        path("two.toml"),
        format!(
            "store = \"{store}\"\nstore_file = \"{}\"",
            path("store.txt")
        ),
    )
    .unwrap();
    fs::write(path("plain"), "").unwrap();
    let long = "x".repeat(300);
    let missing = format!("sqlite:{}", path("missing/a.db"));
    let (broken, unknown, two) = (path("broken.toml"), path("unknown.toml"), path("two.toml"));
    let (absent, plain) = (path("absent.toml"), path("plain"));
    let cases: &[(&[&str], i32, &str)] = &[
        (
            &["run", "", "--store", &store, "--", "true"],
            2,
            "election name is empty",
        ),
        (
            &["run", &long, "--store", &store, "--", "true"],
            2,
            "election name is 300 bytes long",
        ),
        (
            &["run", "a", "--lease-duration", "0s", "--", "true"],
            2,
            "out of range: use 100ms to",
        ),
        (
            &[
                "run",
                "a",
                "--lease-duration",
                "5s",
                "--renew-interval",
                "5s",
                "--",
                "true",
            ],
            2,
            "not shorter than the lease",
        ),
        (
            &["run", "a", "--lease-duration", "soon", "--", "true"],
            2,
            "--lease-duration",
        ),
        (
            &["run", "a", "--store", "gopher://h", "--", "true"],
            69,
            "begin the store URL with one of sqlite:",
        ),
        (
            &["run", "a", "--store", "memory:", "--", "true"],
            2,
            "every copy would lead",
        ),
        (
            &["run", "a", "--store", &missing, "--", "true"],
            69,
            "there is no directory",
        ),
        (
            &["run", "a", "--config", &broken, "--", "true"],
            2,
            "not valid TOML",
        ),
        (
            &["run", "a", "--config", &unknown, "--", "true"],
            2,
            "there is no such setting: use one of store",
        ),
        (
            &["run", "a", "--config", &absent, "--", "true"],
            2,
            "cannot be read",
        ),
        (
            &["run", "a", "--config", &two, "--", "true"],
            2,
            "contradict each other",
        ),
        (
            &[
                "run",
                "a",
                "--store",
                &store,
                "--enabled",
                "maybe",
                "--",
                "true",
            ],
            2,
            "--enabled",
        ),
        (
            &["run", "a", "--store", &store, "--", "no-such-program"],
            127,
            "was not found",
        ),
        (
            &["run", "a", "--store", &store, "--", &plain],
            126,
            "cannot be executed",
        ),
        (
            &["status", "a", "--store", &missing],
            69,
            "there is no directory",
        ),
    ];
    for (args, code, sentence) in cases {
        let (exit, out, said) = ask(args, &[]);
        assert_eq!(exit, *code, "{args:?}: {said}");
        assert!(
            said.contains(sentence),
            "{args:?} said {said:?}, not {sentence:?}"
        );
        assert!(
            said.starts_with("elect: ") && said.trim_end().lines().count() == 1,
            "{said:?}"
        );
        assert!(out.is_empty());
    }
}

#[test]
fn a_name_that_is_not_text_is_refused() {
    let name = OsString::from_vec(vec![0xff, 0xfe]);
    let output = elect()
        .arg("run")
        .arg(name)
        .args(["--", "true"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is not UTF-8 text"));
}

#[test]
fn two_variables_that_contradict_each_other_are_both_named() {
    let variables = [
        ("ELECT_LEASE_DURATION", "10s"),
        ("ELECT_LEADER_LEASE_DURATION", "12s"),
    ];
    let (exit, _, said) = ask(&["run", "a", "--", "true"], &variables);
    assert_eq!(exit, 2);
    assert!(
        said.contains("ELECT_LEASE_DURATION and ELECT_LEADER_LEASE_DURATION"),
        "{said}"
    );
}

#[test]
fn a_password_in_the_store_url_is_never_said() {
    for url in [
        "redis://:hunter2@127.0.0.1:1/0",
        "gopher://u:hunter2@h/",
        "host=h password=hunter2",
    ] {
        let (_, _, said) = ask(
            &["run", "a", "--store", url, "--", "true"],
            &[("ELECT_LOG", "trace")],
        );
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn the_program_learns_its_term_and_its_exit_code_is_passed_on() {
    let place = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}/a.db", place.path().display());
    let script = "echo $ELECT_ELECTION $ELECT_ID $ELECT_STORE_KIND $ELECT_STORE_ADDRESS; \
                  test $ELECT_FENCING_TOKEN -gt 0 && exit 7";
    let args = [
        "run",
        "job",
        "--store",
        &store,
        "--id",
        "me",
        "--restart",
        "never",
        "--",
        "sh",
        "-c",
        script,
    ];
    let (exit, out, _) = ask(&args, &[]);
    assert_eq!(exit, 7);
    assert_eq!(out, format!("job me sqlite {store}\n"));
    // Released, not left to expire.
    let (exit, out, _) = ask(&["status", "job", "--store", &store], &[]);
    assert_eq!((exit, out.as_str()), (1, "nobody leads\n"));
}

#[test]
fn every_flag_is_also_a_variable_under_any_prefix() {
    let place = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}/a.db", place.path().display());
    let variables = [
        ("GRIMNIR_STORE", store.as_str()),
        ("GRIMNIR_INSTANCE_ID", "studio-1"),
        ("GRIMNIR_LEADER_LEASE_DURATION", "3s"),
        ("GRIMNIR_RESTART", "never"),
        ("ELECT_ENV_PREFIX", "GRIMNIR"),
    ];
    let (exit, out, said) = ask(
        &["run", "job", "--", "sh", "-c", "echo $ELECT_ID; exit 3"],
        &variables,
    );
    assert_eq!((exit, out.as_str()), (3, "studio-1\n"), "{said}");
}

#[test]
fn the_restart_policy_decides_whether_a_program_that_ended_runs_again() {
    let place = tempfile::tempdir().unwrap();
    let run = |policy: &str, script: &str| {
        let store = format!("sqlite:{}/{policy}.db", place.path().display());
        let count = place.path().join(policy);
        let script = format!("echo x >> {}; {script}", count.display());
        let args = [
            "run",
            "job",
            "--store",
            &store,
            "--lease-duration",
            "300ms",
            "--restart",
            policy,
            "--",
            "sh",
            "-c",
            &script,
        ];
        let (exit, ..) = ask(&args, &[]);
        (exit, fs::read_to_string(count).unwrap().lines().count())
    };
    let third_time =
        |policy: &str| format!("test $(wc -l < {}/{policy}) -ge 3", place.path().display());
    assert_eq!(run("never", "exit 4"), (4, 1));
    assert_eq!(run("on-failure", &third_time("on-failure")), (0, 3));
}

#[test]
fn without_an_election_the_program_just_runs() {
    let script = "test -z \"$ELECT_FENCING_TOKEN\" && exit 5";
    let args = [
        "run",
        "job",
        "--restart",
        "never",
        "--enabled",
        "false",
        "--",
        "sh",
        "-c",
        script,
    ];
    assert_eq!(ask(&args, &[]).0, 5);
}

#[test]
fn sigterm_stops_the_program_in_order_and_is_a_success() {
    let place = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}/a.db", place.path().display());
    // The program says that it runs, then what it was asked, then takes its leave.
    let script = "trap 'echo asked; exit 0' TERM; echo runs; while :; do sleep 0.05; done";
    let mut node = elect()
        .args(["run", "job", "--store", &store, "--", "sh", "-c", script])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = node.stdout.take().unwrap();
    let mut begin = [0; 5];
    out.read_exact(&mut begin).unwrap();
    assert_eq!(&begin, b"runs\n");
    let (exit, told, _) = ask(&["status", "job", "--store", &store, "--json"], &[]);
    assert_eq!(exit, 0);
    assert!(
        told.contains("\"fencing_token\":") && told.contains("\"remaining_seconds\":"),
        "{told}"
    );
    signal(node.id(), Signal::TERM);
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "asked\n");
    assert_eq!(node.wait().unwrap().code(), Some(0));
    assert_eq!(ask(&["status", "job", "--store", &store], &[]).0, 1);
}

#[test]
fn observe_tells_every_change_without_taking_part() {
    let place = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}/a.db", place.path().display());
    let mut observer = elect()
        .args(["observe", "job", "--store", &store])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines =
        std::io::BufRead::lines(std::io::BufReader::new(observer.stdout.take().unwrap()));
    assert_eq!(lines.next().unwrap().unwrap(), "nobody leads");
    let mut node = elect()
        .args([
            "run", "job", "--store", &store, "--id", "me", "--", "sleep", "60",
        ])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    assert!(lines.next().unwrap().unwrap().starts_with("me leads"));
    signal(node.id(), Signal::TERM);
    assert_eq!(lines.next().unwrap().unwrap(), "nobody leads");
    assert_eq!(node.wait().unwrap().code(), Some(0));
    observer.kill().unwrap();
    observer.wait().unwrap();
}

#[test]
fn a_store_of_the_users_own_is_judged_in_a_place_that_is_removed_again() {
    let place = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}/my%20own.db", place.path().display());
    let (exit, out, said) = ask(&["conformance", "--store", &store, "X01", "L01"], &[]);
    assert_eq!(exit, 0, "{out}{said}");
    assert!(out.contains(&store) && out.contains("2 passed"), "{out}");
    assert_eq!(
        fs::read_dir(place.path()).unwrap().count(),
        0,
        "something was left behind"
    );
    let (exit, out, _) = ask(&["conformance", "--store", &store, "--json", "X01"], &[]);
    assert_eq!(exit, 0);
    assert!(
        out.starts_with('{') && out.trim_end().ends_with('}'),
        "{out}"
    );
    assert_eq!(
        ask(&["conformance", "--store", &store, "no-such-check"], &[]).0,
        2
    );
}

#[test]
fn the_demonstration_runs_to_its_end_and_finds_no_overlap() {
    let (exit, out, said) = ask(&["demo"], &[]);
    assert_eq!(exit, 0, "{out}{said}");
    for part in [
        "LEADS",
        "killed with SIGKILL",
        "TAKE-OVER",
        "HAND-OVER",
        "one at a time",
    ] {
        assert!(out.contains(part), "no {part:?} in\n{out}");
    }
}
