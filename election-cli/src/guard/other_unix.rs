//! The guard on systems other than Linux: the command's process group, and no more.
//!
//! These systems neither give orphans to an ancestor nor kill a child when its parent dies. So a
//! descendant in a group of its own outlives the command, and the command outlives a watchdog that
//! was killed, until the supervisor, which notices, kills its group.

use std::{env, io, path::PathBuf};

use rustix::{
    net::SendFlags,
    process::{Pid, Signal, kill_process},
};

use super::tree::Process;

/// Sends or fails, without waiting; programs in Rust ignore SIGPIPE from the start.
pub(super) const AT_ONCE: SendFlags = SendFlags::DONTWAIT;

/// The program this process runs, as long as nothing has taken its place on disk.
pub(super) fn own_image() -> io::Result<PathBuf> {
    env::current_exe()
}

pub(super) fn show_as_watchdog() {}

pub(super) fn adopt_orphans() -> io::Result<()> {
    Ok(())
}

pub(super) fn die_with_parent() -> io::Result<()> {
    Ok(())
}

/// Nobody: descendants outside the command's group are out of reach.
pub(super) fn processes() -> io::Result<Vec<Process>> {
    Ok(Vec::new())
}

/// Nobody: the only child is the command, which is killed with its group.
pub(super) fn children() -> io::Result<Vec<Pid>> {
    Ok(Vec::new())
}

pub(super) fn signal(process: &Process, signal: Signal) -> io::Result<()> {
    Ok(kill_process(process.pid, signal)?)
}
