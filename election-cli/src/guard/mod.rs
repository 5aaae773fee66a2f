//! Runs a command that must not outlive the trust it was started under.
//!
//! A lease that has ended while the work goes on is worse than no lease, so the end of the command
//! must not hang on the health of the process that elects. Three processes share the duty:
//!
//! ```text
//! supervisor ── control socket ──> watchdog ── parent-death signal ──> command ──> descendants
//!  (elects)    deadlines, signals  (kills)                             (works)
//!      <────── started, exited, gone
//! ```
//!
//! | what fails | who ends the command, and when |
//! |---|---|
//! | nothing: the term ends | the watchdog: SIGTERM when asked, SIGKILL at the deadline given |
//! | the supervisor is frozen or starved | the watchdog, by the deadlines it was last told |
//! | the supervisor is killed | the watchdog, at once: its control socket closes |
//! | the watchdog is killed | the kernel kills the command, the supervisor all descendants |
//! | the watchdog is frozen | the supervisor, shortly after the deadline has passed |
//!
//! *Ending* means the whole tree. The watchdog adopts every orphan among its descendants, so
//! daemons and new sessions do not escape it, and it reports [`GuardEvent::Gone`] only when it has
//! no child left. Deadlines are moments of the boot clock, the same in every process of one host.
//!
//! # What it cannot do
//!
//! - Kill what the kernel protects: a process in uninterruptible I/O, or one that has gained other
//!   privileges (`sudo`, set-user-id programs) under a supervisor without them. `Gone` then waits.
//! - Survive SIGKILL of supervisor and watchdog in the same instant: the kernel still kills the
//!   command itself, but not what the command has started.
//! - Run while supervisor and watchdog are both frozen. If the whole control group is frozen the
//!   command does not run either, and the watchdog kills it as soon as it is thawed.
//! - On systems other than Linux, orphans cannot be adopted: only the command's process group is
//!   killed there, and only by a watchdog that lives. See `other_unix.rs`.
//!
//! # Standard streams, signals, terminals
//!
//! The command inherits standard output and error, and standard input unless that is a terminal.
//! It runs in its own process group, which is not the terminal's foreground group: reading the
//! terminal would stop it for ever, so it gets `/dev/null` instead. Ctrl-C reaches the supervisor
//! alone, which can then stop the command in good order. The signals of [`FORWARDED`] are meant to
//! be passed on with [`Guard::signal`].

mod command;
mod exit;
mod handover;
mod launcher;
#[cfg_attr(target_os = "linux", path = "linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "other_unix.rs")]
mod os;
mod protocol;
mod supervisor;
mod tree;
mod trust;
mod watchdog;

use std::{
    env,
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
};

pub use rustix::process::Signal;

pub use self::{
    command::GuardedCommand,
    exit::{Exit, NotStarted},
    supervisor::{Guard, GuardEvent},
    trust::Trust,
};

/// Signals a supervisor passes on to the command as they come.
///
/// INT and TERM are not among them: they ask the supervisor to stop, which stops the command.
pub const FORWARDED: [Signal; 5] = [
    Signal::HUP,
    Signal::QUIT,
    Signal::USR1,
    Signal::USR2,
    Signal::WINCH,
];

/// Plays the hidden role this process was started in, if any, and returns its exit code.
///
/// Every program that uses [`Guard`] calls this first in `main`, before it starts a thread or reads
/// its arguments, and returns the code if there is one: the guard starts the program's own image
/// again, as watchdog and as launcher.
#[must_use]
pub fn intercept() -> Option<ExitCode> {
    let mut args = env::args_os().skip(1);
    let role = Role::named(&args.next()?)?;
    let ended = match role {
        Role::Watchdog => watchdog::run(args),
        Role::Launcher => launcher::run(args),
    };
    Some(match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error may be closed; then nobody can be told.
            let _ = writeln!(io::stderr(), "elect {}: {error}", role.name());
            ExitCode::from(MISUSED)
        }
    })
}

/// Exit code of a hidden role that was started by anybody but its guard.
const MISUSED: u8 = 2;

#[derive(Clone, Copy)]
enum Role {
    Watchdog,
    Launcher,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Watchdog => "__guard",
            Self::Launcher => "__exec",
        }
    }

    fn named(name: &OsString) -> Option<Self> {
        [Self::Watchdog, Self::Launcher]
            .into_iter()
            .find(|role| name == role.name())
    }
}

fn not_called_by_a_guard() -> io::Error {
    io::Error::other("this is an internal step of `elect run`; use `elect run NAME -- COMMAND`")
}
