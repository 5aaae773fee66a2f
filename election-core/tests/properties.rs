//! The invariants of the elector under arbitrary inputs in arbitrary order.
//!
//! A witness watches everything that goes in and out of one machine and knows nothing of how the
//! machine works. Each rule it enforces names the invariant it guards.

#![allow(clippy::unwrap_used, clippy::expect_used)] // A test that meets the unexpected stops there.

use std::{collections::HashMap, time::Duration};

use election_core::{
    Acquired, Candidate, CandidateId, ElectionName, FencingToken, Holder, Incarnation, Instant,
    Lease, LeaseRecord, Metadata, Released, Renewed, StoreErrorKind, Timing,
    machine::{Answer, Cause, Event, Input, Machine, Operation, Output, Request, RequestId, Role},
};
use proptest::prelude::*;

/// One thing that happens; numbers are turned into something that fits the moment.
#[derive(Clone, Debug)]
enum Step {
    Wait(Duration),
    WaitForTimeout,
    Answer { back: usize, what: Reply },
    Hint,
    HintsInterrupted,
    Resign,
    WorkEnds { back: usize },
    Shutdown,
}

#[derive(Clone, Debug)]
enum Reply {
    /// What a sound store could say; tokens rise by the number given.
    Yes {
        ttl: Duration,
        step: u64,
    },
    No {
        remaining: Duration,
    },
    Free,
    Fail(StoreErrorKind),
    /// A token out of thin air, as a store that has lost its memory would give.
    AnyToken(u64),
    WrongKind,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, max_shrink_iters: 100_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn i2_to_i10_hold_for_any_inputs_in_any_order(seed in any::<u64>(), steps in steps(any_reply())) {
        Witness::new(seed).watch(&steps);
    }

    #[test]
    fn i9_without_a_word_of_loss_every_term_lasts_to_its_deadline(
        seed in any::<u64>(),
        steps in steps(kind_reply()),
    ) {
        let mut witness = Witness::new(seed);
        witness.only_deadlines_end_terms = true;
        let steps: Vec<_> = steps
            .into_iter()
            .filter(|step| !matches!(step, Step::Resign | Step::Shutdown | Step::WorkEnds { .. }))
            .collect();
        witness.watch(&steps);
    }

    #[test]
    fn i1_the_same_inputs_give_the_same_outputs(seed in any::<u64>(), steps in steps(any_reply())) {
        let (mut one, mut two) = (Witness::new(seed), Witness::new(seed));
        one.watch(&steps);
        two.watch(&steps);
        prop_assert_eq!(one.machine, two.machine);
        prop_assert_eq!(one.history, two.history);
    }
}

fn steps(reply: impl Strategy<Value = Reply> + 'static) -> impl Strategy<Value = Vec<Step>> {
    let reply = reply.boxed();
    let step = prop_oneof![
        4 => (0_u64..20_000).prop_map(|ms| Step::Wait(Duration::from_millis(ms))),
        1 => Just(Step::Wait(Duration::from_secs(3600))),
        8 => Just(Step::WaitForTimeout),
        8 => reply.clone().prop_map(|what| Step::Answer { back: 0, what }),
        2 => (0_usize..6, reply).prop_map(|(back, what)| Step::Answer { back, what }),
        2 => Just(Step::Hint),
        1 => Just(Step::HintsInterrupted),
        1 => Just(Step::Resign),
        3 => (0_usize..3).prop_map(|back| Step::WorkEnds { back }),
        1 => Just(Step::Shutdown),
    ];
    proptest::collection::vec(step, 1..80)
}

fn millis(range: std::ops::Range<u64>) -> impl Strategy<Value = Duration> {
    range.prop_map(Duration::from_millis)
}

