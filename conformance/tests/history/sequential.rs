//! Whatever one sequential store answers stays explained when less is known of when it did.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use election_conformance::history::{Answer, Request};
use election_core::{LeaseStore, ManualClock, MemoryStore};
use proptest::{prelude::*, sample::select};

use crate::script::{Script, acquire, read, release, renew};

/// One call of a sequential store.
#[derive(Clone, Debug)]
struct Step {
    request: Request,
    /// Milliseconds since the step before.
    after: u64,
    /// How much earlier the call may have been made, and how much later the answer may have come.
    widened: (u64, u64),
    fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Answered,
    /// Applied, but the answer never came.
    AnswerLost,
    /// Neither applied nor answered.
    RequestLost,
}

const IDS: &[&str] = &["ada", "bob", "eve"];

fn requests() -> impl Strategy<Value = Request> {
    let ttl = || select(&[20_u64, 60, 100][..]);
    // Tokens that have a fair chance to be in force, whoever holds them.
    let token = || 1..8_u64;
    prop_oneof![
        4 => (select(IDS), ttl()).prop_map(|(id, ttl)| acquire(id, ttl)),
        4 => (select(IDS), token(), ttl()).prop_map(|(id, token, ttl)| renew(id, token, ttl)),
        3 => (select(IDS), token()).prop_map(|(id, token)| release(id, token)),
        2 => Just(read(None).0),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let fate = prop_oneof![
        8 => Just(Fate::Answered),
        2 => Just(Fate::AnswerLost),
        1 => Just(Fate::RequestLost),
    ];
    let after = prop_oneof![4 => 0..10_u64, 1 => 0..120_u64];
    let widened = prop_oneof![3 => (0..5_u64, 0..5_u64), 1 => (0..60_u64, 0..60_u64)];
    let step =
        (requests(), after, widened, fate).prop_map(|(request, after, widened, fate)| Step {
            request,
            after,
            widened,
            fate,
        });
    prop::collection::vec(step, 1..40)
}

/// What the store answers at this moment. The memory store never waits.
fn answer(store: &MemoryStore, request: &Request) -> Answer {
    let answer = async {
        match request {
            Request::Acquire {
                election,
                candidate,
                ttl,
            } => Answer::Acquired(store.acquire(election, candidate, *ttl).await.unwrap()),
            Request::Renew { lease, ttl } => {
                Answer::Renewed(store.renew(lease, *ttl).await.unwrap())
            }
            Request::Release { lease } => Answer::Released(store.release(lease).await.unwrap()),
            Request::Read { election } => Answer::Read(store.read(election).await.unwrap()),
        }
    };
    match pin!(answer).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => unreachable!("a memory store answers at once"),
    }
}

/// The steps taken one after the other, as a history in which they may overlap.
fn history_of(steps: Vec<Step>) -> Script {
    let clock = Arc::new(ManualClock::new());
    let store = MemoryStore::new(Arc::clone(&clock) as _);
    let mut script = Script::new();
    let mut now = 0;
    for step in steps {
        clock.advance(Duration::from_millis(step.after));
        now += step.after;
        let (before, after) = step.widened;
        let from = now.saturating_sub(before);
        script = match step.fate {
            Fate::RequestLost => script.lost_answer(from, step.request),
            Fate::AnswerLost => {
                answer(&store, &step.request);
                script.lost_answer(from, step.request)
            }
            Fate::Answered => {
                let answer = answer(&store, &step.request);
                script.line(from, now + after, (step.request, answer))
            }
        };
    }
    script
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_sequential_history_with_widened_calls_is_explained(steps in steps()) {
        let verdict = history_of(steps).verdict();
        prop_assert!(verdict.is_linearizable(), "{verdict}");
    }
}
