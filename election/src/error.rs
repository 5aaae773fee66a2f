//! What can go wrong for an elector as a whole.

use std::sync::Arc;

use election_core::{FencingToken, StoreError};

/// Why an elector cannot start or go on.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ElectorError {
    /// The elector was started outside a tokio runtime.
    #[error("an elector needs a tokio runtime: call start() from within one")]
    NoRuntime,
    /// The system gave no random bits for the incarnation.
    #[error("the system gave no random numbers to tell this elector from others")]
    NoRandomness,
    /// The store failed in a way that no retry mends.
    #[error("the election ended because the store cannot be used: {0}")]
    Store(#[source] Arc<StoreError>),
    /// The store granted a token that is not greater than one seen before.
    #[error(
        "the store has forgotten earlier terms: it granted fencing token {granted} after {seen}; \
         restore its data, or start anew under another election name"
    )]
    TokenRegressed {
        /// The token that was granted.
        granted: FencingToken,
        /// The greatest token seen before.
        seen: FencingToken,
    },
    /// The elector has been shut down and will not lead again.
    #[error("the elector has been shut down")]
    Stopped,
    /// The elector's task ended without saying why: a panic in the store, or a runtime shut down.
    #[error("the elector's task ended unexpectedly: a panic, or the runtime was shut down")]
    DriverGone,
}
