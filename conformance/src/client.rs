//! One client of the store, with every call timed, bounded and written down.

use std::{sync::Arc, time::Duration};

use election_clock::BootClock;
use election_core::{
    Acquired, Candidate, Clock, ElectionName, Hints, Instant, Lease, LeaseRecord, LeaseStore,
    Released, Renewed, StoreError, StoreErrorKind,
};

use crate::{
    check::{Judgement, Stop},
    time::Time,
    transcript::Transcript,
    wording,
};

/// A client as a check uses it; clones share the connection.
#[derive(Clone)]
pub(crate) struct Client {
    label: Arc<str>,
    store: Arc<dyn LeaseStore>,
    time: Time,
    limit: Duration,
    transcript: Arc<Transcript>,
    /// After so long, an error says more of a busy tester than of the store.
    forgiven_after: Duration,
}

/// What a healthy call never takes, unless the tester is too busy to make it.
const BUSY: Duration = Duration::from_secs(1);

/// An answer, and the two moments it lies between.
#[derive(Clone, Debug)]
pub(crate) struct Call<T> {
    pub(crate) sent: Instant,
    pub(crate) replied: Instant,
    pub(crate) answer: T,
}

impl Call<Acquired> {
    /// The grant, or the refusal.
    pub(crate) fn decided(self) -> Result<Grant, Box<Call<LeaseRecord>>> {
        let (sent, replied) = (self.sent, self.replied);
        match self.answer {
            Acquired::Granted { lease, ttl } => Ok(Grant {
                lease,
                ttl,
                sent,
                replied,
            }),
            Acquired::Held(answer) => Err(Box::new(Call {
                sent,
                replied,
                answer,
            })),
        }
    }
}

impl Call<Renewed> {
    /// The extension of `lease`, or the loss.
    pub(crate) fn decided(self, lease: &Lease) -> Result<Grant, Box<Call<Option<LeaseRecord>>>> {
        let (sent, replied) = (self.sent, self.replied);
        match self.answer {
            Renewed::Extended { ttl } => Ok(Grant {
                lease: lease.clone(),
                ttl,
                sent,
                replied,
            }),
            Renewed::Lost(answer) => Err(Box::new(Call {
                sent,
                replied,
                answer,
            })),
        }
    }
}

/// A lease with the call that granted or extended it.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) lease: Lease,
    pub(crate) ttl: Duration,
    pub(crate) sent: Instant,
    pub(crate) replied: Instant,
}

impl Client {
    pub(crate) fn new(
        label: &str,
        store: Arc<dyn LeaseStore>,
        time: Time,
        limit: Duration,
        transcript: Arc<Transcript>,
    ) -> Self {
        Self {
            label: label.into(),
            store,
            time,
            limit,
            transcript,
            forgiven_after: Duration::MAX,
        }
    }

    /// The same, for a store whose own limits are so short that a busy tester may exceed them.
    pub(crate) fn judged_by_answers(self) -> Self {
        Self {
            forgiven_after: BUSY,
            ..self
        }
    }

    /// The store itself, for calls that are to be dropped half-way.
    pub(crate) fn store(&self) -> &Arc<dyn LeaseStore> {
        &self.store
    }

    /// Notes what was done beside ordinary calls.
    pub(crate) fn note(&self, what: &str) {
        self.transcript
            .note(self.time.now(), || format!("{} {what}", self.label));
    }

    pub(crate) async fn acquire(
        &self,
        election: &ElectionName,
        candidate: &Candidate,
        ttl: Duration,
    ) -> Judgement<Call<Acquired>> {
        let began = BootClock.now();
        let attempt = self.attempt_acquire(election, candidate, ttl).await?;
        attempt.map_err(|error| self.unasked_error(&error, began))
    }

    pub(crate) async fn renew(&self, lease: &Lease, ttl: Duration) -> Judgement<Call<Renewed>> {
        let began = BootClock.now();
        let attempt = self.attempt_renew(lease, ttl).await?;
        attempt.map_err(|error| self.unasked_error(&error, began))
    }

