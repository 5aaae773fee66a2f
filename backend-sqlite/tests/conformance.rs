//! Holds the store to the contract: every client is a connection of its own to one file.
//!
//! There is no server to bring disasters on: what can happen is that every process stops and opens
//! the file again, that one is killed while it writes, and that the file is lost.

use std::{
    collections::hash_map::RandomState,
    env, fmt, fs,
    hash::{BuildHasher, Hasher},
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use async_trait::async_trait;
use election_backend_sqlite::{SqliteConfig, SqliteStore};
use election_conformance::{BoxError, Harness, Server, Unable};
use election_core::{
    Acquired, Candidate, CandidateId, Capabilities, Disaster, ElectionName, FencingToken, Hints,
    Incarnation, Lease, LeaseRecord, LeaseStore, Metadata, Released, Renewed, StoreError,
};
use rusqlite::Connection;
use tempfile::TempDir;

/// The role of this program in which it writes until it is killed.
const WRITER: &str = "write-until-killed";
/// How long to wait for the threads of dropped stores to close the file.
const CLOSING: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [role, path] = arguments.as_slice()
        && role == WRITER
    {
        return write_until_killed(Path::new(path));
    }
    election_conformance::main(async || {
        Ok(Sqlite {
            directory: tempfile::tempdir()?,
            clients: Mutex::default(),
        })
    })
}

struct Sqlite {
    directory: TempDir,
    clients: Mutex<Vec<Weak<Client>>>,
}

#[async_trait]
impl Harness for Sqlite {
    fn name(&self) -> String {
        "SqliteStore, one file in a temporary directory".to_owned()
    }

    async fn client(&self) -> Result<Arc<dyn LeaseStore>, BoxError> {
        let store = open(&self.path()).await?;
        let client = Arc::new(Client {
            capabilities: store.capabilities(),
            store: Mutex::new(Some(store)),
        });
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.retain(|client| client.strong_count() > 0);
        clients.push(Arc::downgrade(&client));
        Ok(client)
    }

    fn server(&self) -> Option<&dyn Server> {
        Some(self)
    }
}

#[async_trait]
impl Server for Sqlite {
    async fn inflict(&self, disaster: Disaster) -> Result<(), Unable> {
        let path = self.path();
        let outcome = match disaster {
            Disaster::Restart => self.all_reopen(closed(&path)).await,
            Disaster::Crash => {
                let killing = async { Ok(tokio::task::block_in_place(|| kill_a_writer(&path))?) };
                self.all_reopen(killing).await
            }
            Disaster::DataLoss => {
                let losing = async {
                    closed(&path).await?;
                    Ok(remove_database(&path)?)
                };
                self.all_reopen(losing).await
            }
            Disaster::Failover => return Err(Unable::to("fail over: there is one file")),
        };
        outcome.map_err(|error| {
            Unable::this_time_to(&format!("bring {disaster:?} on its file"), error)
        })
    }

    async fn set_last_token(
        &self,
        election: &ElectionName,
        last: FencingToken,
    ) -> Result<(), Unable> {
        let sql = "INSERT INTO leases (election, token, change)
                   VALUES (?1, ?2, (SELECT coalesce(max(change), 0) + 1 FROM leases))
                   ON CONFLICT (election) DO UPDATE SET token = excluded.token";
        self.execute(
            sql,
            (election.as_str().as_bytes(), last.as_u64().cast_signed()),
        )
    }

    async fn delete(&self, election: &ElectionName) -> Result<(), Unable> {
        let sql = "DELETE FROM leases WHERE election = ?1";
        self.execute(sql, [election.as_str().as_bytes()])
    }
}

impl Sqlite {
    fn path(&self) -> PathBuf {
        self.directory.path().join("leases.db")
    }

    /// Drops every store, lets something happen to the file, and opens all of them again.
    async fn all_reopen(
        &self,
        between: impl Future<Output = Result<(), BoxError>>,
    ) -> Result<(), BoxError> {
        let clients: Vec<Arc<Client>> = {
            let clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
            clients.iter().filter_map(Weak::upgrade).collect()
        };
        for client in &clients {
            client.replace(None);
        }
        between.await?;
        for client in &clients {
            client.replace(Some(open(&self.path()).await?));
        }
        Ok(())
    }

