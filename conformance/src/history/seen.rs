//! What the search remembers, so as not to search it again.

use std::collections::HashMap;

use election_core::{Holder, Instant};

use super::{
    ghost::Ghosts,
    lease_model::{Held, LeaseState},
    placed::Placed,
};

/// A place in the search: the answers that are placed, and the state after them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Configuration<'a> {
    pub(super) placed: Placed,
    pub(super) state: LeaseState<'a>,
}

/// The configurations that were come to.
///
/// One is no news if another was seen that differs only in having cost less: less time, and fewer
/// or less useful unanswered calls. Whatever can follow it can follow the other. Without this, each
/// unanswered call that made no difference would double the search.
#[derive(Debug, Default)]
pub(super) struct Seen<'a>(HashMap<Configuration<'a>, Vec<LeaseState<'a>>>);

impl<'a> Seen<'a> {
    /// Remembers the configuration, and tells whether it was news.
    pub(super) fn insert(
        &mut self,
        configuration: &Configuration<'a>,
        ghosts: &Ghosts<'a>,
    ) -> bool {
        let alike = self.0.entry(without_costs(configuration)).or_default();
        let state = &configuration.state;
        let is_news = !alike.iter().any(|seen| costs_no_more(seen, state, ghosts));
        if is_news {
            alike.push(state.clone());
        }
        is_news
    }
}

fn without_costs<'a>(configuration: &Configuration<'a>) -> Configuration<'a> {
    let state = &configuration.state;
    let held = state.held.clone().map(|held| Held {
        spent: Vec::new(),
        ..held
    });
    Configuration {
        placed: configuration.placed.clone(),
        state: LeaseState {
            now: Instant::ORIGIN,
            last_token: state.last_token,
            held,
            spent: Vec::new(),
        },
    }
}

/// Whether everything is left to `one` that is left to `other`, their leases being the same.
fn costs_no_more(one: &LeaseState<'_>, other: &LeaseState<'_>, ghosts: &Ghosts<'_>) -> bool {
    let renewals = |state: &LeaseState<'_>| match &state.held {
        Some(held) => held.spent.clone(),
        None => Vec::new(),
    };
    one.now <= other.now
        && leaves_as_much(&renewals(one), &renewals(other), ghosts)
        && leaves_as_much(
            &that_matter(one, ghosts),
            &that_matter(other, ghosts),
            ghosts,
        )
}

/// The spent acquires whose holder still holds the lease, or is to be named later on.
fn that_matter(state: &LeaseState<'_>, ghosts: &Ghosts<'_>) -> Vec<usize> {
    let holds = |holder: &Holder| state.held.as_ref().is_some_and(|it| it.holder == *holder);
    let matters = |place: &&usize| {
        let holder = ghosts.all[**place].holder();
        holds(holder) || ghosts.tokens.last_of(holder) > state.last_token
    };
    state.spent.iter().filter(matters).copied().collect()
}

/// Whether every ghost that `one` has spent is matched by one that `other` has spent.
///
/// Of two that ask the same, the one invoked earlier is the more useful: it could have taken effect
/// whenever the other could, and its lease may end sooner. So up to every place, `one` must not have
/// spent more of a kind than `other`.
fn leaves_as_much(one: &[usize], other: &[usize], ghosts: &Ghosts<'_>) -> bool {
    one.iter().all(|place| {
        let of_the_kind_until = |spent: &[usize]| {
            let until = spent.iter().take_while(|at| *at <= place);
            let kind = until.filter(|at| ghosts.all[**at].asks_the_same(&ghosts.all[*place]));
            kind.count()
        };
        of_the_kind_until(one) <= of_the_kind_until(other)
    })
}
