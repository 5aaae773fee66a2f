//! The line hints come in by, kept open.

use std::{pin::Pin, sync::Arc, time::Duration};

use election_core::{ElectionName, Hints, LeaseStore, StoreError};
use futures_util::StreamExt;
use tokio::time::{Instant, sleep_until};

/// One elector's subscription to its store's hints, reopened whenever it breaks.
pub(crate) struct HintLine {
    store: Arc<dyn LeaseStore>,
    election: ElectionName,
    retry_interval: Duration,
    state: State,
    /// The line is not listened to before this.
    quiet_until: Instant,
}

/// The least time from one ring to the next: a store that never stops talking must not keep its
/// elector from everything else.
const QUIET: Duration = Duration::from_millis(1);

/// What came in by the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ring {
    Hint,
    Interrupted,
}

enum State {
    /// The store gives no hints.
    Silent,
    Opening(Pin<Box<dyn Future<Output = Result<Hints, StoreError>> + Send>>),
    Open(Hints),
    Broken(Pin<Box<tokio::time::Sleep>>),
}

impl HintLine {
    pub(crate) fn new(
        store: Arc<dyn LeaseStore>,
        election: ElectionName,
        retry_interval: Duration,
    ) -> Self {
        let claimed = store.capabilities().hint_within.is_some();
        let quiet_until = Instant::now();
        let state = State::Silent;
        let mut line = Self {
            store,
            election,
            retry_interval,
            state,
            quiet_until,
        };
        if claimed {
            line.open();
        }
        line
    }

    /// The next ring. Never returns for a store without hints.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: whatever is under way goes on with the next call.
    pub(crate) async fn next(&mut self) -> Ring {
        loop {
            match &mut self.state {
                State::Silent => std::future::pending().await,
                State::Opening(opening) => match opening.await {
                    Ok(hints) => self.state = State::Open(hints),
                    Err(error) => {
                        tracing::debug!(election = %self.election, %error, "no hints for now");
                        return self.interrupted();
                    }
                },
                State::Open(hints) => {
                    sleep_until(self.quiet_until).await;
                    match hints.next().await {
                        Some(_) => {
                            self.quiet_until = Instant::now() + QUIET;
                            return Ring::Hint;
                        }
                        None => return self.interrupted(),
                    }
                }
                State::Broken(pause) => {
                    pause.await;
                    self.open();
                }
            }
        }
    }

    fn open(&mut self) {
        let (store, election) = (self.store.clone(), self.election.clone());
        self.state = State::Opening(Box::pin(async move { store.hints(&election).await }));
    }

    fn interrupted(&mut self) -> Ring {
        self.state = State::Broken(Box::pin(tokio::time::sleep(self.retry_interval)));
        Ring::Interrupted
    }
}
