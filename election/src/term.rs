//! One term of leadership, shared between the driver and everybody who works in it.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use election_core::{Clock, FencingToken, Instant, machine::Cause};
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::command::Command;

/// The state of a term. Reading it takes no lock and waits for nobody.
#[derive(Debug)]
pub(crate) struct Term {
    pub(crate) token: FencingToken,
    clock: Arc<dyn Clock>,
    /// Nanoseconds since the clock's origin; zero once the term is lost for good.
    valid_until: AtomicU64,
    order: OnceLock<Order>,
    /// Cancelled when `order` is set.
    pub(crate) revoked: CancellationToken,
    /// Everything that works in this term; closed when the order to stop goes out.
    pub(crate) work: TaskTracker,
    work_ended: AtomicBool,
    driver: mpsc::UnboundedSender<Command>,
}

/// The order to stop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    pub(crate) cause: Cause,
    pub(crate) stop_by: Instant,
}

impl Term {
    pub(crate) fn new(
        token: FencingToken,
        valid_until: Instant,
        clock: Arc<dyn Clock>,
        driver: mpsc::UnboundedSender<Command>,
    ) -> Self {
        Self {
            token,
            clock,
            valid_until: AtomicU64::new(nanos(valid_until)),
            order: OnceLock::new(),
            revoked: CancellationToken::new(),
            work: TaskTracker::new(),
            work_ended: AtomicBool::new(false),
            driver,
        }
    }

    /// How long the term may be trusted from now on; zero if it is lost.
    ///
    /// The deadline is read before the clock: a renewal in between makes the answer too cautious,
    /// never too bold.
    pub(crate) fn remaining(&self) -> Duration {
        let valid_until = Duration::from_nanos(self.valid_until.load(Ordering::Acquire));
        valid_until.saturating_sub(self.clock.now().since_origin())
    }

    pub(crate) fn extend(&self, valid_until: Instant) {
        self.valid_until
            .store(nanos(valid_until), Ordering::Release);
    }

    /// Ends all trust in this term, now and for good.
    pub(crate) fn lose(&self) {
        self.valid_until.store(0, Ordering::Release);
    }

    pub(crate) fn revoke(&self, order: Order) {
        if order.cause == Cause::Superseded {
            self.lose();
        }
        // A term is revoked once (I7); a second order would find the first.
        let _ = self.order.set(order);
        self.work.close();
        self.revoked.cancel();
    }

    pub(crate) fn order(&self) -> Option<Order> {
        self.order.get().copied()
    }

    /// The order to stop, when it comes.
    pub(crate) async fn ordered(&self) -> Order {
        self.revoked.cancelled().await;
        // Set before the cancellation; only a driver that died leaves it empty.
        self.order().unwrap_or(Order {
            cause: Cause::Expired,
            stop_by: self.clock.now(),
        })
    }

    /// Waits for the moment after which the work may no longer act.
    pub(crate) async fn out_of_time(&self) {
        let Order { stop_by, .. } = self.ordered().await;
        crate::wait::until(&*self.clock, Some(stop_by)).await;
    }

    /// Waits, once, until the order to stop has gone out and nothing works in this term any more.
    pub(crate) async fn work_ended(&self) -> FencingToken {
        if self.work_ended.load(Ordering::Relaxed) {
            return std::future::pending().await;
        }
        self.work.wait().await; // The order to stop closes the tracker, so not before that.
        self.work_ended.store(true, Ordering::Relaxed);
        self.token
    }

    pub(crate) fn resign(&self) {
        // Without a driver there is nothing left to resign from.
        let _ = self.driver.send(Command::ResignTerm(self.token));
    }
}

/// 584 years fit.
fn nanos(instant: Instant) -> u64 {
    u64::try_from(instant.since_origin().as_nanos()).unwrap_or(u64::MAX)
}
