//! Whatever happens to a correct store, its history is explained.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use election_clock::BootClock;
use election_conformance::{
    Time,
    history::{Checker, History, Length, Tolerance, Workload},
};
use election_core::{
    Acquired, Candidate, Capabilities, ElectionName, Lease, LeaseRecord, LeaseStore, ManualClock,
    MemoryStore, Released, Renewed, StoreError,
};
use tokio::runtime;

/// Elections of these names.
pub(crate) fn elections(names: &[&str]) -> Vec<ElectionName> {
    let named = |name: &&str| ElectionName::new(name).unwrap();
    names.iter().map(named).collect()
}

/// What clients of one store make of it, by a clock turned by hand, on one thread.
pub(crate) fn play(
    workload: &Workload,
    clients: usize,
    store: impl FnOnce(MemoryStore) -> Arc<dyn LeaseStore>,
) -> History {
    let clock = Arc::new(ManualClock::new());
    let store = store(MemoryStore::new(Arc::clone(&clock) as _));
    let clients = vec![store; clients];
    let runtime = runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(workload.run(&clients, &Time::ByHand(clock)))
}

#[track_caller]
fn assert_explained(history: &History, seed: u64) {
    let verdict = Checker::new(Tolerance::default()).check(history);
    assert!(verdict.is_linearizable(), "seed {seed}: {verdict}");
}

#[test]
fn every_history_of_the_memory_store_is_explained() {
    for seed in 0..60 {
        let workload = Workload {
            length: Length::Calls(60),
            drops: 10,
            ..Workload::new(seed, elections(&["a", "b"]))
        };
        let history = play(&workload, 5, |store| Arc::new(store));
        assert_explained(&history, seed);
    }
}

#[test]
fn the_same_seed_makes_the_same_history() {
    let history = || {
        let workload = Workload::new(7, elections(&["a"]));
        play(&workload, 3, |store| Arc::new(store))
    };
    assert_eq!(history(), history());
}

#[test]
fn eight_clients_with_a_thousand_calls_each_are_explained() {
    let workload = Workload {
        length: Length::Calls(1_000),
        ..Workload::new(1, elections(&["a", "b", "c"]))
    };
    let history = play(&workload, 8, |store| Arc::new(store));
    let unanswered = history.unanswered();
    assert!(unanswered > 100, "{unanswered}");
    let begun = std::time::Instant::now();
    assert_explained(&history, 1);
    let calls = history.calls().len();
    println!(
        "{calls} calls, {unanswered} unanswered: {:?}",
        begun.elapsed()
    );
}

#[test]
fn eight_clients_of_one_election_with_many_drops_are_explained() {
    let workload = Workload {
        length: Length::Calls(1_000),
        drops: 40,
        ..Workload::new(2, elections(&["a"]))
    };
    let history = play(&workload, 8, |store| Arc::new(store));
    let begun = std::time::Instant::now();
    assert_explained(&history, 2);
    println!(
        "{} calls, {} unanswered: {:?}",
        history.calls().len(),
        history.unanswered(),
        begun.elapsed()
    );
}

#[test]
fn a_store_in_real_time_on_several_threads_is_explained() {
    let store: Arc<dyn LeaseStore> = Arc::new(MemoryStore::new(Arc::new(BootClock)));
    let workload = Workload {
        length: Length::Lasting(Duration::from_millis(400)),
        pause: Duration::from_millis(4),
        ..Workload::new(3, elections(&["a", "b"]))
    };
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap();
    let clients = vec![store; 6];
    let history = runtime.block_on(workload.run(&clients, &Time::Real));
    assert_explained(&history, 3);
}

#[test]
fn calls_that_are_applied_long_after_they_failed_are_explained() {
    for seed in 0..60 {
        let workload = Workload {
            length: Length::Calls(40),
            ..Workload::new(seed, elections(&["a"]))
        };
        let history = play(&workload, 4, |store| Arc::new(Procrastinating(store)));
        assert!(history.unanswered() > 5);
        assert_explained(&history, seed);
    }
}

/// Fails some calls without an answer, the same ones in every run, and applies them much later.
#[derive(Debug)]
struct Procrastinating(MemoryStore);

impl Procrastinating {
    fn later<T: Send + 'static>(
        &self,
        call: impl Future<Output = T> + Send + 'static,
    ) -> StoreError {
        tokio::spawn(async move {
            for _ in 0..40 {
                tokio::task::yield_now().await;
            }
            call.await
        });
        StoreError::indeterminate("the answer was lost: ask again")
    }
}

#[async_trait]
impl LeaseStore for Procrastinating {
    async fn acquire(
        &self,
        election: &ElectionName,
        candidate: &Candidate,
        ttl: Duration,
    ) -> Result<Acquired, StoreError> {
        if candidate.incarnation.0.is_multiple_of(4) {
            let (store, election, candidate) =
                (self.0.clone(), election.clone(), candidate.clone());
            return Err(self.later(async move { store.acquire(&election, &candidate, ttl).await }));
        }
        self.0.acquire(election, candidate, ttl).await
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<Renewed, StoreError> {
        if lease.token.as_u64().is_multiple_of(3) {
            let (store, lease) = (self.0.clone(), lease.clone());
            return Err(self.later(async move { store.renew(&lease, ttl).await }));
        }
        self.0.renew(lease, ttl).await
    }

    async fn release(&self, lease: &Lease) -> Result<Released, StoreError> {
        if lease.token.as_u64().is_multiple_of(2) {
            let (store, lease) = (self.0.clone(), lease.clone());
            return Err(self.later(async move { store.release(&lease).await }));
        }
        self.0.release(lease).await
    }

    async fn read(&self, election: &ElectionName) -> Result<Option<LeaseRecord>, StoreError> {
        self.0.read(election).await
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }
}
