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

mod builder;
mod worst_cases;

use std::time::Duration;

pub use self::{
    builder::{TimingBuilder, TimingError},
    worst_cases::WorstCases,
};
use crate::time::Instant;

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
