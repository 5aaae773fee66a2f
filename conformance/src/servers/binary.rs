//! Servers as programs of this machine.

use std::{
    env, fs, io,
    os::unix::{self, fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use async_trait::async_trait;
use rustix::process::{Pid, Signal, geteuid, kill_process};

use super::{
    kind::Kind,
    outcome::Provider,
    port, processes, programs,
    reaper::{self, Reaper},
    server::{Control, FaultError, Server},
};

/// How often another port is tried where one was taken between the look and the start.
const ATTEMPTS: u32 = 4;
/// The directory of a server's data, in its own.
const DATA: &str = "data";
/// How many lines of its log a server that ended by itself is quoted with.
const QUOTED_LINES: usize = 5;

/// A server of this kind from a program on this machine.
pub(super) async fn provide(kind: Kind) -> Result<Server, String> {
    if !processes::can_be_found() {
        return Err("binaries: this system has no /proc to control them by".to_owned());
    }
    let program = programs::find(kind).map_err(|error| format!("binaries: {error}"))?;
    let mut attempt = 1;
    loop {
        let begun = begin(kind, &program).await;
        match begun {
            Err(error) if attempt < ATTEMPTS && error.contains("in use") => attempt += 1,
            Err(error) => return Err(format!("binary {}: {error}", program.display())),
            Ok(server) => return Ok(server),
        }
    }
}

async fn begin(kind: Kind, program: &Path) -> Result<Server, String> {
    let port = port::free()?;
    let mut binary = Binary::new(kind, program, port)
        .map_err(|error| format!("no directory for it can be made: {error}"))?;
    binary.start().await.map_err(|error| error.to_string())?;
    let url = match kind {
        Kind::Postgres => format!("postgres://postgres@127.0.0.1:{port}/postgres"),
        Kind::Redis | Kind::Etcd => format!("{kind}://127.0.0.1:{port}"),
    };
    let provider = Provider::Binary(program.display().to_string());
    Server::ready(kind, provider, url, Box::new(binary)).await
}

/// One server program, its directory, and its process while it runs.
struct Binary {
    kind: Kind,
    program: PathBuf,
    port: u16,
    directory: PathBuf,
    /// Whom it runs as, where that is not ourselves.
    owner: Option<Account>,
    process: Option<Child>,
    _reaper: Reaper,
}

impl Binary {
    fn new(kind: Kind, program: &Path, port: u16) -> io::Result<Self> {
        // As the kernel will show it: without links.
        let directory = env::temp_dir().canonicalize()?.join(reaper::new_session());
        let reaper = Reaper::of_directory(&directory)?;
        fs::create_dir(&directory)?;
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755))?;
        let owner = (kind == Kind::Postgres && geteuid().is_root())
            .then(Account::unprivileged)
            .transpose()?;
        Ok(Self {
            kind,
            program: program.to_owned(),
            port,
            directory,
            owner,
            process: None,
            _reaper: reaper,
        })
    }

    fn data(&self) -> PathBuf {
        self.directory.join(DATA)
    }

    fn log(&self) -> PathBuf {
        self.directory.join("log")
    }

    /// What starts it. Its directory is the working one, so its data is at `data`.
    fn command(&self) -> Command {
        let port = self.port.to_string();
        let mut command = self.at_work(&self.program);
        match self.kind {
            // Written before each answer, but left to the system to bring to disk.
            Kind::Redis => command
                .args(["--bind", "127.0.0.1", "--port", &port, "--dir", DATA])
                .args(["--save", "", "--appendonly", "yes", "--appendfsync", "no"]),
            Kind::Postgres => command
                .args(["-D", DATA, "-p", &port, "-c", "listen_addresses=127.0.0.1"])
                .args(["-c", "unix_socket_directories=", "-c", "fsync=off"])
                // In files of its directory, which are gone with it.
                .args(["-c", "dynamic_shared_memory_type=mmap"])
                .args(["-c", "max_connections=300"]),
            Kind::Etcd => {
                let clients = format!("http://127.0.0.1:{port}");
                // Nobody is to join it: any port will do.
                let peers = "http://127.0.0.1:0";
                command
                    .args(["--data-dir", DATA, "--logger", "zap"])
                    .args(["--heartbeat-interval", "50", "--election-timeout", "500"])
                    .args([
                        "--listen-client-urls",
                        &clients,
                        "--advertise-client-urls",
                        &clients,
                    ])
                    .args([
                        "--listen-peer-urls",
                        peers,
                        "--initial-advertise-peer-urls",
                        peers,
                    ])
                    .args(["--initial-cluster", &format!("default={peers}")])
            }
        };
        command
    }

    /// A program in the directory, as the owner.
    fn at_work(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            // What a terminal sends to the tests must not reach it.
            .process_group(0);
        if let Some(owner) = self.owner {
            command.uid(owner.user).gid(owner.group);
        }
        command
    }

    /// Makes the data directory, with what must be in it before the first start.
    fn furnish(&self) -> io::Result<()> {
        let data = self.data();
        if data.exists() {
            return Ok(());
        }
        fs::create_dir(&data)?;
        fs::set_permissions(&data, fs::Permissions::from_mode(0o700))?;
        if let Some(owner) = self.owner {
            unix::fs::chown(&data, Some(owner.user), Some(owner.group))?;
        }
        if self.kind != Kind::Postgres {
            return Ok(());
        }
        let output = self
            .at_work(&self.program.with_file_name("initdb"))
            .args(["-D", DATA, "-U", "postgres", "-E", "UTF8", "--no-locale"])
            .args(["--auth=trust", "--no-sync"])
            .output()?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(io::Error::other(format!(
            "initdb failed: {}",
            last_lines(&said)
        )))
    }

    fn spawn(&self) -> io::Result<Child> {
        self.furnish()?;
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log())?;
        self.command().stdout(log.try_clone()?).stderr(log).spawn()
    }
}

