//! What the other processes do. They are told on standard input and answer on standard output.

use std::{
    fmt,
    future::Future,
    io::{self, BufRead, Write},
    path::Path,
    thread,
    time::Duration,
};

use election_backend_sqlite::{SqliteConfig, SqliteStore};
use election_clock::BootClock;
use election_core::{
    Acquired, Candidate, CandidateId, Clock, ElectionName, Incarnation, Lease, LeaseStore,
    Metadata, Released, Renewed,
};
use futures_util::StreamExt;

/// How many threads of each process race.
pub(crate) const RACERS: usize = 4;

/// Long enough for a few renewals, short enough not to wait long for the dead.
pub(crate) const CHURN_TTL: Duration = Duration::from_millis(30);

/// The time to live of the holder that is frozen.
pub(crate) const FROZEN_TTL: Duration = Duration::from_millis(300);

const LONG: Duration = Duration::from_secs(3600);

pub(crate) fn run(role: &str, path: &Path, id: &str) {
    match role {
        "racers" => race(path, id),
        "churner" => churn(path, id),
        "holder" => hold(path, id),
        "spender" => spend(path, id),
        #[cfg(target_os = "linux")]
        "cycles" => cycles::run(path, id),
        _ => panic!("no such worker: {role}"),
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(future)
}

pub(crate) fn election() -> ElectionName {
    ElectionName::new("x").unwrap()
}

pub(crate) fn candidate(id: &str) -> Candidate {
    Candidate {
        id: CandidateId::new(id).unwrap(),
        incarnation: Incarnation(7),
        metadata: Metadata::default(),
    }
}

pub(crate) fn parse_nanos(text: &str) -> Duration {
    Duration::from_nanos(text.parse().unwrap())
}

fn now() -> u128 {
    BootClock.now().since_origin().as_nanos()
}

/// One whole line at once, so that a line of a killed process is whole or missing.
fn say(line: fmt::Arguments<'_>) {
    let line = format!("{line}\n");
    let mut stdout = io::stdout().lock();
    stdout.write_all(line.as_bytes()).unwrap();
    stdout.flush().unwrap();
}

fn orders() -> impl Iterator<Item = String> {
    io::stdin().lock().lines().map(|line| line.unwrap())
}

fn open(path: &Path) -> SqliteStore {
    let config = SqliteConfig::new(path).busy_limit(Duration::from_secs(60));
    block_on(SqliteStore::open(config)).unwrap()
}

/// At each order several candidates, each with a connection of its own, try to acquire at once.
fn race(path: &Path, id: &str) {
    let racers: Vec<_> = (0..RACERS)
        .map(|number| (open(path), candidate(&format!("{id}.{number}"))))
        .collect();
    let mut winner: Option<Lease> = None;
    for order in orders() {
        if order == "release" {
            let lease = winner.take().unwrap();
            let released = block_on(racers[0].0.release(&lease)).unwrap();
            assert_eq!(released, Released::Done);
            say(format_args!("released"));
            continue;
        }
        let outcomes: Vec<Acquired> = thread::scope(|scope| {
            let threads: Vec<_> = racers
                .iter()
                .map(|(store, candidate)| {
                    scope.spawn(|| block_on(store.acquire(&election(), candidate, LONG)).unwrap())
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        for outcome in outcomes {
            match outcome {
                Acquired::Granted { lease, .. } => {
                    say(format_args!("granted {}", lease.token));
                    winner = Some(lease);
                }
                Acquired::Held(record) => say(format_args!("held {}", record.lease.token)),
            }
        }
    }
}

/// Acquires, renews and releases for ever, and writes down when.
fn churn(path: &Path, id: &str) {
    let (store, candidate, election) = (open(path), candidate(id), election());
    block_on(async {
        loop {
            let sent = now();
            let acquired = store.acquire(&election, &candidate, CHURN_TTL).await;
            let lease = match acquired.unwrap() {
                Acquired::Granted { lease, .. } => lease,
                Acquired::Held(record) => {
                    let soon = record.remaining.min(Duration::from_millis(2));
                    tokio::time::sleep(soon).await;
                    continue;
                }
            };
            say(format_args!("granted {} {sent} {}", lease.token, now()));
            for _ in 0..3 {
                let sent = now();
                match store.renew(&lease, CHURN_TTL).await.unwrap() {
                    Renewed::Extended { .. } => say(format_args!("renewed {} {sent}", lease.token)),
                    Renewed::Lost(_) => break,
                }
            }
            say(format_args!("releasing {} {}", lease.token, now()));
            store.release(&lease).await.unwrap();
        }
    });
}

/// Acquires once, and renews when told.
fn hold(path: &Path, id: &str) {
    let store = open(path);
    let sent = now();
    let acquired = block_on(store.acquire(&election(), &candidate(id), FROZEN_TTL)).unwrap();
    let Acquired::Granted { lease, .. } = acquired else {
        panic!("{acquired:?}");
    };
    say(format_args!("granted {sent}"));
    for _ in orders() {
        match block_on(store.renew(&lease, FROZEN_TTL)).unwrap() {
            Renewed::Extended { .. } => say(format_args!("extended")),
            Renewed::Lost(_) => say(format_args!("lost")),
        }
    }
}

/// Acquires one election after the other until something fails.
fn spend(path: &Path, id: &str) {
    let (store, candidate) = (open(path), candidate(id));
    block_on(async {
        let first = store.acquire(&election(), &candidate, LONG).await.unwrap();
        assert!(matches!(first, Acquired::Granted { .. }));
        for number in 0.. {
            let election = ElectionName::new(&format!("number {number}")).unwrap();
            if let Err(error) = store.acquire(&election, &candidate, LONG).await {
                say(format_args!("{}", error.kind()));
                break;
            }
        }
        let record = store.read(&election()).await.unwrap();
        assert_eq!(record.unwrap().lease.holder, candidate.holder());
        say(format_args!("still held"));
    });
    orders().next();
}

/// Counts what the kernel counts.
#[cfg(target_os = "linux")]
mod cycles {
    use super::*;

    pub(super) fn run(path: &Path, id: &str) {
        let before = open_now();
        let store = open(path);
        subscribe_and_drop(&store, 800);
        drop(store);
        for _ in 0..200 {
            let (store, candidate) = (open(path), candidate(id));
            let _ = block_on(store.acquire(&election(), &candidate, LONG)).unwrap();
        }
        // Threads end on their own, soon after the store was dropped.
        let patience = BootClock.now().plus(Duration::from_secs(60));
        while open_now() > before {
            assert!(
                BootClock.now() < patience,
                "{before} before, {} now",
                open_now()
            );
            thread::sleep(Duration::from_millis(1));
        }
        say(format_args!("nothing leaked"));
    }

    fn subscribe_and_drop(store: &SqliteStore, cycles: usize) {
        block_on(async {
            for _ in 0..cycles {
                let mut hints = store.hints(&election()).await.unwrap();
                assert!(hints.next().await.is_some());
            }
        });
    }

    /// How many threads and descriptors this process has.
    fn open_now() -> usize {
        ["/proc/self/task", "/proc/self/fd"]
            .map(|directory| std::fs::read_dir(directory).unwrap().count())
            .iter()
            .sum()
    }
}
