//! Places and files that are refused, with one sentence and without a trace.

use std::{fs, path::Path};

use election_backend_sqlite::{SqliteConfig, SqliteStore};
use election_core::{LeaseStore, StoreErrorKind};
use rusqlite::Connection;

use crate::{LONG, acquire, candidate, close, election, names_in, open, place};

/// The refusal to open, which must be fatal.
async fn refusal(config: SqliteConfig) -> String {
    let error = SqliteStore::open(config).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Fatal, "{error}");
    error.to_string()
}

#[tokio::test]
async fn a_missing_directory_is_refused_unless_it_shall_be_created() {
    let (directory, _) = place();
    let path = directory.path().join("a/b/leases.db");
    let refusal = refusal(SqliteConfig::new(&path)).await;
    assert!(refusal.contains("there is no directory"), "{refusal}");
    assert!(names_in(directory.path()).is_empty());
    SqliteStore::open(SqliteConfig::new(&path).create_missing_directory())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_directory_is_refused_as_a_file() {
    let (directory, _) = place();
    let refusal = refusal(SqliteConfig::new(directory.path())).await;
    assert!(refusal.contains("is not a file"), "{refusal}");
}

#[tokio::test]
async fn a_file_with_two_names_is_refused() {
    let (directory, path) = place();
    close(open(&path).await, &path).await;
    fs::hard_link(&path, directory.path().join("second.db")).unwrap();
    let refusal = refusal(SqliteConfig::new(&path)).await;
    assert!(refusal.contains("hard link"), "{refusal}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_as_it_was() {
    let (directory, path) = place();
    for content in [b"to do: buy milk\n".repeat(512), vec![0xab; 100]] {
        fs::write(&path, &content).unwrap();
        let refusal = refusal(SqliteConfig::new(&path)).await;
        assert!(refusal.contains("is not a SQLite database"), "{refusal}");
        assert_eq!(fs::read(&path).unwrap(), content);
        assert_eq!(names_in(directory.path()), ["leases.db"]);
    }
}

#[tokio::test]
async fn a_damaged_database_is_refused_and_left_as_it_was() {
    let (_directory, path) = place();
    let store = open(&path).await;
    acquire(&store, "x", "a").await;
    close(store, &path).await;
    let sound = fs::read(&path).unwrap();

    // Cut short: seen when it is opened, or at the first call.
    let short = &sound[..sound.len() / 2];
    // The schema is sound, and the page with the leases is not.
    let mut overwritten = sound.clone();
    overwritten[4096..8192].fill(0xab);
    for damaged in [short, &overwritten] {
        fs::write(&path, damaged).unwrap();
        let error = match SqliteStore::open(SqliteConfig::new(&path)).await {
            Err(error) => error,
            Ok(store) => {
                let error = store
                    .acquire(&election("x"), &candidate("b"), LONG)
                    .await
                    .unwrap_err();
                close(store, &path).await;
                error
            }
        };
        assert_eq!(error.kind(), StoreErrorKind::Fatal, "{error}");
        assert!(error.to_string().contains("is damaged"), "{error}");
        assert!(fs::read(&path).unwrap() == damaged, "the file was changed");
    }
}

#[tokio::test]
async fn a_database_of_another_application_is_refused_and_left_as_it_was() {
    for mode in ["DELETE", "WAL"] {
        let (directory, path) = place();
        let theirs = Connection::open(&path).unwrap();
        theirs
            .execute_batch(&format!(
                "PRAGMA journal_mode = {mode}; CREATE TABLE songs (title); \
                 INSERT INTO songs VALUES ('Yesterday')"
            ))
            .unwrap();
        drop(theirs);
        let content = fs::read(&path).unwrap();
        let refusal = refusal(SqliteConfig::new(&path)).await;
        assert!(refusal.contains("another application"), "{refusal}");
        assert_eq!(fs::read(&path).unwrap(), content);
        assert_eq!(names_in(directory.path()), ["leases.db"]);
    }
}

#[tokio::test]
async fn the_write_ahead_log_another_application_left_behind_is_not_touched() {
    let (directory, path) = place();
    let original = directory.path().join("original.db");
    let theirs = Connection::open(&original).unwrap();
    theirs
        .execute_batch(
            "PRAGMA journal_mode = WAL; CREATE TABLE songs (title); \
             INSERT INTO songs VALUES ('Yesterday')",
        )
        .unwrap();
    // The copies are what a crash of theirs would leave.
    let log = directory.path().join("leases.db-wal");
    fs::copy(&original, &path).unwrap();
    fs::copy(directory.path().join("original.db-wal"), &log).unwrap();
    let (content, logged) = (fs::read(&path).unwrap(), fs::read(&log).unwrap());
    assert!(!logged.is_empty());

    let refusal = refusal(SqliteConfig::new(&path)).await;
    assert!(refusal.contains("another application"), "{refusal}");
    assert_eq!(fs::read(&path).unwrap(), content);
    assert_eq!(fs::read(&log).unwrap(), logged);
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let (_directory, path) = place();
    close(open(&path).await, &path).await;
    let newer = Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    drop(newer);
    let refusal = refusal(SqliteConfig::new(&path)).await;
    assert!(refusal.contains("schema 99"), "{refusal}");
}

/// Nobody may write to this file, not even a superuser, to whom permissions mean nothing.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_that_cannot_be_written_is_refused() {
    let path = Path::new("/sys/kernel/uevent_seqnum");
    assert!(path.is_file(), "this test needs /sys");
    let refusal = refusal(SqliteConfig::new(path)).await;
    assert!(refusal.contains("cannot be written"), "{refusal}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_directory_that_takes_no_files_is_refused() {
    let refusal = refusal(SqliteConfig::new("/proc/leases.db")).await;
    assert!(refusal.contains("cannot be opened"), "{refusal}");
}