fn kind_reply() -> impl Strategy<Value = Reply> {
    prop_oneof![
        4 => (millis(15_000..60_000), 1_u64..4).prop_map(|(ttl, step)| Reply::Yes { ttl, step }),
        2 => millis(0..15_000).prop_map(|remaining| Reply::No { remaining }),
        1 => Just(Reply::Fail(StoreErrorKind::Unavailable)),
        1 => Just(Reply::Fail(StoreErrorKind::Indeterminate)),
    ]
}

fn any_reply() -> impl Strategy<Value = Reply> {
    prop_oneof![
        8 => kind_reply(),
        1 => (millis(0..15_000), 1_u64..4).prop_map(|(ttl, step)| Reply::Yes { ttl, step }),
        1 => Just(Reply::Free),
        1 => (1_u64..50).prop_map(Reply::AnyToken),
        1 => Just(Reply::WrongKind),
        1 => Just(Reply::Fail(StoreErrorKind::Fatal)),
    ]
}

/// What the witness knows of the term that was begun last.
#[derive(Clone, Debug)]
struct Term {
    token: FencingToken,
    valid_until: Instant,
    revoked: bool,
    work_ended: bool,
    ended: bool,
}

struct Witness {
    machine: Machine,
    timing: Timing,
    now: Instant,
    requests: Vec<(Request, Instant)>,
    open: Option<RequestId>,
    granted_ttl: HashMap<RequestId, Duration>,
    next_token: u64,
    terms: Vec<Term>,
    stopped: bool,
    only_deadlines_end_terms: bool,
    history: Vec<Output>,
}

impl Witness {
    fn new(seed: u64) -> Self {
        let timing = Timing::default();
        let now = Instant::from_origin(Duration::from_secs(1000));
        Self {
            machine: Machine::new(timing.clone(), election(), me(), seed, now),
            timing,
            now,
            requests: Vec::new(),
            open: None,
            granted_ttl: HashMap::new(),
            next_token: 1,
            terms: Vec::new(),
            stopped: false,
            only_deadlines_end_terms: false,
            history: Vec::new(),
        }
    }

    fn watch(&mut self, steps: &[Step]) {
        self.feed(Input::Timeout, None);
        for step in steps {
            match step {
                Step::Wait(time) => {
                    self.now = self.now.plus(*time);
                    self.feed(Input::Timeout, None);
                }
                Step::WaitForTimeout => {
                    if let Some(at) = self.machine.poll_timeout() {
                        self.now = self.now.max(at);
                    }
                    self.feed(Input::Timeout, None);
                }
                Step::Answer { back, what } => self.answer(*back, what),
                Step::Hint => self.feed(Input::Hint, None),
                Step::HintsInterrupted => self.feed(Input::HintsInterrupted, None),
                Step::Resign => self.feed(Input::Resign, None),
                Step::Shutdown => self.feed(Input::Shutdown, None),
                Step::WorkEnds { back } => {
                    let Some(index) = self.terms.len().checked_sub(back + 1) else {
                        continue;
                    };
                    let token = self.terms[index].token;
                    self.terms[index].work_ended = true;
                    self.feed(Input::WorkEnded(token), None);
                }
            }
            self.check_rest();
        }
    }

