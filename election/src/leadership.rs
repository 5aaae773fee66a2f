//! What the leader holds.

use std::{future::Future, ops::Deref, pin::pin, sync::Arc, time::Duration};

use election_core::{FencingToken, machine::Cause};
use tokio::select;
use tokio_util::{sync::CancellationToken, task::task_tracker::TaskTrackerToken};

use crate::term::Term;

/// One term of leadership. Cheap to clone; every clone speaks of the same term.
///
/// *Revoked* is an order: stop, in the time that is left. *Lost* is a state: you may no longer act.
/// A term is lost at its deadline even if every task of this process is stuck.
#[derive(Clone, Debug)]
pub struct Leadership {
    term: Arc<Term>,
}

impl Leadership {
    pub(crate) fn of(term: Arc<Term>) -> Self {
        Self { term }
    }

    /// The fencing token of this term: hand it to whatever the leader writes to.
    #[must_use]
    pub fn fencing_token(&self) -> FencingToken {
        self.term.token
    }

    /// Whether this process leads at this very moment, asked of the clock.
    ///
    /// No I/O, no lock, no allocation: about the price of reading the clock. The answer holds for
    /// the moment of the call and no longer; what must not happen twice needs the fencing token.
    ///
    /// # Errors
    ///
    /// [`LeadershipLost`] from the deadline on, and never again anything else for this term.
    pub fn check(&self) -> Result<FencingToken, LeadershipLost> {
        match self.term.remaining() {
            Duration::ZERO => Err(self.lost()),
            _ => Ok(self.term.token),
        }
    }

    /// How long this term may be trusted if no renewal succeeds any more; zero when it is lost.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.term.remaining()
    }

    /// Waits for the order to stop and tells why it was given.
    ///
    /// [`Leadership::remaining`] tells how much time is left then; after `Superseded` it is none.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn revoked(&self) -> Cause {
        self.term.ordered().await.cause
    }

    /// Runs a future for as long as leadership lasts.
    ///
    /// The future is never polled once leadership is lost, and it is dropped at the latest at the
    /// moment when work has to have stopped. The lease is released only after that.
    ///
    /// # Errors
    ///
    /// [`LeadershipLost`] if the future was dropped before it was done.
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as the future.
    pub async fn guard<F: Future>(&self, future: F) -> Result<F::Output, LeadershipLost> {
        let _working = self.term.work.token();
        let mut future = pin!(future);
        let checked = std::future::poll_fn(|cx| match self.check() {
            Ok(_) => future.as_mut().poll(cx).map(Ok),
            Err(lost) => std::task::Poll::Ready(Err(lost)),
        });
        select! {
            biased;
            () = self.term.out_of_time() => Err(self.lost()),
            result = checked => result,
        }
    }

    /// A token that is cancelled when the work is ordered to stop.
    ///
    /// A child token: cancelling it does not end the term.
    #[must_use]
    pub fn cancellation_token(&self) -> CancellationToken {
        self.term.revoked.child_token()
    }

    /// Hands leadership over: orders the work to stop, releases the lease, lets others come first.
    ///
    /// Returns at once; [`Leadership::revoked`] tells when the order has gone out. Does nothing
    /// after the term has ended.
    pub fn resign(&self) {
        self.term.resign();
    }

    fn lost(&self) -> LeadershipLost {
        LeadershipLost {
            fencing_token: self.term.token,
            cause: self
                .term
                .order()
                .map_or(Cause::Expired, |order| order.cause),
        }
    }
}

/// The term this process led is over; whatever it was about to do must not be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("leadership of term {fencing_token} is lost ({cause}): stop its work")]
pub struct LeadershipLost {
    /// The fencing token of the term.
    pub fencing_token: FencingToken,
    /// Why the term ended.
    pub cause: Cause,
}

/// Leadership as a scope: dropping the guard hands it over.
///
/// The lease is released only after the guard is dropped and every future given to
/// [`Leadership::guard`] has ended, whatever ended the term.
#[derive(Debug)]
#[must_use = "dropping the guard hands leadership over"]
pub struct LeadershipGuard {
    leadership: Leadership,
    _working: TaskTrackerToken,
}

impl LeadershipGuard {
    pub(crate) fn of(term: Arc<Term>) -> Self {
        let _working = term.work.token();
        Self {
            leadership: Leadership::of(term),
            _working,
        }
    }

    /// A clone that can be moved into tasks.
    #[must_use]
    pub fn leadership(&self) -> Leadership {
        self.leadership.clone()
    }
}

impl Deref for LeadershipGuard {
    type Target = Leadership;

    fn deref(&self) -> &Leadership {
        &self.leadership
    }
}

impl Drop for LeadershipGuard {
    fn drop(&mut self) {
        self.leadership.resign();
    }
}
