//! What a failure of SQLite means for the caller, and the sentence that says so.

use std::{fmt, io, path::Path, sync::Arc};

use election_core::{StoreError, StoreErrorKind};
use rusqlite::ffi;

/// An error inside this crate: cheap to clone, since one failed transaction fails many requests.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    kind: StoreErrorKind,
    message: Arc<str>,
    source: Option<Source>,
}

#[derive(Clone, Debug)]
enum Source {
    Sqlite(Arc<rusqlite::Error>),
    Io(Arc<io::Error>),
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

    pub(crate) fn caused_by(mut self, error: io::Error) -> Self {
        self.source = Some(Source::Io(Arc::new(error)));
        self
    }

    /// What an error of SQLite at this stage means for the database at `path`.
    pub(crate) fn from_sqlite(error: rusqlite::Error, stage: Stage, path: &Path) -> Self {
        let code = primary_code(&error);
        Self {
            kind: kind_of(code, stage),
            message: sentence(code, stage, path).into(),
            source: Some(Source::Sqlite(Arc::new(error))),
        }
    }

    /// The same failure of a database that was open before: what could be opened once may be again.
    ///
    /// SQLite says *cannot open* also for want of file descriptors, and that must not end an elector.
    pub(crate) fn at_reopening(mut self) -> Self {
        if let Some(Source::Sqlite(error)) = &self.source
            && primary_code(error) == Some(ffi::SQLITE_CANTOPEN)
        {
            self.kind = StoreErrorKind::Unavailable;
        }
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        let error = Self::new(failure.kind, failure.message.to_string());
        match failure.source {
            None => error,
            Some(Source::Sqlite(source)) => error.caused_by(source),
            Some(Source::Io(source)) => error.caused_by(source),
        }
    }
}

/// How far a transaction had come when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// `COMMIT` had not been asked for: what was done is rolled back.
    BeforeCommit,
    /// `COMMIT` itself failed.
    Commit,
}

/// Whether the error says that somebody else has the database locked.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        primary_code(error),
        Some(ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED)
    )
}

/// The kind of failure, from SQLite's primary result code; `None` is an error of the row's content.
///
/// A failed `COMMIT` leaves doubt: its last page may have reached the log before the error, and
/// whoever recovers the log after a crash would find it complete. Two codes leave none. `BUSY` comes
/// before anything is written. `FULL` is the answer to a page that could not be written, and the
/// commit mark is part of the last page.
fn kind_of(code: Option<i32>, stage: Stage) -> StoreErrorKind {
    match code {
        Some(ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED | ffi::SQLITE_FULL) => {
            StoreErrorKind::Unavailable
        }
        Some(
            ffi::SQLITE_IOERR
            | ffi::SQLITE_PROTOCOL
            | ffi::SQLITE_NOMEM
            | ffi::SQLITE_ABORT
            | ffi::SQLITE_INTERRUPT,
        ) => match stage {
            Stage::BeforeCommit => StoreErrorKind::Unavailable,
            Stage::Commit => StoreErrorKind::Indeterminate,
        },
        // CORRUPT, NOTADB, READONLY, PERM, CANTOPEN, AUTH, and whatever only a defect can cause.
        _ => StoreErrorKind::Fatal,
    }
}

/// One sentence: the cause, then the next step.
fn sentence(code: Option<i32>, stage: Stage, path: &Path) -> String {
    let path = path.display();
    match code {
        Some(ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED | ffi::SQLITE_PROTOCOL) => format!(
            "another process keeps {path} locked: look for one that is stopped or hangs inside a \
             transaction (`fuser {path}`) and let it go on or end it"
        ),
        Some(ffi::SQLITE_FULL) => format!(
            "the disk is too full to write to {path}: free some space; no lease was changed"
        ),
        Some(ffi::SQLITE_NOTADB) => {
            format!("{path} is not a SQLite database: give another path or move that file away")
        }
        Some(ffi::SQLITE_CORRUPT) => format!(
            "{path} is damaged: stop every process that uses it, then restore it or move it away \
             together with its -wal and -shm files"
        ),
        Some(ffi::SQLITE_READONLY | ffi::SQLITE_PERM | ffi::SQLITE_AUTH) => not_writable(&path),
        Some(ffi::SQLITE_CANTOPEN) => format!(
            "{path} or one of its -wal and -shm files cannot be opened: give this user read and \
             write permission on them and on their directory"
        ),
        Some(ffi::SQLITE_NOMEM) => {
            format!("there is too little memory to work on {path}: free some")
        }
        Some(ffi::SQLITE_IOERR) if stage == Stage::Commit => format!(
            "writing to {path} failed at the last moment, so the change may or may not stand: \
             check the disk and the system's log"
        ),
        Some(ffi::SQLITE_IOERR) => {
            format!("reading or writing {path} failed: check the disk and the system's log")
        }
        _ => format!(
            "{path} does not hold what this version writes: check that only this library changes \
             it, and report this error if so"
        ),
    }
}

