//! Calls without an answer, which may have taken effect at any time since, or never.
//!
//! Trying each of them everywhere would take for ever, and is not needed. Until the first answer
//! that contradicts the state without it, an effect makes no difference to anybody; so it is tried
//! only right before such an answer, and only if it is of the kind that helps:
//!
//! | the answer needs | what may have happened unanswered |
//! |---|---|
//! | that the lease lasted longer | a renewal of it |
//! | that the lease ended sooner | its release; a renewal for a shorter time; its holder's next acquire |
//! | that another term of the same holder began | its acquire |
//! | a lease that nobody was told to have | an acquire of the holder it names |
//!
//! The effect may have been any earlier than where it is tried: its bounds are those of all moments
//! from its invocation to the return of that answer, and of every answer after it.

use std::time::Duration;

use election_core::{Holder, Instant, Lease, Metadata};

use super::{
    call::{Call, Moment, Request},
    claim::Claim,
    lease_model::{Held, LeaseState, Refusal, Span, Tokens},
    tolerance::{Ends, Tolerance},
};

/// A call that was not answered.
#[derive(Debug)]
pub(super) struct Ghost<'a> {
    pub(super) call: &'a Call,
    wish: Wish<'a>,
}

#[derive(Debug, PartialEq)]
enum Wish<'a> {
    Acquire {
        holder: Holder,
        metadata: &'a Metadata,
        ttl: Duration,
    },
    Renew {
        lease: &'a Lease,
        ttl: Duration,
    },
    Release {
        lease: &'a Lease,
    },
}

impl<'a> Ghost<'a> {
    /// What the call would change, if it took effect; `None` if it changes nothing.
    pub(super) fn of(call: &'a Call) -> Option<Self> {
        let wish = match &call.request {
            Request::Acquire { candidate, ttl, .. } => Wish::Acquire {
                holder: candidate.holder(),
                metadata: &candidate.metadata,
                ttl: *ttl,
            },
            Request::Renew { lease, ttl } => Wish::Renew { lease, ttl: *ttl },
            Request::Release { lease } => Wish::Release { lease },
            Request::Read { .. } => return None,
        };
        Some(Self { call, wish })
    }

    /// Whose lease it is about.
    pub(super) fn holder(&self) -> &Holder {
        match &self.wish {
            Wish::Acquire { holder, .. } => holder,
            Wish::Renew { lease, .. } | Wish::Release { lease } => &lease.holder,
        }
    }

    /// Whether the two differ only in when they were invoked.
    pub(super) fn asks_the_same(&self, other: &Self) -> bool {
        self.wish == other.wish
    }
}

/// An answer that the state contradicts, or agrees with only at a price.
#[derive(Clone, Copy, Debug)]
pub(super) struct Obstacle<'s, 'a> {
    pub(super) state: &'s LeaseState<'a>,
    pub(super) claim: Claim<'a>,
    pub(super) returned: Moment,
}

/// All unanswered calls of one election, with what is needed to judge their effects.
#[derive(Debug)]
pub(super) struct Ghosts<'a> {
    /// In the order of their invocation.
    pub(super) all: Vec<Ghost<'a>>,
    pub(super) tokens: Tokens,
    pub(super) tolerance: Tolerance,
}

/// The place of the ghost that took effect, and the state after it.
type Effect<'a> = (usize, LeaseState<'a>);

