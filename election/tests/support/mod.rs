//! A world for drivers: tokio's paused time, and a store whose weather can be changed.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use election::{
    Acquired, Candidate, Capabilities, Clock, ElectionName, Elector, Hints, Instant, Lease,
    LeaseRecord, LeaseStore, MemoryStore, Released, Renewed, StoreError, StoreErrorKind,
};

/// Tells tokio's time, so that paused time moves the elector's clock as well.
#[derive(Debug)]
pub(crate) struct TokioClock(tokio::time::Instant);

impl TokioClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(tokio::time::Instant::now()))
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Instant {
        Instant::from_origin(Duration::from_secs(1000) + self.0.elapsed())
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Weather {
    Fair,
    Failing(StoreErrorKind),
    /// No answer ever comes, and nothing is applied.
    Blackhole,
    /// Requests are applied at once and answered after this time.
    SlowAnswers(Duration),
}

/// A memory store behind changeable weather.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) clock: Arc<TokioClock>,
    pub(crate) store: MemoryStore,
    weather: Arc<Mutex<Weather>>,
    hints: bool,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = TokioClock::new();
        let store = MemoryStore::new(clock.clone());
        Self {
            clock,
            store,
            weather: Arc::new(Mutex::new(Weather::Fair)),
            hints: true,
        }
    }

    pub(crate) fn without_hints(mut self) -> Self {
        self.hints = false;
        self
    }

    pub(crate) fn set(&self, weather: Weather) {
        *self.weather.lock().unwrap() = weather;
    }

    pub(crate) fn elector(&self, id: &str) -> Elector {
        Elector::builder(Arc::new(self.clone()), election())
            .id(id.parse().unwrap())
            .clock(self.clock.clone())
            .start()
            .unwrap()
    }

    /// Who the store says leads, whatever the weather.
    pub(crate) async fn leader(&self) -> Option<String> {
        let record = self.store.read(&election()).await.unwrap();
        record.map(|record| record.lease.holder.id.as_str().to_owned())
    }

    async fn weathered<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let weather = *self.weather.lock().unwrap();
        match weather {
            Weather::Fair => call.await,
            Weather::Failing(kind) => Err(StoreError::new(kind, "bad weather")),
            Weather::Blackhole => std::future::pending().await,
            Weather::SlowAnswers(delay) => {
                let answer = call.await;
                tokio::time::sleep(delay).await;
                answer
            }
        }
    }
}

pub(crate) fn election() -> ElectionName {
    "driver".parse().unwrap()
}

#[async_trait]
impl LeaseStore for World {
    async fn acquire(
        &self,
        election: &ElectionName,
        candidate: &Candidate,
        ttl: Duration,
    ) -> Result<Acquired, StoreError> {
        self.weathered(self.store.acquire(election, candidate, ttl))
            .await
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<Renewed, StoreError> {
        self.weathered(self.store.renew(lease, ttl)).await
    }

    async fn release(&self, lease: &Lease) -> Result<Released, StoreError> {
        self.weathered(self.store.release(lease)).await
    }

    async fn read(&self, election: &ElectionName) -> Result<Option<LeaseRecord>, StoreError> {
        self.weathered(self.store.read(election)).await
    }

    fn capabilities(&self) -> Capabilities {
        let hint_within = self.hints.then_some(Duration::ZERO);
        Capabilities {
            hint_within,
            ..self.store.capabilities()
        }
    }

    async fn hints(&self, election: &ElectionName) -> Result<Hints, StoreError> {
        self.store.hints(election).await
    }
}
