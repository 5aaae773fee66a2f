//! A server to test against, and a plain client to look behind the store's back.
#![allow(dead_code, reason = "each test program uses a part")]

use std::sync::LazyLock;

use election_backend_redis::{RedisConfig, RedisStore};
use election_conformance::{
    BoxError,
    servers::{Kind, NotRun, Server, Servers},
};
use redis::{FromRedisValue, ToRedisArgs};

static SERVERS: LazyLock<Servers> = LazyLock::new(Servers::new);

/// A server of its own.
pub(crate) async fn server() -> Result<Server, NotRun> {
    SERVERS.provide(Kind::Redis).await
}

/// Where the servers of this run came from.
pub(crate) fn summary() -> String {
    SERVERS.summary()
}

/// A store of its own on that server.
pub(crate) async fn store_at(url: &str) -> Result<RedisStore, BoxError> {
    Ok(RedisStore::connect(RedisConfig::from_url(url)?).await?)
}

/// Says one command on a connection of its own, as `redis-cli` would.
pub(crate) async fn say<T: FromRedisValue>(
    url: &str,
    words: &[impl ToRedisArgs],
) -> redis::RedisResult<T> {
    let client = redis::Client::open(url)?;
    let mut connection = client.get_multiplexed_async_connection().await?;
    let mut command = redis::Cmd::new();
    for word in words {
        command.arg(word);
    }
    command.query_async(&mut connection).await
}
