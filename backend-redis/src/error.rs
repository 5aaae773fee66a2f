//! What can go wrong, in the words of the contract.

use std::{error::Error, fmt, io, sync::Arc};

use election_core::{StoreError, StoreErrorKind};
use redis::RedisError;

use crate::trouble::Trouble;

/// An error inside this crate: cheap to clone, since one lost connection fails many requests.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    kind: StoreErrorKind,
    message: Arc<str>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl Failure {
    pub(crate) fn new(kind: StoreErrorKind, message: impl Into<Arc<str>>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    pub(crate) fn fatal(message: impl Into<Arc<str>>) -> Self {
        Self::new(StoreErrorKind::Fatal, message)
    }

    pub(crate) fn unavailable(message: impl Into<Arc<str>>) -> Self {
        Self::new(StoreErrorKind::Unavailable, message)
    }

    pub(crate) fn indeterminate(message: impl Into<Arc<str>>) -> Self {
        Self::new(StoreErrorKind::Indeterminate, message)
    }

    /// What it means for the caller.
    pub(crate) fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// The same failure with another meaning.
    pub(crate) fn of_kind(mut self, kind: StoreErrorKind) -> Self {
        self.kind = kind;
        self
    }

    /// No encryption could be agreed on, in a connection to this server.
    pub(crate) fn encryption(error: io::Error, server: &str) -> Self {
        // What is wrong with a certificate stays wrong; a connection that broke does not.
        let kind = match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => StoreErrorKind::Fatal,
            _ => StoreErrorKind::Unavailable,
        };
        let message = format!(
            "no encrypted connection to Redis at {server} ({error}): check that its port speaks \
             TLS, its certificate, and the authority in tls_ca_file"
        );
        Self {
            kind,
            message: message.into(),
            source: Some(Arc::new(error)),
        }
    }

    /// What an error of the client means at this stage, for the server at this address.
    pub(crate) fn from_redis(error: RedisError, stage: Stage, server: &str) -> Self {
        let trouble = Trouble::of(&error, stage);
        Self {
            kind: trouble.verdict(stage).0,
            message: trouble.sentence(&error, stage, server).into(),
            source: Some(Arc::new(error)),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        let error = Self::new(failure.kind, failure.message.to_string());
        match failure.source {
            None => error,
            Some(source) => error.caused_by(source),
        }
    }
}

/// How far a call had come when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// There was no connection yet: nothing was asked.
    Connecting,
    /// The request may have been sent.
    Asked,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_certificate_is_fatal_and_a_broken_handshake_is_not() {
        for (cause, kind) in [
            (io::ErrorKind::InvalidData, StoreErrorKind::Fatal),
            (io::ErrorKind::UnexpectedEof, StoreErrorKind::Unavailable),
        ] {
            let failure = Failure::encryption(cause.into(), "h:1");
            assert_eq!(failure.kind, kind);
        }
    }
}
