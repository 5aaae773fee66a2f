//! From follower to leader: when to ask, and what the answers mean.

use std::time::Duration;

use super::{
    Machine,
    phase::Phase,
    words::{Answer, Cause, Event, Operation},
};
use crate::{
    error::StoreErrorKind,
    lease::{Lease, LeaseRecord},
    outcome::Acquired,
    time::Instant,
};

/// The shortest time between a refusal and the next attempt without a hint.
const MIN_ATTEMPT_SPACING: Duration = Duration::from_millis(5);

impl Machine {
    pub(super) fn campaign(&mut self) {
        self.phase = Phase::Campaigning { look_again: false };
        let unbounded = Instant::from_origin(Duration::MAX);
        self.send(Operation::Acquire, unbounded);
    }

    pub(super) fn on_hint(&mut self) {
        self.hints_work = true;
        let now = self.now;
        let spacing = self.timing.renew_backoff();
        match &mut self.phase {
            Phase::Following {
                attempt_at,
                deaf: false,
            } => *attempt_at = now, // I10
            Phase::Campaigning { look_again } => *look_again = true,
            // Somebody may have removed the lease: ask, but not for every hint of a talkative store.
            Phase::Leading {
                sent_at, renew_at, ..
            } => {
                *renew_at = (*renew_at).min(sent_at.plus(spacing).max(now));
            }
            _ => {}
        }
    }

    pub(super) fn on_hints_interrupted(&mut self) {
        self.hints_work = false;
        let poll_at = self.next_poll();
        if let Phase::Following { attempt_at, .. } = &mut self.phase {
            *attempt_at = poll_at.min(*attempt_at);
        }
    }

    pub(super) fn on_acquired(&mut self, sent_at: Instant, answer: Acquired) {
        match answer {
            Acquired::Granted { lease, ttl } => self.on_granted(sent_at, lease, ttl),
            Acquired::Held(record) => self.on_refused(&record),
        }
    }

    fn on_granted(&mut self, sent_at: Instant, lease: Lease, ttl: Duration) {
        if !self.is_ours(&lease) {
            return self.on_failure(&Operation::Acquire, StoreErrorKind::Fatal);
        }
        if let Some(seen) = self.highest_token.filter(|seen| *seen >= lease.token) {
            self.tell(Event::TokenRegressed {
                granted: lease.token,
                seen,
            }); // I6
            self.orphan = Some(lease);
            return self.stop();
        }
        self.highest_token = Some(lease.token);
        let valid_until = self.timing.valid_until(sent_at, ttl);
        let wanted = matches!(self.phase, Phase::Campaigning { .. });
        if wanted && self.now < self.revoke_at(valid_until) {
            self.orphan = None; // An earlier grant of ours died with this one.
            self.begin_term(lease, sent_at, valid_until);
        } else {
            self.orphan = Some(lease); // I4
            self.attempt_failed();
        }
    }

    fn on_refused(&mut self, record: &LeaseRecord) {
        self.meet_leader(Some(record));
        match self.phase {
            Phase::Campaigning { look_again: true } => {
                self.phase = Phase::Following {
                    attempt_at: self.now,
                    deaf: false,
                };
            }
            Phase::Campaigning { look_again: false } => {
                let attempt_at = self.attempt_after_refusal(record.remaining);
                self.phase = Phase::Following {
                    attempt_at,
                    deaf: false,
                };
            }
            _ => self.attempt_failed(),
        }
    }

    /// I10: at the known end of the refused lease, or at the next poll if no hints can be relied on.
    fn attempt_after_refusal(&mut self, remaining: Duration) -> Instant {
        let spread = self.jitter.up_to(self.timing.expiry_spread());
        let at_expiry = self
            .now
            .plus(remaining.max(MIN_ATTEMPT_SPACING))
            .plus(spread);
        if self.hints_work {
            at_expiry
        } else {
            at_expiry.min(self.next_poll())
        }
    }

    pub(super) fn on_acquire_failed(&mut self) {
        self.attempt_failed();
    }

    /// An attempt brought nothing: wait and try again, or end here if that was the wish.
    fn attempt_failed(&mut self) {
        match self.phase {
            Phase::Campaigning { .. } => {
                let attempt_at = self.next_poll();
                self.phase = Phase::Following {
                    attempt_at,
                    deaf: false,
                };
            }
            Phase::Withdrawing => self.stop(),
            _ => {}
        }
    }

    /// An answer to a request that was given up, or the second answer to one request.
    pub(super) fn on_late_answer(&mut self, answer: Result<Answer, StoreErrorKind>) {
        let Ok(Answer::Acquired(Acquired::Granted { lease, .. })) = answer else {
            return;
        };
        if !self.is_ours(&lease) || self.highest_token.is_some_and(|seen| seen >= lease.token) {
            return; // A grant that a later one has replaced is dead already.
        }
        self.highest_token = Some(lease.token);
        self.orphan = Some(lease); // I4
        // The store handled the late request after the one this term rests on, whose token is
        // therefore dead.
        if matches!(self.phase, Phase::Leading { .. }) {
            self.revoke(Cause::Superseded);
        }
    }

    /// Keeps in mind who leads, and tells it if it is news.
    pub(super) fn meet_leader(&mut self, record: Option<&LeaseRecord>) {
        let lease = record.map(|record| &record.lease);
        if let Some(lease) = lease {
            self.highest_token = self.highest_token.max(Some(lease.token));
        }
        if self.known_leader.as_ref() != lease {
            self.known_leader = lease.cloned();
            self.tell(Event::LeaderChanged(record.cloned()));
        }
    }

    pub(super) fn next_poll(&mut self) -> Instant {
        let interval = self.timing.retry_interval();
        self.now
            .plus(self.jitter.around(interval, self.timing.jitter_permille()))
    }

    fn is_ours(&self, lease: &Lease) -> bool {
        lease.election == self.election
            && lease.holder.id == self.candidate.id
            && lease.holder.incarnation == self.candidate.incarnation
    }
}
