//! A view of an elector, and the reins, from anywhere.

use election_core::ElectionName;
use tokio::sync::{broadcast, mpsc};

use crate::{
    command::Command, event::Event, leadership::Leadership, publisher::Subscription, status::Status,
};

/// Sees and steers an elector. Cheap to clone, usable before the first term and after the last.
#[derive(Clone, Debug)]
pub struct Handle {
    election: ElectionName,
    commands: mpsc::UnboundedSender<Command>,
    seen: Subscription,
}

impl Handle {
    pub(crate) fn new(
        election: ElectionName,
        commands: mpsc::UnboundedSender<Command>,
        seen: Subscription,
    ) -> Self {
        Self {
            election,
            commands,
            seen,
        }
    }

    /// The election this is about.
    #[must_use]
    pub fn election(&self) -> &ElectionName {
        &self.election
    }

    /// Where the elector stood a moment ago.
    #[must_use]
    pub fn status(&self) -> Status {
        self.seen.status.borrow().clone()
    }

    /// Waits until the status is another than the last one this handle was told.
    ///
    /// Returns the status at once after the elector has ended.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn status_changed(&mut self) -> Status {
        // An error means that the elector has ended, and its last status stands.
        let _ = self.seen.status.changed().await;
        self.seen.status.borrow_and_update().clone()
    }

    /// The term that is on, if this elector is in one. Ask [`Leadership::check`] before every act.
    #[must_use]
    pub fn leadership(&self) -> Option<Leadership> {
        self.seen.term.borrow().term.clone().map(Leadership::of)
    }

    /// Everything that happens from now on, in order.
    #[must_use]
    pub fn events(&self) -> Events {
        Events {
            receiver: self.seen.events.subscribe(),
            ended: self.has_ended(),
        }
    }

    /// Hands leadership over if this elector leads. Returns at once.
    pub fn resign(&self) {
        // Without a driver there is nothing left to resign from.
        let _ = self.commands.send(Command::Resign);
    }

    /// Ends the term in order and then the elector. Returns at once; await
    /// [`Handle::ended`] for the end.
    pub fn shutdown(&self) {
        // Without a driver it is down already.
        let _ = self.commands.send(Command::Shutdown);
    }

    /// Waits until the elector has ended.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn ended(&self) {
        // An error means that the driver is gone, which is an end as well.
        let _ = self
            .seen
            .term
            .clone()
            .wait_for(|seat| seat.end.is_some())
            .await;
    }

    fn has_ended(&self) -> bool {
        self.seen.term.borrow().end.is_some()
    }
}

/// An ordered stream of [`Event`]s. Gaps are counted, never hidden.
#[derive(Debug)]
pub struct Events {
    receiver: broadcast::Receiver<Event>,
    ended: bool,
}

impl Events {
    /// The next event, or `None` after [`Event::Stopped`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no event is lost.
    pub async fn next(&mut self) -> Option<Event> {
        if self.ended {
            return None;
        }
        match self.receiver.recv().await {
            Ok(event) => {
                self.ended = matches!(event, Event::Stopped);
                Some(event)
            }
            Err(broadcast::error::RecvError::Lagged(missed)) => Some(Event::Missed(missed)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}
