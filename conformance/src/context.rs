//! What the code of a check works with: fresh names, clients, and time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use election_clock::BootClock;
use election_core::{
    Acquired, Candidate, CandidateId, Capabilities, Clock, ElectionName, Incarnation, Instant,
    LeaseStore, Metadata, StoreError, StoreErrorKind,
};

use crate::{
    check::{Judgement, Stop},
    client::{Call, Client, Grant},
    harness::{Ever, Harness, Network, Scale, Server, Unable},
    hash::FNV1A,
    time::Time,
    transcript::Transcript,
    wording,
};

/// A lease that ends after every check has: a check is given up long before.
pub(crate) const LONG: Duration = Duration::from_secs(600);
/// The shortest lease a check of expiry asks for; doubled while the tester proves too slow for it.
const SHORT: Duration = Duration::from_millis(250);
/// By how much a store may round a time remaining up.
pub(crate) const ROUNDING: Duration = Duration::from_millis(1);
/// How long to watch for what may come of a call that is over.
const LINGERING: Duration = Duration::from_millis(200);
/// Between two probes of one prober in real time.
const PROBE_EVERY: Duration = Duration::from_millis(3);
/// What is just before and just after, where time is turned by hand.
const TICK: Duration = Duration::from_nanos(1);

/// Why rows about hints are not applicable.
pub(crate) const NO_HINTS: &str = "the store claims no hints";
/// Why rows about disasters are not applicable.
pub(crate) const NO_SERVER: &str = "the harness has no hand on a server";
/// Why rows about faults of the network are not applicable.
pub(crate) const NO_NETWORK: &str = "the harness has no network to be disturbed";

/// How often a call is repeated that should succeed again, now that nothing is wrong any more.
const ATTEMPTS: u32 = 20;
/// The pause after the first of them; it doubles up to the other.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// One run of one check.
pub(crate) struct Context {
    harness: Arc<dyn Harness>,
    /// The names of all elections of this run start with it.
    prefix: String,
    doublings: u32,
    time: Time,
    capabilities: Capabilities,
    transcript: Arc<Transcript>,
    incarnation_base: u128,
    serial: AtomicU64,
}

impl Context {
    /// A run of the check `id`, with leases doubled `doublings` times.
    pub(crate) fn new(
        harness: Arc<dyn Harness>,
        id: &str,
        doublings: u32,
        capabilities: Capabilities,
        transcript: Arc<Transcript>,
    ) -> Self {
        let prefix = format!("{}{id}/{doublings}/", harness.namespace());
        Self {
            incarnation_base: u128::from(FNV1A.of(prefix.as_bytes())) << 64,
            time: harness.time(),
            prefix,
            harness,
            doublings,
            capabilities,
            transcript,
            serial: AtomicU64::new(0),
        }
    }

    /// A client with a connection of its own, called `label` in the transcript.
    pub(crate) async fn client(&self, label: &str) -> Judgement<Client> {
        let store = self
            .harness
            .client()
            .await
            .map_err(|error| Stop::Broken(format!("the harness gave no client: {error}")))?;
        Ok(self.wrapped(label, store))
    }

    /// The client that a store is to a check.
    pub(crate) fn wrapped(&self, label: &str, store: Arc<dyn LeaseStore>) -> Client {
        Client::new(
            label,
            store,
            self.time.clone(),
            self.harness.call_limit(),
            Arc::clone(&self.transcript),
        )
    }

    /// So many clients: `1`, `2`, …
    pub(crate) async fn clients(&self, count: usize) -> Judgement<Vec<Client>> {
        let mut clients = Vec::with_capacity(count);
        for number in 1..=count {
            clients.push(self.client(&number.to_string()).await?);
        }
        Ok(clients)
    }

    /// An election nobody else uses. At most 60 bytes are added to `label`.
    pub(crate) fn election(&self, label: &str) -> Judgement<ElectionName> {
        self.election_named(&format!("{}{label}", self.prefix))
    }

    /// What the names of this run start with.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// An election of exactly this name, which must start with [`Context::prefix`].
    pub(crate) fn election_named(&self, name: &str) -> Judgement<ElectionName> {
        ElectionName::new(name).map_err(|error| Stop::Broken(error.to_string()))
    }