    fn answer(&mut self, back: usize, what: &Reply) {
        let Some(index) = self.requests.len().checked_sub(back + 1) else {
            return;
        };
        let (request, _) = self.requests[index].clone();
        if self.only_deadlines_end_terms && self.open != Some(request.id) {
            return; // A second grant would depose the first: a word of loss.
        }
        let token = match what {
            Reply::Yes { step, .. } => self.next_token + step,
            Reply::AnyToken(number) => *number,
            _ => self.next_token,
        };
        let mut ttl = Duration::ZERO;
        let answer = match (&request.operation, what) {
            (_, Reply::Fail(kind)) => Err(*kind),
            (Operation::Acquire, Reply::Yes { .. } | Reply::AnyToken(_) | Reply::Free) => {
                ttl = if let Reply::Yes { ttl, .. } = what {
                    *ttl
                } else {
                    self.timing.ttl()
                };
                self.next_token = self.next_token.max(token);
                Ok(Answer::Acquired(Acquired::Granted {
                    lease: lease(&me().holder(), token),
                    ttl,
                }))
            }
            (Operation::Acquire, Reply::No { remaining }) => {
                Ok(Answer::Acquired(Acquired::Held(record(token, *remaining))))
            }
            (Operation::Renew(_), Reply::Yes { ttl: granted, .. }) => {
                ttl = *granted;
                Ok(Answer::Renewed(Renewed::Extended { ttl }))
            }
            (Operation::Renew(_), Reply::No { .. }) if self.only_deadlines_end_terms => return,
            (Operation::Renew(_), Reply::No { remaining }) => Ok(Answer::Renewed(Renewed::Lost(
                Some(record(token, *remaining)),
            ))),
            (Operation::Renew(_), _) => Ok(Answer::Renewed(Renewed::Lost(None))),
            (Operation::Release(_), Reply::WrongKind) => Ok(Answer::Renewed(Renewed::Lost(None))),
            (Operation::Release(_), _) => Ok(Answer::Released(Released::Done)),
            (Operation::Acquire, Reply::WrongKind) => Ok(Answer::Released(Released::Done)),
        };
        self.granted_ttl.insert(request.id, ttl);
        let failed = answer.is_err();
        let fatal = answer == Err(StoreErrorKind::Fatal);
        let before = self.history.len();
        let was_due = self.machine.poll_timeout().is_some_and(|at| at <= self.now);
        self.feed(
            Input::Answer {
                id: request.id,
                answer,
            },
            Some(request.id),
        );
        if failed && !fatal && !was_due {
            // I5: a failed call brings its own report and at most the end of a farewell, no news.
            let news = self.history[before..].iter().any(|output| {
                matches!(
                    output,
                    Output::Event(
                        Event::Elected { .. } | Event::Renewed { .. } | Event::Revoked { .. }
                    )
                )
            });
            assert!(!news, "I5: {:?}", &self.history[before..]);
        }
    }

    fn feed(&mut self, input: Input, answers: Option<RequestId>) {
        self.machine.handle_input(self.now, input);
        if answers == self.open {
            self.open = None;
        }
        while let Some(output) = self.machine.poll_output() {
            assert!(!self.stopped, "I8: {output:?} after the end");
            self.history.push(output.clone());
            match output {
                Output::Request(request) => self.see_request(request),
                Output::Event(event) => self.see_event(&event, answers),
            }
        }
    }

    fn see_request(&mut self, request: Request) {
        if let Some((last, _)) = self.requests.last() {
            assert!(request.id > last.id, "I4: request ids rise");
            let answered = self.open.is_none() || last.give_up_at <= self.now;
            let replaced = matches!(request.operation, Operation::Release(_));
            assert!(
                answered || replaced,
                "I4: {request:?} while {last:?} is under way"
            );
        }
        assert!(
            request.give_up_at > self.now,
            "a request has time to be answered: {request:?}"
        );
        match &request.operation {
            Operation::Acquire => {
                if let Some(term) = self.terms.last() {
                    assert!(term.ended, "I3: campaigns before the last term has ended");
                }
            }
            Operation::Renew(lease) => {
                let term = self.terms.last().expect("a renewal needs a term");
                assert_eq!(lease.token, term.token);
                assert!(!term.revoked, "I7: renewed after the order to stop");
            }
            Operation::Release(lease) => {
                if let Some(term) = self.terms.iter().find(|term| term.token == lease.token) {
                    assert!(
                        term.revoked && term.work_ended,
                        "I3: released while the work runs"
                    );
                }
            }
        }
        self.open = Some(request.id);
        self.requests.push((request, self.now));
    }

