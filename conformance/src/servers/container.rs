//! Servers in containers.

use std::{collections::HashMap, env, error::Error, mem, time::Duration};

use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt};
use testcontainers::{
    ContainerRequest, GenericImage, ImageExt,
    bollard::{
        Docker,
        models::PortBinding,
        query_parameters::{
            KillContainerOptions, LogsOptionsBuilder, RemoveContainerOptionsBuilder,
            StartContainerOptions, StopContainerOptions,
        },
    },
    core::{IntoContainerPort, client::docker_client_instance},
    runners::AsyncRunner,
};
use tokio::time::timeout;

use super::{
    environment,
    kind::Kind,
    outcome::Provider,
    port,
    reaper::{self, Reaper},
    server::{Control, FaultError, Server},
};

/// An engine that has not answered by then is as good as none.
const ENGINE_LIMIT: Duration = Duration::from_secs(10);
/// For the pull of an image, on a slow line.
const START_LIMIT: Duration = Duration::from_secs(300);
/// How often another port is tried where one was taken between the look and the start.
const ATTEMPTS: u32 = 4;
/// How many lines of its log a server that ended by itself is quoted with.
const QUOTED_LINES: &str = "5";

/// A server of this kind in a container on this machine.
pub(super) async fn provide(kind: Kind) -> Result<Server, String> {
    has_engine()
        .await
        .map_err(|error| format!("containers: {error}"))?;
    let images = match environment::variable(kind.image_variable()) {
        Some(image) => vec![image],
        None => vec![kind.official_image().to_owned(), kind.stand_in_image()],
    };
    let mut reasons = Vec::new();
    for image in images {
        match begin_on_some_port(kind, &image).await {
            Ok(server) => return Ok(server),
            Err(reason) => reasons.push(format!("container {image}: {reason}")),
        }
    }
    Err(format!(
        "{} (run `cargo xtask images`, or name an image in {})",
        reasons.join("; "),
        kind.image_variable()
    ))
}

async fn has_engine() -> Result<(), String> {
    let answer = async {
        let docker = docker_client_instance()
            .await
            .map_err(|error| root(&error))?;
        docker.ping().await.map_err(|error| root(&error))
    };
    match timeout(ENGINE_LIMIT, answer).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return Err(format!("no Docker engine answers: {error}")),
        Err(_) => return Err(format!("no Docker engine answers within {ENGINE_LIMIT:?}")),
    }
    let path = env::var_os("PATH").unwrap_or_default();
    if env::split_paths(&path).any(|directory| directory.join("docker").exists()) {
        Ok(())
    } else {
        Err(
            "the command `docker` is not installed, which clears away after a killed test"
                .to_owned(),
        )
    }
}

async fn begin_on_some_port(kind: Kind, image: &str) -> Result<Server, String> {
    let mut attempt = 1;
    loop {
        match begin(kind, image).await {
            Err(error) if attempt < ATTEMPTS && is_taken(&error) => attempt += 1,
            outcome => return outcome,
        }
    }
}

fn is_taken(error: &str) -> bool {
    error.contains("address already in use") || error.contains("port is already allocated")
}

async fn begin(kind: Kind, image: &str) -> Result<Server, String> {
    let port = port::free()?;
    let mut container = Container::new(kind, image, port)?;
    container.start().await.map_err(|error| error.to_string())?;
    let url = match kind {
        Kind::Postgres => format!("postgres://postgres@127.0.0.1:{port}/postgres"),
        Kind::Redis | Kind::Etcd => format!("{kind}://127.0.0.1:{port}"),
    };
    let provider = Provider::Container(image.to_owned());
    Server::ready(kind, provider, url, Box::new(container)).await
}

/// One container, or the means to make it.
struct Container {
    kind: Kind,
    image: String,
    port: u16,
    session: String,
    id: Option<String>,
    _reaper: Reaper,
}

impl Container {
    fn new(kind: Kind, image: &str, port: u16) -> Result<Self, String> {
        let session = reaper::new_session();
        let reaper = Reaper::of_containers(&session).map_err(|error| error.to_string())?;
        Ok(Self {
            kind,
            image: image.to_owned(),
            port,
            session,
            id: None,
            _reaper: reaper,
        })
    }

    fn request(&self) -> ContainerRequest<GenericImage> {
        let (name, tag) = split(&self.image);
        let inner = self.kind.default_port();
        let outer = self.port;
        // Fixed, to be found again after a restart, and on loopback, not for the whole network.
        let bindings = HashMap::from([(
            format!("{inner}/tcp"),
            Some(vec![PortBinding {
                host_ip: Some("127.0.0.1".to_owned()),
                host_port: Some(outer.to_string()),
            }]),
        )]);
        let image = GenericImage::new(name, tag).with_exposed_port(inner.tcp());
        match self.kind {
            Kind::Redis => {
                image.with_cmd(["--save", "", "--appendonly", "yes", "--appendfsync", "no"])
            }
            Kind::Postgres => image
                .with_env_var("POSTGRES_HOST_AUTH_METHOD", "trust")
                .with_cmd(["-c", "fsync=off", "-c", "max_connections=300"]),
            // By variables only: there may be no shell and no entry point to give words to.
            Kind::Etcd => image
                .with_env_var("ETCD_LOGGER", "zap")
                .with_env_var("ETCD_HEARTBEAT_INTERVAL", "50")
                .with_env_var("ETCD_ELECTION_TIMEOUT", "500")
                .with_env_var("ETCD_LISTEN_CLIENT_URLS", format!("http://0.0.0.0:{inner}"))
                .with_env_var(
                    "ETCD_ADVERTISE_CLIENT_URLS",
                    format!("http://127.0.0.1:{outer}"),
                ),
        }
        .with_label("election.session", &self.session)
        .with_host_config_modifier(move |config| {
            config.publish_all_ports = Some(false);
            config.port_bindings = Some(bindings.clone());
        })
    }

