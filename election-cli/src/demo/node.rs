//! One of the three copies: a real `elect run` with a real job.

use std::{
    env,
    fs::File,
    io::{self, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command as StdCommand, ExitCode, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use super::job;

const NODE: &str = "__demo-node";
const JOB: &str = "__demo-job";

/// Plays a hidden role of the demonstration, if this process was started in one.
pub(crate) fn intercept() -> Option<ExitCode> {
    let mut args = env::args_os().skip(1);
    let role = args.next()?;
    let error = if role == NODE {
        // A copy ends with its demonstration, however that ends.
        #[cfg(target_os = "linux")]
        if let Err(error) = rustix::process::set_parent_process_death_signal(Some(Signal::TERM)) {
            return Some(complain(&error.into()));
        }
        StdCommand::new(own_image().ok()?)
            .arg0("elect")
            .args(args)
            .exec()
    } else if role == JOB {
        job::live(Path::new(&args.next()?)).err()?
    } else {
        return None;
    };
    Some(complain(&error))
}

fn complain(error: &io::Error) -> ExitCode {
    // Standard error may be closed; then nobody can be told.
    let _ = writeln!(io::stderr(), "elect demo: {error}");
    ExitCode::FAILURE
}

/// A started copy.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) id: &'static str,
    pub(super) process: Child,
    pub(super) records: Lines<BufReader<ChildStdout>>,
}

impl Node {
    pub(super) fn start(id: &'static str, place: &Path, lease: Duration) -> io::Result<Self> {
        let image = own_image()?;
        let mut store = std::ffi::OsString::from("sqlite:");
        store.push(place.join("demo.db"));
        let mut process = Command::new(&image)
            .arg(NODE)
            .args(["run", "demo", "--id", id, "--store"])
            .arg(store)
            .arg("--lease-duration")
            .arg(humantime::format_duration(lease).to_string())
            .arg("--")
            .arg(&image)
            .arg(JOB)
            .arg(place)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(complaints(place, id))?)
            .kill_on_drop(true)
            .spawn()?;
        let out = process
            .stdout
            .take()
            .ok_or_else(|| io::Error::other("no standard output"))?;
        let records = tokio::io::AsyncBufReadExt::lines(BufReader::new(out));
        Ok(Self {
            id,
            process,
            records,
        })
    }

    /// Sends a signal to the `elect run` process alone. Harmless after its end.
    pub(super) fn signal(&self, signal: Signal) {
        let pid = self
            .process
            .id()
            .and_then(|pid| pid.try_into().ok())
            .and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It has not been waited for, so the id is still its own.
            let _ = kill_process(pid, signal);
        }
    }
}

/// Where a copy's standard error goes.
pub(super) fn complaints(place: &Path, id: &str) -> PathBuf {
    place.join(format!("{id}.log"))
}

fn own_image() -> io::Result<PathBuf> {
    env::current_exe()
}
