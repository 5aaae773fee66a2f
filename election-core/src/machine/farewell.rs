//! After a term, and the end: release, stop.

use super::{
    Machine,
    phase::{Next, Phase, Released},
    words::{Cause, Event},
};
use crate::{lease::Lease, time::Instant, token::FencingToken};

impl Machine {
    pub(super) fn on_work_ended(&mut self, ended: FencingToken) {
        // Work that ends by itself hands its term over: the same path as any other (I3).
        if matches!(&self.phase, Phase::Leading { lease, .. } if lease.token == ended) {
            self.revoke(Cause::Resigned);
        }
        let Phase::SteppingDown {
            lease,
            cause,
            stop_by,
            next,
            ..
        } = &self.phase
        else {
            return;
        };
        if lease.token != ended {
            return;
        }
        let (lease, stop_by, next) = (lease.clone(), *stop_by, *next);
        if *cause == Cause::Superseded {
            self.end_term(&lease, next); // The store has said that there is nothing to release.
        } else {
            self.release(lease, Released::Term, stop_by, next);
        }
    }

    pub(super) fn on_shutdown(&mut self) {
        let latest = self.now.plus(self.timing.request_limit());
        match &mut self.phase {
            Phase::Following { .. } => self.stop(),
            Phase::Campaigning { .. } => self.phase = Phase::Withdrawing,
            Phase::Leading { .. } => self.revoke(Cause::Shutdown),
            Phase::SteppingDown { .. } => self.stop_after_work(),
            Phase::Releasing { next, until, .. } => {
                *next = Next::Stop;
                *until = latest.min(*until);
            }
            Phase::Withdrawing | Phase::Stopped => {}
        }
    }

    /// No retry helps: whatever is under way ends in order, and then the machine stops.
    pub(super) fn on_fatal_failure(&mut self) {
        match &mut self.phase {
            Phase::Leading { .. } => self.revoke(Cause::StoreFailed),
            Phase::SteppingDown { .. } => self.stop_after_work(),
            Phase::Releasing { next, .. } => {
                *next = Next::Stop;
                self.finish_release();
            }
            _ => {
                self.orphan = None; // The store that would take it back is out of reach for good.
                self.stop();
            }
        }
    }

    /// Work that is stopping already keeps its deadline, and gets a last grace beyond it.
    fn stop_after_work(&mut self) {
        let last_grace = self.patience(self.now);
        if let Phase::SteppingDown {
            patience,
            next: next @ Next::Campaign,
            ..
        } = &mut self.phase
        {
            *next = Next::Stop;
            *patience = last_grace.max(*patience);
        }
    }

    /// How long to wait for work that was ordered to stop by `stop_by`: a little longer, as work
    /// that is dropped at that very moment still lets its lease be released.
    pub(super) fn patience(&self, stop_by: Instant) -> Instant {
        stop_by.max(self.now).plus(self.timing.stop_grace())
    }

    /// Ends what a stopping machine has waited for long enough.
    pub(super) fn end_overdue_farewell(&mut self) {
        match self.phase {
            // Work that does not end keeps its lease until that expires (I3).
            Phase::SteppingDown {
                patience,
                next: Next::Stop,
                ..
            } if patience <= self.now => {
                self.orphan = None;
                self.stop();
            }
            Phase::Releasing { until, .. } if self.in_flight.is_none() && until <= self.now => {
                self.finish_release();
            }
            _ => {}
        }
    }

    pub(super) fn give_back_orphan(&mut self, next: Next) {
        if let Some(lease) = self.orphan.take() {
            self.release(lease, Released::Orphan, self.now, next);
            self.send_what_is_due();
        }
    }

    fn release(&mut self, lease: Lease, of: Released, valid_until: Instant, next: Next) {
        // At least one attempt; more as long as the lease would be in the way of others.
        let one_attempt = self.now.plus(self.timing.request_limit());
        let until = match next {
            Next::Campaign => valid_until.max(one_attempt),
            Next::Stop => one_attempt,
        };
        // A renewal still under way is given up: it could only answer `Lost` after the release (C4).
        self.in_flight = None;
        self.phase = Phase::Releasing {
            lease,
            of,
            retry_at: self.now,
            until,
            next,
        };
    }

    pub(super) fn on_release_failed(&mut self) {
        let retry = self.now.plus(self.timing.renew_backoff());
        match &mut self.phase {
            Phase::Releasing {
                next: Next::Campaign,
                retry_at,
                ..
            } => *retry_at = retry,
            Phase::Releasing {
                next: Next::Stop, ..
            } => self.finish_release(),
            _ => {}
        }
    }

    pub(super) fn finish_release(&mut self) {
        if let Phase::Releasing {
            lease, of, next, ..
        } = &self.phase
        {
            let (lease, of, next) = (lease.clone(), *of, *next);
            match of {
                Released::Term => self.end_term(&lease, next),
                Released::Orphan => self.proceed(next),
            }
        }
    }

    fn end_term(&mut self, lease: &Lease, next: Next) {
        self.tell(Event::Ended(lease.token));
        if self.known_leader.as_ref() == Some(lease) {
            self.known_leader = None;
            self.tell(Event::LeaderChanged(None));
        }
        self.proceed(next);
    }

    fn proceed(&mut self, next: Next) {
        match next {
            Next::Stop => self.stop(),
            Next::Campaign => {
                // Others come first now, and the hint of one's own release is none: deaf.
                let attempt_at = self.next_poll();
                self.phase = Phase::Following {
                    attempt_at,
                    deaf: true,
                };
            }
        }
    }

    /// The end, after the last grant nobody wants was given back.
    pub(super) fn stop(&mut self) {
        if self.orphan.is_some() {
            return self.give_back_orphan(Next::Stop);
        }
        self.in_flight = None;
        self.phase = Phase::Stopped;
        self.tell(Event::Stopped);
    }
}