    /// Changes the table by hand, as an operator could.
    fn execute(&self, sql: &str, values: impl rusqlite::Params) -> Result<(), Unable> {
        let executed = Connection::open(self.path()).and_then(|connection| {
            connection.busy_timeout(CLOSING)?;
            connection.execute(sql, values)
        });
        match executed {
            Ok(_) => Ok(()),
            Err(error) => Err(Unable::this_time_to("change its file by hand", error)),
        }
    }
}

async fn open(path: &Path) -> Result<SqliteStore, StoreError> {
    // Waiting long for one another, as a busy machine is none of the store's faults.
    let config = SqliteConfig::new(path).busy_limit(Duration::from_secs(20));
    SqliteStore::open(config).await
}

/// Returns when nobody has the file open: the last to close it removes the log.
///
/// Two that close it at the same time may each take the other for the last. So somebody opens and
/// closes it until the log is gone.
async fn closed(path: &Path) -> Result<(), BoxError> {
    let log = beside(path, "-wal");
    let gone = async {
        while log.exists() {
            let connection = Connection::open(path)?;
            connection.query_row("SELECT count(*) FROM leases", (), |_| Ok(()))?;
            drop(connection);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    };
    tokio::time::timeout(CLOSING, gone).await?
}

fn remove_database(path: &Path) -> io::Result<()> {
    fs::remove_file(path)?;
    for suffix in ["-wal", "-shm"] {
        match fs::remove_file(beside(path, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Has another process write, and kills it in the middle.
fn kill_a_writer(path: &Path) -> io::Result<()> {
    let mut writer = Command::new(env::current_exe()?)
        .arg(WRITER)
        .arg(path)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut first = String::new();
    if let Some(stdout) = &mut writer.stdout {
        BufReader::new(stdout).read_line(&mut first)?;
    }
    // Some write later, and no two times the same.
    let micros = RandomState::new().build_hasher().finish() % 3_000;
    std::thread::sleep(Duration::from_micros(micros));
    writer.kill()?;
    writer.wait()?;
    if first.is_empty() {
        return Err(io::Error::other("the other process could not write"));
    }
    Ok(())
}

/// Grants and frees without end, and tells of each. Ends by itself if nobody is there to be told.
fn write_until_killed(path: &Path) -> ExitCode {
    let writing = async {
        let store = open(path).await?;
        let election = ElectionName::new("of a process that is killed")?;
        let candidate = Candidate {
            id: CandidateId::new("writer")?,
            incarnation: Incarnation(1),
            metadata: Metadata::default(),
        };
        loop {
            let answer = store
                .acquire(&election, &candidate, Duration::from_secs(1))
                .await?;
            writeln!(io::stdout(), "{answer:?}")?;
            if let Acquired::Granted { lease, .. } = answer {
                store.release(&lease).await?;
            }
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let ended: Result<(), BoxError> = match runtime {
        Ok(runtime) => runtime.block_on(writing),
        Err(error) => Err(error.into()),
    };
    ended.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
}

/// A store that can be closed and opened again under the row that uses it.
struct Client {
    store: Mutex<Option<SqliteStore>>,
    capabilities: Capabilities,
}

impl Client {
    fn replace(&self, store: Option<SqliteStore>) {
        *self.store.lock().unwrap_or_else(PoisonError::into_inner) = store;
    }

    fn store(&self) -> Result<SqliteStore, StoreError> {
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        store
            .clone()
            .ok_or_else(|| StoreError::unavailable("the process is about to start again"))
    }
}

#[async_trait]
impl LeaseStore for Client {
    async fn acquire(
        &self,
        election: &ElectionName,
        candidate: &Candidate,
        ttl: Duration,
    ) -> Result<Acquired, StoreError> {
        self.store()?.acquire(election, candidate, ttl).await
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<Renewed, StoreError> {
        self.store()?.renew(lease, ttl).await
    }

    async fn release(&self, lease: &Lease) -> Result<Released, StoreError> {
        self.store()?.release(lease).await
    }

    async fn read(&self, election: &ElectionName) -> Result<Option<LeaseRecord>, StoreError> {
        self.store()?.read(election).await
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities.clone()
    }

    async fn hints(&self, election: &ElectionName) -> Result<Hints, StoreError> {
        self.store()?.hints(election).await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("store", &self.store)
            .finish()
    }
}
