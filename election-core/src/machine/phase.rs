//! Where a machine stands.

use crate::{lease::Lease, time::Instant};

use super::words::{Cause, Request, Role};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Phase {
    /// Waits until `attempt_at`, or for a hint unless it is `deaf`.
    Following { attempt_at: Instant, deaf: bool },
    /// Has asked for the lease. A hint meanwhile may be newer than the answer: look again then.
    Campaigning { look_again: bool },
    /// Leads. `sent_at` belongs to the last confirmed request, `renew_at` to the next one.
    Leading {
        lease: Lease,
        sent_at: Instant,
        valid_until: Instant,
        renew_at: Instant,
    },
    /// Has ordered the work to stop, and waits until it has: for ever if it is to campaign again,
    /// until `patience` ends if it is to stop.
    SteppingDown {
        lease: Lease,
        cause: Cause,
        stop_by: Instant,
        patience: Instant,
        next: Next,
    },
    /// The work has ended; the store is told until it has heard or `until` has come.
    Releasing {
        lease: Lease,
        of: Released,
        retry_at: Instant,
        until: Instant,
        next: Next,
    },
    /// Shuts down, but a lease may still be granted: waits for that answer, to give it back.
    Withdrawing,
    /// The end.
    Stopped,
}

/// What is being released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Released {
    /// The lease of a term that the user was told of.
    Term,
    /// A grant that came too late to be used.
    Orphan,
}

/// What comes after a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Next {
    Campaign,
    Stop,
}

/// The one request under way (I4).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct InFlight {
    pub(super) request: Request,
    /// Read before the request left (I2).
    pub(super) sent_at: Instant,
}

impl Phase {
    pub(super) fn role(&self) -> Role {
        match self {
            Self::Following { .. } => Role::Follower,
            Self::Campaigning { .. } => Role::Candidate,
            Self::Leading { .. } => Role::Leader,
            Self::Releasing {
                of: Released::Orphan,
                ..
            } => Role::Follower,
            Self::SteppingDown { .. } | Self::Releasing { .. } | Self::Withdrawing => {
                Role::SteppingDown
            }
            Self::Stopped => Role::Stopped,
        }
    }
}
