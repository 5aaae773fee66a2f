//! The line hints come in by, kept open.

use std::{pin::Pin, sync::Arc, time::Duration};

use election_core::{ElectionName, Hints, LeaseStore, StoreError};
use futures_util::{FutureExt, StreamExt};

/// One elector's subscription to its store's hints, reopened whenever it breaks.
pub(crate) struct HintLine {
    store: Arc<dyn LeaseStore>,
    election: ElectionName,
    retry_interval: Duration,
    state: State,
}

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
        let mut line = Self {
            store,
            election,
            retry_interval,
            state: State::Silent,
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
                State::Open(hints) => match hints.next().await {
                    // Many hints at once mean no more than one.
                    Some(_) => {
                        while let Some(Some(_)) = hints.next().now_or_never() {}
                        return Ring::Hint;
                    }
                    None => return self.interrupted(),
                },
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
