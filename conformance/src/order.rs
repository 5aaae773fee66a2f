//! Whether some order of concurrent calls explains all their answers.
//!
//! The search is Wing and Gong's with the memory of Lowe: a call may come next if none that is
//! still missing had ended before it began; a configuration seen once is not searched again.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use election_core::{
    Acquired, Candidate, ElectionName, FencingToken, Holder, Lease, LeaseRecord, Released, Renewed,
};

use crate::{
    check::{Judgement, Stop},
    client::Client,
    context::LONG,
    wording,
};

/// How many calls one player makes. Four players stay below the 64 a configuration can name.
const CALLS: usize = 10;

/// A call between two moments of one counter, which all players share.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    began: u64,
    ended: u64,
    deed: Deed,
}

/// What was asked, and what was answered.
#[derive(Clone, Debug)]
enum Deed {
    Acquire(Holder, Acquired),
    Renew(Lease, Renewed),
    Release(Lease, Released),
    Read(Option<LeaseRecord>),
}

/// Plays at random with one election, and returns what happened.
pub(crate) async fn play(
    client: Client,
    election: ElectionName,
    candidate: Candidate,
    seed: u64,
    moments: Arc<AtomicU64>,
) -> Judgement<Vec<Event>> {
    let mut chance = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut latest: Option<Lease> = None;
    let mut events = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        // Xorshift: any mixture of calls will do.
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        let began = moments.fetch_add(1, Ordering::SeqCst);
        let deed = match (chance >> 32 & 7, &latest) {
            (0 | 1, Some(lease)) => {
                Deed::Renew(lease.clone(), client.renew(lease, LONG).await?.answer)
            }
            (2..=4, Some(lease)) => {
                Deed::Release(lease.clone(), client.release(lease).await?.answer)
            }
            (5, _) => Deed::Read(client.read(&election).await?.answer),
            _ => {
                let answer = client.acquire(&election, &candidate, LONG).await?.answer;
                if let Acquired::Granted { lease, .. } = &answer {
                    latest = Some(lease.clone());
                }
                Deed::Acquire(candidate.holder(), answer)
            }
        };
        let ended = moments.fetch_add(1, Ordering::SeqCst);
        events.push(Event { began, ended, deed });
    }
    Ok(events)
}

/// Convicts the store if no order of the events is that of one lease.
pub(crate) fn explain(events: &[Event]) -> Judgement {
    let mut search = Search {
        events,
        seen: HashSet::new(),
        furthest: 0,
        stuck_at: Vec::new(),
    };
    if search.explains(0, &Book::default()) {
        return Ok(());
    }
    let stuck: Vec<String> = search
        .stuck_at
        .iter()
        .map(|at| events[*at].tell())
        .collect();
    Err(Stop::violation(
        "an order of the concurrent calls in which each answer is right",
        format!(
            "none; after {} of {} calls none of these can come next: {}",
            search.furthest,
            events.len(),
            stuck.join("; ")
        ),
    ))
}

struct Search<'a> {
    events: &'a [Event],
    seen: HashSet<(u64, Book)>,
    furthest: u32,
    stuck_at: Vec<usize>,
}

impl Search<'_> {
    /// Whether the events that `done` does not name can follow, from `book` on.
    fn explains(&mut self, done: u64, book: &Book) -> bool {
        if done.count_ones() as usize == self.events.len() {
            return true;
        }
        if !self.seen.insert((done, book.clone())) {
            return false;
        }
        let missing = |at: &usize| done & (1 << at) == 0;
        let first_end = (0..self.events.len())
            .filter(missing)
            .map(|at| self.events[at].ended)
            .min();
        let next: Vec<usize> = (0..self.events.len())
            .filter(missing)
            .filter(|at| first_end.is_some_and(|end| self.events[*at].began < end))
            .collect();
        if done.count_ones() > self.furthest || self.stuck_at.is_empty() {
            self.furthest = done.count_ones();
            self.stuck_at.clone_from(&next);
        }
        next.into_iter().any(|at| {
            book.after(&self.events[at].deed)
                .is_some_and(|book| self.explains(done | 1 << at, &book))
        })
    }
}

