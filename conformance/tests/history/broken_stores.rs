//! Stores with one flaw each are convicted by a few random workloads.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use election_conformance::history::{
    Checker, Counterexample, Length, Tolerance, Verdict, Workload,
};
use election_core::{
    Acquired, Candidate, Capabilities, ElectionName, FencingToken, Lease, LeaseRecord, LeaseStore,
    MemoryStore, Released, Renewed, StoreError,
};

use crate::correct_stores::{elections, play};

/// Every flaw is found within so many seeds, of 4 clients with 60 calls each.
const SEEDS: u64 = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    /// Grants a free lease after a pause, without looking again.
    LooksBeforeItLeaps,
    /// Takes any candidate of the same id for the holder.
    KnowsIdsOnly,
    /// Grants the present holder its old token again.
    RepeatsTheToken,
    /// Counts the tokens of each election anew after a release.
    ForgetsTokens,
    /// Reads what was true some calls ago, now and then.
    ReadsAReplica,
    /// Says of an expired lease that it was extended.
    Resurrects,
    /// Extends whatever is held, whoever asks.
    RenewsByName,
    /// Frees whatever is held, whoever asks.
    ReleasesByName,
    /// Says it extended, and does not.
    RenewsNothing,
    /// Says it released, and does not.
    ReleasesNothing,
    /// Lets leases end after three quarters of their time.
    EndsEarly,
    /// Lets leases end after twice their time.
    EndsLate,
    /// Names the holder before the present one in refusals.
    NamesThePast,
    /// Says of an applied acquire that it was surely not.
    DeniesItsDeeds,
    /// Refuses the holder its own lease.
    RefusesTheHolder,
}

#[test]
fn a_store_that_looks_before_it_leaps_is_convicted() {
    assert_convicted(Flaw::LooksBeforeItLeaps);
}

#[test]
fn a_store_that_knows_ids_only_is_convicted() {
    assert_convicted(Flaw::KnowsIdsOnly);
}

#[test]
fn a_store_that_repeats_the_token_for_the_same_holder_is_convicted() {
    assert_convicted(Flaw::RepeatsTheToken);
}

#[test]
fn a_store_that_forgets_its_tokens_on_release_is_convicted() {
    assert_convicted(Flaw::ForgetsTokens);
}

#[test]
fn a_store_that_reads_a_replica_is_convicted() {
    assert_convicted(Flaw::ReadsAReplica);
}

#[test]
fn a_store_that_renews_expired_leases_back_is_convicted() {
    assert_convicted(Flaw::Resurrects);
}

#[test]
fn a_store_that_renews_by_name_is_convicted() {
    assert_convicted(Flaw::RenewsByName);
}

#[test]
fn a_store_that_releases_by_name_is_convicted() {
    assert_convicted(Flaw::ReleasesByName);
}

#[test]
fn a_store_that_renews_in_words_only_is_convicted() {
    assert_convicted(Flaw::RenewsNothing);
}

#[test]
fn a_store_that_releases_in_words_only_is_convicted() {
    assert_convicted(Flaw::ReleasesNothing);
}

#[test]
fn a_store_that_ends_leases_early_is_convicted() {
    assert_convicted(Flaw::EndsEarly);
}

#[test]
fn a_store_that_ends_leases_late_is_convicted() {
    assert_convicted(Flaw::EndsLate);
}

#[test]
fn a_store_that_names_past_holders_is_convicted() {
    assert_convicted(Flaw::NamesThePast);
}

#[test]
fn a_store_that_denies_what_it_did_is_convicted() {
    assert_convicted(Flaw::DeniesItsDeeds);
}

#[test]
fn a_store_that_refuses_the_holder_its_own_lease_is_convicted() {
    assert_convicted(Flaw::RefusesTheHolder);
}

#[track_caller]
fn assert_convicted(flaw: Flaw) {
    let (seed, found) = (0..SEEDS)
        .find_map(|seed| Some((seed, convict(flaw, seed)?)))
        .unwrap_or_else(|| panic!("{flaw:?} survives {SEEDS} seeds"));
    println!("{flaw:?}, seed {seed}: {found}");
}

fn convict(flaw: Flaw, seed: u64) -> Option<Counterexample> {
    let workload = Workload {
        length: Length::Calls(60),
        ..Workload::new(seed, elections(&["a"]))
    };
    let history = play(&workload, 4, |store| Arc::new(Broken::new(flaw, store)));
    match Checker::new(Tolerance::default()).check(&history) {
        Verdict::Violation(found) => Some(*found),
        Verdict::Linearizable => None,
        verdict @ Verdict::Undecided { .. } => panic!("{flaw:?}, seed {seed}: {verdict}"),
    }
}

/// A memory store that its clients reach through one flaw.
#[derive(Debug)]
struct Broken {
    flaw: Flaw,
    store: MemoryStore,
    calls: AtomicU64,
    /// What was read some calls ago.
    replica: Mutex<Option<LeaseRecord>>,
    /// The record of the latest two terms anybody was refused by.
    terms: Mutex<Vec<LeaseRecord>>,
    /// By how much the tokens that are told are smaller than the real ones.
    forgotten: Mutex<HashMap<ElectionName, u64>>,
}

