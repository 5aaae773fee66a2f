//! The contract between an elector and whatever remembers its leases.
//!
//! A store remembers, for each election, at most one lease. The clauses below are promises that the
//! conformance suite checks on every backend against real servers. `T` is the time to live the store
//! granted, `s` the caller's time just before the request left, `L` the declared expiry lag.
//!
//! | clause | promise |
//! |---|---|
//! | C1 exclusion | at most one unexpired lease per election, judged by the store's one authority |
//! | C2 tokens | every grant carries a token greater than all earlier ones of that election, also when the present holder acquires again; a renewal never changes it |
//! | C3 refusal | `Held` names holder, token, metadata and time remaining as they stood at one moment during the call |
//! | C4 scope | renew and release act only on exactly (election, id and incarnation, token); anything else is `Lost` or `NotHeld` and changes nothing |
//! | C5 no resurrection | an expired lease is never renewed back, even if nobody took it |
//! | C6 release | idempotent; frees at once; the token counter outlives it |
//! | C7 expiry | never before `s + T` of a rate-correct clock, not later than the reply + `T` + `L`, whatever happened to the holder |
//! | C8 no traffic needed | expiry needs nobody to look |
//! | C9 read | linearizable with the writes |
//! | C10 independence | elections do not disturb each other, whatever their names and however many |
//! | C11 hints | if claimed, every grant and every release is followed by a hint within the declared bound while the connection lives; the first hint comes by itself, also after a reconnect; that a lease runs out is known beforehand and needs none |
//! | C12 durability | declared, then tested; where data may be lost the next token is still greater |
//! | C13 cancel safety | a future dropped at any await leaves no stuck state: the lease ends by `T + L`, and the next call gets its own answer |
//! | C14 bounded calls | every call ends within the store's time limit; dropping the store closes its connections and tasks |
//! | C15 honest errors | `Unavailable` only if surely not applied, `Indeterminate` if it may have been, `Fatal` if no retry helps; no secret in any of them |
//! | C16 identity | another incarnation of the same id is a stranger |

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use async_trait::async_trait;
use futures_core::Stream;

use crate::{
    candidate::Candidate,
    error::StoreError,
    lease::{Lease, LeaseRecord, MAX_TTL, MIN_TTL},
    name::ElectionName,
    outcome::{Acquired, Released, Renewed},
};

/// Remembers at most one lease per election.
///
/// Implementors keep the clauses C1–C16 of the contract and prove it with the conformance suite. A
/// store retries nothing by itself: when to ask again is the elector's decision. It knows nothing of
/// campaigns, and an elector knows nothing of databases.
///
/// # Cancel safety
///
/// Every future may be dropped at any await (C13). What was sent may still be applied.
#[async_trait]
pub trait LeaseStore: fmt::Debug + Send + Sync + 'static {
    /// Takes the lease if it is free, or renews the caller's own under a new token.
    ///
    /// A candidate (id *and* incarnation) that holds the lease already is granted it again with a
    /// greater token and a full `ttl`; its earlier token is dead from then on. That is how an
    /// acquire whose answer was lost is repeated.
    ///
    /// # Errors
    ///
    /// [`StoreError`] of a kind that tells whether the lease may have been granted all the same.
    /// `Fatal` for a `ttl` outside [`MIN_TTL`] ..= [`MAX_TTL`].
    async fn acquire(
        &self,
        election: &ElectionName,
        candidate: &Candidate,
        ttl: Duration,
    ) -> Result<Acquired, StoreError>;

    /// Extends exactly this lease to `ttl` from the moment the store handles the request.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if there was no answer; the lease may have been extended. `Fatal` for a `ttl`
    /// outside [`MIN_TTL`] ..= [`MAX_TTL`].
    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<Renewed, StoreError>;

    /// Frees exactly this lease at once. Idempotent.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if there was no answer; the lease may have been freed.
    async fn release(&self, lease: &Lease) -> Result<Released, StoreError>;

    /// The lease that is held now, if any. Linearizable with the writes.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if there was no answer.
    async fn read(&self, election: &ElectionName) -> Result<Option<LeaseRecord>, StoreError>;

    /// What this store promises beyond the common contract.
    fn capabilities(&self) -> Capabilities;

    /// A stream that speaks whenever it is worth looking again.
    ///
    /// A hint carries no truth; polling alone must stay correct. The provided stream never speaks.
    /// A stream that ends asks to be opened again.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the stream could not be opened.
    async fn hints(&self, election: &ElectionName) -> Result<Hints, StoreError> {
        let _ = election;
        Ok(Hints::silent())
    }
}

/// "Look again", nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hint;

/// A stream of hints about one election.
pub struct Hints(Pin<Box<dyn Stream<Item = Hint> + Send>>);

impl Hints {
    /// Wraps a stream.
    pub fn new(stream: impl Stream<Item = Hint> + Send + 'static) -> Self {
        Self(Box::pin(stream))
    }

    /// A stream that never speaks and never ends.
    #[must_use]
    pub fn silent() -> Self {
        struct Silence;
        impl Stream for Silence {
            type Item = Hint;
            fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Hint>> {
                Poll::Pending
            }
        }
        Self::new(Silence)
    }
}

impl Stream for Hints {
    type Item = Hint;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Hint>> {
        self.0.as_mut().poll_next(cx)
    }
}

impl fmt::Debug for Hints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hints")
    }
}

/// What a store promises beyond the common contract. Few fields, and each changes a promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The store's kind, as it stands in URLs and metrics: `memory`, `sqlite`, …
    pub kind: &'static str,
    /// `L`: how much later than its time to live a lease may end.
    pub expiry_lag: Duration,
    /// How soon a hint follows a change of holder, or `None` if this store gives no hints.
    pub hint_within: Option<Duration>,
    /// What fencing tokens outlive without ever falling back.
    pub tokens_survive: &'static [Disaster],
}

impl Capabilities {
    /// Whether tokens keep rising across this kind of disaster.
    #[must_use]
    pub fn survives(&self, disaster: Disaster) -> bool {
        self.tokens_survive.contains(&disaster)
    }
}

/// What can happen to a store's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Disaster {
    /// The server, or every process that has the store open, is stopped and started in order.
    Restart,
    /// It dies at any instant.
    Crash,
    /// Another replica takes over.
    Failover,
    /// The data is gone.
    DataLoss,
}

/// Accepts a time to live that a store may be asked for.
///
/// # Errors
///
/// A `Fatal` [`StoreError`] outside [`MIN_TTL`] ..= [`MAX_TTL`].
pub fn check_ttl(ttl: Duration) -> Result<(), StoreError> {
    if (MIN_TTL..=MAX_TTL).contains(&ttl) {
        return Ok(());
    }
    Err(StoreError::fatal(format!(
        "a lease of {ttl:?} cannot be asked for: use a time to live from {MIN_TTL:?} to {MAX_TTL:?}"
    )))
}
