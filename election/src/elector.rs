//! Taking part in an election.

use std::sync::Arc;

use election_clock::BootClock;
use election_core::{
    Candidate, CandidateId, Clock, ElectionName, FencingToken, Incarnation, LeaseStore, Metadata,
    Timing,
};
use tokio::sync::mpsc;

use crate::{
    command::Command,
    driver::{Driver, Errand},
    error::ElectorError,
    handle::Handle,
    leadership::{Leadership, LeadershipGuard},
    publisher::{Publisher, Subscription},
};

/// A candidate in one election.
///
/// It campaigns from [`ElectorBuilder::start`] until it is shut down or dropped, in a task of its
/// own, so that busy work cannot starve its renewals. Between terms it campaigns again by itself.
#[derive(Debug)]
pub struct Elector {
    candidate: Candidate,
    handle: Handle,
    commands: mpsc::UnboundedSender<Command>,
    seen: Subscription,
    /// The term that was handed out last; each is handed out once.
    last_term: Option<FencingToken>,
}

impl Elector {
    /// Prepares a candidate for `election`, remembered by `store`.
    pub fn builder(store: Arc<dyn LeaseStore>, election: ElectionName) -> ElectorBuilder {
        ElectorBuilder {
            store,
            election,
            id: None,
            metadata: Metadata::default(),
            timing: Timing::default(),
            clock: Arc::new(BootClock),
        }
    }

    /// Works through one term after the other.
    ///
    /// Calls `work` at the beginning of every term. If the term ends first, the work's future is
    /// dropped at the latest at the moment it has to have stopped, and only then the lease is
    /// released. If the work ends first, leadership is handed over, and others come first.
    /// Returns `Ok` when the elector is shut down.
    ///
    /// A thread that never yields cannot be stopped by anybody: see [`Leadership::check`] and the
    /// fencing token.
    ///
    /// # Errors
    ///
    /// [`ElectorError`] if the election cannot go on.
    ///
    /// # Panics
    ///
    /// Only if `work` panics; leadership is then handed over.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the work and hands leadership over.
    pub async fn run<W, F>(&mut self, mut work: W) -> Result<(), ElectorError>
    where
        W: FnMut(Leadership) -> F,
        F: Future<Output = ()>,
    {
        loop {
            let guard = match self.campaign().await {
                Ok(guard) => guard,
                Err(ElectorError::Stopped) => return Ok(()),
                Err(error) => return Err(error),
            };
            // Lost or done: the term is over either way, and the events tell which.
            let _ = guard.guard(work(guard.leadership())).await;
        }
    }

    /// Waits until this candidate leads.
    ///
    /// Every term is handed out once. A term that began before the call is handed out too.
    ///
    /// # Errors
    ///
    /// [`ElectorError::Stopped`] after a shutdown, others if the election cannot go on.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a term that begins meanwhile waits for the next call.
    pub async fn campaign(&mut self) -> Result<LeadershipGuard, ElectorError> {
        loop {
            let seat = self.seen.term.borrow_and_update().clone();
            if let Some(end) = seat.end {
                return Err(end.err().unwrap_or(ElectorError::Stopped));
            }
            if let Some(term) = seat.term
                && self.last_term < Some(term.token)
                && term.order().is_none()
            {
                self.last_term = Some(term.token);
                return Ok(LeadershipGuard::of(term));
            }
            // The publisher says why it ends before it goes.
            let _ = self.seen.term.changed().await;
        }
    }

    /// A view of this elector for other tasks.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Who takes part: the id, this run's incarnation, and the metadata others see.
    #[must_use]
    pub fn candidate(&self) -> &Candidate {
        &self.candidate
    }

    /// Ends the term in order, releases the lease, and waits for the end.
    ///
    /// Takes at most one request limit after the work has ended, also if the store is out of reach.
    ///
    /// # Cancel safety
    ///
    /// The shutdown goes on if the future is dropped.
    pub async fn shutdown(self) {
        self.handle.shutdown();
        self.handle.ended().await;
    }
}

/// An elector that is dropped goes down in order, as far as its runtime lives on.
impl Drop for Elector {
    fn drop(&mut self) {
        // Without a driver it is down already.
        let _ = self.commands.send(Command::Shutdown);
    }
}

/// Prepares an [`Elector`].
#[derive(Debug)]
#[must_use = "an elector does nothing before start()"]
pub struct ElectorBuilder {
    store: Arc<dyn LeaseStore>,
    election: ElectionName,
    id: Option<CandidateId>,
    metadata: Metadata,
    timing: Timing,
    clock: Arc<dyn Clock>,
}

impl ElectorBuilder {
    /// The instance id operators see. Default: host name, process id and a random part.
    pub fn id(mut self, id: CandidateId) -> Self {
        self.id = Some(id);
        self
    }

    /// What this candidate tells those who ask who leads. Default: nothing.
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// The durations of the election. Default: lease 15 s, renewed every 5 s, retried every 2 s.
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// The clock everything is timed by. Default: [`BootClock`].
    ///
    /// For tests; a clock that stands still during suspend or follows the wall clock is not safe.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Starts to campaign, in a task of the present tokio runtime.
    ///
    /// # Errors
    ///
    /// [`ElectorError::NoRuntime`] outside a runtime, [`ElectorError::NoRandomness`] if the system
    /// gives no random numbers.
    pub fn start(self) -> Result<Elector, ElectorError> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| ElectorError::NoRuntime)?;
        let Self {
            store,
            election,
            id,
            metadata,
            timing,
            clock,
        } = self;
        let incarnation = Incarnation(u128::from(random()?) << 64 | u128::from(random()?));
        let id = match id {
            Some(id) => id,
            None => crate::settings::default_id().map_err(|_| ElectorError::NoRandomness)?,
        };
        let candidate = Candidate {
            id,
            incarnation,
            metadata,
        };
        let (commands, inbox) = mpsc::unbounded_channel();
        let (publisher, seen) = Publisher::new(election.clone(), clock.clone(), commands.clone());
        let errand = Errand {
            store,
            election: election.clone(),
            candidate: candidate.clone(),
            timing,
        };
        runtime.spawn(Driver::new(errand, random()?, clock, inbox, publisher).run());
        let handle = Handle::new(election, commands.clone(), seen.clone());
        Ok(Elector {
            candidate,
            handle,
            commands,
            seen,
            last_term: None,
        })
    }
}

fn random() -> Result<u64, ElectorError> {
    getrandom::u64().map_err(|_| ElectorError::NoRandomness)
}
