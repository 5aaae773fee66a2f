//! The store: each call is one script on the one connection.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use election_core::{
    Acquired, Candidate, Capabilities, Disaster, ElectionName, Hints, Lease, LeaseRecord,
    LeaseStore, Released, Renewed, StoreError, StoreErrorKind, check_ttl,
};
use redis::{FromRedisValue, Value, cmd};

use crate::{
    answer::{self, Decision},
    checkup::{self, Precautions, Warning},
    config::RedisConfig,
    connection::{Call, Connection},
    error::Failure,
    hints::{HINT_WITHIN, Listener},
    keys::Keys,
    scripts::{ACQUIRE, READ, RELEASE, RENEW},
    server::Server,
};

/// How long the state of an election outlives its last lease: 7 days, in milliseconds.
const KEEP_STATE: &str = "604800000";

/// The longest wait for replicas: until then nothing else is answered on the connection.
const ACK_LIMIT: Duration = Duration::from_millis(100);

/// Leases in Redis.
///
/// Clones share the connections. When the last clone is dropped they are closed, and streams of hints
/// end. See the [crate] for what this store promises and what Redis cannot.
#[derive(Clone)]
pub struct RedisStore {
    shared: Arc<Shared>,
}

struct Shared {
    config: RedisConfig,
    connection: Connection,
    listener: Listener,
    warnings: Vec<Warning>,
}

impl RedisStore {
    /// Connects, and looks whether the server can keep leases.
    ///
    /// Needs a tokio runtime, as does every call afterwards. A connection that breaks later is made
    /// anew with the next call.
    ///
    /// # Errors
    ///
    /// `Fatal` if no lease can be kept there: the login is refused, a certificate is wrong, the
    /// server is older than version 5, a Sentinel or part of a Cluster. `Unavailable` if it cannot
    /// be reached or is not ready. No error shows the password.
    ///
    /// # Cancel safety
    ///
    /// A dropped future closes what was opened.
    pub async fn connect(config: RedisConfig) -> Result<Self, StoreError> {
        let server = Arc::new(Server::of(&config)?);
        let connection = Connection::new(server.clone(), config.request_limit)?;
        let warnings = check_up(&connection, &config).await?;
        for warning in &warnings {
            tracing::warn!(server = %config, "{warning}");
        }
        let listener = Listener::new(server, config.request_limit);
        Ok(Self {
            shared: Arc::new(Shared {
                config,
                connection,
                listener,
                warnings,
            }),
        })
    }

