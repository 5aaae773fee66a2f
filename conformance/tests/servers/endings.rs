//! However the test process ends, its servers end too.
//!
//! The process is this very program, started again to play a part: it starts servers, says where
//! they are, and then ends in one of the ways in which tests do.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    net::TcpStream,
    process::{Child, Command, ExitCode, Stdio},
    thread,
    time::{Duration, Instant},
};

use election_conformance::servers::{Kind, Server, Servers};
use libtest_mimic::{Completion, Failed, Trial};
use rustix::process::{Pid, Signal, kill_process};

use crate::RUNTIME;

/// An engine that is not there.
pub(crate) const NOWHERE: &str = "tcp://127.0.0.1:1";

const PART: &str = "ELECTION_TEST_PART";
const STARTED: &str = "started";
/// Ten seconds are promised; a busy machine may take its time to notice.
const LIMIT: Duration = Duration::from_secs(30);

/// How the process ends.
#[derive(Clone, Copy)]
enum Ending {
    Returns,
    Panics,
    IsInterrupted,
    IsKilled,
}

impl Ending {
    const ALL: [(&str, Self); 4] = [
        ("returns", Self::Returns),
        ("panics", Self::Panics),
        ("is_interrupted", Self::IsInterrupted),
        ("is_killed", Self::IsKilled),
    ];

    /// Makes the process end, if it does not by itself.
    fn bring_on(self, process: &Child) -> rustix::io::Result<()> {
        let signal = match self {
            Self::Returns | Self::Panics => return Ok(()),
            Self::IsInterrupted => Signal::INT,
            Self::IsKilled => Signal::KILL,
        };
        Pid::from_raw(process.id().cast_signed()).map_or(Ok(()), |pid| kill_process(pid, signal))
    }
}

pub(crate) fn trials() -> Vec<Trial> {
    let endings = Ending::ALL.into_iter();
    endings
        .flat_map(|(name, ending)| {
            let with = format!("endings::a_process_that_{name}_leaves_nothing_behind");
            let without =
                format!("endings::a_process_that_{name}_without_docker_leaves_nothing_behind");
            [
                Trial::ignorable_test(with, move || judge(name, ending, None)),
                Trial::ignorable_test(without, move || judge(name, ending, Some(NOWHERE))),
            ]
        })
        .collect()
}

/// In the process that plays a part: plays it, and ends.
pub(crate) fn play_a_part() -> Option<ExitCode> {
    let part = env::var(PART).ok()?;
    let started: Vec<Server> = RUNTIME.block_on(async {
        let servers = Servers::new();
        let mut started = Vec::new();
        for kind in Kind::ALL {
            started.extend(servers.provide(kind).await);
        }
        // A frozen server must go as well.
        if let Some(server) = started.first() {
            server.pause().await.expect("it is ours");
        }
        started
    });
    for server in &started {
        println!("{STARTED} {} {}", server.kind(), server.address());
    }
    println!();
    match part.as_str() {
        "returns" => Some(ExitCode::SUCCESS),
        "panics" => panic!("as the part demands"),
        _ => loop {
            thread::park();
        },
    }
}

fn judge(part: &str, ending: Ending, docker_host: Option<&str>) -> Result<Completion, Failed> {
    let mut command = Command::new(env::current_exe()?);
    command
        .env(PART, part)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    for kind in Kind::ALL {
        command.env_remove(kind.url_variable());
    }
    if let Some(host) = docker_host {
        command.env("DOCKER_HOST", host);
    }
    let mut process = command.spawn()?;
    let started = started(&mut process);
    ending.bring_on(&process)?;
    let begin = Instant::now();
    process.wait()?;
    if started.is_empty() {
        return Ok(Completion::ignored_with("no server can be started here"));
    }
    loop {
        let left = left_by(process.id(), &started)?;
        if left.is_empty() {
            return Ok(Completion::Completed);
        }
        if begin.elapsed() > LIMIT {
            return Err(format!("still there after {LIMIT:?}: {}", left.join(", ")).into());
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// The addresses of its servers, once all are started.
fn started(process: &mut Child) -> Vec<String> {
    let lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
    lines
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| Some(line.strip_prefix(STARTED)?.rsplit_once(' ')?.1.to_owned()))
        .collect()
}

/// What is left of the servers of a process: listeners, processes, directories, containers, networks.
fn left_by(process: u32, addresses: &[String]) -> Result<Vec<String>, Failed> {
    let session = format!("election-test-{process}-");
    let mut left: Vec<String> = addresses
        .iter()
        .filter(|address| TcpStream::connect(address.as_str()).is_ok())
        .map(|address| format!("a listener at {address}"))
        .collect();
    for entry in fs::read_dir("/proc")?.flatten() {
        let cwd = fs::read_link(entry.path().join("cwd")).unwrap_or_default();
        if cwd.display().to_string().contains(&session) {
            left.push(format!("the process {}", entry.file_name().display()));
        }
    }
    for entry in fs::read_dir(env::temp_dir())?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(&session) {
            left.push(entry.path().display().to_string());
        }
    }
    for list in ["ps --all", "network ls"] {
        let format = r#"{{.Label "election.session"}}"#;
        let output = Command::new("docker")
            .args(list.split(' '))
            .args(["--format", format])
            .output();
        // Without an engine there are no containers.
        let labels = output.map(|output| output.stdout).unwrap_or_default();
        let labels = String::from_utf8_lossy(&labels).into_owned();
        let ours = labels.lines().filter(|label| label.starts_with(&session));
        left.extend(ours.map(|label| format!("`docker {list}` shows {label}")));
    }
    Ok(left)
}
