//! Every duration of an election, checked once.
//!
//! Two rules make a set of durations safe and useful.
//!
//! **The hold rule.** A leader trusts a grant for `hold`, counted from the moment *before* the
//! request left: `valid_until = sent_at + hold`. The store cannot have started its own `ttl` earlier,
//! so with clock rates off by at most ρ on either side nobody else is granted the lease before
//! `valid_until` if `hold ≤ ttl (1 − ρ) / (1 + ρ)` (Gray and Cheriton's lease inequality). The default
//! `hold = 0.8 ttl` covers ρ = 11.1 %, more than the ±10 % the Linux kernel can be told to slew by.
//!
//! **The budget rule.** From one confirmed renewal to the deadline at least two complete attempts
//! fit, by default three: `renew (1 + jitter) + n (request limit + back-off) + stop grace ≤ hold`.
//! One lost packet must never cost a term.

use std::{fmt, time::Duration};

use crate::time::Instant;

/// Thousandths of the ttl a grant is trusted for.
const HOLD_PERMILLE: u32 = 800;
/// Thousandths by which intervals are varied to either side, so that candidates drift apart.
const JITTER_PERMILLE: u32 = 100;
/// Complete renewal attempts the derived settings leave room for.
const DEFAULT_ATTEMPTS: u32 = 3;
/// Fewer complete attempts than this are refused.
const MIN_ATTEMPTS: u128 = 2;
const MIN_LEASE: Duration = Duration::from_millis(100);
const MAX_LEASE: Duration = crate::store::MAX_TTL;
/// No useful store answers faster than this every time.
const MIN_REQUEST_LIMIT: Duration = Duration::from_millis(5);
/// A call that took this long is better repeated than waited for.
const MAX_REQUEST_LIMIT: Duration = Duration::from_secs(5);
/// Longest extra wait at a lease's known end, by which waiting candidates are spread.
const MAX_EXPIRY_SPREAD: Duration = Duration::from_millis(50);

/// The durations of one election, known to keep the hold rule and the budget rule.
///
/// Every candidate of an election should use the same. A candidate that does not is safe all the
/// same: it waits for the end of the lease the *holder* was granted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Timing {
    ttl: Duration,
    renew_interval: Duration,
    retry_interval: Duration,
    renew_backoff: Duration,
    request_limit: Duration,
    stop_grace: Duration,
    hold_permille: u32,
    jitter_permille: u32,
}

impl Timing {
    /// Starts from the defaults: lease 15 s, renewed every 5 s, retried every 2 s.
    ///
    /// What is not set is derived from the lease duration in the same proportions.
    #[must_use]
    pub fn builder() -> TimingBuilder {
        TimingBuilder::default()
    }

    /// How long a store is asked to grant a lease for.
    #[must_use]
    pub fn ttl(&self) -> Duration {
        self.ttl
    }

    /// How long after the last confirmed renewal a leader renews again.
    #[must_use]
    pub fn renew_interval(&self) -> Duration {
        self.renew_interval
    }

    /// How long a follower waits before it tries again without being told to.
    #[must_use]
    pub fn retry_interval(&self) -> Duration {
        self.retry_interval
    }

    /// How long a leader waits after a failed renewal.
    #[must_use]
    pub fn renew_backoff(&self) -> Duration {
        self.renew_backoff
    }

    /// How long one store call may take before its outcome counts as unknown.
    #[must_use]
    pub fn request_limit(&self) -> Duration {
        self.request_limit
    }

    /// How long before the deadline the work is ordered to stop.
    #[must_use]
    pub fn stop_grace(&self) -> Duration {
        self.stop_grace
    }

    /// How long a grant of `ttl` is trusted, counted from the moment before the request left.
    #[must_use]
    pub fn hold(&self, ttl: Duration) -> Duration {
        permille(ttl, self.hold_permille)
    }

    /// Invariant I2, in its one place: until when a grant may be trusted.
    #[must_use]
    pub(crate) fn valid_until(&self, sent_at: Instant, granted: Duration) -> Instant {
        sent_at.plus(self.hold(granted.min(self.ttl)))
    }

    /// The spread of intervals to either side, in thousandths.
    #[must_use]
    pub(crate) fn jitter_permille(&self) -> u32 {
        self.jitter_permille
    }

    /// By how much attempts at one lease's known end are spread.
    #[must_use]
    pub(crate) fn expiry_spread(&self) -> Duration {
        permille(self.retry_interval, self.jitter_permille).min(MAX_EXPIRY_SPREAD)
    }

    /// What these settings mean on the worst day.
    #[must_use]
    pub fn worst_cases(&self) -> WorstCases {
        let retry = permille(self.retry_interval, 1000 + self.jitter_permille);
        WorstCases {
            takeover_after_crash: self.ttl + retry + self.request_limit,
            takeover_after_release: retry + self.request_limit,
            outage_survived: self.retry_budget().saturating_sub(self.request_limit),
            clock_drift_percent: f64::from(1000 - self.hold_permille)
                / f64::from(1000 + self.hold_permille)
                * 100.0,
            renewal_attempts: self.attempts(),
        }
    }

    /// What is left of the hold for failed attempts after the longest renew interval.
    fn retry_budget(&self) -> Duration {
        self.hold(self.ttl)
            .saturating_sub(self.stop_grace)
            .saturating_sub(permille(self.renew_interval, 1000 + self.jitter_permille))
    }

