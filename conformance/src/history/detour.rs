//! A longer way to a store.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use election_core::{
    Acquired, Candidate, Capabilities, ElectionName, Hints, Lease, LeaseRecord, LeaseStore,
    Released, Renewed, StoreError,
};

use super::chance::Chance;

/// Yields a random number of times before and after each call, as a network would.
///
/// What the store does in between is done at one moment that others can see, while the caller does
/// not know yet: calls overlap, and one that is dropped may have been applied or not.
#[derive(Debug)]
pub(super) struct Detour {
    store: Arc<dyn LeaseStore>,
    longest: u32,
    chance: Mutex<Chance>,
}

impl Detour {
    pub(super) fn new(store: Arc<dyn LeaseStore>, longest: u32, chance: Chance) -> Self {
        Self {
            store,
            longest,
            chance: Mutex::new(chance),
        }
    }

    async fn by<T>(&self, call: impl Future<Output = T>) -> T {
        self.wander().await;
        let answer = call.await;
        self.wander().await;
        answer
    }

    async fn wander(&self) {
        let yields = {
            let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
            chance.below(u64::from(self.longest) + 1)
        };
        for _ in 0..yields {
            tokio::task::yield_now().await;
        }
    }
}

#[async_trait]
impl LeaseStore for Detour {
    async fn acquire(
        &self,
        election: &ElectionName,
        candidate: &Candidate,
        ttl: Duration,
    ) -> Result<Acquired, StoreError> {
        self.by(self.store.acquire(election, candidate, ttl)).await
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<Renewed, StoreError> {
        self.by(self.store.renew(lease, ttl)).await
    }

    async fn release(&self, lease: &Lease) -> Result<Released, StoreError> {
        self.by(self.store.release(lease)).await
    }

    async fn read(&self, election: &ElectionName) -> Result<Option<LeaseRecord>, StoreError> {
        self.by(self.store.read(election)).await
    }

    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    async fn hints(&self, election: &ElectionName) -> Result<Hints, StoreError> {
        self.store.hints(election).await
    }
}
