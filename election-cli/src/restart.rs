//! What to do when the program has ended by itself.

use clap::ValueEnum;

use crate::guard::Exit;

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
    pub(crate) fn again_after(self, exit: &Exit) -> bool {
        match (self, exit) {
            // What cannot be started now will not start later.
            (_, Exit::NotStarted(_)) | (Self::Never, _) => false,
            (Self::Always, _) => true,
            (Self::OnFailure, exit) => !exit.is_success(),
        }
    }
}
