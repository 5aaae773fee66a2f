//! The server: how to reach it, and who we are to it.
//!
//! Sockets are made here and not by the client library, whose own wait to send more (no
//! `TCP_NODELAY`), for peers that are gone (no keep-alive, no user timeout), and for addresses of a
//! host that do not answer; and which asks the process for a crypto provider that may not be there.

use std::{io, time::Duration};

use futures_util::{FutureExt, future};
use redis::RedisConnectionInfo;
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
};

use crate::{
    config::{Address, RedisConfig},
    encryption::Encryption,
    error::{Failure, Stage},
};

/// A peer that acknowledges nothing for so long is gone. The system's own patience is a quarter of an
/// hour.
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
const GONE_AFTER: Duration = Duration::from_secs(2);

/// Where a store's connections lead.
pub(crate) struct Server {
    name: String,
    address: Address,
    encryption: Option<Encryption>,
    session: RedisConnectionInfo,
}

/// A connection, plain or encrypted.
pub(crate) type Wire = Box<dyn ReadWrite>;

/// What a connection can do.
pub(crate) trait ReadWrite: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ReadWrite for T {}

impl Server {
    /// Reads the certificates, and connects to nothing.
    pub(crate) fn of(config: &RedisConfig) -> Result<Self, Failure> {
        let encryption = match &config.address {
            Address::Tls { host, .. } => Some(Encryption::to(host, &config.tls_files)?),
            _ => None,
        };
        // Without telling the name of the library: not every user may, and each refusal is logged.
        let mut session = RedisConnectionInfo::default()
            .set_db(config.database.into())
            .set_skip_set_lib_name();
        if let Some(login) = &config.login {
            session = session.set_password(&login.password);
            if let Some(user) = &login.user {
                session = session.set_username(user);
            }
        }
        Ok(Self {
            name: config.to_string(),
            address: config.address.clone(),
            encryption,
            session,
        })
    }

    /// Its URL, without the password.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Why there was no connection in time.
    pub(crate) fn too_late(&self, limit: Duration) -> Failure {
        let encrypted = match self.encryption {
            // A server without encryption waits for the rest of what it takes for a request.
            Some(_) => ", and that its port speaks TLS",
            None => "",
        };
        Failure::unavailable(format!(
            "no connection to Redis at {} within {limit:?}: check that it runs and can be \
             reached{encrypted}",
            self.name
        ))
    }

    /// What is said at the beginning of every connection.
    pub(crate) fn session(&self) -> &RedisConnectionInfo {
        &self.session
    }

    /// Opens a connection, which asks after a silent peer this often.
    pub(crate) async fn dial(&self, probe_every: Duration) -> Result<Wire, Failure> {
        let unreachable =
            |error| Failure::from_redis(io::Error::into(error), Stage::Connecting, self.name());
        let (host, port) = match &self.address {
            Address::Tcp { host, port } | Address::Tls { host, port } => (host, *port),
            Address::Unix(path) => return socket(path).await.map_err(unreachable),
        };
        let stream = connect(host, port, probe_every)
            .await
            .map_err(unreachable)?;
        match &self.encryption {
            None => Ok(Box::new(stream)),
            Some(encryption) => encryption
                .begin(stream)
                .await
                .map_err(|error| Failure::encryption(error, self.name())),
        }
    }
}

/// To whichever of the host's addresses answers first.
async fn connect(host: &str, port: u16, probe_every: Duration) -> io::Result<TcpStream> {
    let attempts: Vec<_> = lookup_host((host, port))
        .await?
        .map(|address| TcpStream::connect(address).boxed())
        .collect();
    if attempts.is_empty() {
        return Err(io::Error::other("the host has no address"));
    }
    let (stream, _) = future::select_ok(attempts).await?;
    stream.set_nodelay(true)?;
    let socket = SockRef::from(&stream);
    let keepalive = TcpKeepalive::new()
        .with_time(probe_every)
        .with_interval(Duration::from_secs(1));
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    let keepalive = keepalive.with_retries(2);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    socket.set_tcp_user_timeout(Some(GONE_AFTER))?;
    Ok(stream)
}

#[cfg(unix)]
async fn socket(path: &std::path::Path) -> io::Result<Wire> {
    Ok(Box::new(tokio::net::UnixStream::connect(path).await?))
}

#[cfg(not(unix))]
async fn socket(_: &std::path::Path) -> io::Result<Wire> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}
