//! The model's server: what it remembers, and what happens to it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use election_core::{
    Candidate, Clock, Disaster, ElectionName, FencingToken, Hint, Instant, Lease, ManualClock,
    Metadata,
};
use futures_channel::mpsc;

use super::flaw::Flaw;

/// What the model's clients connect with.
pub(super) const PASSWORD: &str = "correct horse/battery";

/// A server: its clock, its books, and the flaw it has, if any.
#[derive(Debug)]
pub(super) struct World {
    pub(super) clock: Arc<ManualClock>,
    pub(super) flaw: Option<Flaw>,
    books: Mutex<Books>,
}

#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) elections: HashMap<String, Election>,
    /// No token of any election falls below it again, as if it were the server's own time.
    pub(super) floor: u64,
    pub(super) clients: u64,
    /// How often the server was started anew.
    pub(super) restarts: u64,
    pub(super) paused: bool,
    /// What a flawed server applies when it goes on.
    pub(super) postponed: Vec<(ElectionName, Candidate, Duration)>,
}

#[derive(Debug, Default)]
pub(super) struct Election {
    pub(super) last_token: u64,
    pub(super) tokens_of_clients: HashMap<u64, u64>,
    pub(super) held: Option<Held>,
    /// What was held before the last write.
    pub(super) before: Option<Held>,
    pub(super) renewals: u64,
    pub(super) locked: bool,
    pub(super) watchers: Vec<(u64, mpsc::Sender<Hint>)>,
    /// Streams a flaw has forgotten: they never speak again, and never end.
    pub(super) abandoned: Vec<mpsc::Sender<Hint>>,
}

#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) lease: Lease,
    pub(super) metadata: Metadata,
    pub(super) expires_at: Instant,
    pub(super) client: u64,
    pub(super) acquires: u32,
}

impl Election {
    pub(super) fn in_force(&self, now: Instant) -> Option<&Held> {
        self.held.as_ref().filter(|held| now < held.expires_at)
    }
}

/// What happens to the server.
impl World {
    pub(super) fn new(flaw: Option<Flaw>) -> Self {
        Self {
            clock: Arc::default(),
            flaw,
            books: Mutex::default(),
        }
    }

    pub(super) fn flaw(&self) -> Option<Flaw> {
        self.flaw
    }

    pub(super) fn clock(&self) -> Arc<ManualClock> {
        Arc::clone(&self.clock)
    }

    pub(super) fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    pub(super) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn election<'a>(
        &self,
        books: &'a mut Books,
        election: &ElectionName,
    ) -> &'a mut Election {
        books.elections.entry(self.key(election)).or_default()
    }

    /// Connects a client, and gives it a number.
    pub(super) fn connect(&self) -> u64 {
        let mut books = self.books();
        books.clients += 1;
        books.clients
    }

    /// A client is gone. What it held is none the shorter for it, nor the longer.
    pub(super) fn disconnect(&self, client: u64) {
        if !self.has(Flaw::KeepsTheLeasesOfTheGone) {
            return;
        }
        let mut books = self.books();
        let held = books.elections.values_mut().filter_map(|e| e.held.as_mut());
        for held in held.filter(|held| held.client == client) {
            held.expires_at = Instant::from_origin(Duration::MAX);
        }
    }

    pub(super) fn is_paused(&self) -> bool {
        self.books().paused
    }

    pub(super) fn pause(&self) {
        self.books().paused = true;
    }

    pub(super) fn resume(&self) {
        let postponed = {
            let mut books = self.books();
            books.paused = false;
            std::mem::take(&mut books.postponed)
        };
        for (election, candidate, ttl) in postponed {
            let _ = self.acquire(0, &election, &candidate, ttl);
        }
    }

    /// Remembers an acquire that a flawed server will apply when it goes on.
    pub(super) fn postpone(&self, election: &ElectionName, candidate: &Candidate, ttl: Duration) {
        let asked = (election.clone(), candidate.clone(), ttl);
        self.books().postponed.push(asked);
    }

    pub(super) fn restarts(&self) -> u64 {
        self.books().restarts
    }

    pub(super) fn set_last_token(&self, election: &ElectionName, last: FencingToken) {
        self.election(&mut self.books(), election).last_token = last.as_u64();
    }

    /// An operator deletes an election by hand.
    pub(super) fn delete(&self, election: &ElectionName) {
        let mut books = self.books();
        let state = self.election(&mut books, election);
        let last = std::mem::take(&mut state.last_token);
        state.held = None;
        if !self.has(Flaw::ForgetsTokensOfTheDeleted) {
            books.floor = books.floor.max(last);
        }
    }

    /// Without a flaw leases outlive everything but a loss of data, and tokens outlive that too.
    pub(super) fn suffer(&self, disaster: Disaster) {
        let mut books = self.books();
        books.restarts += 1;
        let highest = books.elections.values().map(|e| e.last_token).max();
        if disaster == Disaster::DataLoss && !self.has(Flaw::ForgetsTokensOnDataLoss) {
            // As a hybrid clock would: whatever was granted lies in the past.
            books.floor = books.floor.max(highest.unwrap_or_default());
        }
        for state in books.elections.values_mut() {
            let watchers = std::mem::take(&mut state.watchers).into_iter();
            let watchers = watchers.map(|(_, sender)| sender);
            if self.has(Flaw::ForgetsWatchersOnRestart) {
                state.abandoned.extend(watchers);
            }
            self.damage(state, disaster);
        }
    }

    fn damage(&self, state: &mut Election, disaster: Disaster) {
        match (disaster, self.flaw) {
            (Disaster::DataLoss, _) => {
                state.held = None;
                state.last_token = 0;
            }
            (Disaster::Restart, Some(Flaw::ForgetsTokensOnRestart)) => state.last_token = 0,
            (Disaster::Restart, Some(Flaw::EndsLeasesOnRestart)) => state.held = None,
            (Disaster::Restart, Some(Flaw::RevivesLeasesOnRestart)) if state.held.is_none() => {
                state.held = state.before.take();
            }
            (Disaster::Crash, Some(Flaw::LosesTheLastGrantInACrash))
            | (Disaster::Failover, Some(Flaw::LosesTheLastGrantInAFailover)) => {
                state.held = state.before.take();
                state.last_token = state.last_token.saturating_sub(1);
            }
            _ => {}
        }
    }
}

/// What a store that looks before it acts can see.
impl World {
    pub(super) fn is_free(&self, election: &ElectionName) -> bool {
        let (mut books, now) = (self.books(), self.clock.now());
        self.election(&mut books, election).in_force(now).is_none()
    }

    pub(super) fn is_expired(&self, election: &ElectionName) -> bool {
        let (mut books, now) = (self.books(), self.clock.now());
        let state = self.election(&mut books, election);
        state.held.is_some() && state.in_force(now).is_none()
    }

    pub(super) fn renewals(&self, election: &ElectionName) -> u64 {
        self.election(&mut self.books(), election).renewals
    }

    /// Takes the lock of an election, if nobody has it.
    pub(super) fn lock(&self, election: &ElectionName) -> bool {
        let mut books = self.books();
        !std::mem::replace(&mut self.election(&mut books, election).locked, true)
    }

    pub(super) fn unlock(&self, election: &ElectionName) {
        self.election(&mut self.books(), election).locked = false;
    }
}
