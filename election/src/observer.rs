//! Watching an election without taking part.

use std::{sync::Arc, time::Duration};

use election_core::{ElectionName, LeaseRecord, LeaseStore, StoreError};
use tokio::select;

use crate::hint_line::{HintLine, Ring};

/// Sees who leads, without being a candidate.
///
/// Looks whenever the store hints at a change, when the lease it saw last ends, and every
/// `interval` at the latest.
pub struct Observer {
    store: Arc<dyn LeaseStore>,
    election: ElectionName,
    interval: Duration,
    hints: HintLine,
    next_look: tokio::time::Instant,
}

/// What an observer saw.
pub type Observation = Result<Option<LeaseRecord>, StoreError>;

impl Observer {
    /// Watches `election`, looking at least once every `interval`.
    #[must_use]
    pub fn new(store: Arc<dyn LeaseStore>, election: ElectionName, interval: Duration) -> Self {
        let hints = HintLine::new(store.clone(), election.clone(), interval);
        Self {
            store,
            election,
            interval,
            hints,
            next_look: tokio::time::Instant::now(),
        }
    }

    /// What is seen at the next look; the first comes at once.
    ///
    /// Consecutive looks may see the same.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn next(&mut self) -> Observation {
        loop {
            select! {
                ring = self.hints.next() => if ring == Ring::Hint { break },
                () = tokio::time::sleep_until(self.next_look) => break,
            }
        }
        let seen = self.store.read(&self.election).await;
        let wait = match &seen {
            Ok(Some(record)) => record.remaining.min(self.interval),
            _ => self.interval,
        };
        self.next_look = tokio::time::Instant::now() + wait.max(Duration::from_millis(5));
        seen
    }
}

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Observer")
            .field("election", &self.election)
            .finish_non_exhaustive()
    }
}