    /// A candidate of an incarnation that nobody shares. Also a second one of the same id.
    pub(crate) fn candidate(&self, id: &str) -> Judgement<Candidate> {
        self.candidate_with(id, Metadata::default())
    }

    /// The same, with something to tell.
    pub(crate) fn candidate_with(&self, id: &str, metadata: Metadata) -> Judgement<Candidate> {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Candidate {
            id: CandidateId::new(id).map_err(|error| Stop::Broken(error.to_string()))?,
            incarnation: Incarnation(self.incarnation_base | u128::from(serial)),
            metadata,
        })
    }

    /// A lease as short as this tester can follow.
    pub(crate) fn short(&self) -> Duration {
        SHORT * 2_u32.pow(self.doublings)
    }

    pub(crate) fn scale(&self) -> Scale {
        self.harness.scale()
    }

    pub(crate) fn secrets(&self) -> Vec<String> {
        self.harness.secrets()
    }

    pub(crate) fn time(&self) -> &Time {
        &self.time
    }

    pub(crate) fn now(&self) -> Instant {
        self.time.now()
    }

    pub(crate) fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    pub(crate) fn lag(&self) -> Duration {
        self.capabilities.expiry_lag
    }

    /// How soon a hint follows a change, for checks whose need has been met.
    pub(crate) fn hint_within(&self) -> Duration {
        self.capabilities.hint_within.unwrap_or_default()
    }

    /// Stops a check that is about hints if the store claims none.
    pub(crate) fn claims_hints(&self) -> Judgement {
        match self.capabilities.hint_within {
            Some(_) => Ok(()),
            None => Err(Stop::NotApplicable(NO_HINTS.to_owned())),
        }
    }

    /// How long a call may take, and how long to wait for what may come late.
    pub(crate) fn call_limit(&self) -> Duration {
        self.harness.call_limit()
    }

    /// The server, for checks whose need has been met.
    pub(crate) fn server(&self) -> Judgement<&dyn Server> {
        self.harness
            .server()
            .ok_or_else(|| Stop::NotApplicable(NO_SERVER.to_owned()))
    }

    /// The network, for checks whose need has been met.
    pub(crate) fn network(&self) -> Judgement<&dyn Network> {
        self.harness
            .network()
            .ok_or_else(|| Stop::NotApplicable(NO_NETWORK.to_owned()))
    }

    /// The answer to a call that may fail a few times more after what it has been through.
    ///
    /// Nothing is wrong any more, and the client has to find out by itself.
    pub(crate) async fn at_last<T, F>(&self, call: impl Fn() -> F) -> Judgement<Call<T>>
    where
        F: Future<Output = Judgement<Result<Call<T>, StoreError>>>,
    {
        let mut pause = FIRST_PAUSE;
        let mut last = None;
        for _ in 0..ATTEMPTS {
            match call().await? {
                Ok(answered) => return Ok(answered),
                Err(error) if error.kind() == StoreErrorKind::Fatal => {
                    return Err(Stop::violation(
                        "no Fatal error, as trying again helps",
                        error.to_string(),
                    ));
                }
                Err(error) => last = Some(error),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        Err(Stop::violation(
            format!("an answer after at most {ATTEMPTS} attempts, as nothing is wrong any more"),
            last.map_or_else(String::new, |error| {
                format!("still the {} error: {error}", error.kind())
            }),
        ))
    }

    /// Before this, nobody else may be granted (C7): request + ttl, by a rate-correct clock.
    pub(crate) fn earliest_end(&self, grant: &Grant) -> Instant {
        grant
            .sent
            .plus(grant.ttl)
            .minus(self.time.rate_error(grant.ttl))
    }

    /// A request sent after this finds the lease ended (C7): reply + ttl + lag.
    pub(crate) fn latest_end(&self, grant: &Grant) -> Instant {
        grant
            .replied
            .plus(grant.ttl)
            .plus(self.lag())
            .plus(self.time.rate_error(grant.ttl))
    }

    /// Returns when the lease has surely ended.
    pub(crate) async fn past(&self, grant: &Grant) {
        self.time.until(self.latest_end(grant).plus(TICK)).await;
    }

    /// Waits as long as a prober does between two probes around the end of `grant`.
    ///
    /// By hand it halts at the two moments that matter, the last before and the first after.
    pub(crate) async fn between_probes(&self, grant: &Grant) {
        if !self.time.is_by_hand() {
            return tokio::time::sleep(PROBE_EVERY).await;
        }
        let last_before = self.earliest_end(grant).minus(TICK);
        if self.now() < last_before {
            self.time.until(last_before).await;
        } else {
            self.past(grant).await;
        }
    }

    /// Convicts if `grant` ends early; returns the next grant, or `None` if it ends late.
    pub(crate) async fn successor(
        &self,
        grant: &Grant,
        prober: &Client,
        candidate: &Candidate,
        ttl: Duration,
    ) -> Judgement<Option<Grant>> {
        let election = &grant.lease.election;
        loop {
            let probe = prober.acquire(election, candidate, ttl).await?;
            match probe.decided() {
                Ok(next) => {
                    self.not_early(grant, &next)?;
                    return Ok(Some(next));
                }
                Err(refusal) if refusal.sent > self.latest_end(grant) => return Ok(None),
                Err(_) => self.between_probes(grant).await,
            }
        }
    }

    /// Renews a lease that is in force still, unless the tester let it end.
    pub(crate) async fn extended(
        &self,
        client: &Client,
        grant: &Grant,
        ttl: Duration,
    ) -> Judgement<Grant> {
        let call = client.renew(&grant.lease, ttl).await?;
        call.decided(&grant.lease).map_err(|loss| {
            if loss.replied >= self.earliest_end(grant) {
                return Stop::TooSlow;
            }
            Stop::violation(
                "a lease in force is extended",
                format!("Lost to {}", wording::optional_record(loss.answer.as_ref())),
            )
        })
    }

    /// Convicts if somebody else's `next` grant was answered before `grant` could have ended.
    pub(crate) fn not_early(&self, grant: &Grant, next: &Grant) -> Judgement {
        let earliest = self.earliest_end(grant);
        if next.replied >= earliest {
            return Ok(());
        }
        Err(Stop::violation(
            "nobody else is granted the lease before request + ttl of the one before",
            format!(
                "granted {:?} too early",
                earliest.saturating_since(next.replied)
            ),
        ))
    }

    /// Convicts if somebody comes to hold an election that nobody asks for any more.
    pub(crate) async fn stays_free(&self, client: &Client, election: &ElectionName) -> Judgement {
        for _ in 0..10 {
            client.nobody(election).await?;
            tokio::time::sleep(LINGERING / 10).await;
        }
        client.nobody(election).await
    }

    /// The grant that follows whatever blocks the election now, however late.
    ///
    /// For what a dropped call or a disaster left behind: that may still be applied within the
    /// call limit, and ends `held_for` and the lag later. Calls that fail meanwhile are repeated.
    pub(crate) async fn grant_at_last(
        &self,
        client: &Client,
        election: &ElectionName,
        candidate: &Candidate,
        held_for: Duration,
    ) -> Judgement<Grant> {
        let real_wait = match self.time {
            Time::Real => self.call_limit() + held_for + self.lag(),
            Time::ByHand(_) => self.call_limit(),
        };
        let give_up_at = BootClock.now().plus(real_wait);
        loop {
            let began = BootClock.now();
            let attempt = client.attempt_acquire(election, candidate, LONG).await?;
            let seen = match attempt.map(Call::<Acquired>::decided) {
                Ok(Ok(grant)) => return Ok(grant),
                Ok(Err(refusal)) => wording::record(&refusal.answer),
                Err(error) => format!("the {} error: {error}", error.kind()),
            };
            if began > give_up_at {
                return Err(Stop::violation(
                    "the election is free again in time",
                    format!("after {real_wait:?} still {seen}"),
                ));
            }
            if self.time.is_by_hand() {
                let end = self.now().plus(held_for).plus(self.lag()).plus(TICK);
                self.time.until(end).await;
            }
            tokio::time::sleep(PROBE_EVERY).await;
        }
    }
}

/// A row that needs what the harness is unable to do is not applicable, and one for which the
/// harness failed is broken.
impl From<Unable> for Stop {
    fn from(unable: Unable) -> Self {
        match unable.ever {
            Ever::Never => Self::NotApplicable(unable.to_string()),
            Ever::NotThisTime => Self::Broken(unable.to_string()),
        }
    }
}
