//! What goes into the machine and what comes out of it.

use std::fmt;

use crate::{
    error::StoreErrorKind,
    lease::{Lease, LeaseRecord},
    outcome::{Acquired, Released, Renewed},
    time::Instant,
    token::FencingToken,
};

/// Something happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// Time has passed. Always legal, also too early or for no reason.
    Timeout,
    /// A store call has ended.
    Answer {
        /// The request it answers.
        id: RequestId,
        /// What the store said, or what kept it from saying anything.
        answer: Result<Answer, StoreErrorKind>,
    },
    /// The store says that it is worth looking again; hints work from now on.
    Hint,
    /// No hints can be expected until the next one comes.
    HintsInterrupted,
    /// Hand leadership over to somebody else. Means nothing to a follower.
    Resign,
    /// The work of the term with this token has ended, by itself or as ordered.
    WorkEnded(FencingToken),
    /// End the term in order, then stop for good.
    Shutdown,
}

/// What a store said.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// To [`Operation::Acquire`].
    Acquired(Acquired),
    /// To [`Operation::Renew`].
    Renewed(Renewed),
    /// To [`Operation::Release`].
    Released(Released),
}

/// Something is to be done, in exactly this order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// Call the store. A request still under way is to be dropped first (I4).
    Request(Request),
    /// Tell the user.
    Event(Event),
}

/// One store call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// To be given back with the answer.
    pub id: RequestId,
    /// What to ask for.
    pub operation: Operation,
    /// When the machine stops waiting: the outcome counts as unknown from then on.
    pub give_up_at: Instant,
}

/// Tells requests of one machine apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// What to ask a store for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Take the lease for the machine's candidate and ttl.
    Acquire,
    /// Extend this lease.
    Renew(Lease),
    /// Free this lease.
    Release(Lease),
}

/// Something the user is told. Every term tells `Elected`, `Revoked` and `Ended` once, in that order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A term began.
    Elected {
        /// The fencing token of the term.
        token: FencingToken,
        /// Until when it may be trusted without a further word.
        valid_until: Instant,
    },
    /// The term goes on.
    Renewed {
        /// The fencing token of the term.
        token: FencingToken,
        /// Until when it may be trusted without a further word.
        valid_until: Instant,
    },
    /// The work of the term is ordered to stop.
    Revoked {
        /// The fencing token of the term.
        token: FencingToken,
        /// Why.
        cause: Cause,
        /// The moment after which the work may no longer act.
        stop_by: Instant,
    },
    /// The work of the term has ended and the lease was given up as far as the store could be told.
    Ended(FencingToken),
    /// Somebody else leads, or nobody is known to.
    LeaderChanged(Option<LeaseRecord>),
    /// A store call got no answer.
    StoreFailed(StoreErrorKind),
    /// The store granted a token that is not greater than one seen before: it has forgotten
    /// something. The machine does not lead on such a grant, gives it back and stops.
    TokenRegressed {
        /// The token that was granted.
        granted: FencingToken,
        /// The greatest token seen before.
        seen: FencingToken,
    },
    /// The machine is at its end; nothing follows (I8).
    Stopped,
}

/// Why a term ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// No renewal was confirmed in time.
    Expired,
    /// The store says that the lease is gone.
    Superseded,
    /// The term was handed over, or its work ended by itself.
    Resigned,
    /// The elector is shutting down.
    Shutdown,
    /// The store failed in a way that no retry mends.
    StoreFailed,
}

impl Cause {
    /// The cause as a metric label, for instance `expired`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Superseded => "superseded",
            Self::Resigned => "resigned",
            Self::Shutdown => "shutdown",
            Self::StoreFailed => "store_failed",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The part a machine plays at the moment.
///
/// A role is not a permission: only a deadline that has not passed is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Waits for a reason to campaign.
    Follower,
    /// Has asked for the lease.
    Candidate,
    /// Leads, as long as its deadline has not passed.
    Leader,
    /// Ends a term.
    SteppingDown,
    /// Does nothing any more.
    Stopped,
}

impl Role {
    /// The role as a log field, for instance `leader`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Follower => "follower",
            Self::Candidate => "candidate",
            Self::Leader => "leader",
            Self::SteppingDown => "stepping_down",
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
