//! The state of a proxy, shared by its owner and its tasks, who wait for it to move.

use std::{
    future::poll_fn,
    io,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
};

use tokio::{net::TcpStream, sync::watch};

use super::{door::Door, state::State};

pub(super) struct Board {
    state: Mutex<State>,
    moved: watch::Sender<()>,
}

impl Board {
    pub(super) fn new(door: Door, seed: u64) -> Self {
        Self {
            state: Mutex::new(State::new(door, seed)),
            moved: watch::Sender::new(()),
        }
    }

    /// Looks at the state.
    pub(super) fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the state, and wakes whoever waits for that.
    pub(super) fn act<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let done = act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.moved.send_replace(());
        done
    }

    /// A signal for every change of the state from now on.
    pub(super) fn moved(&self) -> watch::Receiver<()> {
        self.moved.subscribe()
    }

    /// Returns once `holds` is true of the state.
    pub(super) async fn until(&self, holds: impl Fn(&State) -> bool) {
        let mut moved = self.moved();
        // The sender lives as long as `self`, so this never fails.
        while !self.look(&holds) && moved.changed().await.is_ok() {}
    }

    /// The next connection of a client, whenever the door is open for it.
    pub(super) async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let mut moved = self.moved();
        loop {
            tokio::select! {
                accepted = poll_fn(|context| self.look(|state| state.door.poll_accept(context))) => {
                    return accepted;
                }
                // The door may have been opened.
                _ = moved.changed() => {}
            }
        }
    }
}
