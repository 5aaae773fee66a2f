//! The lease as a sequential store would keep it, with what is known of time.
//!
//! Nobody outside a store knows when exactly a lease ends. The model keeps the bounds the contract
//! gives: not before the *invocation* of the call that granted or last extended it plus the time to
//! live, not after that call's *return* plus time to live plus lag (C7). An answer is refused only
//! if it contradicts every end within those bounds.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    time::Duration,
};

use election_core::{FencingToken, Holder, Instant, Lease, LeaseRecord, Metadata};

use super::{
    claim::Claim,
    tolerance::{Ends, Tolerance},
};
use crate::wording;

/// What the whole history tells about the tokens of one election.
///
/// A token that any answer names was granted; tokens only rise; so their order is the order of the
/// grants, and a grant that passes over a token cannot be right.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    /// Granted by a call that was answered.
    pub(super) granted: BTreeSet<u64>,
    /// Named by any answer as being in force.
    named: BTreeSet<u64>,
    /// The last one named of each holder.
    last_of: HashMap<Holder, u64>,
}

impl Tokens {
    /// Adds the token of a lease that was in force.
    pub(super) fn add(&mut self, lease: &Lease) {
        let token = lease.token.as_u64();
        self.named.insert(token);
        let last = self.last_of.entry(lease.holder.clone()).or_default();
        *last = token.max(*last);
    }

    /// The last token that is named of this holder, or zero.
    pub(super) fn last_of(&self, holder: &Holder) -> u64 {
        self.last_of.get(holder).copied().unwrap_or(0)
    }

    /// The smallest named token above `last`.
    pub(super) fn next_named(&self, last: u64) -> Option<u64> {
        self.named.range(last.saturating_add(1)..).next().copied()
    }
}

/// The two moments between which a call took effect.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) invoked: Instant,
    pub(super) returned: Instant,
}

/// What the sequential store remembers of one election.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct LeaseState<'a> {
    /// No earlier than this did the latest call take effect.
    pub(super) now: Instant,
    /// The last token granted; where that is not known, the least it can be. Zero before the first.
    pub(super) last_token: u64,
    pub(super) held: Option<Held<'a>>,
    /// The unanswered acquires that have taken effect, by their place among all.
    pub(super) spent: Vec<usize>,
}

/// The lease that was granted last and not freed since; it may have ended meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Held<'a> {
    pub(super) holder: Holder,
    /// Unknown if the acquire was not answered and nobody has named the token yet.
    pub(super) token: Option<FencingToken>,
    pub(super) metadata: &'a Metadata,
    pub(super) ends: Ends,
    /// How long it runs at most, lag included, if the call that set its end was not answered.
    ///
    /// That call happened before every answer placed after it, so each of their returns bounds it.
    pub(super) unanswered: Option<Duration>,
    /// The unanswered renewals of this lease that have taken effect, by their place among all.
    pub(super) spent: Vec<usize>,
}

impl<'a> LeaseState<'a> {
    /// Nothing was ever granted.
    pub(super) fn unheld() -> Self {
        Self {
            now: Instant::ORIGIN,
            last_token: 0,
            held: None,
            spent: Vec::new(),
        }
    }

    /// The state after a call of which this is claimed.
    ///
    /// # Errors
    ///
    /// Why the claim is not true of this state.
    pub(super) fn after(
        &self,
        claim: &Claim<'a>,
        span: Span,
        tokens: &Tokens,
        tolerance: &Tolerance,
    ) -> Result<Self, Refusal> {
        let state = self.at(span)?;
        match *claim {
            Claim::Granted {
                lease,
                metadata,
                ttl,
            } => {
                let ends = tolerance.ends(span.invoked, span.returned, ttl);
                state.granted(lease, metadata, ends, span, tokens)
            }
            Claim::Extended { lease, ttl } => {
                let mut state = state.in_force(lease, tokens)?;
                if let Some(held) = &mut state.held {
                    held.ends = tolerance.ends(span.invoked, span.returned, ttl);
                    held.unanswered = None;
                }
                Ok(state)
            }
            Claim::Freed { lease } => {
                let state = state.in_force(lease, tokens)?;
                Ok(Self {
                    held: None,
                    ..state
                })
            }
            Claim::InForce { record } => {
                let state = state.in_force(&record.lease, tokens)?;
                state.agrees_with(record, span)?;
                Ok(state)
            }
            Claim::Nobody => state.ended(span),
            Claim::NotInForce { lease } => match &state.held {
                Some(held) if held.is_exactly(lease) => state.ended(span),
                _ => Ok(state),
            },
        }
    }

    /// Whether a call that led here from `earlier` took nothing from the calls still to come.
    ///
    /// It changed at most the time, and not so far that the lease must have ended meanwhile. (That
    /// its return bounds the end of the lease is no loss: it does in every order.)
    pub(super) fn is_no_further_than(&self, earlier: &Self) -> bool {
        let same = match (&self.held, &earlier.held) {
            (None, None) => true,
            (Some(held), Some(before)) => {
                held.token == before.token
                    && held.holder == before.holder
                    && held.ends.earliest == before.ends.earliest
                    && held.unanswered == before.unanswered
                    && self.now <= held.ends.latest.max(earlier.now)
            }
            _ => false,
        };
        same && self.last_token == earlier.last_token
    }

