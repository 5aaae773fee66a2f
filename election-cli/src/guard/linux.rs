//! What the guard asks of Linux and of no other system.

use std::{fs, io, path::PathBuf};

use rustix::{
    net::SendFlags,
    process::{
        Pid, PidfdFlags, Signal, getpid, pidfd_open, pidfd_send_signal, set_child_subreaper,
        set_parent_process_death_signal,
    },
    thread::set_name,
};

use super::{protocol::process_id, tree::Process};

/// Sends or fails, without waiting and without SIGPIPE.
pub(super) const AT_ONCE: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);

/// The program this process runs, even if another has taken its place on disk.
pub(super) fn own_image() -> io::Result<PathBuf> {
    Ok("/proc/self/exe".into())
}

/// Shows the watchdog under its own name, so that `killall elect` does not mean it.
pub(super) fn show_as_watchdog() {
    // Only looks depend on it.
    let _ = set_name(c"elect-guard");
}

/// Makes this process the parent of every descendant whose own parent dies.
pub(super) fn adopt_orphans() -> io::Result<()> {
    Ok(set_child_subreaper(Some(getpid()))?)
}

/// Has the kernel kill this process when the thread that started it ends.
///
/// The program it then executes inherits that, unless the program has other privileges.
pub(super) fn die_with_parent() -> io::Result<()> {
    Ok(set_parent_process_death_signal(Some(Signal::KILL))?)
}

/// Every process of this pid namespace that this one may see.
pub(super) fn processes() -> io::Result<Vec<Process>> {
    let mut processes = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        if let Some(pid) = name.to_str().and_then(process_id) {
            // A process that ends between listing and reading is not there.
            processes.extend(process(pid).unwrap_or_default());
        }
    }
    Ok(processes)
}

/// The children of this process, which must have one thread; none where the kernel cannot tell.
pub(super) fn children() -> io::Result<Vec<Pid>> {
    let listed = fs::read_to_string("/proc/thread-self/children")?;
    Ok(listed
        .split_ascii_whitespace()
        .filter_map(process_id)
        .collect())
}

/// Signals exactly this process, never another that has inherited its number.
pub(super) fn signal(process: &Process, signal: Signal) -> io::Result<()> {
    let pidfd = pidfd_open(process.pid, PidfdFlags::empty())?;
    let held = self::process(process.pid)?;
    if held.is_some_and(|held| held.started == process.started) {
        pidfd_send_signal(pidfd, signal)?;
    }
    Ok(())
}

fn process(pid: Pid) -> io::Result<Option<Process>> {
    let stat = fs::read(format!("/proc/{}/stat", pid.as_raw_pid()))?;
    Ok(parse(pid, &String::from_utf8_lossy(&stat)))
}

/// Reads proc_pid_stat(5): `pid (name) state ppid pgrp … starttime`, where starttime is field 22.
///
/// The name may itself contain spaces and brackets, so fields count from its last bracket. A process
/// that is just being reaped has the group −1.
fn parse(pid: Pid, stat: &str) -> Option<Process> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let fields: Vec<_> = fields.split_ascii_whitespace().collect();
    Some(Process {
        pid,
        parent: process_id(fields.get(1)?),
        group: process_id(fields.get(2)?),
        started: fields.get(19)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{getpgrp, getppid};

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let stat = "42 (a) R 1 (b) S 7 8 9 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 12345 1 2 3";
        let pid = Pid::from_raw(42).unwrap();
        let parsed = parse(pid, stat).unwrap();
        assert_eq!(parsed.parent, Pid::from_raw(7));
        assert_eq!(parsed.group, Pid::from_raw(8));
        assert_eq!(parsed.started, 12345);
    }

    #[test]
    fn a_process_that_is_being_reaped_belongs_to_nobody() {
        let stat = "42 (sh) X 0 -1 -1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 12345 1 2 3";
        let parsed = parse(Pid::from_raw(42).unwrap(), stat).unwrap();
        assert_eq!(parsed.parent, None);
        assert_eq!(parsed.group, None);
    }

    #[test]
    fn this_process_is_listed_as_it_is() {
        let listed = processes().unwrap();
        let own = listed.iter().find(|process| process.pid == getpid());
        let own = own.unwrap();
        assert_eq!(own.parent, getppid());
        assert_eq!(own.group, Some(getpgrp()));
    }
}
