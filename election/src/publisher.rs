//! What the outside world sees of an elector.

use std::sync::Arc;

use election_core::{
    Clock, ElectionName, StoreError, StoreErrorKind,
    machine::{self, Cause, Role},
};
use tokio::sync::{broadcast, mpsc, watch};

use crate::{
    command::Command,
    error::ElectorError,
    event::Event,
    status::{Status, TermStatus},
    term::{Order, Term},
};

/// How many events a listener may lag behind before it is told that some are missing.
const EVENT_BACKLOG: usize = 256;

/// The ends that electors and handles hold.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    pub(crate) events: broadcast::Sender<Event>,
    pub(crate) status: watch::Receiver<Status>,
    pub(crate) term: watch::Receiver<Seat>,
}

/// The term that is on, or the reason why there will be none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seat {
    pub(crate) term: Option<Arc<Term>>,
    pub(crate) end: Option<End>,
}

/// How an elector ended.
pub(crate) type End = Result<(), ElectorError>;

/// Turns the machine's events into everything that can be seen.
#[derive(Debug)]
pub(crate) struct Publisher {
    election: ElectionName,
    clock: Arc<dyn Clock>,
    commands: mpsc::UnboundedSender<Command>,
    events: broadcast::Sender<Event>,
    status: watch::Sender<Status>,
    seat: watch::Sender<Seat>,
    /// The words of the failure whose kind the machine is about to report.
    last_error: Option<Arc<StoreError>>,
    end: End,
}

impl Publisher {
    pub(crate) fn new(
        election: ElectionName,
        clock: Arc<dyn Clock>,
        commands: mpsc::UnboundedSender<Command>,
    ) -> (Self, Subscription) {
        let (events, _) = broadcast::channel(EVENT_BACKLOG);
        let (status, status_seen) = watch::channel(Status::default());
        let (seat, seat_seen) = watch::channel(Seat::default());
        let subscription = Subscription {
            events: events.clone(),
            status: status_seen,
            term: seat_seen,
        };
        let last_error = None;
        let publisher = Self {
            election,
            clock,
            commands,
            events,
            status,
            seat,
            last_error,
            end: Ok(()),
        };
        (publisher, subscription)
    }

    /// Keeps the words of an error whose kind the machine is about to report.
    pub(crate) fn remember(&mut self, error: StoreError) {
        self.last_error = Some(Arc::new(error));
    }

    /// Lets go of words that the machine had no use for.
    pub(crate) fn forget(&mut self) {
        self.last_error = None;
    }

    pub(crate) fn role(&self, role: Role) {
        self.status.send_if_modified(|status| {
            let changed = status.role != role;
            status.role = role;
            changed
        });
    }

    /// The term that is on, for whoever waits for its work.
    pub(crate) fn term(&self) -> Option<Arc<Term>> {
        self.seat.borrow().term.clone()
    }

    pub(crate) fn publish(&mut self, event: machine::Event) {
        let told = match event {
            machine::Event::Elected { token, valid_until } => {
                let term = Term::new(
                    token,
                    valid_until,
                    self.clock.clone(),
                    self.commands.clone(),
                );
                let status = TermStatus {
                    fencing_token: token,
                    valid_until,
                };
                self.status.send_modify(|now| {
                    now.term = Some(status);
                    now.leader = None;
                });
                self.seat
                    .send_modify(|seat| seat.term = Some(Arc::new(term)));
                tracing::info!(election = %self.election, token = token.as_u64(), "elected");
                Event::Elected {
                    fencing_token: token,
                }
            }
            machine::Event::Renewed { token, valid_until } => {
                if let Some(term) = self.term() {
                    term.extend(valid_until);
                }
                let status = TermStatus {
                    fencing_token: token,
                    valid_until,
                };
                self.status.send_modify(|now| now.term = Some(status));
                tracing::debug!(election = %self.election, token = token.as_u64(), "renewed");
                Event::Renewed {
                    fencing_token: token,
                }
            }
            machine::Event::Revoked {
                token,
                cause,
                stop_by,
            } => {
                if let Some(term) = self.term() {
                    term.revoke(Order { cause, stop_by });
                }
                tracing::info!(
                    election = %self.election, token = token.as_u64(), %cause, "revoked"
                );
                Event::Revoked {
                    fencing_token: token,
                    cause,
                }
            }
            machine::Event::Ended(token) => {
                self.leave_seat();
                tracing::info!(election = %self.election, token = token.as_u64(), "term ended");
                Event::Ended {
                    fencing_token: token,
                }
            }
            machine::Event::LeaderChanged(leader) => {
                self.status
                    .send_modify(|now| now.leader.clone_from(&leader));
                tracing::info!(
                    election = %self.election,
                    leader = leader.as_ref().map(|record| record.lease.holder.id.as_str()),
                    token = leader.as_ref().map(|record| record.lease.token.as_u64()),
                    "leader changed"
                );
                Event::LeaderChanged(leader)
            }
            machine::Event::StoreFailed(kind) => {
                let error = self.failure(kind);
                tracing::warn!(election = %self.election, %kind, %error, "store failed");
                if kind == StoreErrorKind::Fatal {
                    self.end = Err(ElectorError::Store(error.clone()));
                }
                Event::StoreFailed(error)
            }
            machine::Event::TokenRegressed { granted, seen } => {
                self.end = Err(ElectorError::TokenRegressed { granted, seen });
                tracing::error!(
                    election = %self.election, granted = granted.as_u64(), seen = seen.as_u64(),
                    "the store has forgotten earlier terms"
                );
                Event::TokenRegressed { granted, seen }
            }
            machine::Event::Stopped => {
                self.leave_seat();
                let end = self.end.clone();
                self.seat.send_modify(|seat| seat.end = Some(end));
                tracing::info!(election = %self.election, "stopped");
                Event::Stopped
            }
        };
        // Nobody has to listen.
        let _ = self.events.send(told);
    }

    /// The words that go with a failure; a call that was given up left none.
    fn failure(&mut self, kind: StoreErrorKind) -> Arc<StoreError> {
        match self.last_error.take() {
            Some(error) if error.kind() == kind => error,
            _ => Arc::new(StoreError::new(
                kind,
                "the store gave no usable answer in time",
            )),
        }
    }

    fn leave_seat(&self) {
        if let Some(term) = self.term() {
            term.lose();
            // Already revoked, unless the driver is going down half-way.
            term.revoke(Order {
                cause: Cause::Expired,
                stop_by: self.clock.now(),
            });
        }
        self.status.send_modify(|status| status.term = None);
        self.seat.send_modify(|seat| seat.term = None);
    }
}

/// A driver that goes down half-way must not leave a term behind that looks alive.
impl Drop for Publisher {
    fn drop(&mut self) {
        self.leave_seat();
        self.status
            .send_modify(|status| status.role = Role::Stopped);
        self.seat.send_if_modified(|seat| {
            let unexpected = seat.end.is_none();
            seat.end.get_or_insert(Err(ElectorError::DriverGone));
            unexpected
        });
    }
}
