//! The elector: a pure state machine.
//!
//! Feed it what happened with [`Machine::handle_input`], then do what it says, in order, until
//! [`Machine::poll_output`] has nothing more; call again with [`Input::Timeout`] when
//! [`Machine::poll_timeout`] has come. The same state and inputs give the same outputs, always.
//!
//! ```
//! use std::time::Duration;
//! use election_core::{
//!     Candidate, CandidateId, FencingToken, Incarnation, Instant, Lease, Metadata, Timing,
//!     machine::{Answer, Event, Input, Machine, Operation, Output},
//!     Acquired,
//! };
//!
//! let candidate = Candidate {
//!     id: CandidateId::new("node-1")?,
//!     incarnation: Incarnation(1),
//!     metadata: Metadata::default(),
//! };
//! let start = Instant::ORIGIN;
//! let mut machine = Machine::new(Timing::default(), "ledger".parse()?, candidate.clone(), 0, start);
//! machine.handle_input(start, Input::Timeout);
//! let Some(Output::Request(request)) = machine.poll_output() else { panic!() };
//! assert_eq!(request.operation, Operation::Acquire);
//!
//! // The answer takes a second; trust is counted from the moment before the question left.
//! let lease = Lease { election: "ledger".parse()?, holder: candidate.holder(), token: FencingToken::FIRST };
//! let answer = Answer::Acquired(Acquired::Granted { lease, ttl: Duration::from_secs(15) });
//! let later = start.plus(Duration::from_secs(1));
//! machine.handle_input(later, Input::Answer { id: request.id, answer: Ok(answer) });
//! assert_eq!(
//!     machine.poll_output(),
//!     Some(Output::Event(Event::Elected {
//!         token: FencingToken::FIRST,
//!         valid_until: start.plus(Duration::from_secs(12)),
//!     })),
//! );
//! # Ok::<(), election_core::InvalidWord>(())
//! ```
//!
//! # Invariants
//!
//! | | |
//! |---|---|
//! | I1 | reads no clock, no chance, no environment |
//! | I2 | `valid_until = sent_at + hold(min(asked, granted))`, with `sent_at` from before the request left |
//! | I3 | `Revoked`, then `WorkEnded`, then the release, on every path; work that never ends leaves the lease to expire |
//! | I4 | one request in flight; a late answer is known by its id; a late grant nobody wants is released |
//! | I5 | an unknown outcome changes nothing but the next attempt |
//! | I6 | the tokens of one machine only rise |
//! | I7 | a term ends once, with one cause |
//! | I8 | after `Stopped`, silence |
//! | I9 | transient store errors never end a term before its deadline |
//! | I10 | a refused attempt is repeated at the refused lease's known end, or at once on a hint; polling is the fall-back |

mod campaign;
mod farewell;
mod jitter;
mod phase;
mod term;
mod words;

use std::collections::VecDeque;

pub use words::{Answer, Cause, Event, Input, Operation, Output, Request, RequestId, Role};

use self::{
    jitter::Jitter,
    phase::{InFlight, Phase},
};
use crate::{
    candidate::Candidate, error::StoreErrorKind, lease::Lease, name::ElectionName, time::Instant,
    timing::Timing, token::FencingToken,
};

/// One candidate's part in one election. See the [module](self) for how to drive it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Machine {
    timing: Timing,
    election: ElectionName,
    candidate: Candidate,
    jitter: Jitter,
    /// The latest time any input came with; it never goes back.
    now: Instant,
    phase: Phase,
    in_flight: Option<InFlight>,
    last_id: u64,
    /// The greatest token seen in a grant or a refusal (I6).
    highest_token: Option<FencingToken>,
    /// A grant nobody wants, to be given back before anything else is asked for (I4).
    orphan: Option<Lease>,
    /// The leader the user was last told of.
    known_leader: Option<Lease>,
    /// Whether a hint can be relied on to come, so that polling would be waste.
    hints_work: bool,
    outputs: VecDeque<Output>,
}

impl Machine {
    /// A follower that campaigns at its first input.
    ///
    /// `jitter_seed` should differ from candidate to candidate; it decides only how intervals vary.
    #[must_use]
    pub fn new(
        timing: Timing,
        election: ElectionName,
        candidate: Candidate,
        jitter_seed: u64,
        now: Instant,
    ) -> Self {
        Self {
            timing,
            election,
            candidate,
            jitter: Jitter::from_seed(jitter_seed),
            now,
            phase: Phase::Following {
                attempt_at: now,
                deaf: false,
            },
            in_flight: None,
            last_id: 0,
            highest_token: None,
            orphan: None,
            known_leader: None,
            hints_work: false,
            outputs: VecDeque::new(),
        }
    }

