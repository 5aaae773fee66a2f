//! Holds the store to the contract: every client is a store with connections of its own.

mod support;

use std::{
    io::{self, Write},
    net::SocketAddr,
    process::{ExitCode, exit},
    sync::Arc,
};

use election_conformance::{
    BoxError, Harness, Network, Unable,
    servers::{Kind, Server, required},
};
use election_core::{Disaster, ElectionName, FencingToken, LeaseStore};

use support::{say, server, store_at, summary};

/// A server without passwords lets the default user in with any.
const PASSWORD: &str = "hunter2-and-more";

struct Redis {
    server: Server,
}

#[async_trait::async_trait]
impl Harness for Redis {
    fn name(&self) -> String {
        let (version, provider) = (self.server.version(), self.server.provider());
        format!("RedisStore, server {version} from {provider}")
    }

    async fn client(&self) -> Result<Arc<dyn LeaseStore>, BoxError> {
        connect(self.server.url(), "10s").await
    }

    fn secrets(&self) -> Vec<String> {
        vec![PASSWORD.to_owned()]
    }

    fn server(&self) -> Option<&dyn election_conformance::Server> {
        Some(self)
    }

    fn network(&self) -> Option<&dyn Network> {
        Some(self)
    }
}

#[async_trait::async_trait]
impl Network for Redis {
    fn upstream(&self) -> String {
        self.server.address().to_owned()
    }

    async fn client_through(&self, proxy: SocketAddr) -> Result<Arc<dyn LeaseStore>, BoxError> {
        let url = self.server.url_at(&proxy.to_string());
        Ok(Arc::new(
            store_at(&format!("{url}?request_limit=3s")).await?,
        ))
    }

    fn handshake(&self) -> Result<usize, Unable> {
        // The login is of no consequence, and no database is chosen: a script can be the first word.
        Ok(0)
    }
}

#[async_trait::async_trait]
impl election_conformance::Server for Redis {
    async fn inflict(&self, disaster: Disaster) -> Result<(), Unable> {
        let inflicted = match disaster {
            Disaster::Restart => self.server.restart().await,
            Disaster::Crash => match self.server.kill().await {
                Ok(()) => self.server.restart().await,
                Err(error) => Err(error),
            },
            Disaster::DataLoss => self.server.wipe().await,
            Disaster::Failover => return Err(Unable::to("fail over: its server is alone")),
        };
        inflicted.map_err(|error| Unable::to(&format!("bring {disaster:?} on it: {error}")))
    }

    async fn pause(&self) -> Result<(), Unable> {
        let paused = self.server.pause().await;
        paused.map_err(|error| Unable::to(&format!("pause its server: {error}")))
    }

    async fn resume(&self) -> Result<(), Unable> {
        let resumed = self.server.resume().await;
        resumed.map_err(|error| Unable::to(&format!("resume its server: {error}")))
    }

    async fn set_last_token(
        &self,
        election: &ElectionName,
        last: FencingToken,
    ) -> Result<(), Unable> {
        let words = ["HSET", &state_key(election), "t", &last.to_string()];
        let set: redis::RedisResult<i64> = say(self.server.url(), &words).await;
        set.map(drop)
            .map_err(|error| Unable::to(&format!("set a token: {error}")))
    }

    async fn delete(&self, election: &ElectionName) -> Result<(), Unable> {
        let words = ["DEL", election.as_str(), &state_key(election)];
        let deleted: redis::RedisResult<i64> = say(self.server.url(), &words).await;
        deleted
            .map(drop)
            .map_err(|error| Unable::to(&format!("delete a key: {error}")))
    }
}

/// A store with more patience than its default: a busy machine is none of its faults.
async fn connect(url: &str, request_limit: &str) -> Result<Arc<dyn LeaseStore>, BoxError> {
    let url = url.replacen("redis://", &format!("redis://default:{PASSWORD}@"), 1);
    let store = store_at(&format!("{url}?request_limit={request_limit}")).await?;
    Ok(Arc::new(store))
}

/// Of a name without braces.
fn state_key(election: &ElectionName) -> String {
    format!("{0}:lease:{{{0}}}", election.as_str())
}

fn main() -> ExitCode {
    election_conformance::main(async || match server().await {
        Ok(server) => Ok(Redis { server }),
        Err(not_run) if required(Kind::Redis) => Err(not_run.into()),
        Err(_) => {
            writeln!(io::stdout(), "{}", summary())?;
            io::stdout().flush()?;
            exit(0);
        }
    })
}