    /// A client for one request: a connection may not outlive the runtime of the test that made it.
    async fn engine(&self) -> Result<(Docker, &str), FaultError> {
        let docker = docker_client_instance()
            .await
            .map_err(|error| failed(&error))?;
        let id = self.id.as_deref();
        let id = id.ok_or_else(|| FaultError::Failed("it has not been started yet".to_owned()))?;
        Ok((docker, id))
    }

    async fn state(&self) -> Result<State, FaultError> {
        let (docker, id) = self.engine().await?;
        let found = docker
            .inspect_container(id, None)
            .await
            .map_err(|error| failed(&error))?;
        let state = found.state.unwrap_or_default();
        Ok(match (state.running, state.paused) {
            (_, Some(true)) => State::Paused,
            (Some(true), _) => State::Running,
            _ => State::Down,
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    Paused,
    Down,
}

#[async_trait]
impl Control for Container {
    async fn pause(&mut self) -> Result<(), FaultError> {
        if self.state().await? == State::Paused {
            return Ok(());
        }
        let (docker, id) = self.engine().await?;
        docker
            .pause_container(id)
            .await
            .map_err(|error| failed(&error))
    }

    async fn resume(&mut self) -> Result<(), FaultError> {
        if self.state().await? != State::Paused {
            return Ok(());
        }
        let (docker, id) = self.engine().await?;
        docker
            .unpause_container(id)
            .await
            .map_err(|error| failed(&error))
    }

    async fn kill(&mut self) -> Result<(), FaultError> {
        if self.state().await? == State::Down {
            return Ok(());
        }
        let (docker, id) = self.engine().await?;
        docker
            .kill_container(id, None::<KillContainerOptions>)
            .await
            .map_err(|error| failed(&error))
    }

    async fn stop(&mut self) -> Result<(), FaultError> {
        let (docker, id) = self.engine().await?;
        docker
            .stop_container(id, None::<StopContainerOptions>)
            .await
            .map_err(|error| failed(&error))
    }

    async fn start(&mut self) -> Result<(), FaultError> {
        if self.id.is_some() {
            let (docker, id) = self.engine().await?;
            return docker
                .start_container(id, None::<StartContainerOptions>)
                .await
                .map_err(|error| failed(&error));
        }
        let container = timeout(START_LIMIT, self.request().start())
            .await
            .map_err(|_| FaultError::Failed(format!("not started within {START_LIMIT:?}")))?
            .map_err(|error| failed(&error))?;
        self.id = Some(container.id().to_owned());
        // To drop it would remove it, and needs a runtime for that. The reaper does not.
        mem::forget(container);
        Ok(())
    }

    async fn erase(&mut self) -> Result<(), FaultError> {
        let (docker, id) = self.engine().await?;
        let options = RemoveContainerOptionsBuilder::new()
            .force(true)
            .v(true)
            .build();
        docker
            .remove_container(id, Some(options))
            .await
            .map_err(|error| failed(&error))?;
        self.id = None;
        Ok(())
    }

    async fn last_words(&mut self) -> Option<String> {
        if self.state().await.ok()? != State::Down {
            return None;
        }
        let (docker, id) = self.engine().await.ok()?;
        let options = LogsOptionsBuilder::new()
            .stdout(true)
            .stderr(true)
            .tail(QUOTED_LINES)
            .build();
        let lines: Vec<String> = docker
            .logs(id, Some(options))
            .filter_map(async |line| Some(line.ok()?.to_string().trim_end().to_owned()))
            .collect()
            .boxed()
            .await;
        Some(lines.join(" | "))
    }
}

/// `host:5000/name:tag` as `host:5000/name` and `tag`.
fn split(image: &str) -> (&str, &str) {
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (image, "latest"),
    }
}

fn failed(error: &dyn Error) -> FaultError {
    FaultError::Failed(in_full(error))
}

/// The first cause: around it, a client that cannot connect has nothing but names of layers.
fn root(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), root)
}

/// The error with its causes.
fn in_full(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_of_a_registry_is_not_a_tag() {
        assert_eq!(split("host:5000/a/b:tag"), ("host:5000/a/b", "tag"));
        assert_eq!(split("host:5000/a/b"), ("host:5000/a/b", "latest"));
        assert_eq!(split("redis:7"), ("redis", "7"));
    }
}