    fn attempts(&self) -> u32 {
        let attempt = (self.request_limit + self.renew_backoff).as_nanos().max(1);
        u32::try_from(self.retry_budget().as_nanos() / attempt).unwrap_or(u32::MAX)
    }
}

impl Default for Timing {
    fn default() -> Self {
        TimingBuilder::default().derive()
    }
}

fn permille(duration: Duration, thousandths: u32) -> Duration {
    duration.saturating_mul(thousandths) / 1000
}

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
    fn derive(&self) -> Timing {
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

/// What a [`Timing`] means on the worst day, for people who choose one.
#[derive(Clone, Debug, PartialEq)]
pub struct WorstCases {
    /// From the leader's death to the next grant, for a store that frees leases without lag.
    pub takeover_after_crash: Duration,
    /// From a release to the next grant without hints; with hints it is two round trips.
    pub takeover_after_release: Duration,
    /// A store outage this long never ends a term.
    pub outage_survived: Duration,
    /// The clock-rate error that is survived on either side, in percent.
    pub clock_drift_percent: f64,
    /// Complete renewal attempts between a confirmed renewal and the order to stop.
    pub renewal_attempts: u32,
}

/// One line per case, for people.
impl fmt::Display for WorstCases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "take-over after a crash      within {:?}",
            self.takeover_after_crash
        )?;
        writeln!(
            f,
            "take-over after a clean stop within {:?} (at once where the store gives hints)",
            self.takeover_after_release
        )?;
        writeln!(f, "store outage survived        {:?}", self.outage_survived)?;
        writeln!(
            f,
            "clock-rate error survived    {:.1} % on either side",
            self.clock_drift_percent
        )?;
        writeln!(f, "renewal attempts per hold    {}", self.renewal_attempts)?;
        write!(f, "overlap of two leaders       none within these bounds")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_defaults_are_15_5_and_2_seconds_and_leave_three_attempts() {
        let timing = Timing::builder().build().unwrap();
        assert_eq!(timing, Timing::default());
        assert_eq!(timing.ttl(), secs(15));
        assert_eq!(timing.renew_interval(), secs(5));
        assert_eq!(timing.retry_interval(), secs(2));
        assert_eq!(timing.hold(timing.ttl()), secs(12));
        assert_eq!(timing.worst_cases().renewal_attempts, 3);
    }

    #[test]
    fn the_timings_of_both_user_systems_are_accepted() {
        let a = Timing::builder()
            .ttl(secs(15))
            .renew_interval(secs(5))
            .retry_interval(secs(2));
        let b = Timing::builder().ttl(secs(10)).renew_interval(secs(3));
        assert!(a.build().unwrap().worst_cases().renewal_attempts >= 2);
        assert!(b.build().unwrap().worst_cases().renewal_attempts >= 2);
    }

    #[test]
    fn a_short_lease_alone_scales_everything_else() {
        let timing = Timing::builder().ttl(secs(2)).build().unwrap();
        assert!(timing.renew_interval() < timing.ttl());
        assert!(timing.worst_cases().renewal_attempts >= 3);
    }

    #[test]
    fn impossible_timings_are_refused_with_a_sentence_that_says_what_to_change() {
        let refusal = |builder: TimingBuilder| builder.build().unwrap_err().to_string();
        let zero = refusal(Timing::builder().ttl(Duration::ZERO));
        assert!(zero.contains("out of range: use 100ms"), "{zero}");
        let late = refusal(Timing::builder().ttl(secs(5)).renew_interval(secs(5)));
        assert!(
            late.contains("not shorter than the lease duration"),
            "{late}"
        );
        let tight = refusal(Timing::builder().ttl(secs(10)).renew_interval(secs(8)));
        assert!(tight.contains("renew every 3.33"), "{tight}");
        let slow = refusal(Timing::builder().request_limit(secs(10)));
        assert!(refusal(Timing::builder().request_limit(Duration::MAX)).contains("request limit"));
        assert!(refusal(Timing::builder().stop_grace(Duration::MAX)).contains("stop grace"));
        assert!(slow.contains("no room for two attempts"), "{slow}");
    }

    #[test]
    fn a_grant_is_never_trusted_longer_than_the_lease_inequality_allows() {
        for hold in [100, 500, 800, 999] {
            let timing = Timing::builder()
                .hold_permille(hold)
                .renew_interval(secs(1))
                .stop_grace(Duration::from_millis(10));
            let Ok(timing) = timing.build() else { continue };
            let drift = timing.worst_cases().clock_drift_percent / 100.0;
            let bound = 15.0 * (1.0 - drift) / (1.0 + drift);
            assert!(timing.hold(secs(15)).as_secs_f64() <= bound + 1e-9);
        }
    }

    #[test]
    fn i2_trust_is_counted_from_the_request_and_never_from_a_longer_grant() {
        let timing = Timing::default();
        let sent_at = Instant::from_origin(secs(100));
        let asked = timing.valid_until(sent_at, secs(15));
        assert_eq!(asked, sent_at.plus(secs(12)));
        assert_eq!(timing.valid_until(sent_at, secs(60)), asked);
        assert!(timing.valid_until(sent_at, secs(5)) < asked);
    }
}
