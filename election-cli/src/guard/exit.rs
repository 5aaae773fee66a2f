//! How a command ended.

use std::{ffi::OsString, fmt, io};

use rustix::{io::Errno, process::WaitStatus};

/// How the command ended; what it left behind does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It exited with this code.
    Code(i32),
    /// It was ended by the signal with this number.
    Signal(i32),
    /// It never ran.
    NotStarted(NotStarted),
}

impl Exit {
    /// The exit code a shell would report.
    ///
    /// The command's own code, 128 plus the number of the signal, 127 for a program that was not
    /// found, 126 for one that could not be executed.
    #[must_use]
    pub fn shell_code(&self) -> u8 {
        let code = match self {
            Self::Code(code) => *code,
            Self::Signal(signal) => 128 + signal,
            Self::NotStarted(not_started) => i32::from(not_started.shell_code()),
        };
        u8::try_from(code).unwrap_or(u8::MAX)
    }

    /// True of exit code zero alone.
    #[must_use]
    pub fn is_success(&self) -> bool {
        *self == Self::Code(0)
    }

    pub(super) fn of(status: WaitStatus) -> Self {
        match status.terminating_signal() {
            Some(signal) => Self::Signal(signal),
            None => Self::Code(status.exit_status().unwrap_or_default()),
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exited with code {code}"),
            Self::Signal(signal) => write!(f, "was ended by signal {signal}"),
            Self::NotStarted(not_started) => not_started.fmt(f),
        }
    }
}

/// Why the command never ran: the system refused to execute it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotStarted {
    program: OsString,
    errno: i32,
}

impl NotStarted {
    pub(super) fn new(program: OsString, errno: i32) -> Self {
        Self { program, errno }
    }

    /// The system's error number.
    #[must_use]
    pub fn errno(&self) -> i32 {
        self.errno
    }

    /// The exit code by which shells tell why: 127 for not found, 126 for anything else.
    #[must_use]
    pub fn shell_code(&self) -> u8 {
        if self.errno == Errno::NOENT.raw_os_error() {
            127
        } else {
            126
        }
    }
}

impl fmt::Display for NotStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let next_step = match Errno::from_raw_os_error(self.errno) {
            Errno::NOENT => "give the path of a program that exists, or a name found in PATH",
            Errno::ACCESS => "make it executable with `chmod +x`, or name another program",
            Errno::NOEXEC => "build it for this machine, or begin a script with `#!`",
            Errno::TOOBIG => "pass fewer or shorter arguments and variables",
            _ => "run it by hand to see whether the system allows it",
        };
        write!(
            f,
            "cannot run {:?}: {}; {next_step}",
            self.program,
            io::Error::from_raw_os_error(self.errno)
        )
    }
}

impl std::error::Error for NotStarted {}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(errno: Errno) -> Exit {
        Exit::NotStarted(NotStarted::new("worker".into(), errno.raw_os_error()))
    }

    #[test]
    fn codes_are_those_of_a_shell() {
        assert_eq!(Exit::Code(7).shell_code(), 7);
        assert_eq!(Exit::Signal(15).shell_code(), 143);
        assert_eq!(refused(Errno::NOENT).shell_code(), 127);
        assert_eq!(refused(Errno::ACCESS).shell_code(), 126);
        assert_eq!(refused(Errno::AGAIN).shell_code(), 126);
    }

    #[test]
    fn a_refusal_names_the_program_the_cause_and_the_next_step() {
        let told = refused(Errno::ACCESS).to_string();
        assert!(told.contains("\"worker\""), "{told}");
        assert!(told.contains("Permission denied"), "{told}");
        assert!(told.contains("chmod +x"), "{told}");
    }
}
