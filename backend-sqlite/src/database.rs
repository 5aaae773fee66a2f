//! One open connection: how it is opened, what it is recognised by, how it waits.

use std::{
    cell::Cell,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use election_clock::BootClock;
use election_core::{Clock, Instant};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, config::DbConfig};

use crate::{
    config::SqliteConfig,
    error::{self, Failure, Stage},
    place::{self, FileIdentity},
    sql,
};

/// `Elec`: what the header of our files says they are (`file` and SQLite call it application id).
const APPLICATION_ID: i32 = 0x456c_6563;

/// The version of the schema this code writes.
const SCHEMA_VERSION: i32 = 1;

/// An open database of leases, and the file it was when it was opened.
#[derive(Debug)]
pub(crate) struct Database {
    connection: Connection,
    file: FileIdentity,
    synchronous: Option<Synchronous>,
}

/// How much a commit waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Synchronous {
    /// What is committed outlives a power failure.
    Full,
    /// What is committed outlives the process; a power failure may take the last commits back.
    Normal,
}

impl Database {
    /// Opens the database, and creates file and table if they are missing.
    ///
    /// A file that is not ours is refused before anything in it is changed.
    pub(crate) fn open(config: &SqliteConfig, give_up_at: Instant) -> Result<Self, Failure> {
        place::examine(config)?;
        let path = config.path();
        let has_log = log_of(path).exists();
        let database = Self::connect(path, OpenFlags::SQLITE_OPEN_CREATE)?;
        let failed = |error| Failure::from_sqlite(error, Stage::BeforeCommit, path);
        wait_until(give_up_at);
        if database.connection.is_readonly("main").map_err(failed)? {
            return Err(Failure::fatal(error::not_writable(&path.display())));
        }
        // Closing the last connection moves the log into the file and deletes it. A stranger's log
        // shall stay, and one that this connection begins with shall not.
        database.checkpoint_on_close(!has_log).map_err(failed)?;
        let content = database.recognise(path)?;
        database.checkpoint_on_close(true).map_err(failed)?;
        database.use_write_ahead_log(path, give_up_at)?;
        if content == Content::Nothing {
            database.create_table(path)?;
        }
        #[cfg(test)]
        if let Some(pages) = config.pretended.disk_pages {
            database
                .connection
                .pragma_update(None, "max_page_count", pages)
                .map_err(failed)?;
        }
        Ok(database)
    }

    /// Opens a database that is there already, to look at it only.
    pub(crate) fn open_to_look(path: &Path) -> Result<Self, Failure> {
        let database = Self::connect(path, OpenFlags::empty())?;
        database.recognise(path)?;
        database
            .connection
            .pragma_update(None, "query_only", true)
            .map_err(|error| Failure::from_sqlite(error, Stage::BeforeCommit, path))?;
        Ok(database)
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Whether the path still leads to the file that was opened.
    pub(crate) fn is_in_place(&self, path: &Path) -> bool {
        FileIdentity::at(path) == Some(self.file)
    }

    /// Begins to write, once no other process does.
    pub(crate) fn begin(&mut self, synchronous: Synchronous) -> rusqlite::Result<Transaction<'_>> {
        // Within a transaction the setting has no effect.
        if self.synchronous != Some(synchronous) {
            let level = match synchronous {
                Synchronous::Full => "FULL",
                Synchronous::Normal => "NORMAL",
            };
            self.connection.pragma_update(None, "synchronous", level)?;
            self.synchronous = Some(synchronous);
        }
        Transaction::new(&mut self.connection, TransactionBehavior::Immediate)
    }

    /// Connects, and makes sure that the file connected to is the one the path leads to.
    fn connect(path: &Path, extra: OpenFlags) -> Result<Self, Failure> {
        const ATTEMPTS: usize = 100;
        // No SQLITE_OPEN_URI: a path is a path, whatever characters it has.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | extra;
        for _ in 0..ATTEMPTS {
            let before = FileIdentity::at(path);
            let connection = Connection::open_with_flags(path, flags)
                .map_err(|error| Failure::from_sqlite(error, Stage::BeforeCommit, path))?;
            // The same file before and after is the file in between. It was another one, or none,
            // if somebody replaced it meanwhile, or if this call created it.
            if let (Some(file), true) = (before, FileIdentity::at(path) == before) {
                connection
                    .busy_handler(Some(wait_a_turn))
                    .map_err(|error| Failure::from_sqlite(error, Stage::BeforeCommit, path))?;
                return Ok(Self {
                    connection,
                    file,
                    synchronous: None,
                });
            }
        }
        Err(Failure::unavailable(format!(
            "{} is replaced again and again: find out who does it, and end that",
            path.display()
        )))
    }

