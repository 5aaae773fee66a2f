//! What only a store in a file can do wrong.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "quirks/refusals.rs"]
mod refusals;

use std::{
    fs,
    future::Future,
    path::{Path, PathBuf},
    time::Duration,
};

use election_backend_sqlite::{SqliteConfig, SqliteStore};
use election_core::{
    Acquired, Candidate, CandidateId, ElectionName, FencingToken, Incarnation, Lease, LeaseStore,
    Metadata, Released, Renewed, StoreError, StoreErrorKind,
};
use futures_util::{FutureExt, future::join_all};
use rusqlite::Connection;
use tempfile::TempDir;

const LONG: Duration = Duration::from_secs(3600);

/// An empty directory and the path of a database in it.
fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("leases.db");
    (directory, path)
}

async fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(SqliteConfig::new(path)).await.unwrap()
}

fn election(name: &str) -> ElectionName {
    ElectionName::new(name).unwrap()
}

fn candidate(id: &str) -> Candidate {
    Candidate {
        id: CandidateId::new(id).unwrap(),
        incarnation: Incarnation(7),
        metadata: Metadata::default(),
    }
}

async fn acquire(store: &SqliteStore, name: &str, id: &str) -> Lease {
    match store.acquire(&election(name), &candidate(id), LONG).await {
        Ok(Acquired::Granted { lease, .. }) => lease,
        other => panic!("{other:?}"),
    }
}

async fn holder(store: &SqliteStore, name: &str) -> Option<String> {
    let record = store.read(&election(name)).await.unwrap();
    record.map(|record| record.lease.holder.id.as_str().to_owned())
}

/// Drops the last store on a file and waits until its thread has closed the file.
async fn close(store: SqliteStore, path: &Path) {
    drop(store);
    let log = PathBuf::from(format!("{}-wal", path.display()));
    while log.symlink_metadata().is_ok() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn names_in(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_path_and_a_symbolic_link_to_it_are_one_database() {
    let (directory, path) = place();
    let store = open(&path).await;
    let link = directory.path().join("link.db");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    acquire(&store, "x", "a").await;
    assert_eq!(holder(&open(&link).await, "x").await.as_deref(), Some("a"));
}

#[tokio::test]
async fn a_new_database_may_be_opened_by_many_at_once() {
    for _ in 0..10 {
        let (_directory, path) = place();
        let opening = (0..16).map(|_| {
            let config = SqliteConfig::new(&path).busy_limit(Duration::from_secs(60));
            tokio::spawn(SqliteStore::open(config))
        });
        for store in join_all(opening).await {
            store.unwrap().unwrap();
        }
    }
}

fn is_unavailable<T: std::fmt::Debug>(answer: Result<T, StoreError>, word: &str) {
    let error = answer.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains(word), "{error}");
}

/// What a process does that is stopped inside a transaction.
#[tokio::test]
async fn while_another_process_keeps_the_lock_nobody_is_granted_and_followers_are_answered() {
    let (_directory, path) = place();
    let config = SqliteConfig::new(&path).busy_limit(Duration::from_millis(50));
    let store = SqliteStore::open(config).await.unwrap();
    let lease = acquire(&store, "x", "a").await;
    let stopped = Connection::open(&path).unwrap();
    stopped.execute_batch("BEGIN IMMEDIATE").unwrap();

    is_unavailable(store.renew(&lease, LONG).await, "locked");
    is_unavailable(store.release(&lease).await, "locked");
    let (name, b) = (election("y"), candidate("b"));
    is_unavailable(store.acquire(&name, &b, LONG).await, "locked");
    let refused = store.acquire(&election("x"), &b, LONG).await.unwrap();
    assert!(matches!(refused, Acquired::Held(record) if record.lease == lease));
    assert_eq!(holder(&store, "x").await.as_deref(), Some("a"));

    stopped.execute_batch("ROLLBACK").unwrap();
    let renewed = store.renew(&lease, LONG).await.unwrap();
    assert_eq!(renewed, Renewed::Extended { ttl: LONG });
}

#[tokio::test]
async fn a_call_whose_future_was_dropped_before_its_turn_is_skipped() {
    let (_directory, path) = place();
    let config = SqliteConfig::new(&path).busy_limit(LONG);
    let store = SqliteStore::open(config).await.unwrap();
    let blocker = Connection::open(&path).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();

    let (x, y) = (election("x"), election("y"));
    let (a, b) = (candidate("a"), candidate("b"));
    let mut first = store.acquire(&y, &a, LONG).boxed();
    assert!(first.as_mut().now_or_never().is_none());
    // Queued, and dropped before anybody can have written.
    assert!(store.acquire(&x, &a, LONG).now_or_never().is_none());
    // Nobody can see when the thread has begun to wait for the lock. The outcome must be the same
    // before and after; this makes it after, most of the time.
    tokio::time::sleep(Duration::from_millis(20)).await;
    drop(first);
    blocker.execute_batch("ROLLBACK").unwrap();

    let acquired = store.acquire(&x, &b, LONG).await.unwrap();
    assert!(matches!(acquired, Acquired::Granted { .. }), "{acquired:?}");
    assert_eq!(holder(&store, "y").await, None);
}

#[tokio::test]
async fn thousands_of_leases_are_renewed_together_and_each_for_itself() {
    let (_directory, path) = place();
    let config = SqliteConfig::new(&path).busy_limit(Duration::from_secs(60));
    let store = SqliteStore::open(config).await.unwrap();
    let names: Vec<_> = (0..3000)
        .map(|number| format!("election {number}"))
        .collect();
    let leases = join_all(names.iter().map(|name| acquire(&store, name, "a"))).await;
    let released = store.release(&leases[17]).await.unwrap();
    assert_eq!(released, Released::Done);
    let renewals = join_all(leases.iter().map(|lease| store.renew(lease, LONG))).await;
    for (number, renewed) in renewals.into_iter().enumerate() {
        let expected = match number {
            17 => Renewed::Lost(None),
            _ => Renewed::Extended { ttl: LONG },
        };
        assert_eq!(renewed.unwrap(), expected, "election {number}");
    }
}

#[tokio::test]
async fn names_are_compared_byte_by_byte() {
    let (_directory, path) = place();
    let store = open(&path).await;
    let names = [
        "a",
        "A",
        "a ",
        "a\0",
        "a\0b",
        "'; DROP TABLE leases; --",
        "é",
        "e\u{301}",
        "%",
    ];
    for name in names {
        acquire(&store, name, "id\0of a").await;
    }
    for name in names {
        assert_eq!(
            holder(&store, name).await.as_deref(),
            Some("id\0of a"),
            "{name:?}"
        );
    }
}

#[tokio::test]
async fn the_last_token_is_followed_by_an_error_and_not_by_the_first() {
    let (_directory, path) = place();
    let store = open(&path).await;
    let lease = acquire(&store, "x", "a").await;
    store.release(&lease).await.unwrap();
    let last = i64::try_from(FencingToken::MAX).unwrap();
    Connection::open(&path)
        .unwrap()
        .execute("UPDATE leases SET token = ?1", [last - 1])
        .unwrap();

    let lease = acquire(&store, "x", "a").await;
    assert_eq!(lease.token.as_u64(), FencingToken::MAX);
    store.release(&lease).await.unwrap();
    let error = store
        .acquire(&election("x"), &candidate("a"), LONG)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Fatal);
    assert!(error.to_string().contains("used up"), "{error}");
    acquire(&store, "y", "a").await;
}

