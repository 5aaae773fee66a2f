//! The guard, held to its promise against real processes that are killed, frozen and escape.
//!
//! This program plays every role: the tests, the supervisor that is killed and frozen, and, started
//! by that supervisor as `elect` would be, watchdog and launcher.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "all of this is a test, which clippy cannot see without the standard harness"
)]

#[cfg(target_os = "linux")]
#[path = "guard/ends.rs"]
mod ends;
#[cfg(target_os = "linux")]
#[path = "guard/failures.rs"]
mod failures;
#[cfg(target_os = "linux")]
#[path = "guard/passing.rs"]
mod passing;
#[cfg(target_os = "linux")]
#[path = "guard/role.rs"]
mod role;
#[cfg(target_os = "linux")]
#[path = "guard/stage.rs"]
mod stage;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    use libtest_mimic::{Arguments, Trial};

    if let Some(code) = election_cli::guard::intercept() {
        return code;
    }
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|first| first == role::ROLE) {
        return role::run(args);
    }
    let tests = [ends::TESTS, failures::TESTS, passing::TESTS].concat();
    let trials = tests.into_iter().map(|(name, test)| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

/// The promises tested here are kept on Linux alone.
#[cfg(not(target_os = "linux"))]
fn main() {}

/// Lists functions under their own names.
#[cfg(target_os = "linux")]
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        pub(crate) const TESTS: &[(&str, fn())] = &[$((stringify!($name), $name)),*];
    };
}
#[cfg(target_os = "linux")]
pub(crate) use tests;
