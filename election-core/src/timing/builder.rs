//! From settings to a sound [`Timing`], or to the sentence that says what to change.

use std::time::Duration;

use super::Timing;

/// Thousandths of the ttl a grant is trusted for.
const HOLD_PERMILLE: u32 = 800;
/// Thousandths by which intervals are varied to either side, so that candidates drift apart.
const JITTER_PERMILLE: u32 = 100;
/// Complete renewal attempts the derived settings leave room for.
const DEFAULT_ATTEMPTS: u32 = 3;
/// Fewer complete attempts than this are refused.
const MIN_ATTEMPTS: u128 = 2;
const MIN_LEASE: Duration = Duration::from_millis(100);
const MAX_LEASE: Duration = crate::lease::MAX_TTL;
/// No useful store answers faster than this every time.
const MIN_REQUEST_LIMIT: Duration = Duration::from_millis(5);
/// A call that took this long is better repeated than waited for.
const MAX_REQUEST_LIMIT: Duration = Duration::from_secs(5);

/// Builds a [`Timing`]; what is not set follows from the lease duration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimingBuilder {
    ttl: Option<Duration>,
    renew_interval: Option<Duration>,
    retry_interval: Option<Duration>,
    renew_backoff: Option<Duration>,
    request_limit: Option<Duration>,
    stop_grace: Option<Duration>,
    hold_permille: Option<u32>,
    jitter_permille: Option<u32>,
}

impl TimingBuilder {
    /// How long a store is asked to grant a lease for; default 15 s.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// How often a leader renews; default a third of the lease.
    #[must_use]
    pub fn renew_interval(mut self, interval: Duration) -> Self {
        self.renew_interval = Some(interval);
        self
    }

    /// How often a follower tries without being told to; default 2/15 of the lease.
    #[must_use]
    pub fn retry_interval(mut self, interval: Duration) -> Self {
        self.retry_interval = Some(interval);
        self
    }

    /// How long a leader waits after a failed renewal; default a quarter of the room for an attempt.
    #[must_use]
    pub fn renew_backoff(mut self, backoff: Duration) -> Self {
        self.renew_backoff = Some(backoff);
        self
    }

    /// How long one store call may take; default three quarters of the room for an attempt.
    #[must_use]
    pub fn request_limit(mut self, limit: Duration) -> Self {
        self.request_limit = Some(limit);
        self
    }

    /// How long before the deadline the work is ordered to stop; default a twentieth of the lease.
    #[must_use]
    pub fn stop_grace(mut self, grace: Duration) -> Self {
        self.stop_grace = Some(grace);
        self
    }

    /// The part of the ttl a grant is trusted for, in thousandths; default 800.
    ///
    /// A clock-rate error of `(1000 − hold) / (1000 + hold)` is survived on either side.
    #[must_use]
    pub fn hold_permille(mut self, hold: u32) -> Self {
        self.hold_permille = Some(hold);
        self
    }

    /// By how many thousandths intervals vary to either side; default 100.
    #[must_use]
    pub fn jitter_permille(mut self, jitter: u32) -> Self {
        self.jitter_permille = Some(jitter);
        self
    }

    /// Checks the settings against each other.
    ///
    /// # Errors
    ///
    /// [`TimingError`], a sentence that says what to change.
    pub fn build(self) -> Result<Timing, TimingError> {
        self.check_ranges()?;
        let timing = self.derive();
        self.check_budget(&timing)?;
        Ok(timing)
    }