    /// Takes in what happened at `now`. A `now` before an earlier one counts as that earlier one.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        self.now = self.now.max(now);
        // Deadlines come before the input: whatever it says, it says it now and not in time.
        self.meet_deadlines();
        match input {
            // I8
            _ if self.phase == Phase::Stopped => {}
            Input::Timeout => {}
            Input::Answer { id, answer } => self.on_answer(id, answer),
            Input::Hint => self.on_hint(),
            Input::HintsInterrupted => self.on_hints_interrupted(),
            Input::Resign => self.on_resign(),
            Input::WorkEnded(token) => self.on_work_ended(token),
            Input::Shutdown => self.on_shutdown(),
        }
        self.meet_deadlines(); // An input may have set one that has passed already.
        self.send_what_is_due();
    }

    /// The next thing to do. Outputs must be executed in the order they come.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Timeout`] is due, if ever. It changes with every input.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let answer_due = self.in_flight.as_ref().map(|sent| sent.request.give_up_at);
        let idle = self.in_flight.is_none();
        let own = match &self.phase {
            Phase::Following { attempt_at, .. } => idle.then_some(*attempt_at),
            Phase::Leading {
                valid_until,
                renew_at,
                ..
            } => {
                let revoke_at = self.revoke_at(*valid_until);
                Some(if idle {
                    revoke_at.min(*renew_at)
                } else {
                    revoke_at
                })
            }
            Phase::SteppingDown {
                patience,
                next: phase::Next::Stop,
                ..
            } => Some(*patience),
            Phase::Releasing {
                retry_at, until, ..
            } => idle.then_some(*retry_at.min(until)),
            Phase::SteppingDown { .. }
            | Phase::Campaigning { .. }
            | Phase::Withdrawing
            | Phase::Stopped => None,
        };
        answer_due.into_iter().chain(own).min()
    }

    /// The part this machine plays. Not a permission to act: only an unexpired deadline is one.
    #[must_use]
    pub fn role(&self) -> Role {
        self.phase.role()
    }

    /// Lets everything happen that `now` is too late for.
    fn meet_deadlines(&mut self) {
        self.end_overdue_term();
        if let Some(sent) = self
            .in_flight
            .take_if(|sent| sent.request.give_up_at <= self.now)
        {
            self.on_failure(&sent.request.operation, StoreErrorKind::Indeterminate);
        }
        self.end_overdue_farewell();
    }

    fn on_answer(&mut self, id: RequestId, answer: Result<Answer, StoreErrorKind>) {
        let Some(sent) = self.in_flight.take_if(|sent| sent.request.id == id) else {
            return self.on_late_answer(answer);
        };
        match (sent.request.operation, answer) {
            (operation, Err(kind)) => self.on_failure(&operation, kind),
            (Operation::Acquire, Ok(Answer::Acquired(answer))) => {
                self.on_acquired(sent.sent_at, answer);
            }
            (Operation::Renew(_), Ok(Answer::Renewed(answer))) => {
                self.on_renewed(sent.sent_at, answer);
            }
            (Operation::Release(_), Ok(Answer::Released(_))) => self.finish_release(),
            // An answer to another question tells nothing about this one.
            (operation, Ok(_)) => self.on_failure(&operation, StoreErrorKind::Indeterminate),
        }
    }

    fn on_failure(&mut self, operation: &Operation, kind: StoreErrorKind) {
        self.tell(Event::StoreFailed(kind));
        match (operation, kind) {
            (_, StoreErrorKind::Fatal) => self.on_fatal_failure(),
            // I5, I9: nothing but the next attempt changes.
            (Operation::Acquire, _) => self.on_acquire_failed(),
            (Operation::Renew(_), _) => self.on_renew_failed(),
            (Operation::Release(_), _) => self.on_release_failed(),
        }
    }

    /// Sends the next request if one is due and none is under way (I4).
    fn send_what_is_due(&mut self) {
        if self.in_flight.is_some() {
            return;
        }
        let now = self.now;
        match &self.phase {
            Phase::Following { .. } if self.orphan.is_some() => {
                self.give_back_orphan(phase::Next::Campaign);
            }
            Phase::Following { attempt_at, .. } if *attempt_at <= now => self.campaign(),
            Phase::Leading {
                lease,
                valid_until,
                renew_at,
                ..
            } if *renew_at <= now => {
                let (renew, latest) = (Operation::Renew(lease.clone()), *valid_until);
                self.send(renew, latest);
            }
            Phase::Releasing {
                lease,
                retry_at,
                until,
                ..
            } if *retry_at <= now => {
                let (release, latest) = (Operation::Release(lease.clone()), *until);
                self.send(release, latest);
            }
            _ => {}
        }
    }

    fn send(&mut self, operation: Operation, latest: Instant) {
        self.last_id += 1;
        let give_up_at = self.now.plus(self.timing.request_limit()).min(latest);
        let request = Request {
            id: RequestId(self.last_id),
            operation,
            give_up_at,
        };
        self.in_flight = Some(InFlight {
            request: request.clone(),
            sent_at: self.now,
        });
        self.outputs.push_back(Output::Request(request));
    }

    fn tell(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }
}
