//! What came of asking for a server, in words.

use std::{error::Error, fmt};

use super::{kind::Kind, server::Server};

/// Where a server comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Provider {
    /// Somebody else runs it, and gave its URL in the environment.
    Environment,
    /// A container of this image.
    Container(String),
    /// The program at this path.
    Binary(String),
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str("environment"),
            Self::Container(image) => write!(f, "container {image}"),
            Self::Binary(path) => write!(f, "binary {path}"),
        }
    }
}

/// No server of this kind is to be had: which providers were tried, and why each could not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotRun {
    kind: Kind,
    reasons: Vec<String>,
}

impl NotRun {
    pub(super) fn new(kind: Kind, reasons: Vec<String>) -> Self {
        Self { kind, reasons }
    }

    /// Which kind of server is missing.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// One sentence for each provider that was tried, in the order of trial.
    #[must_use]
    pub fn reasons(&self) -> &[String] {
        &self.reasons
    }
}

impl fmt::Display for NotRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not run: {}", self.reasons.join("; "))
    }
}

impl Error for NotRun {}

/// A line of the table of servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    kind: Kind,
    version: String,
    provider: String,
}

impl Line {
    pub(super) fn of(kind: Kind, outcome: &Result<Server, NotRun>) -> Self {
        let (version, provider) = match outcome {
            Ok(server) => (server.version().to_owned(), server.provider().to_string()),
            Err(not_run) => ("-".to_owned(), not_run.to_string()),
        };
        Self {
            kind,
            version,
            provider,
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<9} {:<16} {}", self.kind, self.version, self.provider)
    }
}
