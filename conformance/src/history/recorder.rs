//! A store that writes down every call made through it.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use election_core::{
    Acquired, Candidate, Capabilities, Clock, ElectionName, Hints, Lease, LeaseRecord, LeaseStore,
    Released, Renewed, StoreError, StoreErrorKind,
};

use super::call::{Answer, Call, History, Moment, Outcome, Request};

/// Keeps one history of many clients, by one clock.
///
/// Clones write into the same history.
#[derive(Clone, Debug)]
pub struct Recorder {
    clock: Arc<dyn Clock>,
    log: Arc<Mutex<Log>>,
}

#[derive(Debug, Default)]
struct Log {
    moments: u64,
    calls: Vec<Call>,
}

impl Recorder {
    /// An empty history, timed by `clock`.
    ///
    /// Leases are judged by this clock: give it the store's own where there is one.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            log: Arc::default(),
        }
    }

    /// The same store, with every call written down as one of the client called `label`.
    #[must_use]
    pub fn client(&self, label: &str, store: Arc<dyn LeaseStore>) -> Recording {
        Recording {
            label: label.into(),
            store,
            recorder: self.clone(),
        }
    }

    /// What has happened so far. A call still under way has no answer in it.
    #[must_use]
    pub fn history(&self) -> History {
        History::new(self.log().calls.clone())
    }

    fn invoke(&self, client: &Arc<str>, request: Request) -> usize {
        let mut log = self.log();
        let invoked = log.moment(&*self.clock);
        log.calls.push(Call {
            client: Arc::clone(client),
            invoked,
            request,
            // What is never returned to stays so: the future was dropped.
            outcome: Outcome::Unknown,
        });
        log.calls.len() - 1
    }

    fn answered(&self, call: usize, answer: Answer) {
        let mut log = self.log();
        let returned = log.moment(&*self.clock);
        log.calls[call].outcome = Outcome::Answered { returned, answer };
    }

    fn failed(&self, call: usize, kind: StoreErrorKind) {
        self.log().calls[call].outcome = match kind {
            StoreErrorKind::Unavailable => Outcome::NotApplied,
            StoreErrorKind::Indeterminate | StoreErrorKind::Fatal => Outcome::Unknown,
        };
    }

    /// Nothing inside the lock can panic half-way, so a poisoned lock still guards sound data.
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    /// The next moment. The clock is read under the lock, so that times follow the order.
    fn moment(&mut self, clock: &dyn Clock) -> Moment {
        self.moments += 1;
        Moment {
            order: self.moments,
            at: clock.now(),
        }
    }
}

/// One client's view of a store whose calls a [`Recorder`] writes down.
#[derive(Clone)]
pub struct Recording {
    label: Arc<str>,
    store: Arc<dyn LeaseStore>,
    recorder: Recorder,
}

impl Recording {
    /// Makes the call only after its invocation is written down, even if the store acts at once.
    async fn recorded<T: Clone, F: Future<Output = Result<T, StoreError>>>(
        &self,
        request: Request,
        call: impl FnOnce() -> F,
        answer: impl FnOnce(T) -> Answer,
    ) -> Result<T, StoreError> {
        let place = self.recorder.invoke(&self.label, request);
        let outcome = call().await;
        match &outcome {
            Ok(answered) => self.recorder.answered(place, answer(answered.clone())),
            Err(error) => self.recorder.failed(place, error.kind()),
        }
        outcome
    }
}

#[async_trait]
impl LeaseStore for Recording {
    async fn acquire(
        &self,
        election: &ElectionName,
        candidate: &Candidate,
        ttl: Duration,
    ) -> Result<Acquired, StoreError> {
        let request = Request::Acquire {
            election: election.clone(),
            candidate: candidate.clone(),
            ttl,
        };
        let call = || self.store.acquire(election, candidate, ttl);
        self.recorded(request, call, Answer::Acquired).await
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<Renewed, StoreError> {
        let request = Request::Renew {
            lease: lease.clone(),
            ttl,
        };
        let call = || self.store.renew(lease, ttl);
        self.recorded(request, call, Answer::Renewed).await
    }

    async fn release(&self, lease: &Lease) -> Result<Released, StoreError> {
        let request = Request::Release {
            lease: lease.clone(),
        };
        let call = || self.store.release(lease);
        self.recorded(request, call, Answer::Released).await
    }

    async fn read(&self, election: &ElectionName) -> Result<Option<LeaseRecord>, StoreError> {
        let request = Request::Read {
            election: election.clone(),
        };
        let call = || self.store.read(election);
        self.recorded(request, call, Answer::Read).await
    }

    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    /// Not written down: a hint carries no truth.
    async fn hints(&self, election: &ElectionName) -> Result<Hints, StoreError> {
        self.store.hints(election).await
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording")
            .field("label", &self.label)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::poll_fn,
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use election_core::{ManualClock, MemoryStore};

    use super::*;

    /// Answers every read with an error of one kind, or never.
    #[derive(Debug)]
    struct Failing(Option<StoreErrorKind>);

    #[async_trait]
    impl LeaseStore for Failing {
        async fn acquire(
            &self,
            _: &ElectionName,
            _: &Candidate,
            _: Duration,
        ) -> Result<Acquired, StoreError> {
            unreachable!("nobody acquires here")
        }

        async fn renew(&self, _: &Lease, _: Duration) -> Result<Renewed, StoreError> {
            unreachable!("nobody renews here")
        }

        async fn release(&self, _: &Lease) -> Result<Released, StoreError> {
            unreachable!("nobody releases here")
        }

        async fn read(&self, _: &ElectionName) -> Result<Option<LeaseRecord>, StoreError> {
            match self.0 {
                Some(kind) => Err(StoreError::new(kind, "as was wished")),
                None => poll_fn(|_| Poll::Pending).await,
            }
        }

        fn capabilities(&self) -> Capabilities {
            MemoryStore::new(Arc::new(ManualClock::new())).capabilities()
        }
    }

    /// The history of one read that is polled once and then dropped.
    fn history_of_a_read(store: impl LeaseStore) -> History {
        let recorder = Recorder::new(Arc::new(ManualClock::new()));
        let client = recorder.client("1", Arc::new(store));
        let election = ElectionName::new("e").unwrap();
        {
            let read = pin!(client.read(&election));
            let _ = read.poll(&mut Context::from_waker(Waker::noop()));
        }
        recorder.history()
    }

    #[test]
    fn only_an_unavailable_store_has_surely_not_applied_a_call() {
        for (kind, expected) in [
            (Some(StoreErrorKind::Unavailable), Outcome::NotApplied),
            (Some(StoreErrorKind::Indeterminate), Outcome::Unknown),
            (Some(StoreErrorKind::Fatal), Outcome::Unknown),
            (None, Outcome::Unknown),
        ] {
            let history = history_of_a_read(Failing(kind));
            assert_eq!(history.calls()[0].outcome, expected, "{kind:?}");
        }
    }

    #[test]
    fn an_answer_is_ordered_after_its_call_even_while_the_clock_stands_still() {
        let history = history_of_a_read(MemoryStore::new(Arc::new(ManualClock::new())));
        let call = &history.calls()[0];
        let returned = call.returned().unwrap();
        assert!(call.invoked.order < returned.order);
        assert_eq!(call.invoked.at, returned.at);
    }
}
