//! A process that was frozen past its lease: its first `check` after the thaw fails.
//!
//! The leader is this very test program, started again in another role.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)] // A test that meets the unexpected stops there.

use std::{
    env,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use election::{BootClock, Clock, Elector, Timing};
use libtest_mimic::{Arguments, Trial};
use rustix::process::{Pid, Signal, kill_process};

const STORE: &str = "ELECTION_TEST_FROZEN_STORE";
/// A gap of this many milliseconds in the leader's own time counts as a freeze.
const GAP: &str = "ELECTION_TEST_FROZEN_GAP";
const LEASE: Duration = Duration::from_secs(1);

fn main() -> std::process::ExitCode {
    if let Ok(store) = env::var(STORE) {
        lead(
            &store,
            Duration::from_millis(env::var(GAP).unwrap().parse().unwrap()),
        );
    }
    let trials = vec![
        Trial::test(
            "after_a_freeze_longer_than_the_hold_the_first_check_fails",
            || {
                first_check_after(LEASE, "lost");
                Ok(())
            },
        ),
        Trial::test(
            "after_a_freeze_much_shorter_than_the_hold_the_first_check_succeeds",
            || {
                first_check_after(Duration::from_millis(100), "leads");
                Ok(())
            },
        ),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn first_check_after(freeze: Duration, expected: &str) {
    let place = tempfile::tempdir().unwrap();
    let leader = Command::new(env::current_exe().unwrap())
        .env(
            STORE,
            format!("sqlite:{}/frozen.db", place.path().display()),
        )
        .env(GAP, (freeze * 9 / 10).as_millis().to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut leader = Killed(leader);
    let pid = Pid::from_child(&leader.0);
    let mut lines = BufReader::new(leader.0.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "elected");
    kill_process(pid, Signal::STOP).unwrap();
    thread::sleep(freeze); // The freeze itself: there is no event to wait for.
    kill_process(pid, Signal::CONT).unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), expected);
}

/// Leads, and tells the first check after every gap of that length in its own time.
fn lead(store: &str, gap: Duration) -> ! {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let store = election::connect(store).await.unwrap();
        let timing = Timing::builder().ttl(LEASE).build().unwrap();
        let mut elector = Elector::builder(store, "frozen".parse().unwrap())
            .timing(timing)
            .start()
            .unwrap();
        let guard = elector.campaign().await.unwrap();
        let leadership = guard.leadership();
        thread::spawn(move || {
            let mut last = BootClock.now();
            assert!(leadership.check().is_ok());
            println!("elected");
            loop {
                let verdict = leadership.check();
                let now = BootClock.now();
                if now.saturating_since(last) >= gap {
                    println!("{}", if verdict.is_ok() { "leads" } else { "lost" });
                }
                last = now;
                thread::sleep(Duration::from_millis(1));
            }
        });
        std::future::pending::<()>().await;
    });
    unreachable!("the future above never ends")
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
