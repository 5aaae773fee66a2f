//! What a backend's author gives the suite: clients, and what else can be done to the store.

use std::{
    collections::hash_map::RandomState,
    env,
    error::Error,
    fmt,
    hash::{BuildHasher, Hasher},
    sync::{Arc, LazyLock},
    time::Duration,
};

use async_trait::async_trait;
use election_core::{Disaster, ElectionName, FencingToken, LeaseStore};

use crate::time::Time;

/// Any error, boxed: harnesses fail for reasons of their own.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// A store to be judged, and the means to judge it.
///
/// Only [`name`](Harness::name) and [`client`](Harness::client) must be written. Whatever else a
/// harness gives makes more rows applicable; rows it cannot serve are reported as not applicable,
/// with the reason, and never as passed.
///
/// One harness serves all checks. Each check uses elections of its own, named under
/// [`namespace`](Harness::namespace), so a server that others use too is not disturbed.
#[async_trait]
pub trait Harness: Send + Sync + 'static {
    /// What is judged, for people: product, version, where it runs.
    fn name(&self) -> String;

    /// A new client of the one store, with a connection of its own.
    ///
    /// # Errors
    ///
    /// Whatever kept it from connecting; the check then fails and says so.
    ///
    /// # Cancel safety
    ///
    /// Dropped only if the whole check is given up.
    async fn client(&self) -> Result<Arc<dyn LeaseStore>, BoxError>;

    /// The time by which leases expire; the real one unless the store takes a clock.
    fn time(&self) -> Time {
        Time::Real
    }

    /// What every election name of this run starts with.
    ///
    /// A different text for every process by default, so that runs do not meet. At most 40 bytes.
    fn namespace(&self) -> String {
        static NAMESPACE: LazyLock<String> = LazyLock::new(|| {
            let chance = RandomState::new().build_hasher().finish();
            format!("conformance-{chance:016x}/")
        });
        NAMESPACE.clone()
    }

    /// How long the long checks are; [`Scale::from_env`] unless said otherwise.
    fn scale(&self) -> Scale {
        Scale::from_env()
    }

    /// The time any one call must end in (C14), and the patience for what may come late.
    ///
    /// Allow for a busy machine: exceeding it is a failure of the store.
    fn call_limit(&self) -> Duration {
        Duration::from_secs(30)
    }

    /// Passwords and the like that must never be seen in `Debug` or in an error (C15).
    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }

    /// The server behind the clients, if disasters can be brought on it.
    fn server(&self) -> Option<&dyn Server> {
        None
    }

    /// Clears away what the checks left behind, after the last of them.
    ///
    /// # Cancel safety
    ///
    /// Never dropped early.
    async fn finish(&self) {}
}

/// The server behind a harness's clients, and what can be done to it.
///
/// Write what can be done and leave the rest: the provided methods answer [`Unable`], and the
/// rows that need them are reported as not applicable. While a row uses a server no other row runs.
#[async_trait]
pub trait Server: Send + Sync {
    /// Brings a disaster on the server, and returns when it serves again, at the same address.
    ///
    /// # Errors
    ///
    /// [`Unable`] if this harness cannot do that.
    ///
    /// # Cancel safety
    ///
    /// Dropped only if the whole check is given up.
    async fn inflict(&self, disaster: Disaster) -> Result<(), Unable> {
        Err(Unable::to(&format!("bring {disaster:?} on its server")))
    }

    /// Stops the server from answering, with its connections left open.
    ///
    /// # Errors
    ///
    /// [`Unable`] if this harness cannot do that.
    ///
    /// # Cancel safety
    ///
    /// Dropped only if the whole check is given up.
    async fn pause(&self) -> Result<(), Unable> {
        Err(Unable::to("pause its server"))
    }

    /// Lets a paused server go on.
    ///
    /// # Errors
    ///
    /// [`Unable`] if this harness cannot do that.
    ///
    /// # Cancel safety
    ///
    /// Dropped only if the whole check is given up.
    async fn resume(&self) -> Result<(), Unable> {
        Err(Unable::to("resume its server"))
    }

    /// Makes the store believe that `last` was the last token it granted for `election`.
    ///
    /// # Errors
    ///
    /// [`Unable`] if this harness cannot do that.
    ///
    /// # Cancel safety
    ///
    /// Dropped only if the whole check is given up.
    async fn set_last_token(
        &self,
        election: &ElectionName,
        last: FencingToken,
    ) -> Result<(), Unable> {
        let _ = (election, last);
        Err(Unable::to("set the token counter of an election"))
    }
}

/// Something a harness cannot do; the rows that need it are not applicable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unable(String);

impl Unable {
    /// The harness is unable to do this: a verb and its object.
    #[must_use]
    pub fn to(deed: &str) -> Self {
        Self(format!("the harness cannot {deed}"))
    }
}

impl fmt::Display for Unable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Unable {}

/// How long the long checks are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Enough to convict, in seconds: for every build.
    Short,
    /// The full counts (64 clients, 200 rounds, 10 000 elections): for every release.
    Full,
}

impl Scale {
    /// `Full` if the environment says `ELECTION_CONFORMANCE=full`, else `Short`.
    #[must_use]
    pub fn from_env() -> Self {
        match env::var("ELECTION_CONFORMANCE") {
            Ok(text) if text == "full" => Self::Full,
            _ => Self::Short,
        }
    }

    /// One of two counts.
    pub(crate) fn of(self, short: usize, full: usize) -> usize {
        match self {
            Self::Short => short,
            Self::Full => full,
        }
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Short => "short (ELECTION_CONFORMANCE=full for the full counts)",
            Self::Full => "full",
        })
    }
}
