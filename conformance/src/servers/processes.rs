//! The processes of a server: those that work inside of its directory.
//!
//! A server changes into its data directory or stays where it was started, and so do its children.
//! Unlike a process id, a directory with a name of its own cannot come to mean somebody else; and
//! unlike a process group, it also holds the back ends of Postgres, each of which has its own.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

const LIMIT: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Whether this system tells where its processes work.
pub(super) fn can_be_found() -> bool {
    Path::new("/proc/self/cwd").exists()
}

/// Returns when every process inside is stopped.
pub(super) fn stop_inside(directory: &Path) -> Result<(), String> {
    signal_until(directory, Signal::STOP, |all| {
        all.iter().all(|pid| is_stopped(*pid))
    })
}

/// Lets all go on.
pub(super) fn continue_inside(directory: &Path) {
    for pid in inside(directory) {
        // One that has ended needs nothing.
        let _ = kill_process(pid, Signal::CONT);
    }
}

/// Returns when no process inside is left.
///
/// The status of one's own children must be taken meanwhile: see `Child::wait`.
pub(super) fn kill_inside(directory: &Path) -> Result<(), String> {
    signal_until(directory, Signal::KILL, <[Pid]>::is_empty)
}

/// Signals all, and those that came into being meanwhile, until it has worked.
fn signal_until(
    directory: &Path,
    signal: Signal,
    is_done: impl Fn(&[Pid]) -> bool,
) -> Result<(), String> {
    let begin = Instant::now();
    loop {
        let all = inside(directory);
        if is_done(&all) {
            return Ok(());
        }
        if begin.elapsed() > LIMIT {
            return Err(format!(
                "the processes {all:?} in {} do not obey {signal:?}",
                directory.display()
            ));
        }
        for pid in all {
            let _ = kill_process(pid, signal);
        }
        thread::sleep(LOOK_EVERY);
    }
}

fn inside(directory: &Path) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter(|process| {
            fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(directory))
        })
        .filter_map(|process| Pid::from_raw(process.file_name().to_str()?.parse().ok()?))
        .collect()
}

fn is_stopped(pid: Pid) -> bool {
    // The name of the program, in parentheses, may hold anything; the state follows.
    fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()))
        .ok()
        .and_then(|stat| {
            stat.rsplit_once(") ")
                .map(|(_, rest)| rest.starts_with('T'))
        })
        // It has ended: it does nothing any more.
        .unwrap_or(true)
}