/// The sentence for a file or directory this process may not write to.
pub(crate) fn not_writable(path: &impl fmt::Display) -> String {
    format!(
        "{path} cannot be written: give this user write permission on the file and its directory, \
         on a file system that is not mounted read-only"
    )
}

fn primary_code(error: &rusqlite::Error) -> Option<i32> {
    // An extended result code carries the primary one in its low byte.
    error.sqlite_error().map(|error| error.extended_code & 0xff)
}

#[cfg(test)]
mod tests {
    use StoreErrorKind::{Fatal, Indeterminate, Unavailable};

    use super::*;

    /// Code, kind before COMMIT, kind at COMMIT, a word of the sentence.
    const TABLE: &[(i32, StoreErrorKind, StoreErrorKind, &str)] = &[
        (ffi::SQLITE_BUSY, Unavailable, Unavailable, "locked"),
        (
            ffi::SQLITE_BUSY_RECOVERY,
            Unavailable,
            Unavailable,
            "locked",
        ),
        (
            ffi::SQLITE_BUSY_SNAPSHOT,
            Unavailable,
            Unavailable,
            "locked",
        ),
        (ffi::SQLITE_LOCKED, Unavailable, Unavailable, "locked"),
        (ffi::SQLITE_FULL, Unavailable, Unavailable, "full"),
        (
            ffi::SQLITE_IOERR,
            Unavailable,
            Indeterminate,
            "check the disk",
        ),
        (
            ffi::SQLITE_IOERR_FSYNC,
            Unavailable,
            Indeterminate,
            "check the disk",
        ),
        (
            ffi::SQLITE_IOERR_WRITE,
            Unavailable,
            Indeterminate,
            "check the disk",
        ),
        (
            ffi::SQLITE_IOERR_SHMSIZE,
            Unavailable,
            Indeterminate,
            "check the disk",
        ),
        (ffi::SQLITE_PROTOCOL, Unavailable, Indeterminate, "locked"),
        (ffi::SQLITE_NOMEM, Unavailable, Indeterminate, "memory"),
        (ffi::SQLITE_CORRUPT, Fatal, Fatal, "damaged"),
        (ffi::SQLITE_CORRUPT_INDEX, Fatal, Fatal, "damaged"),
        (ffi::SQLITE_NOTADB, Fatal, Fatal, "not a SQLite database"),
        (ffi::SQLITE_READONLY, Fatal, Fatal, "cannot be written"),
        (
            ffi::SQLITE_READONLY_DIRECTORY,
            Fatal,
            Fatal,
            "cannot be written",
        ),
        (ffi::SQLITE_PERM, Fatal, Fatal, "cannot be written"),
        (ffi::SQLITE_AUTH, Fatal, Fatal, "cannot be written"),
        (ffi::SQLITE_CANTOPEN, Fatal, Fatal, "cannot be opened"),
        (ffi::SQLITE_CONSTRAINT_UNIQUE, Fatal, Fatal, "does not hold"),
        (ffi::SQLITE_ERROR, Fatal, Fatal, "does not hold"),
    ];

    #[test]
    fn every_result_code_has_its_kind_and_its_sentence() {
        for &(code, before, at, word) in TABLE {
            for (stage, kind) in [(Stage::BeforeCommit, before), (Stage::Commit, at)] {
                let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
                let error = Failure::from_sqlite(error, stage, Path::new("/x/leases.db"));
                let error = StoreError::from(error);
                assert_eq!(error.kind(), kind, "code {code} at {stage:?}");
                let sentence = error.to_string();
                assert!(sentence.contains(word), "code {code}: {sentence}");
                assert!(sentence.contains("/x/leases.db"), "code {code}: {sentence}");
            }
        }
    }

    #[test]
    fn a_row_that_cannot_be_understood_is_fatal() {
        let error = rusqlite::Error::IntegralValueOutOfRange(0, -1);
        let failure = Failure::from_sqlite(error, Stage::BeforeCommit, Path::new("leases.db"));
        assert_eq!(failure.kind, Fatal);
    }

    #[test]
    fn a_database_that_cannot_be_opened_again_is_only_out_of_reach() {
        let refused = |code| {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            Failure::from_sqlite(error, Stage::BeforeCommit, Path::new("a.db"))
                .at_reopening()
                .kind
        };
        assert_eq!(refused(ffi::SQLITE_CANTOPEN), Unavailable);
        assert_eq!(refused(ffi::SQLITE_NOTADB), Fatal);
    }
}
