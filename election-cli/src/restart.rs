//! What to do when the program has ended by itself.

use clap::ValueEnum;

use crate::{cli::Sources, exit::Failure, guard::Exit};

/// When to campaign again after the program has ended by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Restart {
    /// However it ended.
    #[default]
    Always,
    /// Unless it ended with exit code 0.
    OnFailure,
    /// Never: its end is the end.
    Never,
}

impl Restart {
    /// The flag, else the environment, else the default.
    pub(crate) fn resolve(flag: Option<Self>, sources: &Sources) -> Result<Self, Failure> {
        if let Some(restart) = flag {
            return Ok(restart);
        }
        let Some((variable, value)) = sources.variable("RESTART") else {
            return Ok(Self::default());
        };
        let known = value
            .to_str()
            .and_then(|value| Self::from_str(value, true).ok());
        known.ok_or_else(|| {
            Failure::usage(format!(
                "{variable} must be one of always, on-failure, never"
            ))
        })
    }

    pub(crate) fn again_after(self, exit: &Exit) -> bool {
        match (self, exit) {
            // What cannot be started now will not start later.
            (_, Exit::NotStarted(_)) | (Self::Never, _) => false,
            (Self::Always, _) => true,
            (Self::OnFailure, exit) => !exit.is_success(),
        }
    }
}