impl<'a> Ghosts<'a> {
    /// The effects that may remove the obstacle.
    ///
    /// `refusal` is why the answer contradicts the state; `None` if it agrees.
    pub(super) fn that_may_help(
        &self,
        obstacle: Obstacle<'_, 'a>,
        refusal: Option<Refusal>,
    ) -> Vec<Effect<'a>> {
        let mut effects = Vec::new();
        match refusal {
            Some(Refusal::StillHeld) => self.enders(obstacle, &mut effects),
            Some(Refusal::HasEnded) => {
                self.renewals(obstacle, &mut effects, |new, old| new.latest > old.latest);
            }
            Some(Refusal::RemainsLonger) => {
                self.renewals(obstacle, &mut effects, |new, old| {
                    new.earliest < old.earliest
                });
            }
            Some(Refusal::NotTheLease) if self.unannounced(obstacle).is_some() => {
                self.enders(obstacle, &mut effects);
            }
            _ => {}
        }
        self.unannounced_acquires(obstacle, &mut effects);
        effects
    }

    /// The effects after which the lease that is held ends sooner than it would.
    pub(super) fn enders(&self, obstacle: Obstacle<'_, 'a>, effects: &mut Vec<Effect<'a>>) {
        let Some(held) = &obstacle.state.held else {
            return;
        };
        self.releases(obstacle, held, effects);
        self.renewals(obstacle, effects, |new, old| new.earliest < old.earliest);
        let any_other_term_helps = matches!(obstacle.claim, Claim::NotInForce { .. })
            || self.ends_a_term_nobody_knows(obstacle, &held.holder);
        self.acquires(obstacle, &held.holder, effects, |new| {
            any_other_term_helps || new.earliest < held.ends.earliest
        });
    }

    /// Whether somebody asked to renew or release, by luck, what the next unknown term may be.
    fn ends_a_term_nobody_knows(&self, obstacle: Obstacle<'_, 'a>, of: &Holder) -> bool {
        self.before(obstacle).any(|(_, ghost)| match ghost.wish {
            Wish::Renew { lease, .. } | Wish::Release { lease } => {
                let token = lease.token.as_u64();
                let is_unknown = !self.tokens.granted.contains(&token);
                lease.holder == *of && token > obstacle.state.last_token && is_unknown
            }
            Wish::Acquire { .. } => false,
        })
    }

    /// Whatever could have taken effect before the answer, needed or not.
    #[cfg(test)]
    pub(super) fn whatever(&self, obstacle: Obstacle<'_, 'a>) -> Vec<Effect<'a>> {
        let mut effects = Vec::new();
        if let Some(held) = &obstacle.state.held {
            self.releases(obstacle, held, &mut effects);
        }
        self.renewals(obstacle, &mut effects, |_, _| true);
        let holders = self.all.iter().filter_map(|ghost| match &ghost.wish {
            Wish::Acquire { holder, .. } => Some(holder),
            Wish::Renew { .. } | Wish::Release { .. } => None,
        });
        for holder in holders.collect::<std::collections::HashSet<_>>() {
            self.acquires(obstacle, holder, &mut effects, |_| true);
        }
        effects
    }

    /// The earliest release does all that any could: after it, the lease is gone for good.
    fn releases(&self, obstacle: Obstacle<'_, 'a>, held: &Held<'a>, effects: &mut Vec<Effect<'a>>) {
        let state = obstacle.state;
        for (place, ghost) in self.before(obstacle) {
            let now = state.now.max(ghost.call.invoked.at);
            if let Wish::Release { lease } = ghost.wish
                && self.may_be(state, held, lease)
                && now <= held.ends.latest
            {
                let last_token = state.last_token.max(lease.token.as_u64());
                let freed = LeaseState {
                    now,
                    last_token,
                    held: None,
                    ..state.clone()
                };
                effects.push((place, freed));
                return;
            }
        }
    }

    /// Renewals of the lease that is held, if the new bounds help against the old ones.
    fn renewals(
        &self,
        obstacle: Obstacle<'_, 'a>,
        effects: &mut Vec<Effect<'a>>,
        helps: impl Fn(&Ends, &Ends) -> bool,
    ) {
        let state = obstacle.state;
        let Some(held) = &state.held else {
            return;
        };
        for (place, ghost) in self.before(obstacle) {
            let Wish::Renew { lease, ttl } = ghost.wish else {
                continue;
            };
            let invoked = ghost.call.invoked.at;
            // Only a lease that has not ended can be extended (C5).
            let possible = invoked <= held.ends.latest
                && self.may_be(state, held, lease)
                && !held.spent.contains(&place);
            // Not later than the answer that needs it, and not later than the end it deferred.
            let latest = held.ends.latest.min(obstacle.returned.at);
            let (ends, unanswered) = self.ends(invoked, latest, ttl);
            if possible && helps(&ends, &held.ends) {
                let held = Held {
                    token: Some(lease.token),
                    ends,
                    unanswered,
                    spent: with(&held.spent, place),
                    ..held.clone()
                };
                let extended = LeaseState {
                    now: state.now.max(invoked),
                    last_token: lease.token.as_u64(),
                    held: Some(held),
                    ..state.clone()
                };
                effects.push((place, extended));
            }
        }
    }

    /// Acquires that begin the very term which the answer is the first to name.
    fn unannounced_acquires(&self, obstacle: Obstacle<'_, 'a>, effects: &mut Vec<Effect<'a>>) {
        if let Some(lease) = self.unannounced(obstacle) {
            self.acquires(obstacle, &lease.holder, effects, |_| true);
        }
    }

    /// The lease the answer needs, if only an unanswered acquire can have granted it, and next.
    fn unannounced(&self, obstacle: Obstacle<'_, 'a>) -> Option<&'a Lease> {
        let next = self.tokens.next_named(obstacle.state.last_token);
        obstacle.claim.needs().filter(|lease| {
            let token = lease.token.as_u64();
            next == Some(token) && !self.tokens.granted.contains(&token)
        })
    }

    /// Acquires of this holder that can be granted now, if the bounds of the new term help.
    fn acquires(
        &self,
        obstacle: Obstacle<'_, 'a>,
        by: &Holder,
        effects: &mut Vec<Effect<'a>>,
        helps: impl Fn(&Ends) -> bool,
    ) {
        let state = obstacle.state;
        // Its token would be that of a grant still to come.
        if self.tokens.granted.contains(&(state.last_token + 1)) {
            return;
        }
        // The latest first: it leaves the most to what follows.
        let latest_first: Vec<_> = self.before(obstacle).collect();
        for (place, ghost) in latest_first.into_iter().rev() {
            let Wish::Acquire {
                holder,
                metadata,
                ttl,
            } = &ghost.wish
            else {
                continue;
            };
            if holder != by || state.spent.contains(&place) {
                continue;
            }
            let invoked = ghost.call.invoked.at;
            let returned = obstacle.returned.at;
            let (ends, unanswered) = self.ends(invoked, returned, *ttl);
            let span = Span { invoked, returned };
            if helps(&ends)
                && let Ok(open) = state.clone().open_to(holder, span)
            {
                let granted = LeaseState {
                    now: open.now.max(invoked),
                    last_token: state.last_token + 1,
                    held: Some(Held {
                        holder: holder.clone(),
                        token: None,
                        metadata,
                        ends,
                        unanswered,
                        spent: Vec::new(),
                    }),
                    spent: with(&state.spent, place),
                };
                effects.push((place, granted));
            }
        }
    }

    /// The bounds of an end that was set between two moments, and the longest run to it.
    fn ends(&self, from: Instant, to: Instant, asked: Duration) -> (Ends, Option<Duration>) {
        let longest = self.tolerance.longest_unanswered(asked);
        let ends = Ends {
            earliest: self.tolerance.ends(from, to, asked).earliest,
            latest: to.plus(longest),
        };
        (ends, Some(longest))
    }

    /// Those that can have taken effect before the answer was there, with their places.
    fn before(&self, obstacle: Obstacle<'_, 'a>) -> impl Iterator<Item = (usize, &Ghost<'a>)> {
        self.all
            .iter()
            .enumerate()
            .take_while(move |(_, ghost)| ghost.call.invoked.order < obstacle.returned.order)
    }

    /// Whether a call about `lease` is one about the lease that is held.
    fn may_be(&self, state: &LeaseState<'a>, held: &Held<'a>, lease: &Lease) -> bool {
        let token = lease.token.as_u64();
        let could_be_new = token >= state.last_token && !self.tokens.granted.contains(&token);
        held.may_be(lease) && (held.token.is_some() || could_be_new)
    }
}

/// The places with one more, in order, so that equal sets are equal states.
fn with(places: &[usize], place: usize) -> Vec<usize> {
    let mut places = places.to_vec();
    let at = places.partition_point(|taken| *taken < place);
    places.insert(at, place);
    places
}
