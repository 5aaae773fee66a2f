//! Where a setting was given, and what is wrong with it.

use std::{fmt, path::PathBuf};

/// Where a setting was given.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// A TOML text.
    File {
        /// The file, unless the text was handed over as such.
        path: Option<PathBuf>,
        /// The line of the key, counted from 1.
        line: usize,
    },
    /// An environment variable, by its full name.
    Environment(String),
    /// A command-line flag, by its full name: `--lease-duration`.
    Flag(String),
    /// A call of the program.
    Code,
}

impl Origin {
    /// How an error names the setting `key` that was given here.
    pub(super) fn place(&self, key: &str) -> String {
        match self {
            Self::File { .. } => format!("{self}, {key}"),
            Self::Environment(name) | Self::Flag(name) => name.clone(),
            Self::Code => format!("{key}, set in code"),
        }
    }

    /// The refusal of the setting `key` that was given here.
    pub(super) fn refuse(&self, key: &str, problem: impl fmt::Display) -> ConfigError {
        ConfigError::new(format!("{}: {problem}", self.place(key)))
    }
}

/// In words, for people.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File {
                path: Some(path),
                line,
            } => write!(f, "{}, line {line}", path.display()),
            Self::File { path: None, line } => write!(f, "TOML text, line {line}"),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
            Self::Code => f.write_str("code"),
        }
    }
}

/// A setting that cannot be used; the message names its place and what to change.
///
/// The message never repeats a value, since what stands in the wrong place may be a secret, and
/// there is no source chain that could.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl ConfigError {
    /// A refusal with this sentence, which must hold no secret.
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}