#[tokio::test]
async fn a_deleted_database_is_left_by_all_and_tokens_rise_all_the_same() {
    let (directory, path) = place();
    let (one, other) = (open(&path).await, open(&path).await);
    let old = acquire(&one, "x", "a").await;
    for name in names_in(directory.path()) {
        fs::remove_file(directory.path().join(name)).unwrap();
    }

    assert_eq!(one.renew(&old, LONG).await.unwrap(), Renewed::Lost(None));
    let new = acquire(&other, "x", "b").await;
    assert!(new.token > old.token);
    assert_eq!(holder(&one, "x").await.as_deref(), Some("b"));
}

#[tokio::test]
async fn a_database_replaced_by_another_is_taken_up_by_all() {
    let (directory, path) = place();
    let replacement = directory.path().join("replacement.db");
    let store = open(&replacement).await;
    acquire(&store, "x", "b").await;
    close(store, &replacement).await;

    let (one, other) = (open(&path).await, open(&path).await);
    acquire(&one, "x", "a").await;
    for suffix in ["-wal", "-shm"] {
        fs::remove_file(format!("{}{suffix}", path.display())).unwrap();
    }
    fs::rename(&replacement, &path).unwrap();
    for store in [one, other] {
        assert_eq!(holder(&store, "x").await.as_deref(), Some("b"));
    }
}

#[tokio::test]
async fn a_directory_that_comes_back_is_taken_up_again() {
    let (directory, _) = place();
    let directory = directory.path().join("volume");
    fs::create_dir(&directory).unwrap();
    let store = open(&directory.join("leases.db")).await;
    acquire(&store, "x", "a").await;
    fs::remove_dir_all(&directory).unwrap();
    is_unavailable(store.read(&election("x")).await, "is gone");
    fs::create_dir(&directory).unwrap();
    acquire(&store, "x", "b").await;
}

/// Futures of the store are `Send` and need no runtime: here is none.
#[test]
fn the_store_needs_no_runtime() {
    fn block_on<T>(future: impl Future<Output = T> + Send) -> T {
        struct Unpark(std::thread::Thread);
        impl std::task::Wake for Unpark {
            fn wake(self: std::sync::Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
        let mut context = std::task::Context::from_waker(&waker);
        let mut future = std::pin::pin!(future);
        loop {
            match future.as_mut().poll(&mut context) {
                std::task::Poll::Ready(value) => return value,
                std::task::Poll::Pending => std::thread::park(),
            }
        }
    }
    let (_directory, path) = place();
    block_on(async {
        let store = open(&path).await;
        acquire(&store, "x", "a").await;
    });
}