impl Broken {
    fn new(flaw: Flaw, store: MemoryStore) -> Self {
        Self {
            flaw,
            store,
            calls: AtomicU64::new(0),
            replica: Mutex::default(),
            terms: Mutex::default(),
            forgotten: Mutex::default(),
        }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }

    /// Yes, every so many calls.
    fn every(&self, calls: u64) -> bool {
        self.calls
            .fetch_add(1, Ordering::Relaxed)
            .is_multiple_of(calls)
    }

    fn real_ttl(&self, ttl: Duration) -> Duration {
        match self.flaw {
            Flaw::EndsEarly => ttl * 3 / 4,
            Flaw::EndsLate => ttl * 2,
            _ => ttl,
        }
    }

    /// Takes the lease from whoever has it.
    async fn seize(
        &self,
        election: &ElectionName,
        candidate: &Candidate,
        ttl: Duration,
    ) -> Result<Acquired, StoreError> {
        if let Some(held) = self.store.read(election).await? {
            self.store.release(&held.lease).await?;
        }
        self.store.acquire(election, candidate, ttl).await
    }

    /// The record of the term before the one it is given.
    fn past(&self, present: LeaseRecord) -> LeaseRecord {
        let mut terms = self.terms.lock().unwrap();
        if terms.last().map(|record| &record.lease) != Some(&present.lease) {
            terms.push(present.clone());
        }
        let before = terms.len().checked_sub(2).map(|at| terms[at].clone());
        before.unwrap_or(present)
    }

    fn told(&self, mut lease: Lease) -> Lease {
        let forgotten = self.forgotten.lock().unwrap();
        let by = forgotten.get(&lease.election).copied().unwrap_or(0);
        lease.token = FencingToken::new(lease.token.as_u64() - by).unwrap();
        lease
    }
}

#[async_trait]
impl LeaseStore for Broken {
    async fn acquire(
        &self,
        election: &ElectionName,
        candidate: &Candidate,
        ttl: Duration,
    ) -> Result<Acquired, StoreError> {
        let held = self.store.read(election).await?;
        let real_ttl = self.real_ttl(ttl);
        match (self.flaw, held) {
            (Flaw::LooksBeforeItLeaps, None) => {
                tokio::task::yield_now().await;
                return self.seize(election, candidate, ttl).await;
            }
            (Flaw::KnowsIdsOnly, Some(held)) if held.lease.holder.id == candidate.id => {
                return self.seize(election, candidate, ttl).await;
            }
            (Flaw::RepeatsTheToken, Some(held)) if held.lease.holder == candidate.holder() => {
                let lease = held.lease;
                return Ok(match self.store.renew(&lease, ttl).await? {
                    Renewed::Extended { ttl } => Acquired::Granted { lease, ttl },
                    Renewed::Lost(_) => unreachable!("it was held a moment ago"),
                });
            }
            (Flaw::RefusesTheHolder, Some(held)) => return Ok(Acquired::Held(held)),
            _ => {}
        }
        let answer = self.store.acquire(election, candidate, real_ttl).await?;
        Ok(match answer {
            Acquired::Granted { .. } if self.has(Flaw::DeniesItsDeeds) && self.every(4) => {
                return Err(StoreError::unavailable("not reached: try again"));
            }
            Acquired::Granted { lease, .. } => Acquired::Granted {
                lease: self.told(lease),
                ttl,
            },
            Acquired::Held(held) if self.has(Flaw::NamesThePast) => Acquired::Held(self.past(held)),
            answer @ Acquired::Held(_) => answer,
        })
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<Renewed, StoreError> {
        let held = self.store.read(&lease.election).await?;
        match (self.flaw, held) {
            (Flaw::RenewsByName, Some(held)) => return self.store.renew(&held.lease, ttl).await,
            (Flaw::RenewsNothing, Some(held)) if held.lease == *lease => {
                return Ok(Renewed::Extended { ttl });
            }
            (Flaw::Resurrects, None) => return Ok(Renewed::Extended { ttl }),
            _ => {}
        }
        let answer = self.store.renew(lease, self.real_ttl(ttl)).await?;
        Ok(match answer {
            Renewed::Extended { .. } => Renewed::Extended { ttl },
            Renewed::Lost(found) => Renewed::Lost(found),
        })
    }

    async fn release(&self, lease: &Lease) -> Result<Released, StoreError> {
        let held = self.store.read(&lease.election).await?;
        match (self.flaw, held) {
            (Flaw::ReleasesByName, Some(held)) => self.store.release(&held.lease).await,
            (Flaw::ReleasesNothing, Some(held)) if held.lease == *lease => Ok(Released::Done),
            (Flaw::ForgetsTokens, Some(held)) => {
                let last = held.lease.token.as_u64();
                let election = lease.election.clone();
                self.forgotten.lock().unwrap().insert(election, last);
                self.store.release(&held.lease).await
            }
            _ => self.store.release(lease).await,
        }
    }

    async fn read(&self, election: &ElectionName) -> Result<Option<LeaseRecord>, StoreError> {
        let now = self.store.read(election).await?;
        if !self.has(Flaw::ReadsAReplica) {
            return Ok(now);
        }
        let mut replica = self.replica.lock().unwrap();
        if self.every(3) {
            replica.clone_from(&now);
        }
        Ok(replica.clone())
    }

    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }
}
