//! What was called, when, and what came of it.

use std::{fmt, sync::Arc, time::Duration};

use election_core::{
    Acquired, Candidate, ElectionName, Instant, Lease, LeaseRecord, Released, Renewed,
};

use crate::wording;

/// A moment of a history: its place among all moments, and the time it was.
///
/// Of two moments the one with the smaller `order` came first, even where the clock stood still;
/// times never contradict the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    /// The place among all invocations and returns of the history, none of which share one.
    pub order: u64,
    /// The time, by the recorder's clock.
    pub at: Instant,
}

/// What a client asked of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// [`LeaseStore::acquire`](election_core::LeaseStore::acquire).
    Acquire {
        /// The election.
        election: ElectionName,
        /// Who asked.
        candidate: Candidate,
        /// The time to live asked for.
        ttl: Duration,
    },
    /// [`LeaseStore::renew`](election_core::LeaseStore::renew).
    Renew {
        /// The lease to extend.
        lease: Lease,
        /// The time to live asked for.
        ttl: Duration,
    },
    /// [`LeaseStore::release`](election_core::LeaseStore::release).
    Release {
        /// The lease to free.
        lease: Lease,
    },
    /// [`LeaseStore::read`](election_core::LeaseStore::read).
    Read {
        /// The election.
        election: ElectionName,
    },
}

/// What the store answered, one variant for each kind of [`Request`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To an acquire.
    Acquired(Acquired),
    /// To a renew.
    Renewed(Renewed),
    /// To a release.
    Released(Released),
    /// To a read.
    Read(Option<LeaseRecord>),
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The store answered.
    Answered {
        /// When the answer was there.
        returned: Moment,
        /// The answer.
        answer: Answer,
    },
    /// An `Unavailable` error: surely not applied.
    NotApplied,
    /// No answer. The call may take effect at any time after its invocation, or never.
    ///
    /// So ends every other error (an `Indeterminate` one by definition; a `Fatal` one says nothing
    /// about what was applied), and every future that was dropped.
    Unknown,
}

/// One call of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The client that made it, as shown to people.
    pub client: Arc<str>,
    /// Just before the call.
    pub invoked: Moment,
    /// What was asked.
    pub request: Request,
    /// What came of it.
    pub outcome: Outcome,
}

/// What several clients asked of one store, and what they were told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    calls: Vec<Call>,
}

impl History {
    /// A history of these calls, in whatever order they are given.
    #[must_use]
    pub fn new(mut calls: Vec<Call>) -> Self {
        calls.sort_by_key(|call| call.invoked.order);
        Self { calls }
    }

    /// All calls, in the order in which they were invoked.
    #[must_use]
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// How many calls have no answer that could be judged.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        let without = |call: &&Call| call.returned().is_none();
        self.calls.iter().filter(without).count()
    }
}

impl Call {
    /// The election it is about.
    #[must_use]
    pub fn election(&self) -> &ElectionName {
        match &self.request {
            Request::Acquire { election, .. } | Request::Read { election } => election,
            Request::Renew { lease, .. } | Request::Release { lease } => &lease.election,
        }
    }

    /// When the answer was there, if there was one.
    #[must_use]
    pub fn returned(&self) -> Option<Moment> {
        match self.outcome {
            Outcome::Answered { returned, .. } => Some(returned),
            Outcome::NotApplied | Outcome::Unknown => None,
        }
    }
}

/// As it stands in a counterexample: without the election, which is named once above all calls.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Acquire { candidate, ttl, .. } => {
                let who = wording::holder(&candidate.holder());
                write!(f, "acquire as {who} for {ttl:?}")
            }
            Self::Renew { lease, ttl } => write!(f, "renew {} for {ttl:?}", Brief(lease)),
            Self::Release { lease } => write!(f, "release {}", Brief(lease)),
            Self::Read { .. } => f.write_str("read"),
        }
    }
}

/// As it stands in a counterexample.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered { answer, .. } => answer.fmt(f),
            Self::NotApplied => f.write_str("not applied"),
            Self::Unknown => f.write_str("no answer"),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Acquired(Acquired::Granted { lease, ttl }) => {
                write!(f, "Granted {} for {ttl:?}", Brief(lease))
            }
            Self::Acquired(Acquired::Held(found)) => write!(f, "Held by {}", Found(Some(found))),
            Self::Renewed(Renewed::Extended { ttl }) => write!(f, "Extended for {ttl:?}"),
            Self::Renewed(Renewed::Lost(found)) => {
                write!(f, "Lost to {}", Found(found.as_ref()))
            }
            Self::Released(answer) => write!(f, "{answer:?}"),
            Self::Read(found) => Found(found.as_ref()).fmt(f),
        }
    }
}

/// `ada#2/17`: the holder and the token of a lease.
pub(super) struct Brief<'a>(pub(super) &'a Lease);

impl fmt::Display for Brief<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", wording::holder(&self.0.holder), self.0.token)
    }
}

struct Found<'a>(Option<&'a LeaseRecord>);

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("nobody"),
            Some(found) => write!(f, "{}, {:?} left", Brief(&found.lease), found.remaining),
        }
    }
}