    /// What made the leases of this server less reliable than they could be when it was connected.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.shared.warnings
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("server", &format_args!("{}", self.shared.config))
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl LeaseStore for RedisStore {
    async fn acquire(
        &self,
        election: &ElectionName,
        candidate: &Candidate,
        ttl: Duration,
    ) -> Result<Acquired, StoreError> {
        check_ttl(ttl)?;
        let (keys, ttl) = (Keys::of(election), Millis::at_least(ttl));
        let incarnation = candidate.incarnation.to_string();
        let grace = if self.shared.config.restart_grace {
            "1"
        } else {
            "0"
        };
        let arguments = [
            candidate.id.as_str(),
            &incarnation,
            &ttl.digits,
            candidate.metadata.as_json(),
            keys.channel(),
            KEEP_STATE,
            grace,
        ];
        let mut call = self.shared.connection.open().await?;
        let answer = call.run(&ACQUIRE, &keys, &arguments).await?;
        match answer::decision(answer, election, ttl.duration)? {
            Decision::Held(record) => Ok(Acquired::Held(record)),
            Decision::Wait(left) => Err(StoreError::unavailable(format!(
                "Redis was started a moment ago and may have forgotten a lease: nothing is granted \
                 for another {left:?} (restart_grace)"
            ))),
            Decision::Granted(token) => {
                let lease = Lease {
                    election: election.clone(),
                    holder: candidate.holder(),
                    token,
                };
                if let Err(failure) = self.shared.await_replicas(&mut call).await {
                    // Nobody will make use of it. Whether that succeeds or not, the caller is told.
                    let _ = release(&mut call, &lease).await;
                    return Err(failure.into());
                }
                let ttl = ttl.duration;
                Ok(Acquired::Granted { lease, ttl })
            }
        }
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<Renewed, StoreError> {
        check_ttl(ttl)?;
        let (keys, ttl) = (Keys::of(&lease.election), Millis::at_least(ttl));
        let (incarnation, token) = (
            lease.holder.incarnation.to_string(),
            lease.token.to_string(),
        );
        let arguments = [
            lease.holder.id.as_str(),
            &incarnation,
            &token,
            &ttl.digits,
            keys.channel(),
            KEEP_STATE,
        ];
        let mut call = self.shared.connection.open().await?;
        let answer = call.run(&RENEW, &keys, &arguments).await?;
        match answer::done_or_record(answer, &lease.election, ttl.duration)? {
            Err(holder) => Ok(Renewed::Lost(holder)),
            Ok(()) => {
                self.shared.await_replicas(&mut call).await?;
                Ok(Renewed::Extended { ttl: ttl.duration })
            }
        }
    }

    async fn release(&self, lease: &Lease) -> Result<Released, StoreError> {
        let mut call = self.shared.connection.open().await?;
        Ok(release(&mut call, lease).await?)
    }

    async fn read(&self, election: &ElectionName) -> Result<Option<LeaseRecord>, StoreError> {
        let mut call = self.shared.connection.open().await?;
        let answer = call.run(&READ, &Keys::of(election), &[]).await?;
        Ok(answer::record(answer, election)?)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            kind: "redis",
            // A key dies in the millisecond after its end, and the server's clock has milliseconds.
            expiry_lag: Duration::from_millis(5),
            hint_within: Some(HINT_WITHIN),
            // A token is never below the server's clock in microseconds, so it rises although the
            // state is lost, unless the clock was set back or one election had a million grants in
            // a second. `Failover` too, if the replica's clock is right; but a master that was cut
            // off goes on granting tokens of its own, so that is not claimed.
            tokens_survive: &[Disaster::Restart, Disaster::Crash, Disaster::DataLoss],
        }
    }

    async fn hints(&self, election: &ElectionName) -> Result<Hints, StoreError> {
        let subscription = self.shared.listener.subscribe(election).await?;
        Ok(Hints::new(subscription))
    }
}

impl Shared {
    /// Waits until enough replicas have what was written by this call.
    ///
    /// The same connection must ask: the server waits for what *it* has written.
    async fn await_replicas(&self, call: &mut Call<'_>) -> Result<(), Failure> {
        let wanted = self.config.min_replica_acks;
        if wanted == 0 {
            return Ok(());
        }
        let limit = ACK_LIMIT.min(self.config.request_limit / 2);
        let limit = Millis::at_least(limit).digits;
        let answer = call.ask(cmd("WAIT").arg(wanted).arg(limit)).await;
        let reached = match answer {
            Ok(Value::Int(reached)) => reached,
            Ok(_) => 0,
            // Whatever became of the question: what it was asked about has been carried out.
            Err(failure) => return Err(failure.of_kind(StoreErrorKind::Indeterminate)),
        };
        if reached >= i64::from(wanted) {
            return Ok(());
        }
        Err(Failure::indeterminate(format!(
            "only {reached} of the {wanted} replicas that min_replica_acks asks for have \
             acknowledged the lease: bring the others back, or ask for fewer"
        )))
    }
}

async fn release(call: &mut Call<'_>, lease: &Lease) -> Result<Released, Failure> {
    let keys = Keys::of(&lease.election);
    let (incarnation, token) = (
        lease.holder.incarnation.to_string(),
        lease.token.to_string(),
    );
    let arguments = [
        lease.holder.id.as_str(),
        &incarnation,
        &token,
        keys.channel(),
    ];
    let answer = call.run(&RELEASE, &keys, &arguments).await?;
    match answer::done_or_record(answer, &lease.election, Duration::ZERO)? {
        Ok(()) => Ok(Released::Done),
        Err(_) => Ok(Released::NotHeld),
    }
}

async fn check_up(connection: &Connection, config: &RedisConfig) -> Result<Vec<Warning>, Failure> {
    let mut call = connection.open().await?;
    let precautions = Precautions {
        restart_grace: config.restart_grace,
        min_replica_acks: config.min_replica_acks,
    };
    match call.ask(&cmd("INFO")).await {
        Ok(info) => {
            let info = String::from_redis_value(info).unwrap_or_default();
            checkup::examine(&info, &precautions)
        }
        Err(failure) if failure.kind() != StoreErrorKind::Fatal => Err(failure),
        // The script asks as well.
        Err(_) if config.restart_grace => Err(Failure::fatal(
            "restart_grace needs to know since when the Redis server runs, and this user may not \
             run INFO: allow it (+info), or do without restart_grace",
        )),
        // Leases need no right to ask.
        Err(_) => Ok(vec![Warning::NotChecked]),
    }
}

/// A time to live as Redis counts it: whole milliseconds, never less than asked.
struct Millis {
    duration: Duration,
    digits: String,
}

impl Millis {
    fn at_least(asked: Duration) -> Self {
        let millis = asked.as_nanos().div_ceil(1_000_000);
        let millis = u64::try_from(millis).unwrap_or(u64::MAX);
        Self {
            duration: Duration::from_millis(millis),
            digits: millis.to_string(),
        }
    }
}
