//! The harness of the lease server: clients, the server's fate, and the network between.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use election_conformance::{BoxError, Harness, Network, Server, Unable};
use election_core::{Disaster, ElectionName, FencingToken, LeaseStore};
use serde_json::{Value, json};
use tokio::task::block_in_place;

use super::{client::TcpStore, flaw::Flaw, server, supervisor::Supervisor};

/// What a call takes at most on a machine however busy.
const LIMIT: Duration = Duration::from_secs(5);
/// The same where rows wait for it.
const SHORT_LIMIT: Duration = Duration::from_secs(3);

/// A lease server on the loopback interface, flawless or broken in one way.
pub(crate) struct Loopback {
    supervisor: Supervisor,
    flaw: Option<Flaw>,
    patience: Duration,
}

impl Loopback {
    /// Starts a server, and returns when it serves.
    pub(crate) fn start(flaw: Option<Flaw>) -> Self {
        let name = flaw.map_or_else(|| "none".to_owned(), |flaw| flaw.to_string());
        Self {
            supervisor: Supervisor::start(&name),
            flaw,
            patience: flaw.map_or(Duration::from_secs(30), |_| Duration::from_secs(8)),
        }
    }

    fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.supervisor.port).into()
    }

    async fn administer(&self, order: Value) -> Result<(), Unable> {
        server::order(self.supervisor.port, order)
            .await
            .map_err(|error| Unable::this_time_to("reach its server", error))
    }
}

#[async_trait]
impl Harness for Loopback {
    fn name(&self) -> String {
        "TcpStore, and a lease server in a process of its own".to_owned()
    }

    async fn client(&self) -> Result<Arc<dyn LeaseStore>, BoxError> {
        let limit = if self.flaw.is_some() {
            SHORT_LIMIT
        } else {
            LIMIT
        };
        Ok(Arc::new(TcpStore::new(self.address(), limit, self.flaw)))
    }

    fn call_limit(&self) -> Duration {
        self.patience
    }

    fn server(&self) -> Option<&dyn Server> {
        Some(self)
    }

    fn network(&self) -> Option<&dyn Network> {
        Some(self)
    }
}

#[async_trait]
impl Server for Loopback {
    async fn inflict(&self, disaster: Disaster) -> Result<(), Unable> {
        let order = match disaster {
            // It writes down what it answers before it answers: every end is a kill.
            Disaster::Restart | Disaster::Crash => "restart",
            Disaster::DataLoss => "wipe",
            Disaster::Failover => return Err(Unable::to("fail over: there is one server")),
        };
        block_in_place(|| self.supervisor.order(order));
        Ok(())
    }

    async fn pause(&self) -> Result<(), Unable> {
        block_in_place(|| self.supervisor.order("pause"));
        Ok(())
    }

    async fn resume(&self) -> Result<(), Unable> {
        block_in_place(|| self.supervisor.order("resume"));
        Ok(())
    }

    async fn set_last_token(
        &self,
        election: &ElectionName,
        last: FencingToken,
    ) -> Result<(), Unable> {
        let of = election.as_str();
        self.administer(json!({ "do": "set", "of": of, "token": last.as_u64() }))
            .await
    }

    async fn delete(&self, election: &ElectionName) -> Result<(), Unable> {
        self.administer(json!({ "do": "delete", "of": election.as_str() }))
            .await
    }
}

#[async_trait]
impl Network for Loopback {
    fn upstream(&self) -> String {
        self.address().to_string()
    }

    async fn client_through(&self, proxy: SocketAddr) -> Result<Arc<dyn LeaseStore>, BoxError> {
        Ok(Arc::new(TcpStore::new(proxy, SHORT_LIMIT, self.flaw)))
    }

    fn handshake(&self) -> Result<usize, Unable> {
        Ok(0)
    }
}
