//! Every way to a server: by address, by local socket, encrypted.

use std::sync::Arc;

use election_backend_redis::{RedisConfig, RedisStore};
use election_conformance::servers::Server;
use election_core::{LeaseStore, Renewed, StoreError, StoreErrorKind};
use futures_util::StreamExt;
use tokio::{
    io::{AsyncRead, AsyncWrite, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use crate::{LONG, election, fails, granted, trials};

#[cfg(not(feature = "tls"))]
trials![
    a_local_socket_is_as_good_as_an_address,
    an_address_nobody_serves_is_unavailable,
    a_server_that_never_answers_is_given_up_in_time,
    a_build_without_encryption_says_so,
];

#[cfg(feature = "tls")]
trials![
    a_local_socket_is_as_good_as_an_address,
    an_address_nobody_serves_is_unavailable,
    a_server_that_never_answers_is_given_up_in_time,
    an_encrypted_connection_needs_a_known_authority,
    a_plain_server_is_no_encrypted_one,
];

async fn connect(url: &str) -> Result<RedisStore, StoreError> {
    RedisStore::connect(RedisConfig::from_url(url)?).await
}

/// A whole term, and a hint of it.
async fn serves(store: &RedisStore) {
    let mut hints = store.hints(&election("x")).await.unwrap();
    hints.next().await.unwrap();
    let lease = granted(store, "x", "a", LONG).await;
    hints.next().await.unwrap();
    let renewed = store.renew(&lease, LONG).await.unwrap();
    assert_eq!(renewed, Renewed::Extended { ttl: LONG });
    store.release(&lease).await.unwrap();
}

/// Carries bytes between a connection and the server.
async fn carry(mut near: impl AsyncRead + AsyncWrite + Unpin, upstream: Arc<str>) {
    if let Ok(mut far) = TcpStream::connect(&*upstream).await {
        let _ = copy_bidirectional(&mut near, &mut far).await;
    }
}

async fn a_local_socket_is_as_good_as_an_address(server: Server) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("redis.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let upstream: Arc<str> = server.address().into();
    let carrier = tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            tokio::spawn(carry(near, upstream.clone()));
        }
    });
    let url = format!("redis+unix://{}?request_limit=20s", path.display());
    serves(&connect(&url).await.unwrap()).await;
    carrier.abort();

    let missing = connect("unix:/nowhere/redis.sock").await;
    fails(missing, StoreErrorKind::Unavailable, "/nowhere/redis.sock");
}

async fn an_address_nobody_serves_is_unavailable(_: Server) {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let answer = connect(&format!("redis://:hunter2@{address}?request_limit=20s")).await;
    fails(answer, StoreErrorKind::Unavailable, "cannot be reached");
}

async fn a_server_that_never_answers_is_given_up_in_time(_: Server) {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let answer = connect(&format!("redis://{address}?request_limit=50ms")).await;
    fails(answer, StoreErrorKind::Unavailable, "within 50ms");
}

#[cfg(not(feature = "tls"))]
async fn a_build_without_encryption_says_so(_: Server) {
    let answer = connect("rediss://127.0.0.1").await;
    fails(answer, StoreErrorKind::Fatal, "feature `tls`");
}

#[cfg(feature = "tls")]
async fn an_encrypted_connection_needs_a_known_authority(server: Server) {
    let directory = tempfile::tempdir().unwrap();
    let (own, other) = (certificate(), certificate());
    let file = |name: &str, text: String| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let right = file("right.pem", own.cert.pem());
    let wrong = file("wrong.pem", other.cert.pem());
    let address = encrypting(&own, server.address()).await;
    let url = |host: &str, authority: &str| {
        let port = address.port();
        format!("rediss://{host}:{port}?request_limit=20s&tls_ca_file={authority}")
    };

    serves(&connect(&url("localhost", &right)).await.unwrap()).await;
    let answer = connect(&url("localhost", &wrong)).await;
    fails(answer, StoreErrorKind::Fatal, "tls_ca_file");
    // Its certificate names the host, and not the address.
    let answer = connect(&url("127.0.0.1", &right)).await;
    fails(answer, StoreErrorKind::Fatal, "its certificate");
    let missing = connect(&url("localhost", "/nowhere.pem")).await;
    fails(missing, StoreErrorKind::Fatal, "/nowhere.pem");
}

#[cfg(feature = "tls")]
async fn a_plain_server_is_no_encrypted_one(server: Server) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.pem");
    std::fs::write(&path, certificate().cert.pem()).unwrap();
    let address = server.address();
    let options = format!("request_limit=200ms&tls_ca_file={}", path.display());
    // It takes the greeting for a request that is still to be finished, and waits.
    let answer = connect(&format!("rediss://{address}?{options}")).await;
    fails(answer, StoreErrorKind::Unavailable, "speaks TLS");
}

#[cfg(feature = "tls")]
fn certificate() -> rcgen::CertifiedKey<rcgen::KeyPair> {
    rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap()
}

/// An address that serves the server's data encrypted, as one in front of it would.
#[cfg(feature = "tls")]
async fn encrypting(
    own: &rcgen::CertifiedKey<rcgen::KeyPair>,
    upstream: &str,
) -> std::net::SocketAddr {
    use tokio_rustls::{
        TlsAcceptor,
        rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
    };

    let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let upstream: Arc<str> = upstream.into();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let (acceptor, upstream) = (acceptor.clone(), upstream.clone());
            tokio::spawn(async move {
                if let Ok(near) = acceptor.accept(near).await {
                    carry(near, upstream).await;
                }
            });
        }
    });
    address
}
