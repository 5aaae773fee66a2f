//! One connection for all requests, replaced when it fails, and a time limit on everything.
//!
//! Requests at the same time travel on one connection, one behind the other, without waiting for each
//! other's answers: ten thousand renewals are one long pipeline. A pool of one lends it out, for no
//! longer than it takes to copy the handle; while it is being made anew everybody waits for that one
//! attempt.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use deadpool::managed::{self, Metrics, Pool, PoolError, RecycleError, RecycleResult};
use redis::{AsyncConnectionConfig, Cmd, RedisError, Value, aio::MultiplexedConnection, cmd};
use tokio::{
    task::JoinHandle,
    time::{Instant, timeout_at},
};

use crate::{
    error::{Failure, Stage},
    keys::Keys,
    scripts::Script,
    server::Server,
    trouble::{Fate, fate, is_unknown_script},
};

/// How often a silent server is asked whether it is there.
const PROBE_EVERY: Duration = Duration::from_secs(5);

/// Whoever gives up a request after this long has reason to think the connection dead.
const DOUBTFUL_AFTER: Duration = Duration::from_millis(100);

/// The one connection, and how to get another.
pub(crate) struct Connection {
    pool: Pool<Dialer>,
    server: Arc<Server>,
    limit: Duration,
}

impl Connection {
    /// Connects only when something is asked.
    pub(crate) fn new(server: Arc<Server>, limit: Duration) -> Result<Self, Failure> {
        let dialer = Dialer {
            server: server.clone(),
        };
        let pool = Pool::builder(dialer)
            .max_size(1)
            .build()
            .map_err(|error| Failure::fatal(error.to_string()))?;
        Ok(Self {
            pool,
            server,
            limit,
        })
    }

    /// The connection as it is now, for one call and until its time is up.
    pub(crate) async fn open(&self) -> Result<Call<'_>, Failure> {
        let deadline = Instant::now() + self.limit;
        let link = match timeout_at(deadline, self.pool.get()).await {
            Ok(Ok(lent)) => Link::clone(&lent),
            Ok(Err(PoolError::Backend(failure))) => return Err(failure),
            Ok(Err(error)) => return Err(Failure::fatal(error.to_string())),
            Err(_) => return Err(self.server.too_late(self.limit)),
        };
        Ok(Call {
            line: self,
            link,
            deadline,
        })
    }
}

/// The connection, lent for one call.
pub(crate) struct Call<'a> {
    line: &'a Connection,
    link: Link,
    deadline: Instant,
}

impl Call<'_> {
    /// Runs a script on the keys of one election.
    pub(crate) async fn run(
        &mut self,
        script: &Script,
        keys: &Keys,
        arguments: &[&str],
    ) -> Result<Value, Failure> {
        match self.send(&script.by_hash(keys, arguments)).await {
            Err(Unanswered::Refused(error)) if is_unknown_script(&error) => {
                let answer = self.send(&script.in_full(keys, arguments)).await;
                answer.map_err(|unanswered| self.failure(unanswered))
            }
            answer => answer.map_err(|unanswered| self.failure(unanswered)),
        }
    }

    /// Asks anything else.
    pub(crate) async fn ask(&mut self, command: &Cmd) -> Result<Value, Failure> {
        let answer = self.send(command).await;
        answer.map_err(|unanswered| self.failure(unanswered))
    }

    async fn send(&mut self, command: &Cmd) -> Result<Value, Unanswered> {
        let doubt = Doubt::of(&self.link);
        let answer = timeout_at(
            self.deadline,
            self.link.connection.send_packed_command(command),
        );
        let answer = answer.await.map_err(|_| Unanswered::TooLate);
        let error = match answer.map(|answer| answer.and_then(Value::extract_error)) {
            Ok(Ok(value)) => {
                doubt.dispel();
                return Ok(value);
            }
            Ok(Err(error)) => Unanswered::Refused(error),
            Err(too_late) => too_late,
        };
        match &error {
            Unanswered::Refused(error) if fate(error) == Fate::Kept => doubt.dispel(),
            _ => doubt.confirm(),
        }
        Err(error)
    }

    fn failure(&self, unanswered: Unanswered) -> Failure {
        let server = self.line.server.name();
        match unanswered {
            Unanswered::Refused(error) => Failure::from_redis(error, Stage::Asked, server),
            Unanswered::TooLate => Failure::indeterminate(format!(
                "Redis at {server} has not answered within {:?}: the request may have been carried \
                 out; check the server's load and the network",
                self.line.limit
            )),
        }
    }
}

/// Why there is no answer.
enum Unanswered {
    Refused(RedisError),
    TooLate,
}

/// Makes connections, and tells whether one is still good.
struct Dialer {
    server: Arc<Server>,
}

/// A connection, and whether it is known to be of no more use.
#[derive(Clone)]
struct Link {
    connection: MultiplexedConnection,
    retired: Arc<AtomicBool>,
    _driver: Arc<Driver>,
}

/// The task that reads and writes. It ends with the last call that needs it.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl managed::Manager for Dialer {
    type Type = Link;
    type Error = Failure;

    async fn create(&self) -> Result<Link, Failure> {
        let server = &self.server;
        let refused = |error| Failure::from_redis(error, Stage::Connecting, server.name());
        let wire = server.dial(PROBE_EVERY).await?;
        // Calls have a time limit of their own.
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let (connection, driver) =
            MultiplexedConnection::new_with_config(server.session(), wire, config)
                .await
                .map_err(refused)?;
        let retired = Arc::<AtomicBool>::default();
        let ended = retired.clone();
        let driver = tokio::spawn(async move {
            driver.await;
            // Nobody needs to try the dead connection to find out.
            ended.store(true, Ordering::Release);
        });
        let mut link = Link {
            connection,
            retired,
            _driver: Arc::new(Driver(driver)),
        };
        // Without a login a server that wants one closes the connection on the first long request.
        // This short one it answers, and says what it wants.
        let ping = cmd("PING");
        let pong = link.connection.send_packed_command(&ping).await;
        pong.and_then(Value::extract_error).map_err(refused)?;
        Ok(link)
    }

    /// Costs nothing: whoever met an error has told.
    async fn recycle(&self, link: &mut Link, _: &Metrics) -> RecycleResult<Failure> {
        if link.retired.load(Ordering::Acquire) {
            return Err(RecycleError::message("it failed a request"));
        }
        Ok(())
    }
}

/// Suspects the connection of a request that is given up after waiting in vain.
struct Doubt {
    retired: Arc<AtomicBool>,
    since: Instant,
    settled: bool,
}

impl Doubt {
    fn of(link: &Link) -> Self {
        Self {
            retired: link.retired.clone(),
            since: Instant::now(),
            settled: false,
        }
    }

    fn dispel(mut self) {
        self.settled = true;
    }

    fn confirm(mut self) {
        self.settled = true;
        self.retired.store(true, Ordering::Release);
    }
}

/// The caller may have a shorter time limit than ours, and drop the request before ours is up.
impl Drop for Doubt {
    fn drop(&mut self) {
        if !self.settled && self.since.elapsed() >= DOUBTFUL_AFTER {
            self.retired.store(true, Ordering::Release);
        }
    }
}
