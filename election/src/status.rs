//! Where an elector stood at one moment.

use election_core::{FencingToken, Instant, LeaseRecord, machine::Role};

/// Where an elector stood at one moment.
///
/// No field of it is a permission to act: a role has no deadline. [`Handle::leadership`](crate::Handle::leadership) gives what
/// can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// The part it played.
    pub role: Role,
    /// Its own term, if it was in one.
    pub term: Option<TermStatus>,
    /// The other leader it had last met, if any. `remaining` counts from the moment they met.
    pub leader: Option<LeaseRecord>,
}

impl Default for Status {
    fn default() -> Self {
        Self {
            role: Role::Follower,
            term: None,
            leader: None,
        }
    }
}

/// A term as it stood at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TermStatus {
    /// The fencing token of the term.
    pub fencing_token: FencingToken,
    /// Until when it may be trusted without a further renewal, on the elector's clock.
    pub valid_until: Instant,
}