#[async_trait]
impl Control for Binary {
    async fn pause(&mut self) -> Result<(), FaultError> {
        processes::stop_inside(&self.directory).map_err(FaultError::Failed)
    }

    async fn resume(&mut self) -> Result<(), FaultError> {
        processes::continue_inside(&self.directory);
        Ok(())
    }

    async fn kill(&mut self) -> Result<(), FaultError> {
        // The parent first: Postgres would start anew when a child of it dies.
        if let Some(mut process) = self.process.take() {
            process
                .kill()
                .and_then(|()| process.wait())
                .map_err(|error| failed(&error))?;
        }
        processes::kill_inside(&self.directory).map_err(FaultError::Failed)
    }

    async fn stop(&mut self) -> Result<(), FaultError> {
        if let Some(mut process) = self.process.take() {
            // For Postgres, TERM would wait until the last client has gone.
            if let Some(pid) = Pid::from_raw(process.id().cast_signed()) {
                let _ = kill_process(pid, Signal::INT);
            }
            tokio::task::spawn_blocking(move || process.wait())
                .await
                .unwrap_or_else(|error| Err(io::Error::other(error)))
                .map_err(|error| failed(&error))?;
        }
        processes::kill_inside(&self.directory).map_err(FaultError::Failed)
    }

    async fn start(&mut self) -> Result<(), FaultError> {
        self.process = Some(self.spawn().map_err(|error| failed(&error))?);
        Ok(())
    }

    async fn erase(&mut self) -> Result<(), FaultError> {
        fs::remove_dir_all(self.data()).map_err(|error| failed(&error))
    }

    async fn last_words(&mut self) -> Option<String> {
        let status = self.process.as_mut()?.try_wait().ok()??;
        let log = fs::read(self.log()).unwrap_or_default();
        Some(format!(
            "{} ({status})",
            last_lines(&String::from_utf8_lossy(&log))
        ))
    }
}

fn failed(error: &io::Error) -> FaultError {
    FaultError::Failed(error.to_string())
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(QUOTED_LINES)..].join(" | ")
}

/// A user of this machine.
#[derive(Clone, Copy)]
struct Account {
    user: u32,
    group: u32,
}

impl Account {
    /// Whom Postgres may run as: it refuses to be run by root.
    fn unprivileged() -> io::Result<Self> {
        let table = fs::read_to_string("/etc/passwd")?;
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| Self::named(name, &table))
            .ok_or_else(|| io::Error::other("Postgres refuses to be run by root, and there is no user `postgres` or `nobody` to run it as"))
    }

    fn named(name: &str, table: &str) -> Option<Self> {
        let mut fields = table
            .lines()
            .map(|line| line.split(':'))
            .find_map(|mut fields| (fields.next() == Some(name)).then_some(fields))?
            .skip(1);
        Some(Self {
            user: fields.next()?.parse().ok()?,
            group: fields.next()?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let table = "root:x:0:0::/:/bin/sh\npostgres2:x:1:2::/:\npostgres:x:115:121::/:/bin/sh\n";
        let found = Account::named("postgres", table).unwrap();
        assert_eq!((found.user, found.group), (115, 121));
        assert!(Account::named("nobody", table).is_none());
    }

    #[test]
    fn a_server_is_quoted_with_its_last_lines() {
        assert_eq!(last_lines("1\n2\n\n3\n4\n5\n6\n"), "2 | 3 | 4 | 5 | 6");
        assert_eq!(last_lines(""), "");
    }
}
