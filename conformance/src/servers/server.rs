//! One running server, and the faults it can be made to have.

use std::{
    error::Error,
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use election_clock::BootClock;
use election_core::{Clock, Instant};

use super::{
    endpoint::{self, Endpoint},
    kind::Kind,
    outcome::Provider,
    probe,
};

/// A server started here that has not answered by then never will.
const START_LIMIT: Duration = Duration::from_secs(90);
/// The same for one that is said to run.
const RUNNING_LIMIT: Duration = Duration::from_secs(10);
/// Between two first requests to a server that starts.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// A server for tests, which has answered a request.
///
/// It serves on a fixed loopback port, at which it is found again after a restart. Dropping it
/// clears it away: its containers, processes and files are gone within seconds, and also if this
/// process does not live to drop it. A server from the environment is left as it is.
pub struct Server {
    kind: Kind,
    provider: Provider,
    version: String,
    url: String,
    endpoint: Endpoint,
    started: Mutex<Option<Instant>>,
    control: tokio::sync::Mutex<Box<dyn Control>>,
}

impl Server {
    /// Awaits the first answer of a server that has just been started, or was there before.
    pub(super) async fn ready(
        kind: Kind,
        provider: Provider,
        url: String,
        mut control: Box<dyn Control>,
    ) -> Result<Self, String> {
        let endpoint = Endpoint::parse(kind, &url)?;
        let limit = match provider {
            Provider::Environment => RUNNING_LIMIT,
            _ => START_LIMIT,
        };
        let version = answered(kind, &endpoint, limit, &mut *control).await?;
        let started = (provider != Provider::Environment).then(|| BootClock.now());
        Ok(Self {
            kind,
            provider,
            version,
            url,
            endpoint,
            started: Mutex::new(started),
            control: tokio::sync::Mutex::new(control),
        })
    }

    /// Which product it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Where it comes from.
    #[must_use]
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// Its version, as it told itself; `unknown`, with the reason, if it tells only its users.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The URL to connect to, which may hold a password.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The same URL, leading to another address, such as that of a proxy before this server.
    #[must_use]
    pub fn url_at(&self, address: &str) -> String {
        endpoint::moved(&self.url, address)
    }

    /// Host and port; of several, the first.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.endpoint.address
    }

    /// When it was last started: the moment of its first answer, by the boot clock.
    ///
    /// `None` if it was started by somebody else.
    #[must_use]
    pub fn start_time(&self) -> Option<Instant> {
        *self.started.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Freezes it: connections stay open, nothing is answered, and its own timers stand still.
    ///
    /// # Errors
    ///
    /// `Unsupported` for a server from the environment, `Failed` if the system refuses.
    ///
    /// # Cancel safety
    ///
    /// If dropped, it may be frozen or not.
    pub async fn pause(&self) -> Result<(), FaultError> {
        self.control.lock().await.pause().await
    }

    /// Lets it go on after [`pause`](Self::pause): what was asked meanwhile is answered.
    ///
    /// # Errors
    ///
    /// As [`pause`](Self::pause).
    ///
    /// # Cancel safety
    ///
    /// If dropped, it may be frozen or not.
    pub async fn resume(&self) -> Result<(), FaultError> {
        self.control.lock().await.resume().await
    }

    /// Kills it with SIGKILL, frozen or not; it stays down until [`restart`](Self::restart).
    ///
    /// What it has acknowledged survives: Redis writes its append-only file before it answers.
    ///
    /// # Errors
    ///
    /// As [`pause`](Self::pause).
    ///
    /// # Cancel safety
    ///
    /// If dropped, it may be down or not.
    pub async fn kill(&self) -> Result<(), FaultError> {
        self.control.lock().await.kill().await
    }

    /// Lets it shut down in good order; it stays down until [`restart`](Self::restart).
    ///
    /// # Errors
    ///
    /// As [`pause`](Self::pause).
    ///
    /// # Cancel safety
    ///
    /// If dropped, it may be down or not.
    pub async fn stop(&self) -> Result<(), FaultError> {
        let mut control = self.control.lock().await;
        stopped(&mut **control).await
    }

    /// Starts it again on the same port with the data it has, and awaits its first answer.
    ///
    /// If it runs it is first shut down in good order.
    ///
    /// # Errors
    ///
    /// As [`pause`](Self::pause); `Failed` also if it does not answer in a minute and a half.
    ///
    /// # Cancel safety
    ///
    /// If dropped, it may be down or not: restart it again.
    pub async fn restart(&self) -> Result<(), FaultError> {
        let mut control = self.control.lock().await;
        stopped(&mut **control).await?;
        self.started_again(&mut **control).await
    }

    /// Takes all its data away: a new server, at the same address, that has never met anybody.
    ///
    /// # Errors
    ///
    /// As [`restart`](Self::restart).
    ///
    /// # Cancel safety
    ///
    /// If dropped, it may be down, with its data or without: wipe it again.
    pub async fn wipe(&self) -> Result<(), FaultError> {
        let mut control = self.control.lock().await;
        stopped(&mut **control).await?;
        control.erase().await?;
        self.started_again(&mut **control).await
    }

    async fn started_again(&self, control: &mut dyn Control) -> Result<(), FaultError> {
        control.start().await?;
        answered(self.kind, &self.endpoint, START_LIMIT, control)
            .await
            .map_err(FaultError::Failed)?;
        *self.started.lock().unwrap_or_else(PoisonError::into_inner) = Some(BootClock.now());
        Ok(())
    }
}

impl fmt::Debug for Server {
    /// Without the URL: it may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("kind", &self.kind)
            .field("version", &self.version)
            .field("provider", &self.provider)
            .field("address", &self.endpoint.address)
            .finish_non_exhaustive()
    }
}