    pub(crate) async fn release(&self, lease: &Lease) -> Judgement<Call<Released>> {
        let began = BootClock.now();
        let attempt = self.attempt_release(lease).await?;
        attempt.map_err(|error| self.unasked_error(&error, began))
    }

    pub(crate) async fn read(
        &self,
        election: &ElectionName,
    ) -> Judgement<Call<Option<LeaseRecord>>> {
        let began = BootClock.now();
        let attempt = self.attempt_read(election).await?;
        attempt.map_err(|error| self.unasked_error(&error, began))
    }

    pub(crate) async fn hints(&self, election: &ElectionName) -> Judgement<Hints> {
        let asked = || format!("hints {}", wording::election(election));
        let began = BootClock.now();
        let opened = self
            .timed(asked, self.store.hints(election), |_| "a stream".to_owned())
            .await?;
        opened
            .map(|call| call.answer)
            .map_err(|error| self.unasked_error(&error, began))
    }

    /// A healthy store has no reason for an error.
    fn unasked_error(&self, error: &StoreError, began: Instant) -> Stop {
        let took = BootClock.now().saturating_since(began);
        if error.kind() != StoreErrorKind::Fatal && took > self.forgiven_after {
            return Stop::TooSlow;
        }
        Stop::violation(
            "an answer, as nothing is wrong with the store",
            format!("the {} error: {error}", error.kind()),
        )
    }

    pub(crate) async fn attempt_acquire(
        &self,
        election: &ElectionName,
        candidate: &Candidate,
        ttl: Duration,
    ) -> Judgement<Result<Call<Acquired>, StoreError>> {
        let asked = || {
            format!(
                "acquire {} as {} for {ttl:?}",
                wording::election(election),
                wording::holder(&candidate.holder())
            )
        };
        let call = self.store.acquire(election, candidate, ttl);
        self.timed(asked, call, wording::acquired).await
    }

    pub(crate) async fn attempt_renew(
        &self,
        lease: &Lease,
        ttl: Duration,
    ) -> Judgement<Result<Call<Renewed>, StoreError>> {
        let asked = || format!("renew {} for {ttl:?}", wording::lease(lease));
        let call = self.store.renew(lease, ttl);
        self.timed(asked, call, wording::renewed).await
    }

    pub(crate) async fn attempt_release(
        &self,
        lease: &Lease,
    ) -> Judgement<Result<Call<Released>, StoreError>> {
        let asked = || format!("release {}", wording::lease(lease));
        let call = self.store.release(lease);
        self.timed(asked, call, |answer| wording::released(*answer))
            .await
    }

    pub(crate) async fn attempt_read(
        &self,
        election: &ElectionName,
    ) -> Judgement<Result<Call<Option<LeaseRecord>>, StoreError>> {
        let asked = || format!("read {}", wording::election(election));
        let call = self.store.read(election);
        self.timed(asked, call, |found| {
            format!("held by {}", wording::optional_record(found.as_ref()))
        })
        .await
    }

    /// Makes a call, bounds it (C14) and writes it down.
    async fn timed<T>(
        &self,
        asked: impl FnOnce() -> String,
        call: impl Future<Output = Result<T, StoreError>>,
        answered: impl FnOnce(&T) -> String,
    ) -> Judgement<Result<Call<T>, StoreError>> {
        let sent = self.time.now();
        let Ok(answer) = tokio::time::timeout(self.limit, call).await else {
            let asked = asked();
            self.transcript
                .note(sent, || format!("{} {asked} -> no answer", self.label));
            return Err(Stop::violation(
                format!("an answer or an error within {:?} (C14)", self.limit),
                format!("none to: {asked}"),
            ));
        };
        let replied = self.time.now();
        self.transcript.note(sent, || {
            let answered = match &answer {
                Ok(answer) => answered(answer),
                Err(error) => format!("{} error: {error}", error.kind()),
            };
            let took = match replied.saturating_since(sent) {
                // By a clock turned by hand, calls take no time.
                Duration::ZERO => String::new(),
                took => format!(" ({took:.1?})"),
            };
            format!("{} {} -> {answered}{took}", self.label, asked())
        });
        Ok(answer.map(|answer| Call {
            sent,
            replied,
            answer,
        }))
    }
}

