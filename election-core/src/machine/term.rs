//! A term: from the grant to the order to stop.

use super::{
    Machine,
    phase::{Next, Phase},
    words::{Cause, Event},
};
use crate::{lease::Lease, outcome::Renewed, time::Instant};

impl Machine {
    pub(super) fn begin_term(&mut self, lease: Lease, sent_at: Instant, valid_until: Instant) {
        self.known_leader = Some(lease.clone());
        self.tell(Event::Elected {
            token: lease.token,
            valid_until,
        });
        let renew_at = self.renewal_after(sent_at);
        self.phase = Phase::Leading {
            lease,
            sent_at,
            valid_until,
            renew_at,
        };
    }

    /// When the work must be ordered to stop, so that it has stopped before `valid_until`.
    pub(super) fn revoke_at(&self, valid_until: Instant) -> Instant {
        valid_until.minus(self.timing.stop_grace())
    }

    pub(super) fn end_overdue_term(&mut self) {
        if let Phase::Leading { valid_until, .. } = self.phase
            && self.revoke_at(valid_until) <= self.now
        {
            self.revoke(Cause::Expired);
        }
    }

    pub(super) fn on_renewed(&mut self, asked_at: Instant, answer: Renewed) {
        // A term that has been revoked stays revoked, whatever the store says (I7).
        let Phase::Leading { lease, .. } = &self.phase else {
            return;
        };
        let lease = lease.clone();
        match answer {
            Renewed::Extended { ttl } => {
                let valid_until = self.timing.valid_until(asked_at, ttl);
                let renew_at = self.renewal_after(asked_at);
                self.tell(Event::Renewed {
                    token: lease.token,
                    valid_until,
                });
                self.phase = Phase::Leading {
                    lease,
                    sent_at: asked_at,
                    valid_until,
                    renew_at,
                };
            }
            Renewed::Lost(record) => {
                self.revoke(Cause::Superseded);
                self.meet_leader(record.as_ref());
            }
        }
    }

    /// I9: the term goes on until its deadline, and so do the attempts.
    pub(super) fn on_renew_failed(&mut self) {
        let backoff = self.timing.renew_backoff();
        let retry_at = self
            .now
            .plus(self.jitter.below(backoff, self.timing.jitter_permille()));
        if let Phase::Leading { renew_at, .. } = &mut self.phase {
            *renew_at = retry_at;
        }
    }

    pub(super) fn on_resign(&mut self) {
        if matches!(self.phase, Phase::Leading { .. }) {
            self.revoke(Cause::Resigned);
        }
    }

    /// The one way a term ends (I7): the order goes out before anything else happens (I3).
    pub(super) fn revoke(&mut self, cause: Cause) {
        let Phase::Leading {
            lease, valid_until, ..
        } = &self.phase
        else {
            return;
        };
        let lease = lease.clone();
        let stop_by = match cause {
            Cause::Superseded => self.now, // Somebody else may lead already.
            _ => *valid_until,
        };
        let next = match cause {
            Cause::Shutdown | Cause::StoreFailed => Next::Stop,
            Cause::Expired | Cause::Superseded | Cause::Resigned => Next::Campaign,
        };
        self.tell(Event::Revoked {
            token: lease.token,
            cause,
            stop_by,
        });
        let patience = self.patience(stop_by);
        self.phase = Phase::SteppingDown {
            lease,
            cause,
            stop_by,
            patience,
            next,
        };
    }

    fn renewal_after(&mut self, sent_at: Instant) -> Instant {
        let interval = self.timing.renew_interval();
        sent_at.plus(self.jitter.around(interval, self.timing.jitter_permille()))
    }
}
