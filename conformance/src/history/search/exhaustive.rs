//! The same search without any of its short cuts, to hold them to.
//!
//! No answer is placed greedily, nothing is remembered, and every unanswered call is tried before
//! every answer: hopeless for more than a handful of calls, and plainly right.

use std::{sync::Arc, time::Duration};

use election_core::{
    Acquired, Candidate, CandidateId, ElectionName, FencingToken, Incarnation, Instant, Lease,
    LeaseRecord, Metadata, Released, Renewed,
};
use proptest::{prelude::*, sample::select};

use super::{Found, Search};
use crate::history::{
    call::{Answer, Call, Moment, Outcome, Request},
    ghost::Obstacle,
    lease_model::{LeaseState, Span},
    placed::Placed,
    tolerance::Tolerance,
};

impl<'a> Search<'a> {
    fn explains_exhaustively(&self, placed: &Placed, state: &LeaseState<'a>) -> bool {
        placed.count() == self.judged.len()
            || self.possible(placed).into_iter().any(|place| {
                let with_place = placed.with(place);
                self.explains_with_ghosts(place, &with_place, state)
            })
    }

    /// Places an answer after any sequence of unanswered calls.
    fn explains_with_ghosts(&self, place: usize, then: &Placed, state: &LeaseState<'a>) -> bool {
        let judged = &self.judged[place];
        let span = Span {
            invoked: judged.call.invoked.at,
            returned: judged.returned.at,
        };
        let obstacle = Obstacle {
            state,
            claim: judged.claim,
            returned: judged.returned,
        };
        let ghosts = &self.ghosts;
        let direct = state.after(&judged.claim, span, &ghosts.tokens, &ghosts.tolerance);
        direct.is_ok_and(|after| self.explains_exhaustively(then, &after))
            || ghosts
                .whatever(obstacle)
                .into_iter()
                .any(|(_, state)| self.explains_with_ghosts(place, then, &state))
    }
}

/// A call in milliseconds: from, for how long, what was asked and answered, and whether at all.
type Line = (u64, u64, (Request, Answer), bool);

fn candidate(id: &str) -> Candidate {
    Candidate {
        id: CandidateId::new(id).unwrap(),
        incarnation: Incarnation(1),
        metadata: Metadata::default(),
    }
}

fn leases() -> impl Strategy<Value = Lease> {
    (select(&["ada", "bob"][..]), 1..4_u64).prop_map(|(id, token)| Lease {
        election: ElectionName::new("e").unwrap(),
        holder: candidate(id).holder(),
        token: FencingToken::new(token).unwrap(),
    })
}

fn record(lease: Lease) -> LeaseRecord {
    LeaseRecord {
        lease,
        metadata: Metadata::default(),
        remaining: Duration::from_millis(8),
    }
}

fn asked() -> impl Strategy<Value = (Request, Answer)> {
    let ttl = || select(&[3_u64, 8][..]).prop_map(Duration::from_millis);
    let election = || ElectionName::new("e").unwrap();
    let acquire = move |lease: &Lease, ttl| Request::Acquire {
        election: election(),
        candidate: candidate(lease.holder.id.as_str()),
        ttl,
    };
    prop_oneof![
        4 => (leases(), ttl()).prop_map(move |(lease, ttl)| {
            let request = acquire(&lease, ttl);
            (request, Answer::Acquired(Acquired::Granted { lease, ttl }))
        }),
        1 => (leases(), leases(), ttl()).prop_map(move |(lease, by, ttl)| {
            (acquire(&lease, ttl), Answer::Acquired(Acquired::Held(record(by))))
        }),
        2 => (leases(), ttl()).prop_map(|(lease, ttl)| {
            (Request::Renew { lease, ttl }, Answer::Renewed(Renewed::Extended { ttl }))
        }),
        1 => (leases(), ttl(), prop::option::of(leases())).prop_map(|(lease, ttl, to)| {
            let answer = Answer::Renewed(Renewed::Lost(to.map(record)));
            (Request::Renew { lease, ttl }, answer)
        }),
        2 => leases().prop_map(|lease| {
            (Request::Release { lease }, Answer::Released(Released::Done))
        }),
        2 => leases().prop_map(|lease| {
            (Request::Release { lease }, Answer::Released(Released::NotHeld))
        }),
        2 => prop::option::of(leases()).prop_map(move |found| {
            let request = Request::Read { election: ElectionName::new("e").unwrap() };
            (request, Answer::Read(found.map(record)))
        }),
    ]
}

fn lines() -> impl Strategy<Value = Vec<Line>> {
    let span = prop_oneof![3 => 0..3_u64, 1 => 0..20_u64];
    prop::collection::vec((0..20_u64, span, asked(), prop::bool::weighted(0.6)), 1..6)
}

/// Every moment has its place: those of one millisecond in the order of the lines, calls first.
fn calls(lines: Vec<Line>) -> Vec<Call> {
    let count = lines.len() as u64;
    let moment = |ms: u64, place: u64| Moment {
        order: ms * 2 * count + place,
        at: Instant::from_origin(Duration::from_millis(ms)),
    };
    let calls = (0..).zip(lines);
    let calls = calls.map(
        |(place, (from, span, (request, answer), is_answered))| Call {
            client: Arc::from("1"),
            invoked: moment(from, place),
            request,
            outcome: if is_answered {
                let returned = moment(from + span, count + place);
                Outcome::Answered { returned, answer }
            } else {
                Outcome::Unknown
            },
        },
    );
    let mut calls: Vec<Call> = calls.collect();
    calls.sort_by_key(|call| call.invoked);
    calls
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn the_short_cuts_of_the_search_change_no_verdict(lines in lines()) {
        let calls = calls(lines);
        let calls: Vec<&Call> = calls.iter().collect();
        if let Ok(search) = Search::new(&calls, None, Tolerance::default()) {
            let plainly = search.explains_exhaustively(&Placed::default(), &LeaseState::unheld());
            let quickly = matches!(search.run(100_000), Found::Explained);
            prop_assert_eq!(quickly, plainly);
        }
    }
}