    fn check_ranges(&self) -> Result<(), TimingError> {
        let ttl = self.ttl.unwrap_or(DEFAULT_TTL);
        if !(MIN_LEASE..=MAX_LEASE).contains(&ttl) {
            return refuse(format!(
                "the lease duration {ttl:?} is out of range: use {MIN_LEASE:?} to {MAX_LEASE:?}"
            ));
        }
        let hold = self.hold_permille.unwrap_or(HOLD_PERMILLE);
        if !(100..=999).contains(&hold) {
            return refuse(format!(
                "a hold of {hold} ‰ is out of range: use 100 to 999"
            ));
        }
        let jitter = self.jitter_permille.unwrap_or(JITTER_PERMILLE);
        if jitter > 500 {
            return refuse(format!(
                "a jitter of {jitter} ‰ is out of range: use 0 to 500"
            ));
        }
        for (name, interval) in [
            ("renew interval", self.renew_interval),
            ("retry interval", self.retry_interval),
            ("renew back-off", self.renew_backoff),
            ("request limit", self.request_limit),
            ("stop grace", self.stop_grace),
        ] {
            let may_be_zero = name == "stop grace";
            if interval.is_some_and(|interval| !may_be_zero && interval < Duration::from_millis(1))
            {
                return refuse(format!(
                    "the {name} is shorter than 1ms: give it a longer one"
                ));
            }
            if interval.is_some_and(|interval| interval >= ttl) {
                return refuse(format!(
                    "the {name} {:?} is not shorter than the lease duration {ttl:?}: shorten it (a \
                     third of the lease is usual for renewals) or lengthen the lease",
                    interval.unwrap_or_default()
                ));
            }
        }
        Ok(())
    }

    /// Fills in what was not set. Every number here is in the module's or the setters' docs.
    pub(super) fn derive(&self) -> Timing {
        let ttl = self.ttl.unwrap_or(DEFAULT_TTL);
        let mut timing = Timing {
            ttl,
            renew_interval: self.renew_interval.unwrap_or(ttl / 3),
            retry_interval: self.retry_interval.unwrap_or(ttl * 2 / 15),
            renew_backoff: Duration::ZERO,
            request_limit: Duration::ZERO,
            stop_grace: self.stop_grace.unwrap_or(ttl / 20),
            hold_permille: self.hold_permille.unwrap_or(HOLD_PERMILLE),
            jitter_permille: self.jitter_permille.unwrap_or(JITTER_PERMILLE),
        };
        let attempt = timing.retry_budget() / DEFAULT_ATTEMPTS;
        timing.request_limit = self
            .request_limit
            .unwrap_or_else(|| (attempt * 3 / 4).min(MAX_REQUEST_LIMIT));
        timing.renew_backoff = self.renew_backoff.unwrap_or_else(|| {
            let rest = attempt.saturating_sub(timing.request_limit);
            rest.clamp(Duration::from_millis(1), timing.retry_interval)
        });
        timing
    }

    fn check_budget(&self, timing: &Timing) -> Result<(), TimingError> {
        let attempts = u128::from(timing.attempts());
        if attempts >= MIN_ATTEMPTS && timing.request_limit >= MIN_REQUEST_LIMIT {
            return Ok(());
        }
        let Timing {
            ttl,
            renew_interval,
            request_limit,
            renew_backoff,
            stop_grace,
            ..
        } = timing;
        if self
            .request_limit
            .is_some_and(|limit| limit < MIN_REQUEST_LIMIT)
        {
            return refuse(format!(
                "the request limit {request_limit:?} is too short for any store: use at least \
                 {MIN_REQUEST_LIMIT:?}"
            ));
        }
        let hold = timing.hold(*ttl);
        refuse(format!(
            "a lease of {ttl:?} renewed every {renew_interval:?} leaves no room for two attempts: it is \
             trusted for {hold:?}, the work needs {stop_grace:?} to stop, and an attempt takes \
             {request_limit:?} + {renew_backoff:?}; renew every {:?} or lengthen the lease",
            *ttl / 3
        ))
    }
}

const DEFAULT_TTL: Duration = Duration::from_secs(15);

fn refuse<T>(message: String) -> Result<T, TimingError> {
    Err(TimingError(message))
}

/// Durations that cannot work together; the message says what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TimingError(String);
