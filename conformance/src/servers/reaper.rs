//! What clears a server away, whatever happens to the test that started it.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    io,
    os::unix::process::CommandExt,
    path::Path,
    process::{self, Child, Command, Stdio},
    thread,
};

const SCRIPT: &str = include_str!("reaper.sh");

/// A name that no other server of any test process has.
pub(super) fn new_session() -> String {
    let chance = RandomState::new().build_hasher().finish();
    format!("election-test-{}-{chance:016x}", process::id())
}

/// A small process that outlives this one, and then clears away one server.
///
/// It reads from a pipe that this process never writes to. The pipe ends when the value is dropped,
/// when the process returns, exits, panics, is interrupted, or is killed: the kernel closes it. No
/// handler has to run, so none can be missed.
#[derive(Debug)]
pub(super) struct Reaper(Option<Child>);

impl Reaper {
    /// Will remove all containers and networks labelled `election.session=<session>`.
    pub(super) fn of_containers(session: &str) -> io::Result<Self> {
        Self::watch("container", session.as_ref())
    }

    /// Will end all processes that work inside of the directory, and remove it.
    pub(super) fn of_directory(directory: &Path) -> io::Result<Self> {
        Self::watch("directory", directory)
    }

    fn watch(deed: &str, what: &Path) -> io::Result<Self> {
        Command::new("/bin/sh")
            // In the environment it does not fill the lists of processes.
            .args(["-c", "eval \"$SCRIPT\"", "election-test-reaper", deed])
            .arg(what)
            .env("SCRIPT", SCRIPT)
            .current_dir("/")
            .stdin(Stdio::piped())
            // A test runner waits for whoever holds its output.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // What a terminal sends to the tests must not reach it.
            .process_group(0)
            .spawn()
            .map(|shell| Self(Some(shell)))
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        if let Some(mut shell) = self.0.take() {
            // `wait` closes the pipe first; somebody has to take the exit status.
            thread::spawn(move || shell.wait());
        }
    }
}
