//! How `elect` ends: the exit codes, and the one sentence that goes with a failure.

use std::{fmt, process::ExitCode};

use election::{ElectorError, StoreError, settings::ConfigError};

/// What a person reads below every help text.
pub(crate) const HELP: &str = "\
Exit codes:
  0    done; `status`: somebody leads
  1    `status`: nobody leads; `demo`: two copies overlapped, or nobody took over
  2    something said, set or configured cannot work
  69   the store cannot be used or reached
  70   something failed inside `elect`
  126  the program cannot be executed
  127  the program was not found
  N    `run`: the exit code of the program, if its end was the end; 128 + N after signal N";

/// The exit codes of `elect` itself. `run` passes on its program's as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    Done = 0,
    /// The answer is no: nobody leads, or the demonstration failed.
    No = 1,
    /// Something said, set or configured cannot work.
    Usage = 2,
    /// The store cannot be used or reached (`EX_UNAVAILABLE` of sysexits).
    Store = 69,
    /// Something failed inside (`EX_SOFTWARE` of sysexits).
    Internal = 70,
    NotExecutable = 126,
    NotFound = 127,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// Why a command could not do what was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    message: String,
}

impl Failure {
    pub(crate) fn new(code: Code, message: impl fmt::Display) -> Self {
        Self {
            code,
            message: message.to_string(),
        }
    }

    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::new(Code::Usage, message)
    }

    pub(crate) fn internal(message: impl fmt::Display) -> Self {
        Self::new(Code::Internal, message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::new(Code::Store, error)
    }
}

impl From<ElectorError> for Failure {
    fn from(error: ElectorError) -> Self {
        let code = match error {
            ElectorError::Store(_) | ElectorError::TokenRegressed { .. } => Code::Store,
            _ => Code::Internal,
        };
        Self::new(code, error)
    }
}