/// Why a fault could not be brought on a server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultError {
    /// This server cannot be given that fault, for this reason.
    Unsupported(String),
    /// It can, but it went wrong.
    Failed(String),
}

impl fmt::Display for FaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Unsupported(reason) | Self::Failed(reason)) = self;
        f.write_str(reason)
    }
}

impl Error for FaultError {}

/// The grip a provider has on a server it started.
#[async_trait]
pub(super) trait Control: Send {
    async fn pause(&mut self) -> Result<(), FaultError>;
    async fn resume(&mut self) -> Result<(), FaultError>;
    /// Nothing of it runs any more when this returns.
    async fn kill(&mut self) -> Result<(), FaultError>;
    /// The same in good order; it is not frozen. Does nothing if it is down.
    async fn stop(&mut self) -> Result<(), FaultError>;
    /// It is down.
    async fn start(&mut self) -> Result<(), FaultError>;
    /// It is down.
    async fn erase(&mut self) -> Result<(), FaultError>;
    /// Its last words, if it ended by itself.
    async fn last_words(&mut self) -> Option<String>;
}

/// A frozen server could not shut down: it is thawed first.
async fn stopped(control: &mut dyn Control) -> Result<(), FaultError> {
    control.resume().await?;
    control.stop().await
}

/// Asks until the server answers, and returns its version.
async fn answered(
    kind: Kind,
    endpoint: &Endpoint,
    limit: Duration,
    control: &mut dyn Control,
) -> Result<String, String> {
    let begin = BootClock.now();
    loop {
        let refusal = match probe::ask_version(kind, endpoint).await {
            Ok(version) => return Ok(version),
            Err(refusal) => refusal,
        };
        if let Some(words) = control.last_words().await {
            return Err(format!(
                "the {kind} server ended by itself; it said: {words}"
            ));
        }
        if BootClock.now().saturating_since(begin) > limit {
            let address = &endpoint.address;
            return Err(format!(
                "no {kind} server answers at {address} after {limit:?} ({refusal})"
            ));
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}
