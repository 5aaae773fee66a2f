//! What an elector tells those who listen.

use std::sync::Arc;

use election_core::{FencingToken, LeaseRecord, StoreError, machine::Cause};

/// Something that happened to an elector.
///
/// Every term tells `Elected`, `Revoked` and `Ended` once and in that order, unless the elector
/// stopped before the work of its last term had ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A term began.
    Elected {
        /// The fencing token of the term.
        fencing_token: FencingToken,
    },
    /// The term goes on: a renewal was confirmed.
    Renewed {
        /// The fencing token of the term.
        fencing_token: FencingToken,
    },
    /// The work of the term was ordered to stop.
    Revoked {
        /// The fencing token of the term.
        fencing_token: FencingToken,
        /// Why.
        cause: Cause,
    },
    /// The work of the term has ended, and its lease was given up as far as the store could be told.
    Ended {
        /// The fencing token of the term.
        fencing_token: FencingToken,
    },
    /// Somebody else leads, or nobody is known to.
    LeaderChanged(Option<LeaseRecord>),
    /// A store call got no answer; the elector goes on.
    StoreFailed(Arc<StoreError>),
    /// The store granted a token that is not greater than one seen before; the elector stops.
    TokenRegressed {
        /// The token that was granted.
        granted: FencingToken,
        /// The greatest token seen before.
        seen: FencingToken,
    },
    /// The elector is at its end.
    Stopped,
    /// The listener was too slow: this many events are missing here.
    Missed(u64),
}
