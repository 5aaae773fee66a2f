//! Which server, as whom, and how patiently.

use std::{fmt, path::PathBuf, time::Duration};

use election_core::StoreError;

use crate::url;

/// Which Redis keeps the leases, and what is asked of it.
///
/// `Debug` and `Display` do not show the password.
///
/// ```
/// use std::time::Duration;
/// use election_backend_redis::RedisConfig;
///
/// let config = RedisConfig::from_url("redis://app:hunter2@cache:6379/0?min_replica_acks=1")?
///     .request_limit(Duration::from_millis(500));
/// assert_eq!(config.to_string(), "redis://app:***@cache:6379/0");
/// # Ok::<(), election_core::StoreError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct RedisConfig {
    pub(crate) address: Address,
    pub(crate) login: Option<Login>,
    pub(crate) database: u32,
    pub(crate) request_limit: Duration,
    pub(crate) min_replica_acks: u32,
    pub(crate) restart_grace: bool,
    pub(crate) tls_files: TlsFiles,
}

/// Where the server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    Tcp { host: String, port: u16 },
    Tls { host: String, port: u16 },
    Unix(PathBuf),
}

/// Who we are to the server.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Login {
    /// `None` is the user `default`.
    pub(crate) user: Option<String>,
    pub(crate) password: String,
}

/// PEM files that an encrypted connection needs, where they are not the system's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    pub(crate) authority: Option<PathBuf>,
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
}

impl RedisConfig {
    /// How long a call may take, unless told otherwise.
    pub const DEFAULT_REQUEST_LIMIT: Duration = Duration::from_secs(1);

    /// Reads the URL of a Redis server.
    ///
    /// | form | connection |
    /// |---|---|
    /// | `redis://[[user]:password@]host[:6379][/0]` | plain |
    /// | `rediss://…`, the same | encrypted; needs the feature `tls` |
    /// | `redis+unix:///path[?db=0&user=…&password=…]`, `unix:/path` | local socket |
    ///
    /// `valkey:` and `valkeys:` mean the same as `redis:` and `rediss:`. User and password are
    /// percent-encoded. After a `?` stand options, each of which has a method of the same name:
    ///
    /// | option | example | meaning |
    /// |---|---|---|
    /// | `request_limit` | `500ms` | [how long a call may take](Self::request_limit) |
    /// | `min_replica_acks` | `1` | [how many replicas must have a grant](Self::min_replica_acks) |
    /// | `restart_grace` | `true` | [wait after a restart](Self::restart_grace) |
    /// | `tls_ca_file` | `/etc/ca.pem` | whom to trust instead of the system's authorities |
    /// | `tls_cert_file`, `tls_key_file` | `/etc/me.pem` | certificate and key to show the server |
    ///
    /// # Errors
    ///
    /// A `Fatal` [`StoreError`] that says which part is wrong and what to write instead. It does
    /// not repeat the user or the password.
    pub fn from_url(url: &str) -> Result<Self, StoreError> {
        url::read(url)
    }

    pub(crate) fn new(address: Address) -> Self {
        Self {
            address,
            login: None,
            database: 0,
            request_limit: Self::DEFAULT_REQUEST_LIMIT,
            min_replica_acks: 0,
            restart_grace: false,
            tls_files: TlsFiles::default(),
        }
    }

    /// How long a call may take, the connecting before it included.
    ///
    /// After that it fails: with `Unavailable` if the request was not sent, else with
    /// `Indeterminate`, and the connection it hung on is replaced. Default: 1 s.
    #[must_use]
    pub fn request_limit(mut self, limit: Duration) -> Self {
        self.request_limit = limit;
        self
    }

    /// How many replicas must have a grant or renewal before it counts. Default: 0.
    ///
    /// Redis copies to its replicas after it has answered. If the master dies in between, or is cut
    /// off and replaced, the new master knows nothing of the lease and grants it again. With as many
    /// acknowledgements as there are replicas, no replica that takes over has missed a grant.
    ///
    /// While one request waits for replicas, the others of this store wait behind it: this is for a
    /// few elections, not for thousands.
    ///
    /// A grant or renewal that too few replicas acknowledge within 100 ms, or half of
    /// [`request_limit`](Self::request_limit) if that is less, fails with `Indeterminate`; such a
    /// grant is released again.
    #[must_use]
    pub fn min_replica_acks(mut self, replicas: u32) -> Self {
        self.min_replica_acks = replicas;
        self
    }

    /// Grants nothing on a server that has been up for less than a ttl and knows no earlier lease.
    ///
    /// For a Redis that keeps nothing on disk: it starts up empty, and whoever led before does not
    /// know. Until the ttl that is asked for has passed since its start, `acquire` fails with
    /// `Unavailable`. The price is that the first election on a new server waits as well. Default: off.
    #[must_use]
    pub fn restart_grace(mut self) -> Self {
        self.restart_grace = true;
        self
    }
}

/// As a URL, without password and options.
impl fmt::Display for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, place) = match &self.address {
            Address::Tcp { host, port } => ("redis", format!("{}:{port}", bracketed(host))),
            Address::Tls { host, port } => ("rediss", format!("{}:{port}", bracketed(host))),
            Address::Unix(path) => return write!(f, "redis+unix://{}", path.display()),
        };
        write!(f, "{scheme}://")?;
        if let Some(login) = &self.login {
            write!(f, "{}:***@", login.user.as_deref().unwrap_or_default())?;
        }
        write!(f, "{place}/{}", self.database)
    }
}

/// Without the password.
impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConfig")
            .field("url", &format_args!("{self}"))
            .field("database", &self.database)
            .field("request_limit", &self.request_limit)
            .field("min_replica_acks", &self.min_replica_acks)
            .field("restart_grace", &self.restart_grace)
            .field("tls_files", &self.tls_files)
            .finish_non_exhaustive()
    }
}

/// An IPv6 address as a URL writes it.
fn bracketed(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}
