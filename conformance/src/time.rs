//! Time as a check sees it: real, or turned by hand.

use std::{sync::Arc, time::Duration};

use election_clock::BootClock;
use election_core::{Clock, Instant, ManualClock};

/// The time by which the leases of a harness expire.
#[derive(Clone, Debug)]
pub enum Time {
    /// The real one: checks of expiry wait, and run beside each other.
    Real,
    /// A clock that only the check turns: checks of expiry are instant and exact, one at a time.
    ByHand(Arc<ManualClock>),
}

impl Time {
    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Instant {
        match self {
            Self::Real => BootClock.now(),
            Self::ByHand(clock) => clock.now(),
        }
    }

    /// Returns at `moment` or later, never earlier.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any await.
    pub async fn until(&self, moment: Instant) {
        match self {
            Self::Real => {
                // The runtime's timers need not run on the clock that is judged by: ask the clock.
                while self.now() < moment {
                    tokio::time::sleep(moment.saturating_since(self.now())).await;
                }
            }
            Self::ByHand(clock) => {
                clock.advance(moment.saturating_since(clock.now()));
                tokio::task::yield_now().await;
            }
        }
    }

    /// Whether the check itself turns the clock.
    #[must_use]
    pub fn is_by_hand(&self) -> bool {
        matches!(self, Self::ByHand(_))
    }

    /// By how much a correct store's clock may differ from ours over `span`.
    ///
    /// The kernel's time discipline may slew each of two hosts by 500 ppm. A clock turned by hand
    /// is the store's own, so nothing is forgiven.
    pub(crate) fn rate_error(&self, span: Duration) -> Duration {
        match self {
            Self::Real => span / 1000,
            Self::ByHand(_) => Duration::ZERO,
        }
    }
}
