//! A store that looks right, fits on a screen, and keeps none of four promises.
//!
//! `cargo run -p election-conformance --example wrong_store` shows what the suite says of it.

use std::{
    collections::HashMap,
    io::{self, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use election_conformance::{BoxError, Harness, Time, run};
use election_core::{
    Acquired, Candidate, Capabilities, Clock, ElectionName, FencingToken, Instant, Lease,
    LeaseRecord, LeaseStore, ManualClock, Released, Renewed, StoreError,
};

/// Election to lease and end, as it might be kept in any key-value store.
#[derive(Clone, Debug, Default)]
struct WrongStore {
    clock: Arc<ManualClock>,
    leases: Arc<Mutex<HashMap<ElectionName, (LeaseRecord, Instant)>>>,
}

impl WrongStore {
    fn leases(&self) -> MutexGuard<'_, HashMap<ElectionName, (LeaseRecord, Instant)>> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl LeaseStore for WrongStore {
    async fn acquire(
        &self,
        election: &ElectionName,
        candidate: &Candidate,
        ttl: Duration,
    ) -> Result<Acquired, StoreError> {
        let (mut leases, now) = (self.leases(), self.clock.now());
        let before = leases.get(election);
        if let Some((record, _)) = before.filter(|(_, ends)| now < *ends) {
            return Ok(Acquired::Held(record.clone())); // wrong: `remaining` never falls
        }
        let token = before.and_then(|(record, _)| record.lease.token.next());
        let lease = Lease {
            election: election.clone(),
            holder: candidate.holder(),
            token: token.unwrap_or(FencingToken::FIRST),
        };
        let record = LeaseRecord {
            lease: lease.clone(),
            metadata: candidate.metadata.clone(),
            remaining: ttl,
        };
        leases.insert(election.clone(), (record, now.plus(ttl)));
        Ok(Acquired::Granted { lease, ttl })
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<Renewed, StoreError> {
        match self.leases().get_mut(&lease.election) {
            Some((_, ends)) => *ends = self.clock.now().plus(ttl), // wrong: whoever holds it
            None => return Ok(Renewed::Lost(None)),
        }
        Ok(Renewed::Extended { ttl })
    }

    async fn release(&self, lease: &Lease) -> Result<Released, StoreError> {
        match self.leases().remove(&lease.election) {
            Some(_) => Ok(Released::Done), // wrong: the token is forgotten with the lease
            None => Ok(Released::NotHeld),
        }
    }

    async fn read(&self, election: &ElectionName) -> Result<Option<LeaseRecord>, StoreError> {
        let (leases, now) = (self.leases(), self.clock.now());
        let found = leases.get(election).filter(|(_, ends)| now < *ends);
        Ok(found.map(|(record, _)| record.clone()))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            kind: "wrong",
            expiry_lag: Duration::ZERO,
            hint_within: None,
            tokens_survive: &[],
        }
    }
}

#[async_trait]
impl Harness for WrongStore {
    fn name(&self) -> String {
        "the wrong store".to_owned()
    }

    async fn client(&self) -> Result<Arc<dyn LeaseStore>, BoxError> {
        Ok(Arc::new(self.clone()))
    }

    fn time(&self) -> Time {
        Time::ByHand(Arc::clone(&self.clock))
    }

    fn namespace(&self) -> String {
        String::new()
    }
}

/// What the suite says of it: four rows of the many that it breaks.
pub(crate) async fn judged() -> String {
    let store = Arc::new(WrongStore::default());
    let report = run(store, &["T09", "R03", "R04", "L06"]).await;
    let command = "cargo test --test conformance --";
    report.replayed_by(command).to_string()
}

#[tokio::main]
async fn main() -> io::Result<()> {
    io::stdout().write_all(judged().await.as_bytes())
}
