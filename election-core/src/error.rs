//! Errors of words and stores.

use std::{borrow::Cow, error::Error, fmt};

/// A word that breaks its rules; the message says which and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidWord(Cow<'static, str>);

impl InvalidWord {
    pub(crate) fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self(message.into())
    }

    pub(crate) fn check_length(
        what: &str,
        length: usize,
        min: usize,
        max: usize,
    ) -> Result<(), Self> {
        if (min..=max).contains(&length) {
            return Ok(());
        }
        let is = match length {
            0 => "empty".to_owned(),
            length => format!("{length} bytes long"),
        };
        Err(Self::new(format!(
            "{what} is {is}: give it {min} to {max} bytes of UTF-8 text"
        )))
    }
}

/// What a failed store call means for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StoreErrorKind {
    /// The request was surely not applied; trying again may help.
    Unavailable,
    /// The request may or may not have been applied; trying again may help.
    Indeterminate,
    /// No retry helps: somebody has to change a setting, a permission or the store itself.
    Fatal,
}

impl StoreErrorKind {
    /// The kind as a metric label: `unavailable`, `indeterminate` or `fatal`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Indeterminate => "indeterminate",
            Self::Fatal => "fatal",
        }
    }
}

impl fmt::Display for StoreErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A store call that got no answer.
///
/// Act on [`StoreError::kind`]; show the message, which names the cause and the next step. Neither
/// the message nor any error of the source chain may contain a secret: that is part of the contract
/// of a store (C15).
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    message: Cow<'static, str>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StoreError {
    /// An error of this kind.
    pub fn new(kind: StoreErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    /// The request was surely not applied.
    pub fn unavailable(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StoreErrorKind::Unavailable, message)
    }

    /// The request may have been applied.
    pub fn indeterminate(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StoreErrorKind::Indeterminate, message)
    }

    /// No retry helps.
    pub fn fatal(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StoreErrorKind::Fatal, message)
    }

    /// The same error with the error that caused it. The cause must hold no secret.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What it means for the caller.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}
