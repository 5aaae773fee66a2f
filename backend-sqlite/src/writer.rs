//! The thread that owns the connection, and the queue that leads to it.
//!
//! Whatever is queued when the thread turns to it goes into one transaction: the more there is to
//! do, the less each request costs. Answers are told after `COMMIT`.

use std::{
    iter,
    sync::mpsc::{self, Receiver},
    thread,
};

use election_clock::BootClock;
use election_core::{Clock, Instant, StoreError};
use futures_channel::oneshot;
use rusqlite::{Transaction, TransactionBehavior};

use crate::{
    bell,
    boot::BootIdentity,
    config::SqliteConfig,
    database::{self, Database, Synchronous},
    error::{self, Failure, Stage},
    place,
    sql::Table,
    step::Step,
};

/// The most requests in one transaction: other processes get their turn in between.
const BATCH: usize = 1024;

/// The way to the thread. When it is dropped the thread closes the connection and ends.
#[derive(Debug)]
pub(crate) struct Writer {
    config: SqliteConfig,
    queue: mpsc::Sender<Box<dyn Job>>,
}

impl Writer {
    /// Starts the thread, and tells when it has opened the database.
    pub(crate) async fn start(config: SqliteConfig, boot: BootIdentity) -> Result<Self, Failure> {
        let (queue, jobs) = mpsc::channel();
        let (opened, opening) = oneshot::channel();
        let desk = Desk {
            config: config.clone(),
            boot,
            database: None,
        };
        thread::Builder::new()
            .name("election-sqlite".to_owned())
            .spawn(move || desk.open_and_serve(opened, &jobs))
            .map_err(|error| {
                Failure::unavailable("no thread could be started: raise the limit of threads")
                    .caused_by(error)
            })?;
        opening.await.unwrap_or_else(|_| Err(thread_ended()))?;
        Ok(Self { config, queue })
    }

    /// Queues a step and waits for its answer.
    ///
    /// # Cancel safety
    ///
    /// A step whose future is dropped before its turn is skipped; after that it is carried out.
    pub(crate) async fn ask<S: Step>(&self, step: S) -> Result<S::Answer, StoreError> {
        let (reply, answer) = oneshot::channel();
        let asked = Asked {
            step,
            reply,
            give_up_at: BootClock.now().plus(self.config.waits()),
            outcome: None,
        };
        self.queue.send(Box::new(asked)).map_err(|_| {
            StoreError::fatal("the store's thread has ended by a defect: open it anew")
        })?;
        let answer = answer.await.unwrap_or_else(|_| Err(thread_ended()));
        answer.map_err(StoreError::from)
    }
}

fn thread_ended() -> Failure {
    // Only a defect ends the thread while the store lives; what it was doing is unknown.
    Failure::indeterminate("the store's thread has ended by a defect: open it anew")
}

