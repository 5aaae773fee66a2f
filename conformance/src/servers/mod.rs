//! Servers to test stores against: Redis, Postgres and etcd.
//!
//! [`Servers::provide`] looks for a server in three places, in this order:
//!
//! 1. a URL in the environment: `ELECTION_TEST_REDIS_URL`, `ELECTION_TEST_POSTGRES_URL`,
//!    `ELECTION_TEST_ETCD_URL`. It is used as it is, and not harmed;
//! 2. a container, if a Docker engine answers on this machine: of the image that
//!    `ELECTION_TEST_REDIS_IMAGE` (…) names, else of the official one, else of the stand-in built by
//!    `cargo xtask images`;
//! 3. a server program installed on this machine (Linux).
//!
//! What cannot be had is [`NotRun`], with the reason of each provider: print it, and never count it
//! as passed. Where [`required`], it is a failure.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use election_conformance::servers::{Kind, Servers};
//!
//! let servers = Servers::new();
//! let redis = servers.provide(Kind::Redis).await?;
//! println!("{}", servers.summary());
//! redis.kill().await?;
//! redis.restart().await?; // at the same address, with the same data
//! # Ok(()) }
//! ```
//!
//! A server that was started here does not outlive the test process by more than ten seconds,
//! however that process ends. It keeps what it has acknowledged through `kill` and `restart`, but
//! does not force it to disk: it would not survive a power cut, and is not one to measure durable
//! writes with.

mod binary;
mod container;
mod endpoint;
mod environment;
mod kind;
mod outcome;
mod port;
mod probe;
mod processes;
mod programs;
mod reaper;
mod server;

use std::sync::{Mutex, PoisonError};

pub use kind::Kind;
use outcome::Line;
pub use outcome::{NotRun, Provider};
pub use server::{FaultError, Server};

/// The environment variable that lists the kinds of server which must not be missing.
const REQUIRE: &str = "ELECTION_REQUIRE";

/// Whether it is a failure to have no server of this kind.
///
/// It is if `ELECTION_REQUIRE` lists it (`redis,postgres`), or if the environment gives the URL of
/// one: whoever gives a URL wants it used.
#[must_use]
pub fn required(kind: Kind) -> bool {
    let listed = environment::variable(REQUIRE).unwrap_or_default();
    listed.split(',').any(|word| word.trim() == kind.name())
        || environment::variable(kind.url_variable()).is_some()
}

/// Provides servers, and remembers what came of it for the summary.
#[derive(Debug, Default)]
pub struct Servers {
    lines: Mutex<Vec<Line>>,
}

impl Servers {
    /// None provided yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A server of this kind, of its own for every call but from the environment.
    ///
    /// It has answered a request. Takes a second or two, and minutes if an image must be pulled.
    ///
    /// # Errors
    ///
    /// [`NotRun`] if no provider can.
    ///
    /// # Cancel safety
    ///
    /// If dropped, what was started by then is cleared away.
    pub async fn provide(&self, kind: Kind) -> Result<Server, NotRun> {
        let outcome = provide(kind).await;
        let line = Line::of(kind, &outcome);
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if !lines.contains(&line) {
            lines.push(line);
        }
        outcome
    }

    /// A table of what was asked for: kind, version and provider, or `not run`, and why.
    ///
    /// Servers that are alike share a line.
    #[must_use]
    pub fn summary(&self) -> String {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let lines: Vec<String> = lines.iter().map(Line::to_string).collect();
        format!("server    version          from\n{}", lines.join("\n"))
    }
}

async fn provide(kind: Kind) -> Result<Server, NotRun> {
    if let Some(url) = environment::variable(kind.url_variable()) {
        // Whoever gives a URL means that server, and would be misled by any other.
        return environment::provide(kind, url)
            .await
            .map_err(|reason| NotRun::new(kind, vec![reason]));
    }
    let mut reasons = vec![format!("{} is not set", kind.url_variable())];
    match container::provide(kind).await {
        Ok(server) => return Ok(server),
        Err(reason) => reasons.push(reason),
    }
    match binary::provide(kind).await {
        Ok(server) => return Ok(server),
        Err(reason) => reasons.push(reason),
    }
    Err(NotRun::new(kind, reasons))
}
