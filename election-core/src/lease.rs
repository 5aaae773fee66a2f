//! Leases and what a store tells of them.

use std::time::Duration;

use crate::{
    candidate::{Holder, Metadata},
    name::ElectionName,
    token::FencingToken,
};

/// The shortest time to live a store is asked for.
pub const MIN_TTL: Duration = Duration::from_millis(1);

/// The longest time to live a store is asked for: 24 hours.
pub const MAX_TTL: Duration = Duration::from_secs(24 * 60 * 60);

/// One grant of one election to one holder. All three parts must match to renew or release it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The election it is a lease of.
    pub election: ElectionName,
    /// Whom it was granted to.
    pub holder: Holder,
    /// The fencing token of this grant; no other grant of this election has it.
    pub token: FencingToken,
}

/// A lease as a store sees it at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LeaseRecord {
    /// The lease.
    pub lease: Lease,
    /// What its holder tells about itself.
    pub metadata: Metadata,
    /// How long it has still to run at that moment, rounded up.
    pub remaining: Duration,
}
