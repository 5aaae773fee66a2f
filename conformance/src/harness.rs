//! What a backend's author gives the suite: clients, and what else can be done to the store.

use std::{
    collections::hash_map::RandomState,
    env,
    error::Error,
    fmt,
    hash::{BuildHasher, Hasher},
    net::SocketAddr,
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

    /// The network between the clients and their server, if there is one to be disturbed.
    fn network(&self) -> Option<&dyn Network> {
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

    /// Deletes everything the server has of `election`, as an operator could by hand.
    ///
    /// # Errors
    ///
    /// [`Unable`] if this harness cannot do that.
    ///
    /// # Cancel safety
    ///
    /// Dropped only if the whole check is given up.
    async fn delete(&self, election: &ElectionName) -> Result<(), Unable> {
        let _ = election;
        Err(Unable::to("delete an election by hand"))
    }
}

/// The network between a harness's clients and their server.
///
/// Checks put a [`Proxy`](crate::proxy::Proxy) of their own into it, which loses replies, cuts
/// connections, and delivers requests late or twice.
///
/// ```
/// # use std::{net::SocketAddr, sync::Arc};
/// # use election_conformance::{BoxError, Network};
/// # use election_core::{LeaseStore, MemoryStore};
/// # async fn connect(url: &str) -> Result<MemoryStore, BoxError> { Err(url.into()) }
/// # struct Mine;
/// #[async_trait::async_trait]
/// impl Network for Mine {
///     fn upstream(&self) -> String {
///         "127.0.0.1:6379".to_owned()
///     }
///
///     async fn client_through(&self, proxy: SocketAddr) -> Result<Arc<dyn LeaseStore>, BoxError> {
///         let url = format!("mine://{proxy}?request_limit=3s");
///         Ok(Arc::new(connect(&url).await?))
///     }
/// }
/// ```
#[async_trait]
pub trait Network: Send + Sync {
    /// Where the server listens, as a proxy on this host reaches it: `127.0.0.1:6379`.
    fn upstream(&self) -> String;

    /// A new client that reaches the server through the proxy at this address, and only there.
    ///
    /// Some checks wait until a call has failed. Give its calls a limit of seconds, well below
    /// [`Harness::call_limit`] and well above what a healthy call takes on a busy machine.
    ///
    /// # Errors
    ///
    /// Whatever kept it from connecting; the check then fails and says so.
    ///
    /// # Cancel safety
    ///
    /// Dropped only if the whole check is given up.
    async fn client_through(&self, proxy: SocketAddr) -> Result<Arc<dyn LeaseStore>, BoxError>;

    /// How many of the first requests of a connection make up its handshake.
    ///
    /// They are said again before a captured request is. Zero if there is no handshake.
    ///
    /// # Errors
    ///
    /// [`Unable`] if the server would not do again what was recorded: under TLS, over HTTP/2, after
    /// a challenge.
    fn handshake(&self) -> Result<usize, Unable> {
        Err(Unable::to("have captured requests delivered again"))
    }

    /// The bytes by which a request about `election` is known on its way: its name, unless told.
    fn mark(&self, election: &ElectionName) -> Vec<u8> {
        election.as_str().as_bytes().to_vec()
    }
}

/// Something a harness cannot do: the rows that need it are not applicable.
///
/// Or something it can do and that failed: those rows are then broken, which is no pass either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unable {
    reason: String,
    pub(crate) ever: Ever,
}

/// Whether a harness is ever able to do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ever {
    Never,
    NotThisTime,
}

impl Unable {
    /// The harness is never able to do this: a verb and its object.
    #[must_use]
    pub fn to(deed: &str) -> Self {
        Self {
            reason: format!("the harness cannot {deed}"),
            ever: Ever::Never,
        }
    }

    /// The harness tried to do this, a verb and its object, and failed.
    #[must_use]
    pub fn this_time_to(deed: &str, cause: impl fmt::Display) -> Self {
        Self {
            reason: format!("the harness failed to {deed}: {cause}"),
            ever: Ever::NotThisTime,
        }
    }
}

impl fmt::Display for Unable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
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
