//! How exactly the end of a lease is known.

use std::time::Duration;

use election_core::{Capabilities, Instant};

/// What a correct store is forgiven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tolerance {
    /// `L`: how much later than its time to live a lease may end.
    pub expiry_lag: Duration,
    /// By how many millionths the store's clock may run faster or slower than the recorder's.
    pub clock_error_ppm: u32,
    /// How much more than asked the store may have granted where its answer was lost.
    pub ttl_surplus: Duration,
}

impl Tolerance {
    /// What a store with these capabilities claims for itself: its lag, and nothing else.
    #[must_use]
    pub fn of(capabilities: &Capabilities) -> Self {
        Self {
            expiry_lag: capabilities.expiry_lag,
            ..Self::default()
        }
    }

    /// The same, for a store whose clock is not the recorder's.
    ///
    /// 1 000 millionths cover two hosts whose kernels each slew their clocks by up to 500.
    #[must_use]
    pub fn with_clock_error(self, clock_error_ppm: u32) -> Self {
        Self {
            clock_error_ppm,
            ..self
        }
    }

    /// The bounds of the end of a lease that was granted or extended between two moments.
    pub(super) fn ends(&self, from: Instant, to: Instant, ttl: Duration) -> Ends {
        let longest = ttl.saturating_add(self.expiry_lag);
        Ends {
            earliest: from.plus(ttl.saturating_sub(self.clock_error(ttl))),
            latest: to.plus(longest.saturating_add(self.clock_error(longest))),
        }
    }

    /// How long a lease runs at most if the answer was lost, and with it what was granted.
    pub(super) fn longest_unanswered(&self, asked: Duration) -> Duration {
        let longest = asked.saturating_add(self.ttl_surplus);
        self.ends(Instant::ORIGIN, Instant::ORIGIN, longest)
            .latest
            .since_origin()
    }

    fn clock_error(&self, span: Duration) -> Duration {
        // A span is at most a day and a lag, far from what would overflow.
        span.saturating_mul(self.clock_error_ppm) / 1_000_000
    }
}

/// When a lease ends: at one moment between these two, nobody knows which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Ends {
    pub(super) earliest: Instant,
    pub(super) latest: Instant,
}
