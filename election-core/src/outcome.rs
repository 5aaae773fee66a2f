//! What a store answers. A refusal is an answer, not an error.

use std::time::Duration;

use crate::lease::{Lease, LeaseRecord};

/// The answer to [`LeaseStore::acquire`](crate::LeaseStore::acquire).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[must_use = "a grant that nobody looks at blocks the election until it expires"]
pub enum Acquired {
    /// The caller holds the lease.
    Granted {
        /// The lease, with a token greater than every earlier one of this election.
        lease: Lease,
        /// The time to live the store granted: what was asked, or more.
        ttl: Duration,
    },
    /// Somebody else holds it.
    Held(LeaseRecord),
}

/// The answer to [`LeaseStore::renew`](crate::LeaseStore::renew).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[must_use = "a lease that was not extended must not be relied on"]
pub enum Renewed {
    /// The lease runs for another full time to live.
    Extended {
        /// The time to live the store granted: what was asked, or more.
        ttl: Duration,
    },
    /// The lease is gone: expired, released, removed or overtaken. Who holds it now, if anybody.
    Lost(Option<LeaseRecord>),
}

/// The answer to [`LeaseStore::release`](crate::LeaseStore::release).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Released {
    /// The lease was held and is free now.
    Done,
    /// The lease was not held; nothing was changed.
    NotHeld,
}
