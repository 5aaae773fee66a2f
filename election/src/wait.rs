//! Waiting by the elector's own clock.

use std::time::Duration;

use election_core::{Clock, Instant};

/// The longest time the runtime's timer is trusted for.
///
/// Its clock stands still while the machine is suspended, so a long sleep would end late by the
/// whole suspension. `check()` does not depend on this; how soon an order to stop goes out does.
const LONGEST_NAP: Duration = Duration::from_secs(1);

/// Waits until the clock, not the timer, says that `deadline` has come; for ever without one.
///
/// # Cancel safety
///
/// Cancel safe.
pub(crate) async fn until(clock: &dyn Clock, deadline: Option<Instant>) {
    let Some(deadline) = deadline else {
        return std::future::pending().await;
    };
    loop {
        let left = deadline.saturating_since(clock.now());
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(LONGEST_NAP)).await;
    }
}