    /// Time goes on to where the call can have taken effect.
    fn at(&self, span: Span) -> Result<Self, Refusal> {
        let mut state = self.clone();
        state.now = self.now.max(span.invoked);
        if state.now > span.returned {
            return Err(Refusal::TooLate);
        }
        if let Some(held) = &mut state.held
            && let Some(longest) = held.unanswered
        {
            held.ends.latest = held.ends.latest.min(span.returned.plus(longest));
        }
        Ok(state)
    }

    fn granted(
        self,
        lease: &Lease,
        metadata: &'a Metadata,
        ends: Ends,
        span: Span,
        tokens: &Tokens,
    ) -> Result<Self, Refusal> {
        let token = lease.token.as_u64();
        if token <= self.last_token {
            return Err(Refusal::TokenDoesNotRise);
        }
        if tokens
            .next_named(self.last_token)
            .is_some_and(|next| next < token)
        {
            return Err(Refusal::PassesOverAToken);
        }
        let state = self.open_to(&lease.holder, span)?;
        Ok(Self {
            last_token: token,
            held: Some(Held {
                holder: lease.holder.clone(),
                token: Some(lease.token),
                metadata,
                ends,
                unanswered: None,
                spent: Vec::new(),
            }),
            ..state
        })
    }

    /// The lease can be granted to this holder: it has it already, or nobody does.
    pub(super) fn open_to(self, holder: &Holder, span: Span) -> Result<Self, Refusal> {
        match &self.held {
            Some(held) if held.holder != *holder => self.ended(span),
            _ => Ok(self),
        }
    }

    /// Nobody holds the lease any more: it has ended before the call returned.
    fn ended(self, span: Span) -> Result<Self, Refusal> {
        let Some(held) = &self.held else {
            return Ok(self);
        };
        let now = self.now.max(held.ends.earliest);
        if now > span.returned {
            return Err(Refusal::StillHeld);
        }
        Ok(Self {
            now,
            held: None,
            ..self
        })
    }

    /// Exactly this lease is in force.
    fn in_force(mut self, lease: &Lease, tokens: &Tokens) -> Result<Self, Refusal> {
        let Some(held) = self.held.as_mut().filter(|held| held.may_be(lease)) else {
            return Err(Refusal::NotTheLease);
        };
        if held.token.is_none() {
            let token = lease.token.as_u64();
            if token < self.last_token || tokens.granted.contains(&token) {
                return Err(Refusal::NotTheLease);
            }
            held.token = Some(lease.token);
            self.last_token = token;
        }
        if self.now > held.ends.latest {
            return Err(Refusal::HasEnded);
        }
        Ok(self)
    }

    /// The rest of a record is as it was granted. What remains is rounded up, nobody knows how far.
    fn agrees_with(&self, record: &LeaseRecord, span: Span) -> Result<(), Refusal> {
        let Some(held) = &self.held else {
            return Err(Refusal::NotTheLease);
        };
        if *held.metadata != record.metadata {
            return Err(Refusal::OtherMetadata);
        }
        if span.returned.plus(record.remaining) < held.ends.earliest {
            return Err(Refusal::RemainsLonger);
        }
        Ok(())
    }
}

impl Held<'_> {
    /// Whether it is this lease beyond doubt.
    pub(super) fn is_exactly(&self, lease: &Lease) -> bool {
        self.token == Some(lease.token) && self.holder == lease.holder
    }

    /// Whether it can be this lease.
    pub(super) fn may_be(&self, lease: &Lease) -> bool {
        self.token.is_none_or(|token| token == lease.token) && self.holder == lease.holder
    }
}

/// Why an answer cannot be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Refusal {
    AnotherElection,
    AnotherKindOfAnswer,
    AnotherHolder,
    ShorterThanAsked,
    RefusedByItself,
    TooLate,
    TokenDoesNotRise,
    PassesOverAToken,
    NotTheLease,
    HasEnded,
    StillHeld,
    OtherMetadata,
    RemainsLonger,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AnotherElection => "the answer names another election",
            Self::AnotherKindOfAnswer => "the answer is to another kind of call",
            Self::AnotherHolder => "the lease is granted to somebody who did not ask (C16)",
            Self::ShorterThanAsked => "a shorter time to live is granted than was asked (C7)",
            Self::RefusedByItself => "the call is refused because of the very lease it names (C4)",
            Self::TooLate => "the call had returned before that could be",
            Self::TokenDoesNotRise => "the token of a grant is not above all earlier ones (C2)",
            Self::PassesOverAToken => "a smaller token is in force later on (C2)",
            Self::NotTheLease => "the lease that the answer says is in force is not (C1, C3, C9)",
            Self::HasEnded => "that lease had ended before the call was made (C5, C7)",
            Self::StillHeld => "the lease had not ended when the call returned (C1, C7)",
            Self::OtherMetadata => "the record shows metadata that the holder did not give (C3)",
            Self::RemainsLonger => "more time remains than the record says (C3)",
        })
    }
}

/// As it stands in a counterexample.
impl fmt::Display for LeaseState<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(held) = &self.held else {
            return match self.last_token {
                0 => f.write_str("never granted"),
                last => write!(f, "nobody holds it, last token {last}"),
            };
        };
        let Ends { earliest, latest } = held.ends;
        write!(f, "granted to {}", wording::holder(&held.holder))?;
        match held.token {
            Some(token) => write!(f, " with token {token}")?,
            None => f.write_str(" with a token nobody was told")?,
        }
        write!(f, ", ends between {earliest:?} and {latest:?}")
    }
}
