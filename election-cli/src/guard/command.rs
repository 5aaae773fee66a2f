//! What is to be run.

use std::{ffi::OsString, fmt, time::Duration};

/// The time descendants get between SIGTERM and SIGKILL once the command itself has ended.
const LINGER: Duration = Duration::from_secs(2);

/// A program, its arguments, and what its environment has beyond the supervisor's.
#[derive(Clone)]
pub struct GuardedCommand {
    /// A path, or a name to be found in `PATH`.
    pub program: OsString,
    /// The arguments, without the program's name.
    pub args: Vec<OsString>,
    /// Variables set in addition to those the supervisor was started with.
    pub env: Vec<(OsString, OsString)>,
    /// How long processes the command leaves behind may take to end after SIGTERM.
    ///
    /// Two seconds by default. A deadline of the guard cuts it short.
    pub linger: Duration,
}

impl GuardedCommand {
    /// A command without arguments, in the supervisor's environment.
    #[must_use]
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            linger: LINGER,
        }
    }
}

impl fmt::Debug for GuardedCommand {
    /// Shows neither arguments nor values of variables: both may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.env.iter().map(|(name, _)| name).collect();
        f.debug_struct("GuardedCommand")
            .field("program", &self.program)
            .field("args", &format_args!("{} hidden", self.args.len()))
            .field("env", &names)
            .field("linger", &self.linger)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_shows_no_secret() {
        let mut command = GuardedCommand::new("worker");
        command.args.push("--password=hunter2".into());
        command.env.push(("API_KEY".into(), "hunter2".into()));
        let shown = format!("{command:?}");
        assert!(shown.contains("API_KEY"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
