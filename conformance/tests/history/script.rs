//! Histories written by hand, in milliseconds.

use std::{sync::Arc, time::Duration};

use election_conformance::history::{
    Answer, Call, Checker, Counterexample, History, Moment, Outcome, Request, Tolerance, Verdict,
};
use election_core::{
    Acquired, Candidate, CandidateId, ElectionName, FencingToken, Holder, Incarnation, Instant,
    Lease, LeaseRecord, Metadata, Released, Renewed,
};

/// How long every lease of a script is asked for, unless it says otherwise: 100 ms.
pub(crate) const TTL: u64 = 100;

/// What was asked, and what was answered.
pub(crate) type Line = (Request, Answer);

/// A history in the making.
#[derive(Default)]
pub(crate) struct Script(Vec<(u64, Option<u64>, Request, Outcome)>);

impl Script {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A call between two milliseconds.
    pub(crate) fn line(mut self, from: u64, to: u64, (request, answer): Line) -> Self {
        // The moment is put in its place among all others once they are known.
        let returned = moment(0, to);
        let outcome = Outcome::Answered { returned, answer };
        self.0.push((from, Some(to), request, outcome));
        self
    }

    /// A call that nobody answered.
    pub(crate) fn lost_answer(mut self, from: u64, request: Request) -> Self {
        self.0.push((from, None, request, Outcome::Unknown));
        self
    }

    /// A call that was refused as surely not applied.
    pub(crate) fn unavailable(mut self, from: u64, request: Request) -> Self {
        self.0.push((from, None, request, Outcome::NotApplied));
        self
    }

    /// Calls that touch in one millisecond overlap.
    pub(crate) fn history(self) -> History {
        let mut ends = Vec::new();
        for (call, (from, to, ..)) in self.0.iter().enumerate() {
            ends.push((*from, false, call));
            ends.extend(to.map(|to| (to, true, call)));
        }
        ends.sort_unstable();
        let order = |call: usize, end: bool| {
            let at = ends.iter().position(|(_, e, c)| (*c, *e) == (call, end));
            at.unwrap() as u64
        };
        let calls = self.0.iter().enumerate();
        let calls = calls.map(|(place, (from, to, request, outcome))| Call {
            client: Arc::from(place.to_string()),
            invoked: moment(order(place, false), *from),
            request: request.clone(),
            outcome: match (outcome, to) {
                (Outcome::Answered { answer, .. }, Some(to)) => Outcome::Answered {
                    returned: moment(order(place, true), *to),
                    answer: answer.clone(),
                },
                (outcome, _) => outcome.clone(),
            },
        });
        History::new(calls.collect())
    }

    pub(crate) fn verdict(self) -> Verdict {
        Checker::new(Tolerance::default()).check(&self.history())
    }

    /// Passes if one order explains the history.
    #[track_caller]
    pub(crate) fn assert_explained(self) {
        let verdict = self.verdict();
        assert!(verdict.is_linearizable(), "{verdict}");
    }

    /// Passes if nothing explains what the call begun in this millisecond was told.
    #[track_caller]
    pub(crate) fn assert_convicted_by(self, from: u64) -> Counterexample {
        match self.verdict() {
            Verdict::Violation(found) => {
                let begun = found.culprit().invoked.at;
                assert_eq!(begun, moment(0, from).at, "{found}");
                *found
            }
            verdict => panic!("not convicted: {verdict}"),
        }
    }
}

fn moment(order: u64, ms: u64) -> Moment {
    Moment {
        order,
        at: Instant::from_origin(Duration::from_millis(ms)),
    }
}

pub(crate) fn election() -> ElectionName {
    ElectionName::new("e").unwrap()
}

pub(crate) fn candidate(id: &str) -> Candidate {
    incarnation(id, 1)
}

pub(crate) fn incarnation(id: &str, run: u128) -> Candidate {
    Candidate {
        id: CandidateId::new(id).unwrap(),
        incarnation: Incarnation(run),
        metadata: Metadata::default().with("of", id).unwrap(),
    }
}

fn holder(id: &str) -> Holder {
    candidate(id).holder()
}

pub(crate) fn lease(id: &str, token: u64) -> Lease {
    Lease {
        election: election(),
        holder: holder(id),
        token: FencingToken::new(token).unwrap(),
    }
}

fn record(id: &str, token: u64) -> LeaseRecord {
    LeaseRecord {
        lease: lease(id, token),
        metadata: candidate(id).metadata,
        // As if rounded up to the next second: these tests are not about what remains.
        remaining: Duration::from_secs(1),
    }
}

fn ttl(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) fn acquire(id: &str, ms: u64) -> Request {
    Request::Acquire {
        election: election(),
        candidate: candidate(id),
        ttl: ttl(ms),
    }
}

pub(crate) fn renew(id: &str, token: u64, ms: u64) -> Request {
    Request::Renew {
        lease: lease(id, token),
        ttl: ttl(ms),
    }
}

pub(crate) fn release(id: &str, token: u64) -> Request {
    Request::Release {
        lease: lease(id, token),
    }
}

pub(crate) fn granted(id: &str, token: u64) -> Line {
    granted_for(id, token, TTL)
}

pub(crate) fn granted_for(id: &str, token: u64, ms: u64) -> Line {
    let granted = Acquired::Granted {
        lease: lease(id, token),
        ttl: ttl(ms),
    };
    (acquire(id, ms), Answer::Acquired(granted))
}

/// `id` is refused, because of another's lease.
pub(crate) fn refused(id: &str, other: &str, token: u64) -> Line {
    let held = Acquired::Held(record(other, token));
    (acquire(id, TTL), Answer::Acquired(held))
}

pub(crate) fn extended(id: &str, token: u64) -> Line {
    extended_for(id, token, TTL)
}

pub(crate) fn extended_for(id: &str, token: u64, ms: u64) -> Line {
    let extended = Renewed::Extended { ttl: ttl(ms) };
    (renew(id, token, ms), Answer::Renewed(extended))
}

pub(crate) fn lost(id: &str, token: u64, to: Option<(&str, u64)>) -> Line {
    let found = to.map(|(id, token)| record(id, token));
    (renew(id, token, TTL), Answer::Renewed(Renewed::Lost(found)))
}

pub(crate) fn released(id: &str, token: u64) -> Line {
    (release(id, token), Answer::Released(Released::Done))
}

pub(crate) fn not_held(id: &str, token: u64) -> Line {
    (release(id, token), Answer::Released(Released::NotHeld))
}

pub(crate) fn read(found: Option<(&str, u64)>) -> Line {
    let request = Request::Read {
        election: election(),
    };
    (
        request,
        Answer::Read(found.map(|(id, token)| record(id, token))),
    )
}

/// A read that says how long the lease has still to run.
pub(crate) fn read_remaining(id: &str, token: u64, ms: u64) -> Line {
    let (request, _) = read(None);
    let record = LeaseRecord {
        remaining: ttl(ms),
        ..record(id, token)
    };
    (request, Answer::Read(Some(record)))
}
