//! The reference store: the contract in its shortest form, inside one process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures_channel::mpsc;

use crate::{
    candidate::{Candidate, Metadata},
    error::StoreError,
    lease::{Lease, LeaseRecord},
    name::ElectionName,
    outcome::{Acquired, Released, Renewed},
    store::{Capabilities, Disaster, Hint, Hints, LeaseStore, check_ttl},
    time::{Clock, Instant},
    token::FencingToken,
};

/// Leases in the memory of one process: for tests, examples and as the model of every other store.
///
/// Clones share the leases, as connections to one server would. Time is whatever clock it is given:
/// the real one, or a [`ManualClock`](crate::ManualClock) turned by hand. Leases and tokens die with
/// the process.
#[derive(Clone, Debug)]
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    elections: Arc<Mutex<HashMap<ElectionName, Election>>>,
}

/// What is remembered of one election; it outlives every lease of it (C6).
#[derive(Debug, Default)]
struct Election {
    last_token: Option<FencingToken>,
    held: Option<Held>,
    watchers: Vec<mpsc::Sender<Hint>>,
}

#[derive(Debug)]
struct Held {
    lease: Lease,
    metadata: Metadata,
    expires_at: Instant,
}

impl MemoryStore {
    /// An empty store whose leases expire by `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            elections: Arc::default(),
        }
    }

    /// Nothing inside the lock can panic half-way, so a poisoned lock still guards sound data.
    fn elections(&self) -> MutexGuard<'_, HashMap<ElectionName, Election>> {
        self.elections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Election {
    /// The lease in force, if any. Expiry is a comparison, so it needs nobody to look (C8).
    fn in_force(&self, now: Instant) -> Option<&Held> {
        self.held.as_ref().filter(|held| now < held.expires_at)
    }

    fn record(&self, now: Instant) -> Option<LeaseRecord> {
        self.in_force(now).map(|held| LeaseRecord {
            lease: held.lease.clone(),
            metadata: held.metadata.clone(),
            remaining: held.expires_at.saturating_since(now),
        })
    }

    fn tell_watchers(&mut self) {
        // A full channel already holds a hint, and one is enough: hints may be coalesced.
        self.watchers.retain_mut(|watcher| {
            watcher
                .try_send(Hint)
                .err()
                .is_none_or(|refusal| !refusal.is_disconnected())
        });
    }
}

#[async_trait]
impl LeaseStore for MemoryStore {
    async fn acquire(
        &self,
        election: &ElectionName,
        candidate: &Candidate,
        ttl: Duration,
    ) -> Result<Acquired, StoreError> {
        check_ttl(ttl)?;
        let mut elections = self.elections();
        let now = self.clock.now();
        let state = elections.entry(election.clone()).or_default();
        let holder = candidate.holder();
        if let Some(record) = state
            .record(now)
            .filter(|record| record.lease.holder != holder)
        {
            return Ok(Acquired::Held(record));
        }
        let token = match state.last_token {
            None => FencingToken::FIRST,
            Some(last) => last.next().ok_or_else(|| {
                StoreError::fatal("the fencing tokens of this election are used up")
            })?,
        };
        let lease = Lease {
            election: election.clone(),
            holder,
            token,
        };
        state.last_token = Some(token);
        state.held = Some(Held {
            lease: lease.clone(),
            metadata: candidate.metadata.clone(),
            expires_at: now.plus(ttl),
        });
        state.tell_watchers();
        Ok(Acquired::Granted { lease, ttl })
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<Renewed, StoreError> {
        check_ttl(ttl)?;
        let mut elections = self.elections();
        let now = self.clock.now();
        let Some(state) = elections.get_mut(&lease.election) else {
            return Ok(Renewed::Lost(None));
        };
        match state
            .held
            .as_mut()
            .filter(|held| now < held.expires_at && held.lease == *lease)
        {
            Some(held) => {
                held.expires_at = now.plus(ttl);
                Ok(Renewed::Extended { ttl })
            }
            None => Ok(Renewed::Lost(state.record(now))),
        }
    }

    async fn release(&self, lease: &Lease) -> Result<Released, StoreError> {
        let mut elections = self.elections();
        let now = self.clock.now();
        let Some(state) = elections.get_mut(&lease.election) else {
            return Ok(Released::NotHeld);
        };
        if state.in_force(now).is_none_or(|held| held.lease != *lease) {
            return Ok(Released::NotHeld);
        }
        state.held = None;
        state.tell_watchers();
        Ok(Released::Done)
    }

    async fn read(&self, election: &ElectionName) -> Result<Option<LeaseRecord>, StoreError> {
        let elections = self.elections();
        Ok(elections
            .get(election)
            .and_then(|state| state.record(self.clock.now())))
    }

    fn capabilities(&self) -> Capabilities {
        const SURVIVED: &[Disaster] = &[];
        Capabilities {
            kind: "memory",
            expiry_lag: Duration::ZERO,
            hint_within: Some(Duration::ZERO),
            tokens_survive: SURVIVED,
        }
    }

    async fn hints(&self, election: &ElectionName) -> Result<Hints, StoreError> {
        let (mut sender, receiver) = mpsc::channel(0);
        // The first hint comes by itself (C11).
        let _ = sender.try_send(Hint);
        self.elections()
            .entry(election.clone())
            .or_default()
            .watchers
            .push(sender);
        Ok(Hints::new(receiver))
    }
}
