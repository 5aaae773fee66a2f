//! Servers that somebody else runs.

use std::env;

use async_trait::async_trait;

use super::{
    kind::Kind,
    outcome::Provider,
    server::{Control, FaultError, Server},
};

/// The value of a variable; one set to nothing counts as not set.
pub(super) fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The server at a URL from the environment.
pub(super) async fn provide(kind: Kind, url: String) -> Result<Server, String> {
    Server::ready(kind, Provider::Environment, url, Box::new(Elsewhere(kind)))
        .await
        .map_err(|error| format!("{} is set, but {error}", kind.url_variable()))
}

/// No grip at all.
struct Elsewhere(Kind);

impl Elsewhere {
    fn refusal(&self) -> FaultError {
        let variable = self.0.url_variable();
        FaultError::Unsupported(format!(
            "the server that {variable} names is not ours to harm: unset it to have one started"
        ))
    }
}

#[async_trait]
impl Control for Elsewhere {
    async fn pause(&mut self) -> Result<(), FaultError> {
        Err(self.refusal())
    }

    async fn resume(&mut self) -> Result<(), FaultError> {
        Err(self.refusal())
    }

    async fn kill(&mut self) -> Result<(), FaultError> {
        Err(self.refusal())
    }

    async fn stop(&mut self) -> Result<(), FaultError> {
        Err(self.refusal())
    }

    async fn start(&mut self) -> Result<(), FaultError> {
        Err(self.refusal())
    }

    async fn erase(&mut self) -> Result<(), FaultError> {
        Err(self.refusal())
    }

    async fn last_words(&mut self) -> Option<String> {
        None
    }
}