/// The answers a check expects where no other is right.
impl Client {
    /// A grant.
    pub(crate) async fn granted(
        &self,
        election: &ElectionName,
        candidate: &Candidate,
        ttl: Duration,
    ) -> Judgement<Grant> {
        let call = self.acquire(election, candidate, ttl).await?;
        call.decided().map_err(|refusal| {
            Stop::violation(
                format!(
                    "{} is granted {}",
                    wording::holder(&candidate.holder()),
                    wording::election(election)
                ),
                format!("Held: {}", wording::record(&refusal.answer)),
            )
        })
    }

    /// A refusal, because of a lease that cannot end meanwhile.
    pub(crate) async fn refused(
        &self,
        election: &ElectionName,
        candidate: &Candidate,
        ttl: Duration,
    ) -> Judgement<Call<LeaseRecord>> {
        let call = self.acquire(election, candidate, ttl).await?;
        match call.decided() {
            Err(refusal) => Ok(*refusal),
            Ok(grant) => Err(Stop::violation(
                format!(
                    "{} is refused {}, which is held",
                    wording::holder(&candidate.holder()),
                    wording::election(election)
                ),
                format!("Granted {}", wording::lease(&grant.lease)),
            )),
        }
    }

    /// An extension.
    pub(crate) async fn extended(&self, lease: &Lease, ttl: Duration) -> Judgement<Grant> {
        let call = self.renew(lease, ttl).await?;
        call.decided(lease).map_err(|loss| {
            Stop::violation(
                format!("{} is extended", wording::lease(lease)),
                format!("Lost to {}", wording::optional_record(loss.answer.as_ref())),
            )
        })
    }

    /// A lost renewal, and who the store says holds the lease.
    pub(crate) async fn lost(
        &self,
        lease: &Lease,
        ttl: Duration,
    ) -> Judgement<Option<LeaseRecord>> {
        let call = self.renew(lease, ttl).await?;
        match call.answer {
            Renewed::Lost(found) => Ok(found),
            Renewed::Extended { .. } => Err(Stop::violation(
                format!("the renewal of {} is Lost", wording::lease(lease)),
                wording::renewed(&call.answer),
            )),
        }
    }

    /// A release that frees.
    pub(crate) async fn released(&self, lease: &Lease) -> Judgement {
        self.release_answered(lease, Released::Done).await
    }

    /// A release of what is not held.
    pub(crate) async fn not_held(&self, lease: &Lease) -> Judgement {
        self.release_answered(lease, Released::NotHeld).await
    }

    async fn release_answered(&self, lease: &Lease, expected: Released) -> Judgement {
        let answer = self.release(lease).await?.answer;
        if answer == expected {
            return Ok(());
        }
        Err(Stop::violation(
            format!("the release of {} is {expected:?}", wording::lease(lease)),
            wording::released(answer),
        ))
    }

    /// A read that finds nobody.
    pub(crate) async fn nobody(&self, election: &ElectionName) -> Judgement {
        match self.read(election).await?.answer {
            None => Ok(()),
            Some(found) => Err(Stop::violation(
                format!(
                    "a read finds nobody holding {}",
                    wording::election(election)
                ),
                wording::record(&found),
            )),
        }
    }

    /// A read that finds exactly this lease.
    pub(crate) async fn holds(&self, lease: &Lease) -> Judgement<Call<LeaseRecord>> {
        let call = self.read(&lease.election).await?;
        match call.answer {
            Some(found) if found.lease == *lease => Ok(Call {
                sent: call.sent,
                replied: call.replied,
                answer: found,
            }),
            found => Err(Stop::violation(
                format!("a read finds {}", wording::lease(lease)),
                wording::optional_record(found.as_ref()),
            )),
        }
    }
}