    fn see_event(&mut self, event: &Event, answers: Option<RequestId>) {
        match event {
            Event::Elected { token, valid_until } => {
                if let Some(last) = self.terms.last() {
                    assert!(
                        last.ended,
                        "I7: a term begins before the last one has ended"
                    );
                    assert!(
                        *token > last.token,
                        "I6: token {token} after {}",
                        last.token
                    );
                }
                self.check_deadline(*valid_until, answers);
                self.terms.push(Term {
                    token: *token,
                    valid_until: *valid_until,
                    revoked: false,
                    work_ended: false,
                    ended: false,
                });
            }
            Event::Renewed { token, valid_until } => {
                self.check_deadline(*valid_until, answers);
                let term = self.terms.last_mut().expect("I7: renewed without a term");
                assert!(
                    term.token == *token && !term.revoked,
                    "I7: renewed after the end"
                );
                term.valid_until = *valid_until;
            }
            Event::Revoked {
                token,
                cause,
                stop_by,
            } => {
                let now = self.now;
                let grace = self.timing.stop_grace();
                let term = self.terms.last_mut().expect("I7: revoked without a term");
                assert!(term.token == *token && !term.revoked, "I7: revoked twice");
                assert!(
                    *stop_by <= term.valid_until.max(now),
                    "the work outlives its trust"
                );
                term.revoked = true;
                if *cause == Cause::Expired {
                    assert!(now >= term.valid_until.minus(grace), "I9: expired early");
                }
                if self.only_deadlines_end_terms {
                    assert_eq!(*cause, Cause::Expired, "I9");
                }
            }
            Event::Ended(token) => {
                let term = self.terms.last_mut().expect("I7: ended without a term");
                assert!(
                    term.token == *token && term.revoked && !term.ended,
                    "I7: ended twice"
                );
                assert!(term.work_ended, "I3: ended while the work runs");
                term.ended = true;
            }
            Event::Stopped => self.stopped = true,
            Event::LeaderChanged(_) | Event::StoreFailed(_) | Event::TokenRegressed { .. } => {}
        }
    }

    /// I2, worked out again from the outside.
    fn check_deadline(&self, valid_until: Instant, answers: Option<RequestId>) {
        let id = answers.expect("I2: trust without an answer");
        let (_, sent_at) = self
            .requests
            .iter()
            .find(|(request, _)| request.id == id)
            .unwrap();
        let granted = self.granted_ttl[&id].min(self.timing.ttl());
        assert_eq!(valid_until, sent_at.plus(granted * 8 / 10), "I2");
    }

    fn check_rest(&self) {
        let role = self.machine.role();
        match self.machine.poll_timeout() {
            Some(at) => assert!(at > self.now, "a deadline in the past would spin: {role:?}"),
            None => assert!(
                matches!(role, Role::Stopped | Role::SteppingDown),
                "nothing would ever wake a {role:?}"
            ),
        }
        if let (Role::Leader, Some(term)) = (role, self.terms.last()) {
            assert!(self.now < term.valid_until, "leads beyond its trust");
        }
        // I10: however long the lease that was met, the next look is never farther away than that.
        if role == Role::Follower {
            let wait = self
                .machine
                .poll_timeout()
                .unwrap()
                .saturating_since(self.now);
            assert!(wait <= Duration::from_millis(15_050), "I10: waits {wait:?}");
        }
    }
}

fn election() -> ElectionName {
    "any".parse().unwrap()
}

fn me() -> Candidate {
    Candidate {
        id: CandidateId::new("me").unwrap(),
        incarnation: Incarnation(1),
        metadata: Metadata::default(),
    }
}

fn lease(holder: &Holder, token: u64) -> Lease {
    Lease {
        election: election(),
        holder: holder.clone(),
        token: FencingToken::new(token).unwrap(),
    }
}

fn record(token: u64, remaining: Duration) -> LeaseRecord {
    let other = Holder {
        id: CandidateId::new("other").unwrap(),
        incarnation: Incarnation(2),
    };
    LeaseRecord {
        lease: lease(&other, token),
        metadata: Metadata::default(),
        remaining,
    }
}