/// The lease as a sequential store would remember it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Book {
    held: Option<Lease>,
    last_token: Option<FencingToken>,
}

impl Book {
    /// The book after this deed, or `None` if its answer would have been another.
    fn after(&self, deed: &Deed) -> Option<Self> {
        let same =
            |found: Option<&LeaseRecord>| found.map(|found| &found.lease) == self.held.as_ref();
        let holds = |lease: &Lease| self.held.as_ref() == Some(lease);
        match deed {
            Deed::Acquire(holder, Acquired::Granted { lease, .. }) => {
                let free = self.held.as_ref().is_none_or(|held| held.holder == *holder);
                let rises = self.last_token.is_none_or(|last| lease.token > last);
                (free && rises && lease.holder == *holder).then(|| Self {
                    held: Some(lease.clone()),
                    last_token: Some(lease.token),
                })
            }
            Deed::Acquire(holder, Acquired::Held(found)) => {
                (same(Some(found)) && found.lease.holder != *holder).then(|| self.clone())
            }
            Deed::Renew(lease, Renewed::Extended { .. }) => holds(lease).then(|| self.clone()),
            Deed::Renew(lease, Renewed::Lost(found)) => {
                (!holds(lease) && same(found.as_ref())).then(|| self.clone())
            }
            Deed::Release(lease, Released::Done) => holds(lease).then_some(Self {
                held: None,
                last_token: self.last_token,
            }),
            Deed::Release(lease, Released::NotHeld) => (!holds(lease)).then(|| self.clone()),
            Deed::Read(found) => same(found.as_ref()).then(|| self.clone()),
        }
    }
}

impl Event {
    fn tell(&self) -> String {
        match &self.deed {
            Deed::Acquire(holder, answer) => format!(
                "acquire as {} -> {}",
                wording::holder(holder),
                wording::acquired(answer)
            ),
            Deed::Renew(lease, answer) => {
                format!("renew {} -> {}", lease.token, wording::renewed(answer))
            }
            Deed::Release(lease, answer) => {
                format!("release {} -> {}", lease.token, wording::released(*answer))
            }
            Deed::Read(found) => format!("read -> {}", wording::optional_record(found.as_ref())),
        }
    }
}

#[cfg(test)]
mod tests {
    use election_core::{CandidateId, Incarnation};

    use super::*;

    fn lease(id: &str, token: u64) -> Lease {
        Lease {
            election: ElectionName::new("e").unwrap(),
            holder: Holder {
                id: CandidateId::new(id).unwrap(),
                incarnation: Incarnation(1),
            },
            token: FencingToken::new(token).unwrap(),
        }
    }

    fn grant(began: u64, ended: u64, id: &str, token: u64) -> Event {
        let lease = lease(id, token);
        let deed = Deed::Acquire(lease.holder.clone(), Acquired::Granted { lease, ttl: LONG });
        Event { began, ended, deed }
    }

    fn release(began: u64, ended: u64, id: &str, token: u64) -> Event {
        let deed = Deed::Release(lease(id, token), Released::Done);
        Event { began, ended, deed }
    }

    #[test]
    fn a_grant_beside_a_release_is_explained() {
        let events = [
            grant(0, 1, "ada", 1),
            release(2, 5, "ada", 1),
            grant(3, 4, "bob", 2),
        ];
        explain(&events).unwrap();
    }

    #[test]
    fn a_grant_before_the_release_is_not_explained() {
        let events = [
            grant(0, 1, "ada", 1),
            grant(2, 3, "bob", 2),
            release(4, 5, "ada", 1),
        ];
        assert!(matches!(explain(&events), Err(Stop::Violation { .. })));
    }

    #[test]
    fn a_read_of_an_earlier_term_is_not_explained() {
        let read = Event {
            began: 4,
            ended: 5,
            deed: Deed::Read(None),
        };
        assert!(explain(&[grant(0, 1, "ada", 1), read]).is_err());
    }
}
