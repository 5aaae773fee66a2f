//! A client of the model's server: the store that is right until it is given a flaw.

use std::{
    collections::VecDeque,
    fmt,
    future::pending,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use election_core::{
    Acquired, Candidate, Capabilities, Disaster, ElectionName, Hints, Lease, LeaseRecord,
    LeaseStore, Released, Renewed, StoreError, check_ttl,
};
use tokio::{task::yield_now, time::sleep};

use super::{
    flaw::Flaw,
    world::{PASSWORD, World},
};

/// Between looking and acting, in a store that does not do both at once.
const WINDOW: Duration = Duration::from_millis(2);

/// A [`LeaseStore`] over one world: flawless, or broken in the world's one way.
pub struct Model {
    world: Arc<World>,
    client: u64,
    /// The restarts the server had had when this client connected.
    born: u64,
    /// Answers on their way to the calls that wait for them, in a flawed client.
    answers: Mutex<VecDeque<Result<Acquired, StoreError>>>,
}

impl Model {
    pub(super) fn new(world: Arc<World>) -> Self {
        Self {
            client: world.connect(),
            born: world.restarts(),
            world,
            answers: Mutex::default(),
        }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.world.has(flaw)
    }

    /// Carries a request to the server, with one await on the way.
    async fn arrive(&self) -> Result<(), StoreError> {
        yield_now().await;
        if self.has(Flaw::DiesWithTheServer) && self.world.restarts() != self.born {
            return Err(StoreError::unavailable("the connection is closed"));
        }
        if self.world.is_paused() {
            if self.has(Flaw::WaitsForEver) {
                pending::<()>().await;
            }
            return Err(StoreError::unavailable(
                "the server is paused: resume it, then ask again",
            ));
        }
        Ok(())
    }

    fn accept_ttl(&self, ttl: Duration) -> Result<(), StoreError> {
        match check_ttl(ttl) {
            Err(_) if self.has(Flaw::TakesAnyTtl) => Ok(()),
            Err(error) if self.has(Flaw::ShowsItsPasswordInErrors) => {
                let password = PASSWORD.replace(' ', "%20").replace('/', "%2F");
                Err(error.caused_by(format!("model://:{password}@127.0.0.1 refused")))
            }
            accepted => accepted,
        }
    }

    fn acquire_now(
        &self,
        election: &ElectionName,
        candidate: &Candidate,
        ttl: Duration,
    ) -> Result<Acquired, StoreError> {
        self.world.acquire(self.client, election, candidate, ttl)
    }

    /// Takes the lease some time after it was seen free.
    async fn look_and_take(
        &self,
        election: &ElectionName,
        candidate: &Candidate,
        ttl: Duration,
    ) -> Result<Acquired, StoreError> {
        sleep(WINDOW).await;
        self.world.take(self.client, election, candidate, ttl)
    }

    /// Acquires under a lock that a dropped future never gives back.
    async fn locked(&self, election: &ElectionName) {
        while !self.world.lock(election) {
            sleep(WINDOW).await;
        }
        yield_now().await;
    }

    fn push(&self, answer: Result<Acquired, StoreError>) {
        self.answers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(answer);
    }

    fn pop(&self, take: Take) -> Result<Acquired, StoreError> {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = match take {
            Take::Oldest => answers.pop_front(),
            Take::Newest => answers.pop_back(),
        };
        answer.unwrap_or_else(|| Err(StoreError::indeterminate("the answer was lost")))
    }
}

/// Which of the answers that wait a call takes for its own.
enum Take {
    Oldest,
    Newest,
}

#[async_trait]
impl LeaseStore for Model {
    async fn acquire(
        &self,
        election: &ElectionName,
        candidate: &Candidate,
        ttl: Duration,
    ) -> Result<Acquired, StoreError> {
        self.accept_ttl(ttl)?;
        if self.has(Flaw::AppliesTheUnavailable) && self.world.is_paused() {
            self.world.postpone(election, candidate, ttl);
        }
        self.arrive().await?;
        match self.world.flaw() {
            Some(Flaw::TakesWhatItSawFree) if self.world.is_free(election) => {
                self.look_and_take(election, candidate, ttl).await
            }
            Some(Flaw::TakesWhatItSawExpired) if self.world.is_expired(election) => {
                self.look_and_take(election, candidate, ttl).await
            }
            Some(Flaw::LeaksTheLockOfAcquire) => {
                self.locked(election).await;
                let answer = self.acquire_now(election, candidate, ttl);
                self.world.unlock(election);
                answer
            }
            Some(Flaw::AnswersTheDropped) => {
                self.push(self.acquire_now(election, candidate, ttl));
                yield_now().await;
                self.pop(Take::Oldest)
            }
            Some(Flaw::MixesUpAnswers) => {
                self.push(self.acquire_now(election, candidate, ttl));
                sleep(WINDOW).await;
                self.pop(Take::Newest)
            }
            _ => self.acquire_now(election, candidate, ttl),
        }
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<Renewed, StoreError> {
        self.accept_ttl(ttl)?;
        if self.has(Flaw::RenewsFromMemory) && self.world.is_paused() {
            return Ok(Renewed::Extended { ttl });
        }
        self.arrive().await?;
        match self.world.flaw() {
            Some(Flaw::LosesRenewalsToEachOther) => {
                let seen = self.world.renewals(&lease.election);
                sleep(WINDOW).await;
                if self.world.renewals(&lease.election) != seen {
                    return Ok(Renewed::Lost(None));
                }
                Ok(self.world.renew(lease, ttl))
            }
            Some(Flaw::LeaksTheLockOfRenew) => {
                self.locked(&lease.election).await;
                let answer = self.world.renew(lease, ttl);
                self.world.unlock(&lease.election);
                Ok(answer)
            }
            _ => Ok(self.world.renew(lease, ttl)),
        }
    }

    async fn release(&self, lease: &Lease) -> Result<Released, StoreError> {
        self.arrive().await?;
        if self.has(Flaw::ReleasesWhatItSawHeld) {
            let seen = self.world.read(&lease.election);
            sleep(WINDOW).await;
            if seen.is_some_and(|seen| seen.lease == *lease) {
                self.world.release(self.client, lease)?;
                return Ok(Released::Done);
            }
            return Ok(Released::NotHeld);
        }
        self.world.release(self.client, lease)
    }

    async fn read(&self, election: &ElectionName) -> Result<Option<LeaseRecord>, StoreError> {
        self.arrive().await?;
        Ok(self.world.read(election))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            kind: "model",
            expiry_lag: Duration::ZERO,
            hint_within: Some(Duration::ZERO),
            tokens_survive: &[
                Disaster::Restart,
                Disaster::Crash,
                Disaster::Failover,
                Disaster::DataLoss,
            ],
        }
    }

    async fn hints(&self, election: &ElectionName) -> Result<Hints, StoreError> {
        self.arrive().await?;
        Ok(Hints::new(self.world.watch(self.client, election)))
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Model");
        shown.field("client", &self.client);
        if self.has(Flaw::ShowsItsPasswordInDebug) {
            shown.field("password", &PASSWORD);
        }
        shown.finish_non_exhaustive()
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        self.world.disconnect(self.client);
    }
}