    /// Tells what the file holds, at one moment: another process may be creating the table.
    fn recognise(&self, path: &Path) -> Result<Content, Failure> {
        let snapshot = Transaction::new_unchecked(&self.connection, TransactionBehavior::Deferred)
            .map_err(|error| Failure::from_sqlite(error, Stage::BeforeCommit, path))?;
        recognise(&snapshot, path)
    }

    fn checkpoint_on_close(&self, wanted: bool) -> rusqlite::Result<()> {
        self.connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !wanted)
            .map(drop)
    }

    /// Readers and the one writer do not wait for each other in this mode, which is kept in the file.
    fn use_write_ahead_log(&self, path: &Path, give_up_at: Instant) -> Result<(), Failure> {
        loop {
            let switched =
                self.connection
                    .pragma_update_and_check(None, "journal_mode", "WAL", |row| {
                        row.get::<_, String>(0)
                    });
            match switched {
                Ok(mode) if mode == "wal" => return Ok(()),
                Ok(mode) => {
                    return Err(Failure::fatal(format!(
                        "{} cannot have a write-ahead log (its mode stays {mode}), since its file \
                         system has no shared memory: give a path on a local disk",
                        path.display()
                    )));
                }
                // SQLite does not ask the busy handler here when two processes switch at once.
                Err(error) if error::is_busy(&error) && BootClock.now() < give_up_at => {
                    thread::sleep(TURN);
                }
                Err(error) => return Err(Failure::from_sqlite(error, Stage::BeforeCommit, path)),
            }
        }
    }

    /// Creates the table unless another process was faster.
    fn create_table(&self, path: &Path) -> Result<(), Failure> {
        let before = |error| Failure::from_sqlite(error, Stage::BeforeCommit, path);
        let transaction =
            Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)
                .map_err(before)?;
        if recognise(&transaction, path)? == Content::Nothing {
            transaction.execute_batch(sql::SCHEMA).map_err(before)?;
            for (pragma, value) in [
                ("application_id", APPLICATION_ID),
                ("user_version", SCHEMA_VERSION),
            ] {
                transaction
                    .pragma_update(None, pragma, value)
                    .map_err(before)?;
            }
        }
        transaction
            .commit()
            .map_err(|error| Failure::from_sqlite(error, Stage::Commit, path))
    }
}

/// The write-ahead log of a database.
fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Nothing,
    Ours,
}

/// Tells an empty database and one of ours from everything else, which is refused.
fn recognise(connection: &Transaction<'_>, path: &Path) -> Result<Content, Failure> {
    let ask = |question: &str| {
        connection
            .query_row(question, [], |row| row.get::<_, i32>(0))
            .map_err(|error| Failure::from_sqlite(error, Stage::BeforeCommit, path))
    };
    let application_id = ask("PRAGMA application_id")?;
    let version = ask("PRAGMA user_version")?;
    match (application_id, version) {
        (APPLICATION_ID, SCHEMA_VERSION) => Ok(Content::Ours),
        (APPLICATION_ID, newer) => Err(Failure::fatal(format!(
            "{} was written by another version of this library (schema {newer}, this one knows \
             {SCHEMA_VERSION}): use the same version in every process",
            path.display()
        ))),
        (0, 0) if ask("SELECT count(*) FROM sqlite_schema")? == 0 => Ok(Content::Nothing),
        _ => Err(Failure::fatal(format!(
            "{} is a database of another application: give the leases a file of their own",
            path.display()
        ))),
    }
}

/// How long to sleep before another attempt to lock the database.
///
/// SQLite's own time-out sleeps up to 100 ms, which would be the time of a hand-over.
pub(crate) const TURN: Duration = Duration::from_millis(1);

thread_local! {
    /// Until when this thread waits for a lock. SQLite calls a plain function, on this thread.
    static GIVE_UP_AT: Cell<Instant> = const { Cell::new(Instant::ORIGIN) };
}

/// From now on this thread waits for locks until that moment of the boot clock.
pub(crate) fn wait_until(give_up_at: Instant) {
    GIVE_UP_AT.set(give_up_at);
}

fn wait_a_turn(_turns_so_far: i32) -> bool {
    let go_on = BootClock.now() < GIVE_UP_AT.get();
    if go_on {
        thread::sleep(TURN);
    }
    go_on
}
