//! The store: each call is one step for the thread that owns the connection.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use election_core::{
    Acquired, Candidate, Capabilities, Disaster, ElectionName, Hints, Lease, LeaseRecord,
    LeaseStore, Released, Renewed, StoreError, check_ttl,
};

use crate::{
    boot::BootIdentity,
    config::SqliteConfig,
    error::Failure,
    hints::{HINT_WITHIN, Listener},
    step,
    writer::Writer,
};

/// Leases in a SQLite file, shared by the processes of one host.
///
/// Clones share one connection and one thread. When the last clone is dropped the connection is
/// closed, the threads end, and so do the streams of hints. See the [crate] for what this
/// store costs and what it cannot do.
#[derive(Clone)]
pub struct SqliteStore {
    shared: Arc<Shared>,
}

struct Shared {
    config: SqliteConfig,
    writer: Writer,
    /// Started with the first stream of hints.
    listener: Mutex<Option<Listener>>,
}

impl SqliteStore {
    /// Opens the database, and creates it if the file is missing or empty.
    ///
    /// Several processes may do so at the same time. Needs no async runtime.
    ///
    /// # Errors
    ///
    /// `Fatal` if leases cannot live there: the directory is missing, the file system is a network
    /// one or read-only, the path is not a file, or the file is damaged, of another application or
    /// of another version of this library. A file that is refused is left as it was, and none is
    /// created. `Unavailable` if another process keeps the database locked.
    ///
    /// # Cancel safety
    ///
    /// A dropped future closes what was opened; an empty database may have been created.
    pub async fn open(config: SqliteConfig) -> Result<Self, StoreError> {
        let config = config.with_absolute_path()?;
        let boot = boot_identity(&config)?;
        let writer = Writer::start(config.clone(), boot).await?;
        Ok(Self {
            shared: Arc::new(Shared {
                config,
                writer,
                listener: Mutex::default(),
            }),
        })
    }
}

fn boot_identity(config: &SqliteConfig) -> Result<BootIdentity, Failure> {
    #[cfg(test)]
    if let Some(boot) = &config.pretended.boot {
        return Ok(boot.clone());
    }
    let _ = config;
    BootIdentity::of_this_process()
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.shared.config.path())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl LeaseStore for SqliteStore {
    async fn acquire(
        &self,
        election: &ElectionName,
        candidate: &Candidate,
        ttl: Duration,
    ) -> Result<Acquired, StoreError> {
        check_ttl(ttl)?;
        let acquire = step::Acquire {
            election: election.clone(),
            candidate: candidate.clone(),
            ttl,
        };
        self.shared.writer.ask(acquire).await
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<Renewed, StoreError> {
        check_ttl(ttl)?;
        let renew = step::Renew {
            lease: lease.clone(),
            ttl,
        };
        self.shared.writer.ask(renew).await
    }

    async fn release(&self, lease: &Lease) -> Result<Released, StoreError> {
        let release = step::Release {
            lease: lease.clone(),
        };
        self.shared.writer.ask(release).await
    }

    async fn read(&self, election: &ElectionName) -> Result<Option<LeaseRecord>, StoreError> {
        let read = step::Read {
            election: election.clone(),
        };
        self.shared.writer.ask(read).await
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            kind: "sqlite",
            // Expiry is a comparison under the lock that also grants: nothing lags behind.
            expiry_lag: Duration::ZERO,
            hint_within: Some(HINT_WITHIN),
            // `Crash`: a grant is on the disk before it is told. `DataLoss`: a token is never below
            // the wall clock's microseconds, so a new file goes on above the lost one, unless the
            // wall clock was set back or one election had a million grants per second.
            tokens_survive: &[Disaster::Restart, Disaster::Crash, Disaster::DataLoss],
        }
    }

    async fn hints(&self, election: &ElectionName) -> Result<Hints, StoreError> {
        let subscription = {
            let mut listener = self
                .shared
                .listener
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let listener = match &mut *listener {
                Some(running) => running,
                none => none.insert(Listener::start(self.shared.config.clone())?),
            };
            listener.subscribe(election.clone())
        };
        match subscription.await {
            Ok(subscription) => Ok(Hints::new(subscription?)),
            Err(_) => Err(StoreError::fatal(
                "the store's thread for hints has ended by a defect: open the store anew",
            )),
        }
    }
}