/// A step on its way through the thread, whatever its answer is.
trait Job: Send {
    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;
    /// Until when it waits for another process.
    fn give_up_at(&self) -> Instant;
    fn is_durable(&self) -> bool;
    /// Tries to decide without the write lock.
    fn look(&mut self, table: &Table<'_>, now: Instant) -> rusqlite::Result<()>;
    fn is_decided(&self) -> bool;
    fn decide(&mut self, table: &Table<'_>) -> rusqlite::Result<()>;
    /// Tells the caller what was decided.
    fn answer(self: Box<Self>);
    fn fail(self: Box<Self>, failure: &Failure);
}

struct Asked<S: Step> {
    step: S,
    reply: oneshot::Sender<Result<S::Answer, Failure>>,
    give_up_at: Instant,
    outcome: Option<Result<S::Answer, Failure>>,
}

impl<S: Step> Job for Asked<S> {
    fn is_abandoned(&self) -> bool {
        self.reply.is_canceled()
    }

    fn give_up_at(&self) -> Instant {
        self.give_up_at
    }

    fn is_durable(&self) -> bool {
        S::DURABLE
    }

    fn look(&mut self, table: &Table<'_>, now: Instant) -> rusqlite::Result<()> {
        self.outcome = self.step.look(table, now)?.map(Ok);
        Ok(())
    }

    fn is_decided(&self) -> bool {
        self.outcome.is_some()
    }

    fn decide(&mut self, table: &Table<'_>) -> rusqlite::Result<()> {
        self.outcome = Some(self.step.decide(table)?);
        Ok(())
    }

    fn answer(self: Box<Self>) {
        if let Some(outcome) = self.outcome {
            // A caller that is gone needs no answer; the lease ends with its time to live (C13).
            let _ = self.reply.send(outcome);
        }
    }

    fn fail(self: Box<Self>, failure: &Failure) {
        let _ = self.reply.send(Err(failure.clone()));
    }
}

/// What the thread works with.
struct Desk {
    config: SqliteConfig,
    boot: BootIdentity,
    database: Option<Database>,
}

impl Desk {
    fn open_and_serve(
        mut self,
        opened: oneshot::Sender<Result<(), Failure>>,
        jobs: &Receiver<Box<dyn Job>>,
    ) {
        let give_up_at = BootClock.now().plus(self.config.waits());
        let opening =
            Database::open(&self.config, give_up_at).map(|database| self.database = Some(database));
        let failed = opening.is_err();
        if opened.send(opening).is_err() || failed {
            return;
        }
        while let Ok(first) = jobs.recv() {
            let batch = iter::once(first)
                .chain(jobs.try_iter())
                .take(BATCH)
                .filter(|job| !job.is_abandoned())
                .collect();
            self.serve(batch);
        }
    }

    /// Answers every job, in three rounds: those that waited in vain, those a look suffices for,
    /// and the rest in one transaction.
    fn serve(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        while let Some(give_up_at) = jobs.iter().map(|job| job.give_up_at()).min() {
            database::wait_until(give_up_at);
            match self.attempt(&mut jobs, give_up_at) {
                Ok(()) => return,
                // Somebody has the lock. Whose time is up goes, and the others wait on: every call
                // is bounded by its own limit, not by its neighbours' (C14).
                Err(Trouble::Busy(failure)) => {
                    let now = BootClock.now();
                    let (late, patient): (Vec<_>, _) =
                        jobs.into_iter().partition(|job| job.give_up_at() <= now);
                    jobs = patient;
                    if late.is_empty() {
                        // SQLite says busy without asking the busy handler where two processes
                        // would wait for each other.
                        thread::sleep(database::TURN);
                    }
                    fail_all(late, &failure);
                }
                Err(Trouble::Other(failure)) => {
                    // Whatever state the connection is in, the next batch begins with a fresh one.
                    self.database = None;
                    return fail_all(jobs, &failure);
                }
            }
        }
    }

    /// Answers the jobs it can, and leaves those it cannot answer in `jobs`.
    fn attempt(
        &mut self,
        jobs: &mut Vec<Box<dyn Job>>,
        give_up_at: Instant,
    ) -> Result<(), Trouble> {
        let path = self.config.path().to_owned();
        let path = path.as_path();
        let before = |error| Trouble::new(error, Stage::BeforeCommit, path);
        let boot = self.boot.clone();
        let database = self.database_in_place(give_up_at).map_err(Trouble::Other)?;

        look(database, &boot, jobs).map_err(before)?;
        answer_all(jobs.extract_if(.., |job| job.is_decided()));
        if jobs.is_empty() {
            return Ok(());
        }

        let synchronous = match jobs.iter().any(|job| job.is_durable()) {
            true => Synchronous::Full,
            false => Synchronous::Normal,
        };
        let transaction = database.begin(synchronous).map_err(before)?;
        // The wait for the lock may have been long.
        jobs.retain(|job| !job.is_abandoned());
        let table = Table::new(&transaction, &boot);
        for job in jobs.iter_mut() {
            job.decide(&table).map_err(before)?;
        }
        let holder_changed = table.holder_changed();
        transaction
            .commit()
            .map_err(|error| Trouble::new(error, Stage::Commit, path))?;
        if !database.is_in_place(path) {
            return Err(Trouble::Other(Failure::indeterminate(format!(
                "{} was replaced or deleted while it was written to: try again",
                path.display()
            ))));
        }
        if holder_changed {
            // Before the answers: whoever has one may be killed the moment after.
            bell::ring(path);
        }
        answer_all(jobs.drain(..));
        Ok(())
    }

    /// The database the path leads to now, opened again if it is another file than before.
    ///
    /// A file that was deleted or replaced stays usable to those who have it open: without this a
    /// process would go on alone with leases nobody else sees.
    fn database_in_place(&mut self, give_up_at: Instant) -> Result<&mut Database, Failure> {
        let path = self.config.path();
        match self.database.take() {
            Some(database) if database.is_in_place(path) => Ok(self.database.insert(database)),
            stale => {
                drop(stale);
                if !self.config.creates_directory() && !place::has_directory(path) {
                    return Err(Failure::unavailable(format!(
                        "the directory of {} is gone: bring it back, by mounting its volume for \
                         instance, and this store goes on",
                        path.display()
                    )));
                }
                let database =
                    Database::open(&self.config, give_up_at).map_err(Failure::at_reopening)?;
                Ok(self.database.insert(database))
            }
        }
    }
}

/// Lets every job look at one snapshot, and decide if that suffices for it.
fn look(
    database: &Database,
    boot: &BootIdentity,
    jobs: &mut [Box<dyn Job>],
) -> rusqlite::Result<()> {
    let now = BootClock.now();
    let snapshot =
        Transaction::new_unchecked(database.connection(), TransactionBehavior::Deferred)?;
    let table = Table::new(&snapshot, boot);
    jobs.iter_mut().try_for_each(|job| job.look(&table, now))
}

fn answer_all(jobs: impl IntoIterator<Item = Box<dyn Job>>) {
    jobs.into_iter().for_each(Job::answer);
}

fn fail_all(jobs: Vec<Box<dyn Job>>, failure: &Failure) {
    jobs.into_iter().for_each(|job| job.fail(failure));
}

/// Why an attempt failed.
enum Trouble {
    /// Another process has the lock; waiting helps.
    Busy(Failure),
    Other(Failure),
}

impl Trouble {
    fn new(error: rusqlite::Error, stage: Stage, path: &std::path::Path) -> Self {
        let busy = error::is_busy(&error);
        let failure = Failure::from_sqlite(error, stage, path);
        match busy {
            true => Self::Busy(failure),
            false => Self::Other(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use election_core::{
        Acquired, Candidate, CandidateId, ElectionName, Incarnation, LeaseStore, Metadata, Renewed,
        StoreErrorKind,
    };

    use super::*;
    use crate::SqliteStore;

    const TTL: Duration = Duration::from_secs(3600);

    /// The disk is not full in truth: SQLite is told so once the file has a number of pages
    /// (`max_page_count`), and from there on everything takes its real course.
    #[tokio::test]
    async fn on_a_full_disk_nothing_is_granted_and_nothing_is_lost() {
        let directory = tempfile::tempdir().unwrap();
        let mut config = SqliteConfig::new(directory.path().join("leases.db"));
        config.pretended.disk_pages = Some(10);
        let store = SqliteStore::open(config).await.unwrap();
        let (x, y) = (
            ElectionName::new("x").unwrap(),
            ElectionName::new("y").unwrap(),
        );
        let mut candidate = Candidate {
            id: CandidateId::new("a").unwrap(),
            incarnation: Incarnation(1),
            metadata: Metadata::default(),
        };
        let lease = match store.acquire(&x, &candidate, TTL).await.unwrap() {
            Acquired::Granted { lease, .. } => lease,
            Acquired::Held(record) => panic!("{record:?}"),
        };

        candidate.metadata = Metadata::default()
            .with("long", "x".repeat(60_000))
            .unwrap();
        let error = store.acquire(&y, &candidate, TTL).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        assert!(error.to_string().contains("full"), "{error}");
        assert_eq!(store.read(&y).await.unwrap(), None);
        let renewed = store.renew(&lease, TTL).await.unwrap();
        assert_eq!(renewed, Renewed::Extended { ttl: TTL });
    }
}
