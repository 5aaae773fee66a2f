//! Leases and what a store tells of them.

use std::{fmt, time::Duration};

use crate::{
    candidate::{CandidateId, Incarnation, Metadata},
    name::ElectionName,
    token::FencingToken,
};

/// Who holds a lease: the id people know and the incarnation nobody shares.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Holder {
    /// The name an operator knows.
    pub id: CandidateId,
    /// Which run of that candidate.
    pub incarnation: Incarnation,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.id, f)
    }
}

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
