//! Stores whose tokens leave gaps, as revisions and timestamps do, give the search more freedom.

use std::sync::Arc;

use election_conformance::history::{
    Answer, Call, Checker, History, Length, Moment, Outcome, Request, Tolerance, Workload,
};
use election_core::{Acquired, FencingToken, Lease, LeaseRecord, Renewed};

use crate::correct_stores::{elections, play};

fn workload(seed: u64, calls: usize) -> Workload {
    Workload {
        length: Length::Calls(calls),
        drops: 20,
        ..Workload::new(seed, elections(&["a"]))
    }
}

/// The same history with a thousand times greater tokens.
fn with_gaps(history: &History) -> History {
    let calls = history.calls().iter().cloned();
    History::new(calls.map(sparse_call).collect())
}

fn sparse_call(mut call: Call) -> Call {
    if let Request::Renew { lease, .. } | Request::Release { lease } = &mut call.request {
        spread(lease);
    }
    if let Outcome::Answered { answer, .. } = &mut call.outcome {
        match answer {
            Answer::Acquired(Acquired::Granted { lease, .. })
            | Answer::Acquired(Acquired::Held(LeaseRecord { lease, .. }))
            | Answer::Renewed(Renewed::Lost(Some(LeaseRecord { lease, .. })))
            | Answer::Read(Some(LeaseRecord { lease, .. })) => spread(lease),
            Answer::Renewed(_) | Answer::Released(_) | Answer::Read(None) => {}
        }
    }
    call
}

fn spread(lease: &mut Lease) {
    lease.token = FencingToken::new(lease.token.as_u64() * 1_000).unwrap();
}

/// The same history, and at its end a read of the first lease that was ever granted.
fn with_a_stale_read(history: &History) -> History {
    let mut calls = history.calls().to_vec();
    let moments = calls
        .iter()
        .flat_map(|call| [Some(call.invoked), call.returned()]);
    let Moment { order, at } = moments.flatten().max().unwrap();
    let (first, granted) = calls
        .iter()
        .find_map(|call| match (&call.request, &call.outcome) {
            (
                Request::Acquire { candidate, .. },
                Outcome::Answered {
                    answer: Answer::Acquired(Acquired::Granted { lease, ttl }),
                    ..
                },
            ) => Some((candidate.clone(), (lease.clone(), *ttl))),
            _ => None,
        })
        .unwrap();
    let (lease, remaining) = granted;
    calls.push(Call {
        client: Arc::from("late"),
        invoked: Moment {
            order: order + 1,
            at,
        },
        request: Request::Read {
            election: lease.election.clone(),
        },
        outcome: Outcome::Answered {
            returned: Moment {
                order: order + 2,
                at,
            },
            answer: Answer::Read(Some(LeaseRecord {
                lease,
                metadata: first.metadata,
                remaining,
            })),
        },
    });
    History::new(calls)
}

#[test]
fn a_history_with_gaps_between_its_tokens_is_explained() {
    for seed in 0..3 {
        let history = play(&workload(seed, 1_000), 8, |store| Arc::new(store));
        let history = with_gaps(&history);
        let begun = std::time::Instant::now();
        let verdict = Checker::new(Tolerance::default()).check(&history);
        println!("{} unanswered: {:?}", history.unanswered(), begun.elapsed());
        assert!(verdict.is_linearizable(), "seed {seed}: {verdict}");
    }
}

#[test]
fn a_violation_after_two_thousand_calls_is_convicted() {
    for seed in 0..3 {
        let history = play(&workload(seed, 300), 8, |store| Arc::new(store));
        for history in [with_gaps(&history), history] {
            let history = with_a_stale_read(&history);
            let begun = std::time::Instant::now();
            let verdict = Checker::new(Tolerance::default()).check(&history);
            println!("{} unanswered: {:?}", history.unanswered(), begun.elapsed());
            assert!(verdict.is_violation(), "seed {seed}: {verdict}");
        }
    }
}
